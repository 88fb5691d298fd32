"""Reading of requests for jobs: their items, or the parts of one long document."""

import asyncio
import base64
import binascii
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Final

from vits_tts.audio import formats
from vits_tts.books.dubbing import Limits
from vits_tts.dictionaries.rules import Rules
from vits_tts.dictionaries.service import Locator, locator
from vits_tts.errors import DocumentInvalid, FieldInvalid, FormatUnavailable, RequestError
from vits_tts.jobs import documents, items
from vits_tts.jobs.documents import Bounds, Part, Parts
from vits_tts.jobs.model import Document, ItemSpec, Kind
from vits_tts.jobs.wholes import PART_FORMAT
from vits_tts.markup.plan import begins_as_ssml
from vits_tts.speech import SpeechOptions
from vits_tts.speech.options import length_scale
from vits_tts.text.normalizer.pipeline import check
from vits_tts.web.base import Handler
from vits_tts.web.handlers import dictionaries
from vits_tts.web.schema.jobs import JobItem, JobParameters, placed

_MOST_LEXICON_CHARS: Final = 8 * 1024**2
"""The maximum number of characters of all items' lexicons; each item is stored with its own
copy."""
_AT_ONCE: Final = 64
"""Number of items that are checked before other tasks of the event loop may run."""
_BOOK: Final = "m4b"
_BOOK_BIT_RATE: Final = 64_000
_BOOK_LIBRARIES: Final = ("av", "mutagen")
_DOCUMENTS: Final = asyncio.Semaphore(1)
"""Only one document is cut at a time, since that holds the interpreter lock."""


class NewJobReader:
    """Turns the parameters of a new job into its items."""

    def __init__(self, handler: Handler, kind: Kind) -> None:
        """Read for the request of ``handler``."""
        self._handler = handler
        self._kind = kind

    async def parts(self, job: JobParameters) -> Parts:
        """Return the parts of a long document.

        Raises:
            RequestError: it is broken or too long; the subclass says which.

        """
        config = self._handler.config
        bounds = Bounds(
            config.jobs.max_chars,
            config.server.max_text_chars,
            config.voice.sentence_pause,
            config.voice.paragraph_pause,
        )
        async with _DOCUMENTS:
            return await asyncio.to_thread(_parts, job, bounds)

    async def document(self, job: JobParameters, parts: Parts) -> tuple[Document, list[ItemSpec]]:
        """Return a document for the queue, and its parts as items.

        Raises:
            RequestError: an option is wrong.

        """
        voice = self._handler.speech.voices.find(job.voice or None)
        name, sample_rate, bit_rate = job.format, job.sample_rate, job.bit_rate
        if name is None and job.kind == "epub":
            name = _BOOK
        if name == _BOOK:
            _check_book(job)
            encoding = formats.encoding("aac", None, bit_rate or _BOOK_BIT_RATE, voice.sample_rate)
        else:
            encoding = formats.encoding(name, sample_rate, bit_rate, voice.sample_rate)
            _check_no_tags(job)
        document = Document(
            kind=job.kind,
            format=_BOOK if name == _BOOK else encoding.format,
            sample_rate=encoding.sample_rate,
            bit_rate=encoding.bit_rate,
            chapters=parts.chapters,
            title=parts.title,
            author=parts.author,
            seconds=parts.seconds,
        )
        if parts.cover:
            document["cover"] = parts.cover
        own = {"format": PART_FORMAT, "sample_rate": None, "bit_rate": None}
        plain = job.model_copy(update={**own, "input": self._input(job)})
        specs = await self.specs(plain, [JobItem(text=part.text) for part in parts.parts])
        for spec, part in zip(specs, parts.parts, strict=True):
            if part.cue:
                spec["cue"] = part.cue
            else:
                spec["pause"] = part.pause
        return document, specs

    @staticmethod
    def _input(job: JobParameters) -> str:
        return "ssml" if job.kind == "ssml" or _is_ssml(job) else "text"

    @contextmanager
    def _placed(self, index: int) -> Iterator[None]:
        """Add the place of the item to an error; for a document, the name of its parameter.

        Raises:
            RequestError: the block has raised it.

        """
        if self._kind == "items":
            with placed(index):
                yield
            return
        try:
            yield
        except RequestError as error:
            error.field = self._kind if error.field == "text" else error.field
            raise

    async def specs(self, job: JobParameters, asked_items: Sequence[JobItem]) -> list[ItemSpec]:
        """Return items for the queue, with the options of the job that they leave out.

        Raises:
            RequestError: an item cannot be spoken, or encoded in its format; the error has the
                item's place.
            DictionariesUnavailable: the rules of a dictionary cannot be read.

        """
        known: dict[tuple[str, ...] | None, _Dictionaries] = {None: _Dictionaries(None, None)}
        specs: list[ItemSpec] = []
        read: list[tuple[str, SpeechOptions]] = []
        for index, item in enumerate(asked_items):
            if index % _AT_ONCE == 0:
                await asyncio.sleep(0)
            own = {name: getattr(item, name) for name in item.model_fields_set}
            own = {name: value for name, value in own.items() if value is not None}
            asked = item.model_copy(update=job.defaults | own)
            with self._placed(index):
                named = known.get(asked.dictionaries)
                if named is None:
                    named = known[asked.dictionaries] = await self._named(asked.dictionaries or ())
                options = self._options(asked, named.rules)
                specs.append(self._spec(asked, options, named.locators))
                read.append((asked.text, options))
        _check_size(specs)
        if refused := await self._handler.speech.refused(read, self._handler.reader(heard=False)):
            index, error = refused
            with self._placed(index):
                raise error
        return specs

    async def _named(self, names: Sequence[str]) -> "_Dictionaries":
        """Return the named dictionaries, in their current versions.

        Raises:
            DictionaryNotFound: the caller has no such dictionary or version.
            DictionariesUnavailable: the rules cannot be read.

        """
        rules = await dictionaries.rules(self._handler, names) or ()
        wanted = list(map(locator, names))
        pinned = [
            replace(one, version=each.version) for one, each in zip(wanted, rules, strict=True)
        ]
        return _Dictionaries(rules, pinned)

    def _options(self, asked: JobItem, rules: tuple[Rules, ...] | None) -> SpeechOptions:
        """Return the options of an item.

        Raises:
            RequestError: it is too long, or there is no such voice, speaker or speed.

        """
        check(asked.text, self._handler.config.server.max_text_chars)
        voice = self._handler.speech.voices.find(asked.voice or None)
        voice.prosody(
            length_scale(asked.speed, self._handler.config.voice.speeds), asked.speaker or None
        )
        return SpeechOptions(
            asked.speed,
            asked.voice or None,
            asked.speaker or None,
            asked.lexicon,
            asked.input,
            asked.turns or (),
            asked.turn_pause,
            items.NORMAL_VOLUME if asked.volume is None else asked.volume,
            rules,
        )

    def _spec(
        self, asked: JobItem, options: SpeechOptions, named: Sequence[Locator] | None
    ) -> ItemSpec:
        """Return an item for the queue.

        Raises:
            RequestError: the format cannot have its sample rate or bit rate.

        """
        encoding = asked.format or formats.DEFAULT, asked.sample_rate, asked.bit_rate
        formats.encoding(*encoding, self._handler.speech.voices.find(options.voice).sample_rate)
        key = self._handler.context.key
        spec = items.spec(asked.text, options, encoding, key, named, asked.timestamps)
        if asked.id is not None:
            spec["id"] = asked.id
        return spec


