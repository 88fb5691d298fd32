"""The command line: ``vits-tts serve``, ``say``, ``normalize``, ``voices`` and ``config``."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TextIO, TypeVar

import click

from vits_tts import config as configuration
from vits_tts import logs, reference
from vits_tts.audio.files import write_whole
from vits_tts.config import Config
from vits_tts.errors import ConfigError, VitsTtsError
from vits_tts.voice import catalogue

if TYPE_CHECKING:
    from vits_tts.speech import Speech

F = TypeVar("F", bound=Callable[..., Any])


def _config_option(command: F) -> F:
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Settings to use instead of ./config.yaml.",
    )(command)


class _Examples(click.Command):
    """A command whose help ends with examples, each on a line of its own."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        del ctx
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vits-tts-vietnamese", prog_name="vits-tts")
def cli() -> None:
    """Speak Vietnamese: a text-to-speech server, and the same from the command line."""


@cli.command(cls=_Examples, examples=("vits-tts serve", "vits-tts serve --config my.yaml"))
@_config_option
def serve(config_path: Path | None) -> None:
    """Serve over HTTP until told to stop (SIGTERM); SIGHUP reads settings and voices again."""
    from vits_tts.web.start import start

    start(lambda: configuration.load(config_path))


@cli.command(
    cls=_Examples,
    examples=(
        'vits-tts say "Xin chào các bạn" -o hello.wav',
        "vits-tts say --speed slow -o story.wav < story.txt",
    ),
)
@click.argument("text", required=False)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="WAV to write; - for stdout.",
)
@click.option("--speed", metavar="SPEED", help="very_slow … very_fast, or a rate from 0.25 to 4.")
@click.option("--voice", metavar="NAME", help="A voice that the settings name.")
@click.option("--speaker", metavar="NAME", help="A speaker of that voice, by name or number.")
@_config_option
def say(
    text: str | None,
    output: str,
    speed: str | None,
    voice: str | None,
    speaker: str | None,
    config_path: Path | None,
) -> None:
    """Say TEXT (or what comes on stdin) into a WAV file, without a server."""
    from vits_tts.speech import build

    config = configuration.load(config_path)
    logs.configure(config.logging, sys.stderr, level="critical")
    spoken = _stdin() if text is None or text == "-" else text
    options = {"speed": speed, "voice": voice, "speaker": speaker}
    audio = asyncio.run(_say(build(config), spoken, options))
    _write(output, audio)


async def _say(speech: "Speech", text: str, options: dict[str, Any]) -> bytes:
    from vits_tts.audio import wav
    from vits_tts.speech import Tally

    try:
        request = await speech.request(text, **options)
        speech.start()
        speech.watch()
        await asyncio.wrap_future(speech.voices.ready)
        async with aclosing(speech.stream(request, Tally())) as stream:
            parts = [pcm.samples.tobytes() async for pcm in stream]
    finally:
        await speech.close()
    rate = speech.voices.find(request.voice).sample_rate
    return wav.header(rate, sum(map(len, parts))) + b"".join(parts)


