"""`/v1/jobs`: speech that is made after its request was answered."""

import asyncio
import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from secrets import token_hex
from typing import Any, ClassVar, Final

from tornado.iostream import StreamClosedError

from vits_tts.audio import formats
from vits_tts.dictionaries.rules import Rules
from vits_tts.dictionaries.service import Locator, locator
from vits_tts.errors import AudioNotFound, FieldInvalid, JobNotFound, JobsUnavailable
from vits_tts.jobs import JobService, items
from vits_tts.jobs.model import UNFINISHED, ItemSpec, ItemState, JobState, NewJob
from vits_tts.speech import SpeechOptions
from vits_tts.speech.options import length_scale
from vits_tts.text.normalizer.pipeline import check
from vits_tts.web.base import Handler, as_json
from vits_tts.web.handlers import dictionaries, links
from vits_tts.web.handlers.files import send
from vits_tts.web.handlers.links import LinkedHandler
from vits_tts.web.http import parameters
from vits_tts.web.schema.jobs import (
    ItemAnswer,
    ItemCounts,
    JobAnswer,
    JobItem,
    JobPage,
    JobParameters,
    JobProgress,
    job_parameters,
    placed,
)
from vits_tts.web.schema.requests import checked

_MOST_LEXICON_CHARS: Final = 8 * 1024**2
"""The most characters of the lexicons of all items; each item is stored with its own."""
_KEY: Final = re.compile(r"[!-~]{1,255}")
_EVENT_SECONDS: Final = 1.0
_KEEPALIVE_LOOKS: Final = 15


class JobBase(Handler):
    """Base of the handlers of jobs."""

    @property
    def jobs(self) -> JobService:
        """The jobs of this server."""
        if self.services.jobs is None:
            raise JobsUnavailable("this server takes no jobs")
        return self.services.jobs

    @property
    def owner(self) -> str:
        """The owner of jobs: an API key, or all callers if there are no keys."""
        return f"key:{self.context.key}" if self.context.key else "all"


class JobsHandler(JobBase):
    """`/v1/jobs`: takes jobs, and lists them."""

    model = JobParameters
    query_model: ClassVar[Any] = JobPage

    async def post(self) -> None:
        """Take a job; with an ``Idempotency-Key`` that was used before, answer with that job."""
        given = parameters.from_json(self.body)
        asked = job_parameters(given)
        self.context.books = False  # each item is booked when it is made
        await self.count_written("".join(item.text for item in asked.items))
        specs = await self.while_connected(self._specs(asked))
        if specs is None:
            return
        callback = (
            self.jobs.callbacks.check_signed(asked.callback_url) if asked.callback_url else None
        )
        job = NewJob(self._id(), self.owner, specs, asked.priority, _fingerprint(given), callback)
        answer = await self.while_connected(self.jobs.add(job))
        if answer is None:
            return
        state, new = answer
        self.set_status(HTTPStatus.ACCEPTED if new else HTTPStatus.OK)
        self.set_header("Location", f"/v1/jobs/{state.id}")
        self.write_json(job_answer(self.jobs, state))

    async def get(self) -> None:
        """List the caller's jobs."""
        page = checked(JobPage, parameters.from_query(self.request))
        found = await self.while_connected(self.jobs.jobs(self.owner, page.limit, page.offset))
        if found is not None:
            self.write_json({"jobs": [job_answer(self.jobs, state) for state in found]})

    def _id(self) -> str:
        """Return the id of a new job, or the id that an idempotency key always leads to.

        Raises:
            FieldInvalid: the key is too long, or has characters that headers cannot carry.

        """
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            return f"job-{token_hex(12)}"
        if not _KEY.fullmatch(key):
            message = "Idempotency-Key is 1 to 255 visible ASCII characters"
            raise FieldInvalid(message, field="Idempotency-Key")
        content = json.dumps([self.owner, key])
        return f"job-{hashlib.sha256(content.encode()).hexdigest()[:24]}"

    async def _specs(self, job: JobParameters) -> list[ItemSpec]:
        """Return the items with all that the job says for them.

        Raises:
            RequestError: one cannot be spoken, or kept in its format; the error has its place.
            DictionariesUnavailable: the rules of a dictionary cannot be read.

        """
        known: dict[tuple[str, ...] | None, _Dictionaries] = {None: _Dictionaries(None, None)}
        specs: list[ItemSpec] = []
        read: list[tuple[str, SpeechOptions]] = []
        for index, item in enumerate(job.items):
            own = {name: getattr(item, name) for name in item.model_fields_set}
            own = {name: value for name, value in own.items() if value is not None}
            asked = item.model_copy(update=job.defaults | own)
            with placed(index):
                named = known.get(asked.dictionaries)
                if named is None:
                    named = known[asked.dictionaries] = await self._named(asked.dictionaries or ())
                options = self._options(asked, named.rules)
                specs.append(self._spec(asked, options, named.locators))
                read.append((asked.text, options))
        _check_size(specs)
        if refused := await self.speech.refused(read, self.reader(heard=False)):
            index, error = refused
            with placed(index):
                raise error
        return specs

    async def _named(self, names: Sequence[str]) -> "_Dictionaries":
        """Return the dictionaries of names, in the versions that they have now.

        Raises:
            DictionaryNotFound: the caller has no such dictionary or version.
            DictionariesUnavailable: the rules cannot be read.

        """
        rules = await dictionaries.rules(self, names) or ()
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
        check(asked.text, self.config.server.max_text_chars)
        voice = self.speech.voices.find(asked.voice or None)
        voice.prosody(length_scale(asked.speed, self.config.voice.speeds), asked.speaker or None)
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
        formats.encoding(*encoding, self.speech.voices.find(options.voice).sample_rate)
        spec = items.spec(asked.text, options, encoding, self.context.key, named)
        if asked.id is not None:
            spec["id"] = asked.id
        return spec