@dataclass(frozen=True, slots=True)
class _Dictionaries:
    """The rules of the dictionaries that items name, and their versions."""

    rules: tuple[Rules, ...] | None
    locators: Sequence[Locator] | None


def _check_size(specs: Sequence[ItemSpec]) -> None:
    """Refuse a job whose lexicon, stored with each of its items, would take too much space.

    Raises:
        FieldInvalid: the lexicons of all items together have too many characters.

    """
    chars = 0
    for spec in specs:
        chars += sum(len(word) + len(said) for word, said in spec.get("lexicon", ()))
        if chars > _MOST_LEXICON_CHARS:
            message = "the lexicon is too large for that many items; a dictionary has no such limit"
            raise FieldInvalid(message, field="lexicon")


def _parts(job: JobParameters, bounds: Bounds) -> Parts:
    if job.srt is not None:
        asked = job.dubbing
        limits = (
            Limits(asked.slowest, asked.fastest, asked.rate, asked.fill, asked.spill)
            if asked
            else Limits()
        )
        parts = documents.of_srt(job.srt, limits, asked.length if asked else None, bounds)
        if not limits.slowest <= limits.usual <= limits.fastest:
            message = "dubbing: rate should be between slowest and fastest"
            raise FieldInvalid(message, field="dubbing")
        return parts
    if job.epub is not None:
        try:
            content = base64.b64decode(job.epub, validate=True)
        except (binascii.Error, ValueError):
            raise DocumentInvalid("epub: it is not in base64", field="epub") from None
        skip = bool(job.skip_front_matter)
        cover = _cover(job.cover) if job.cover is not None else None
        found = documents.of_epub(content, bounds, skip_front_matter=skip)
        return replace(
            found,
            title=job.title or found.title,
            author=job.author or found.author,
            cover=cover or found.cover,
        )
    text = job.ssml or job.text or ""
    if job.ssml is not None or _is_ssml(job):
        return Parts((Part(text),))
    return documents.of_text(text, bounds)


def _cover(encoded: str) -> bytes:
    """Return a picture that is given in base64.

    Raises:
        FieldInvalid: it is broken, too large, or neither a JPEG nor a PNG.

    """
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise FieldInvalid("cover is not in base64", field="cover") from None
    return documents.cover_of(content)


def _check_no_tags(job: JobParameters) -> None:
    """Refuse tags for a file that would not have them.

    Raises:
        FieldInvalid: there are some.

    """
    for name in ("title", "author", "cover"):
        if getattr(job, name) is not None:
            raise FieldInvalid(f"{name} is possible with format {_BOOK} only", field=name)


def _is_ssml(job: JobParameters) -> bool:
    """Return whether the text of a job is SSML, as in `/tts`."""
    if job.text is None:
        return False
    return job.input == "ssml" or (job.input is None and begins_as_ssml(job.text))


def _check_book(job: JobParameters) -> None:
    """Check whether an M4B can be made.

    Raises:
        FieldInvalid: the document is not a book, or another sample rate than the voice's is
            requested.
        FormatUnavailable: a library is missing.

    """
    if job.kind != "epub":
        raise FieldInvalid(f"format {_BOOK} is possible with epub only", field="format")
    if job.sample_rate is not None:
        message = f"{_BOOK} has the sample rate of the voice"
        raise FieldInvalid(message, field="sample_rate")
    if any(find_spec(name) is None for name in _BOOK_LIBRARIES):
        message = f"{_BOOK} needs: pip install 'vits-tts-vietnamese[books]'"
        raise FormatUnavailable(message, field="format")
