"""All commands together, and how they fail: one line on stderr."""

import contextlib
import sys
from typing import NoReturn

import click

from vits_tts.cli.batch import batch
from vits_tts.cli.cache import cache_commands
from vits_tts.cli.completion import completion
from vits_tts.cli.keys import keys
from vits_tts.cli.normalize import normalize
from vits_tts.cli.options import PROGRAM
from vits_tts.cli.say import say
from vits_tts.cli.serving import health, serve
from vits_tts.cli.settings import show_config
from vits_tts.cli.voices import voices
from vits_tts.errors import VitsTtsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vits-tts-vietnamese", prog_name="vits-tts")
def cli() -> None:
    """Speak Vietnamese: a text-to-speech server, and the same from the command line."""


for _command in (
    serve,
    say,
    batch,
    normalize,
    voices,
    health,
    keys,
    cache_commands,
    show_config,
    completion,
):
    cli.add_command(_command)


def run() -> NoReturn:
    """Run the command line; what goes wrong is one line on stderr and exit status 2."""
    try:
        status = cli.main(prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:  # which is no mistake worth a complaint
        click.echo(error.format_message(), err=True)
        status = error.exit_code
    except click.ClickException as error:
        status = _complain(error.format_message())
    except VitsTtsError as error:
        status = _complain(error.message)
    except OSError as error:
        status = _complain(f"{error.filename or 'input or output'}: {error.strerror}")
    except (KeyboardInterrupt, click.Abort):
        status = 130
    except Exception as error:  # noqa: BLE001  # a fault of ours, still told in one line
        status = _complain(f"unexpected {type(error).__name__}: {error}")
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str) -> int:
    with contextlib.suppress(OSError):
        print(f"vits-tts: {' '.join(message.split())}", file=sys.stderr)
    return 2
