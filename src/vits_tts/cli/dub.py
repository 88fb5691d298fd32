"""The command ``dub``, which speaks subtitles at their times."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vits_tts.cli.options import Examples, gathered
from vits_tts.cli.progress import progress
from vits_tts.cli.speaking import LocalVoice, local_voice_options
from vits_tts.errors import ConfigError
from vits_tts.telemetry.printable import printable

if TYPE_CHECKING:
    from vits_tts.books.dubbing import Fit, Limits

_RATES = click.FloatRange(0.25, 4)
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Asked:
    """The values of the options of ``dub``; None if not given."""

    slowest: float
    fastest: float
    rate: float
    no_fill: bool
    spill: float
    length: float | None
    report: Path | None
    strict: bool
    dry_run: bool

    def limits(self) -> "Limits":
        """Return the author's limits.

        Raises:
            ConfigError: the rates are not in order.

        """
        from vits_tts.books.dubbing import Limits

        if not self.slowest <= self.rate <= self.fastest:
            raise ConfigError("--rate should be between --slowest and --fastest")
        return Limits(self.slowest, self.fastest, self.rate, not self.no_fill, self.spill)


_OPTIONS = (
    click.option(
        "--slowest", type=_RATES, default=0.85, show_default=True, help="Slowest rate of a cue."
    ),
    click.option(
        "--fastest", type=_RATES, default=1.4, show_default=True, help="Fastest rate of a cue."
    ),
    click.option("--rate", type=_RATES, default=1.0, show_default=True, help="Usual rate."),
    click.option(
        "--no-fill",
        is_flag=True,
        help="Keep the usual rate where a cue has more time than it needs.",
    ),
    click.option(
        "--spill",
        type=click.FloatRange(0, 60),
        default=0.0,
        metavar="SECONDS",
        help="How far a cue may run into the silence before the next one.",
    ),
    click.option(
        "--length",
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help="Length of the track; default: the end of the last cue.",
    ),
    click.option(
        "--report",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="JSON file with rate, length and outcome of each cue.",
    ),
    click.option("--strict", is_flag=True, help="Make no track if a cue cannot fit."),
    click.option("--dry-run", is_flag=True, help="Only compute the rates and the report."),
)


@click.command(
    cls=Examples,
    examples=(
        "vits-tts dub film.srt -o film.wav",
        "vits-tts dub film.vtt -o film.flac --fastest 1.6 --spill 0.3 --report film.json",
        "vits-tts dub film.srt -o film.wav --dry-run",
    ),
)
@click.argument(
    "source", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE"
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Sound file to write; its suffix decides the format.",
)
@gathered("asked", _Asked, _OPTIONS)
@local_voice_options
def dub(source: Path, output: Path, asked: _Asked, voice: LocalVoice) -> None:
    """Speak the subtitles of FILE, SRT or WebVTT, as one track in which each cue fits its time.

    Rates are computed before any sound is made. Cues that cannot fit within the limits are listed
    on stderr and cut where the next one begins; the exit status is then 1.
    """
    from vits_tts.audio import writing
    from vits_tts.books import cues, dubbing
    from vits_tts.types import Pcm

    if voice.speed:
        raise click.UsageError("dub computes the speed; see --rate, --slowest and --fastest")
    read = cues.read(source)
    seconds = asked.length or max(cue.ends for cue in read)
    if seconds < max(cue.ends for cue in read):
        raise ConfigError("--length: the last cue ends later")
    limits = asked.limits()
    with voice.opened() as speech:
        rate = speech.voice.sample_rate
        encoding = writing.encoding(output, None, None, None, rate)
        with progress(len(read), "planning") as done:
            fits = dubbing.plan(read, speech, limits, voice.speaker, done)
        bad = _told(fits)
        if asked.report:
            _write_report(asked.report, fits, seconds)
        told = f"{len(fits)} cues, {seconds:.3f} s, {bad} too long"
        if asked.dry_run or (bad and asked.strict):
            click.echo(printable(f"{source}: {told}"))
            raise click.exceptions.Exit(1 if bad else 0)
        with (
            progress(len(fits), "speaking") as done,
            writing.file(output, encoding, rate) as sink,
        ):
            for samples in dubbing.track(fits, speech, voice.speaker, seconds, done):
                if len(samples):
                    sink.write(Pcm(samples, rate))
            sink.finish()
    click.echo(printable(f"{output}: {told}"))
    if bad:
        raise click.exceptions.Exit(1)


def _told(fits: "list[Fit]") -> int:
    """List the cues that are too long on stderr, and return their number."""
    bad = [fit for fit in fits if fit.outcome == "too_long"]
    for fit in bad[:_SHOWN]:
        click.echo(
            f"vits-tts: cue {fit.cue.number}, line {fit.cue.line}: {fit.over:.2f} s too long "
            f"at rate {fit.rate:g}",
            err=True,
        )
    if len(bad) > _SHOWN:
        click.echo(f"vits-tts: and {len(bad) - _SHOWN} more; --report lists all", err=True)
    return len(bad)


def _write_report(path: Path, fits: "list[Fit]", seconds: float) -> None:
    from vits_tts.audio.whole_file import write_whole

    told = {"seconds": seconds, "cues": [fit.described() for fit in fits]}
    write_whole(path, [json.dumps(told, ensure_ascii=False, indent=1).encode()])