@dataclass(frozen=True, slots=True)
class _Dictionaries:
    """The rules of dictionaries that items name, and the versions that these are."""

    rules: tuple[Rules, ...] | None
    locators: Sequence[Locator] | None


def _check_size(specs: Sequence[ItemSpec]) -> None:
    """Refuse a lexicon of the whole job that would be stored with very many items.

    Raises:
        FieldInvalid: all items together would have too many characters of lexicons.

    """
    chars = 0
    for spec in specs:
        chars += sum(len(word) + len(said) for word, said in spec.get("lexicon", ()))
        if chars > _MOST_LEXICON_CHARS:
            message = "the lexicon is too large for that many items; a dictionary has no such limit"
            raise FieldInvalid(message, field="lexicon")


class JobHandler(JobBase):
    """`/v1/jobs/{id}`: one job."""

    async def get(self, job_id: str) -> None:
        """Answer with the progress of a job."""
        if state := await self.while_connected(self.jobs.find(job_id, self.owner)):
            self.write_json(job_answer(self.jobs, state))

    async def delete(self, job_id: str) -> None:
        """Remove it."""
        await self.jobs.delete(job_id, self.owner)
        self.set_status(HTTPStatus.NO_CONTENT)


class JobCancelHandler(JobBase):
    """`/v1/jobs/{id}/cancel`: ends a job early."""

    async def post(self, job_id: str) -> None:
        """Cancel what has not ended."""
        self.write_json(job_answer(self.jobs, await self.jobs.cancel(job_id, self.owner)))


class JobRetryHandler(JobBase):
    """`/v1/jobs/{id}/retry`: tries again what failed or was cancelled."""

    async def post(self, job_id: str) -> None:
        """Put these items into the queue."""
        self.write_json(job_answer(self.jobs, await self.jobs.retry(job_id, self.owner)))


