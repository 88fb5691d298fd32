"""The command ``batch``, which saves many texts as audio files.

It uses threads, not processes: inference, encoding and writing release the interpreter's lock, and
each process would need its own voice and cache. The main thread writes the manifest, one line after
each complete file. If a run is killed between the two, the next run makes that file again.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vits_tts.cli.encoding import Asked, encoding_options
from vits_tts.cli.options import Examples
from vits_tts.cli.progress import progress
from vits_tts.cli.speaking import Speaker, Speaking, speaking_options
from vits_tts.cli.texts import Item, Texts, texts_options
from vits_tts.cores import available_cores
from vits_tts.errors import (
    ConfigError,
    RequestError,
    TextEmpty,
    TextUnspeakable,
    Unavailable,
    VitsTtsError,
    VoiceError,
)
from vits_tts.telemetry.printable import printable

if TYPE_CHECKING:
    from vits_tts.audio.formats import Encoding
    from vits_tts.cli.records import Record, Records

_MOST_JOBS: Final = 64
_JOBS_OF_A_SERVER: Final = 4
_SHOWN_FAILURES: Final = 10


@click.command(
    cls=Examples,
    examples=(
        "vits-tts batch lines.txt -o sounds",
        "vits-tts batch book.txt -o book --by chapter --format mp3 --name '{stem}-{part:02}'",
        "vits-tts batch *.txt -o sounds --by file --url http://localhost:8888 --jobs 8",
    ),
)
@texts_options
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder for the files and for manifest.jsonl, which lists them.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, _MOST_JOBS),
    help="Number of texts at the same time; default: one more than the cores, or 4 with --url.",
)
@encoding_options
@speaking_options
def batch(texts: Texts, folder: Path, jobs: int | None, asked: Asked, speaking: Speaking) -> None:
    """Save many texts as audio: each line, paragraph, chapter or FILE becomes an audio file.

    Run the same command again to continue an interrupted run: files that exist and have not changed
    are kept. Texts with nothing to say, such as a line of dashes, are skipped. Exit status 1 means
    that some texts failed; manifest.jsonl says which and why.
    """
    from vits_tts.cli import records

    with speaking.opened() as speaker:
        encoding = asked.encoding(None, speaker.sample_rate)
        items = texts.items(encoding)
        with records.opened(folder) as manifest:
            work = _Work(speaker, speaking, encoding, folder)
            left = [item for item in items if not work.done(item, manifest)]
            default = _JOBS_OF_A_SERVER if speaking.url else available_cores() + 1
            made = _run(work, left, manifest, jobs or default)
    _summarise(made, len(items) - len(left), folder)
    if any(record.status == "failed" for record in made):
        raise click.exceptions.Exit(1)


@dataclass(frozen=True, slots=True)
class _Work:
    """Makes the file of a text. Threads may share it."""

    speaker: Speaker
    speaking: Speaking
    encoding: "Encoding"
    folder: Path

    def done(self, item: Item, manifest: "Records") -> bool:
        """Return whether the file of a text exists and is up to date."""
        return manifest.done(item.index, self._digest(item), item.name)

    def make(self, item: Item) -> "Record":
        """Make the file of a text, and return its record; ``status`` says whether it failed.

        Raises:
            OSError: The folder cannot be written.
            VitsTtsError: An error that all other texts would also meet.

        """
        from vits_tts.cli.records import Record

        digest = self._digest(item)
        try:
            seconds = self._written(item)
        except Exception as error:
            if _concerns_all(error):
                raise
            reason = error.message if isinstance(error, VitsTtsError) else f"unexpected {error!r}"
            status = "skipped" if isinstance(error, TextEmpty | TextUnspeakable) else "failed"
            return Record(item.index, item.unit.place, digest, status, error=reason)
        return Record(
            index=item.index,
            source=item.unit.place,
            digest=digest,
            status="done",
            file=item.name,
            bytes=(self.folder / item.name).stat().st_size,
            seconds=round(seconds, 3),
            voice=self.speaker.name,
            licence=self.speaker.licence,
        )

    def _written(self, item: Item) -> float:
        from vits_tts.audio import writing

        samples = 0
        rate = self.speaker.sample_rate
        with (
            closing(self.speaker.stream(item.unit.text, whole=True)) as windows,
            writing.file(self.folder / item.name, self.encoding, rate) as sink,
        ):
            for window in windows:
                sink.write(window)
                samples += len(window.samples)
            sink.finish()
        return samples / rate

    def _digest(self, item: Item) -> str:
        """Return a SHA-256 of the text, the voice, the options and the encoding, in hexadecimal."""
        lexicon = self.speaking.lexicon
        how = (
            item.unit.text,
            self.speaker.name,
            self.speaking.speaker,
            self.speaking.speed,
            lexicon and hashlib.sha256(lexicon.read_bytes()).hexdigest(),
            *self.speaker.dictionaries,
            *([self.speaking.volume] if self.speaking.volume != 1 else []),
            self.encoding.format,
            self.encoding.sample_rate,
            self.encoding.bit_rate,
        )
        return hashlib.sha256(json.dumps(how, ensure_ascii=False).encode()).hexdigest()


def _concerns_all(error: Exception) -> bool:
    """Return whether all other texts would fail with the same error."""
    if isinstance(error, RequestError):
        return error.field != "text"
    return isinstance(error, OSError | ConfigError | VoiceError | Unavailable)


def _run(work: _Work, items: Sequence[Item], manifest: "Records", jobs: int) -> "list[Record]":
    """Make the files of all items, ``jobs`` at the same time, and return their records.

    Each record is added to the manifest as soon as its file is complete.
    """
    made = []
    chars = sum(len(item.unit.text) for item in items)
    with ThreadPoolExecutor(jobs) as threads, progress(chars, "speaking") as advance:
        futures = {threads.submit(work.make, item): item for item in items}
        said = 0
        try:
            for future in as_completed(futures):
                record = future.result()
                manifest.add(record)
                made.append(record)
                said += len(futures[future].unit.text)
                advance(said)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            work.speaker.close()  # ends the texts under way
            raise
    return made


def _summarise(made: "Sequence[Record]", there: int, folder: Path) -> None:
    """Print which texts were skipped or failed, and how many files there are."""
    failed = _told(made, "failed", "")
    skipped = _told(made, "skipped", "skipped: ")
    seconds = sum(record.seconds or 0 for record in made)
    click.echo(
        f"{len(made) - failed - skipped} made ({seconds:.1f} s), {there} up to date, "
        f"{f'{skipped} skipped, ' if skipped else ''}{failed} failed: {folder}"
    )


def _told(made: "Sequence[Record]", status: str, prefix: str) -> int:
    """Print why texts with this status have no file, and return their number."""
    records = sorted(
        (record for record in made if record.status == status), key=lambda record: record.index
    )
    for record in records[:_SHOWN_FAILURES]:
        click.echo(printable(f"vits-tts: {record.source}: {prefix}{record.error}"), err=True)
    if len(records) > _SHOWN_FAILURES:
        more = len(records) - _SHOWN_FAILURES
        click.echo(f"vits-tts: and {more} more; manifest.jsonl lists all", err=True)
    return len(records)
