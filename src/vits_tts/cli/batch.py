"""``batch``: many texts become files, as fast as the machine, or a server, can."""

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
from vits_tts.errors import ConfigError, RequestError, Unavailable, VitsTtsError, VoiceError

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
    help="Where the files go, and manifest.jsonl, which tells of each.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, _MOST_JOBS),
    help="Texts at once; else one more than there are cores, or 4 with --url.",
)
@encoding_options
@speaking_options
def batch(texts: Texts, folder: Path, jobs: int | None, asked: Asked, speaking: Speaking) -> None:
    """Say many texts: each line, paragraph, chapter or FILE becomes a file of sound.

    What was done before and has not changed is not done again, so a run that was broken off is
    simply run again. Exit status 1 tells that some texts failed; manifest.jsonl says which and why.
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
    failed = [record for record in made if record.status == "failed"]
    _summarise(made, failed, len(items) - len(left), folder)
    if failed:
        raise click.exceptions.Exit(1)


@dataclass(frozen=True, slots=True)
class _Work:
    """What makes a file of a text; threads share it."""

    speaker: Speaker
    speaking: Speaking
    encoding: "Encoding"
    folder: Path

    def done(self, item: Item, manifest: "Records") -> bool:
        """Return whether a text has its file, unchanged."""
        return manifest.done(item.index, self._digest(item), item.name)

    def make(self, item: Item) -> "Record":
        """Make a file, and return what became of it.

        Raises:
            OSError: nothing can be written there.
            VitsTtsError: no text can be said, not only this one.

        """
        from vits_tts.cli.records import Record

        digest = self._digest(item)
        try:
            seconds = self._written(item)
        except Exception as error:
            if _concerns_all(error):
                raise
            reason = error.message if isinstance(error, VitsTtsError) else f"unexpected {error!r}"
            return Record(item.index, item.unit.place, digest, "failed", error=reason)
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
            closing(self.speaker.stream(item.unit.text)) as windows,
            writing.file(self.folder / item.name, self.encoding, rate) as sink,
        ):
            for window in windows:
                sink.write(window)
                samples += len(window.samples)
            sink.finish()
        return samples / rate

    def _digest(self, item: Item) -> str:
        """Return what changes with the text and with how it is said."""
        lexicon = self.speaking.lexicon
        how = (
            item.unit.text,
            self.speaker.name,
            self.speaking.speaker,
            self.speaking.speed,
            lexicon and hashlib.sha256(lexicon.read_bytes()).hexdigest(),
            self.encoding.format,
            self.encoding.sample_rate,
            self.encoding.bit_rate,
        )
        return hashlib.sha256(json.dumps(how, ensure_ascii=False).encode()).hexdigest()


def _concerns_all(error: Exception) -> bool:
    """Whether other texts would meet the same error."""
    if isinstance(error, RequestError):
        return error.field != "text"
    return isinstance(error, OSError | ConfigError | VoiceError | Unavailable)


def _run(work: _Work, items: Sequence[Item], manifest: "Records", jobs: int) -> "list[Record]":
    """Make the files of all items, so many at once, and tell of each as it is made."""
    made = []
    chars = sum(len(item.unit.text) for item in items)
    with ThreadPoolExecutor(jobs) as threads, progress(chars, "saying") as advance:
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
            work.speaker.close()  # those under way end now
            raise
    return made


def _summarise(
    made: "Sequence[Record]", failed: "Sequence[Record]", there: int, folder: Path
) -> None:
    for record in sorted(failed, key=lambda record: record.index)[:_SHOWN_FAILURES]:
        click.echo(f"vits-tts: {record.source}: {record.error}", err=True)
    if len(failed) > _SHOWN_FAILURES:
        more = len(failed) - _SHOWN_FAILURES
        click.echo(f"vits-tts: and {more} more; manifest.jsonl tells of each", err=True)
    seconds = sum(record.seconds or 0 for record in made)
    click.echo(
        f"{len(made) - len(failed)} made ({seconds:.1f} s), {there} were there, "
        f"{len(failed)} failed: {folder}"
    )