class JobItemsHandler(JobBase):
    """`/v1/jobs/{id}/items`: the items of a job."""

    query_model: ClassVar[Any] = JobPage

    async def get(self, job_id: str) -> None:
        """List a part of them."""
        await self.while_connected(self._list(job_id))

    async def _list(self, job_id: str) -> None:
        page = checked(JobPage, parameters.from_query(self.request))
        state = await self.jobs.find(job_id, self.owner)
        shown = state.items[page.offset : page.offset + page.limit]
        listed = [await self._item(job_id, item) for item in shown]
        self.write_json({"items": listed, "total": len(state.items)})

    async def _item(self, job_id: str, item: ItemState) -> ItemAnswer:
        url = None
        if item.result:
            path = self.reverse_url("jobaudio", job_id, str(item.index), item.result["format"])
            url, _ = await links.address(self, path, {})
        error = item.error
        return ItemAnswer(
            index=item.index,
            id=item.spec.get("id"),
            status=item.status,
            characters=len(item.spec["text"]),
            seconds=round(item.result["seconds"], 3) if item.result else None,
            format=item.result["format"] if item.result else None,
            audio_url=url,
            error={"code": error[0], "message": error[1]} if error else None,
        )


class JobAudioHandler(LinkedHandler, JobBase):
    """`/v1/jobs/{id}/items/{index}.{format}`: the file of an item."""

    is_file = True

    @property
    def is_open(self) -> bool:
        """Return False: knowing the address is not enough, since ids can be guessed."""
        return False

    async def get(self, job_id: str, index: str, suffix: str) -> None:
        """Send the file, a part of it, or word that the caller's copy is still good."""
        await self.while_connected(self._send(job_id, index, suffix))

    async def head(self, job_id: str, index: str, suffix: str) -> None:
        """Send the headers of ``get``."""
        await self.while_connected(self._send(job_id, index, suffix))

    async def _send(self, job_id: str, index: str, suffix: str) -> None:
        state = await self.jobs.find(job_id, self.owner)
        if not re.fullmatch("[0-9]{1,4}", index) or int(index) >= len(state.items):
            raise JobNotFound("the job has no such item")
        result = state.items[int(index)].result
        if result is None or result["format"] != suffix:
            raise AudioNotFound("there is no such file, or not yet")
        with closing(await self.jobs.open(result)) as audio:
            self.set_header("Cache-Control", "private, max-age=3600")
            self.client.bytes_per_second = formats.least_bytes_a_second(result["format"])
            await send(self, audio)


class JobEventsHandler(JobBase):
    """`/v1/jobs/{id}/events`: how far a job is, as it goes on."""

    async def get(self, job_id: str) -> None:
        """Send an event for each change, until the job has ended."""
        await self.while_connected(self._follow(job_id))

    async def _follow(self, job_id: str) -> None:
        state = await self.jobs.find(job_id, self.owner)
        self.set_header("Content-Type", "text/event-stream; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        last, quiet = "", 0
        with suppress(StreamClosedError):
            while True:
                event = as_json(job_answer(self.jobs, state))
                quiet += 1
                if event != last:
                    last, quiet = event, 0
                    await self.send(f"event: job\ndata: {event}\n\n".encode())
                elif quiet >= _KEEPALIVE_LOOKS:
                    quiet = 0
                    await self.send(b": still there\n\n")
                if state.status not in UNFINISHED or self.state.draining:
                    return
                await asyncio.sleep(_EVENT_SECONDS)
                state = await self.jobs.find(job_id, self.owner)


def job_answer(jobs: JobService, state: JobState) -> JobAnswer:
    """Return the JSON of a job."""
    expected = state.expected_seconds
    counts = state.counts
    return JobAnswer(
        id=state.id,
        status=state.status,
        priority=state.priority,
        created=_moment(state.created),
        ended=_moment(state.ended) if state.ended and state.status not in UNFINISHED else None,
        counts=ItemCounts(**counts),  # type: ignore[typeddict-item]
        progress=JobProgress(
            seconds=round(state.seconds + jobs.seconds_under_way(state), 3),
            expected_seconds=None if expected is None else round(expected, 3),
        ),
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _fingerprint(given: parameters.Parameters) -> str:
    content = json.dumps(given, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()
