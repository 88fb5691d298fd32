"""The group of all commands; an error is printed as one line on stderr."""

import contextlib
import os
import select
import sys
from typing import Any, NoReturn

import click

from vits_tts.cli.batch import batch
from vits_tts.cli.book import book
from vits_tts.cli.cache import cache_commands
from vits_tts.cli.completion import completion
from vits_tts.cli.dub import dub
from vits_tts.cli.jobs import jobs, work
from vits_tts.cli.keys import keys
from vits_tts.cli.normalize import normalize
from vits_tts.cli.options import PROGRAM
from vits_tts.cli.say import say
from vits_tts.cli.serving import health, serve
from vits_tts.cli.settings import show_config
from vits_tts.cli.usage import usage
from vits_tts.cli.voices import voices
from vits_tts.errors import VitsTtsError
from vits_tts.telemetry.printable import printable


class _Commands(click.Group):
    """The group of all commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and exit with status 0 if the reader of stdout closes it early.

        ``vits-tts say -o - | head -c 44`` is not a failure. Another broken pipe, such as one to a
        player, is a failure.
        """
        try:
            result = super().invoke(ctx)
            if sys.stdout:
                sys.stdout.flush()
        except BrokenPipeError:
            if not _stdout_is_closed():
                raise
            # Otherwise the interpreter flushes its buffer at exit and fails again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        return result


def _stdout_is_closed() -> bool:
    """Return whether stdout is a pipe or a socket whose reader has closed it."""
    if sys.stdout is None or not hasattr(select, "poll"):  # Windows has no poll
        return sys.stdout is not None
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vits-tts-vietnamese", prog_name="vits-tts")
def cli() -> None:
    """Speak Vietnamese: a text-to-speech server and command line."""


for _command in (
    serve,
    say,
    batch,
    book,
    dub,
    normalize,
    voices,
    health,
    jobs,
    work,
    keys,
    usage,
    cache_commands,
    show_config,
    completion,
):
    cli.add_command(_command)


def run() -> NoReturn:
    """Run the command line; an error is printed as one line on stderr, with exit status 2."""
    try:
        status = cli.main(prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:  # print the help without a prefix
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
    except Exception as error:  # noqa: BLE001  # a bug is also reported in one line
        status = _complain(f"unexpected {type(error).__name__}: {error}")
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str) -> int:
    with contextlib.suppress(OSError):
        print(f"vits-tts: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2