@cli.command(
    cls=_Examples,
    examples=(
        'echo "Giá 35k/kg, mở cửa 7h-11h30" | vits-tts normalize',
        "vits-tts normalize --json < news.txt",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with offsets.")
@_config_option
def normalize(as_json: bool, config_path: Path | None) -> None:
    """Show what would be said for each line of stdin."""
    from vits_tts.text.normalise import Normaliser
    from vits_tts.text.split import Reading, split

    config = configuration.load(config_path)
    logs.configure(config.logging, sys.stderr, level="error")
    normaliser = Normaliser(config.text.region, config.text.emoji, config.text.lexicon)
    for line in _stdin().splitlines():
        text = normaliser(line)
        if as_json:
            pauses = config.voice.sentence_pause, config.voice.paragraph_pause
            reading = Reading(text, split(text, *pauses)).described()
            click.echo(json.dumps(reading, ensure_ascii=False))
        else:
            click.echo(" ".join(text.spoken.split()))


@cli.group()
def voices() -> None:
    """Look after voices."""


@voices.command(
    "list", cls=_Examples, examples=("vits-tts voices list", "vits-tts voices list --json")
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@_config_option
def list_voices(as_json: bool, config_path: Path | None) -> None:
    """List the voices that are installed, with their licences."""
    config = configuration.load(config_path)
    found, broken = catalogue.readable(config.voice.folder)
    for problem in broken:
        click.echo(f"vits-tts: {problem}", err=True)
    if as_json:
        rows = [voice.described(default=voice.name == config.voice.name) for voice in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for voice in found:
        mark = "*" if voice.name == config.voice.name else " "
        speakers = f", {voice.num_speakers} speakers" if voice.speakers else ""
        click.echo(
            f"{mark} {voice.name}  {voice.language_code}, {voice.sample_rate} Hz{speakers}, "
            f"licence: {voice.licence.name}"
        )


@cli.command(cls=_Examples, examples=("vits-tts health", "vits-tts health --ready"))
@click.option("--ready", is_flag=True, help="Ask whether it can speak, not only whether it lives.")
@_config_option
def health(ready: bool, config_path: Path | None) -> None:
    """Ask the server of these settings, on this machine, how it is; exit status 1 if not well."""
    from vits_tts import probe

    problem = probe.ask(configuration.load(config_path).server, "/readyz" if ready else "/healthz")
    if problem:
        click.echo(problem, err=True)
        raise click.exceptions.Exit(1)
    click.echo("ok")


@cli.group()
def keys() -> None:
    """Look after API keys."""


@keys.command("make", cls=_Examples, examples=("vits-tts keys make reader >>keys.txt",))
@click.argument("name")
def make_key(name: str) -> None:
    """Make a key for NAME: the key, shown once, on stderr, the server's line for it on stdout.

    The line, NAME:HASH, goes into the file of `access.keys_file` or the list `access.keys`; the key
    itself goes to the caller and is kept nowhere.
    """
    from vits_tts.web import access

    key, line = access.make_key(name)
    click.echo(f"key: {key}", err=True)
    click.echo(line)


@cli.group("cache")
def cache_commands() -> None:
    """Look after the cache that servers share in Redis."""


@cache_commands.command(
    "stats", cls=_Examples, examples=("vits-tts cache stats", "vits-tts cache stats --json")
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_config_option
def cache_stats(as_json: bool, config_path: Path | None) -> None:
    """Say how many sentences are kept, and how large, by voice."""
    from vits_tts.cache import administration

    config = configuration.load(config_path)
    names = _voice_names(config)
    found = asyncio.run(administration.stats(config.cache.redis))
    rows = [
        {"voice": names.get(voice, voice), "sentences": count, "bytes": size}
        for voice, (count, size) in sorted(found.items())
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo(f"{row['voice']}: {row['sentences']} sentences, {row['bytes']} bytes")
    total = sum(count for count, _ in found.values())
    click.echo(f"in all: {total} sentences, {sum(size for _, size in found.values())} bytes")


@cache_commands.command(
    "clear",
    cls=_Examples,
    examples=("vits-tts cache clear", "vits-tts cache clear --voice vi_VN-vais1000-compact"),
)
@click.option("--voice", metavar="NAME", help="Only this voice's sentences.")
@_config_option
def cache_clear(voice: str | None, config_path: Path | None) -> None:
    """Drop what is kept in Redis, and the memory of every server that uses it."""
    from vits_tts.cache import administration

    config = configuration.load(config_path)
    digest = None
    if voice:
        digests = {name: digest for digest, name in _voice_names(config).items()}
        if voice not in digests:
            hint = configuration.nearest(voice, list(digests))
            raise ConfigError(f"there is no voice {voice!r}{hint}")
        digest = digests[voice]
    count = asyncio.run(administration.clear(config.cache.redis, digest))
    click.echo(f"{count} sentences dropped")


@cache_commands.command(
    "warm", cls=_Examples, examples=("vits-tts cache warm phrases.txt --speed fast",)
)
@click.argument("phrases", type=click.File(encoding="utf-8"), metavar="FILE")
@click.option("--speed", metavar="SPEED", help="As for say.")
@click.option("--voice", metavar="NAME", help="As for say.")
@click.option("--speaker", metavar="NAME", help="As for say.")
@_config_option
def cache_warm(
    phrases: TextIO,
    speed: str | None,
    voice: str | None,
    speaker: str | None,
    config_path: Path | None,
) -> None:
    """Make the phrases in FILE, one a line, so that servers find them in Redis.

    What is there already is not made again, so a run that was broken off is simply run again.
    """
    from vits_tts.cache import administration
    from vits_tts.speech import build, warm

    config = configuration.load(config_path)
    asyncio.run(administration.check(config.cache.redis))
    logs.configure(config.logging, sys.stderr, level="critical")
    lines = [line.strip() for line in phrases if line.strip()]
    options = {"speed": speed, "voice": voice, "speaker": speaker}
    with click.progressbar(length=len(lines), label="phrases", file=sys.stderr) as bar:
        made, there = asyncio.run(warm(build(config), lines, options, lambda: bar.update(1)))
    click.echo(f"{made} sentences made, {there} were there")


def _voice_names(config: Config) -> dict[str, str]:
    """Return the names of all installed voices by the digests that cache entries carry."""
    found, _ = catalogue.readable(config.voice.folder)
    return {voice.short_digest: voice.name for voice in found}


@cli.command(
    "config",
    cls=_Examples,
    examples=("vits-tts config", "VITS_TTS__SERVER__PORT=80 vits-tts config"),
)
@click.option("--reference", "page", is_flag=True, help="Print the reference page instead.")
@click.option("--template", is_flag=True, help="Print a config.yaml with all defaults instead.")
@_config_option
def show_config(page: bool, template: bool, config_path: Path | None) -> None:
    """Print the settings in effect, secrets masked."""
    if page:
        click.echo(reference.page(), nl=False)
    elif template:
        click.echo(reference.template(), nl=False)
    else:
        click.echo(reference.effective(configuration.load(config_path)), nl=False)


def main() -> NoReturn:
    """Run the command line; what goes wrong is one line on stderr and exit status 2."""
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Exit as error:
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


def _write(output: str, audio: bytes) -> None:
    """Write a regular file whole or not at all, and into anything else (a pipe, a device)."""
    path = Path(output).resolve()
    if output == "-":
        with _standard(sys.stdout) as stream:
            stream.write(audio)
    elif path.exists() and not path.is_file():
        with path.open("wb") as special:
            special.write(audio)
    else:
        write_whole(path, [audio])


def _standard(stream: TextIO | None) -> BinaryIO:
    """Return the bytes under a standard stream, which may have been closed before we began."""
    if stream is None:
        raise ConfigError("the standard stream is closed")
    return stream.buffer


def _stdin() -> str:
    try:
        return _standard(sys.stdin).read().decode()
    except UnicodeDecodeError:
        raise ConfigError("standard input is not UTF-8") from None
