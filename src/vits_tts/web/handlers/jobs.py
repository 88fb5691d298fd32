"""`/v1/jobs`: speech that is synthesised after its request was answered."""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing, closing
from datetime import UTC, datetime
from http import HTTPStatus
from secrets import token_hex
from typing import Any, ClassVar, Final

from vits_tts.audio import formats
from vits_tts.audio.formats import COMPANIONS, NOT_SPEECH
from vits_tts.errors import (
    AudioNotFound,
    Busy,
    FieldInvalid,
    JobNotFinished,
    JobNotFound,
    JobsUnavailable,
)
from vits_tts.jobs import JobService
from vits_tts.jobs.model import (
    UNFINISHED,
    Document,
    ItemResult,
    ItemState,
    JobState,
    NewJob,
    WholeState,
)
from vits_tts.web.base import Handler, as_json
from vits_tts.web.handlers import job_archive, links
from vits_tts.web.handlers.files import send
from vits_tts.web.handlers.links import LinkedHandler
from vits_tts.web.handlers.new_jobs import NewJobReader
from vits_tts.web.http import parameters
from vits_tts.web.http.body import Body
from vits_tts.web.schema.jobs import (
    FitAnswer,
    ItemAnswer,
    ItemCounts,
    JobAnswer,
    JobPage,
    JobParameters,
    JobProgress,
    WholeAnswer,
    job_parameters,
)
from vits_tts.web.schema.requests import checked

_KEY: Final = re.compile(r"[!-~]{1,255}")
_UPLOADS: Final = 4
_CACHED_SECONDS: Final = 3600
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

    async def described_job(self, state: JobState) -> JobAnswer:
        """Return the JSON of a job."""
        expected = state.expected_seconds
        ended = state.status not in UNFINISHED
        archive = None
        if ended and any(item.result and item.result["hash"] for item in state.items):
            archive, _ = await links.address(self, self.reverse_url("jobarchive", state.id), {})
        return JobAnswer(
            id=state.id,
            kind=state.document["kind"] if state.document else "items",
            status=state.status,
            priority=state.priority,
            created=_moment(state.created),
            ended=_moment(state.ended) if state.ended and ended else None,
            counts=ItemCounts(**state.counts),  # type: ignore[typeddict-item]
            progress=JobProgress(
                seconds=round(state.seconds + self.jobs.seconds_under_way(state), 3),
                expected_seconds=None if expected is None else round(expected, 3),
            ),
            result=await self._whole(state, state.document) if state.document else None,
            archive_url=archive,
        )

    async def _signed(self, results: Sequence[ItemResult | None]) -> dict[str, str]:
        """Return the addresses of those results that are in object storage, by their keys.

        Raises:
            AudioNotFound, StorageError: the addresses cannot be obtained.

        """
        keys = [result["object"] for result in results if result and "object" in result]
        return dict(zip(keys, await self.jobs.links(keys), strict=True))

    async def _address(self, result: ItemResult, path: str, signed: Mapping[str, str]) -> str:
        """Return the address of a result, which this server has at ``path``, or the storage."""
        if "object" in result:
            return signed[result["object"]]
        url, _ = await links.address(self, path, {})
        return url

    async def _whole(self, state: JobState, document: Document) -> WholeAnswer:
        whole = state.whole or WholeState("queued")
        result, error = whole.result, whole.error
        url = None
        if result:
            path = self.reverse_url("jobresult", state.id, result["format"])
            url = await self._address(result, path, await self._signed([result]))
        return WholeAnswer(
            status=whole.status,
            format=document["format"],
            seconds=round(result["seconds"], 3) if result else None,
            audio_url=url,
            error={"code": error[0], "message": error[1]} if error else None,
        )


class JobsHandler(JobBase):
    """`/v1/jobs`: takes jobs, and lists them."""

    model = JobParameters
    query_model: ClassVar[Any] = JobPage
    _uploads: ClassVar[int] = 0
    """The number of bodies larger than ``server.max_body_bytes`` that are being received or
    read."""
    _is_upload = False

    async def prepare(self) -> None:
        """Admit the request; a few callers at once may send a large body.

        Raises:
            Busy: other clients are sending large bodies.

        """
        length = self.request.headers.get("Content-Length", "0")
        usual, most = self.config.server.max_body_bytes, self.config.jobs.max_upload_bytes
        if self.request.method == "POST" and length.isdecimal() and usual < int(length[:15]):
            self._body = Body(int(max(usual, most)))
            await super().prepare()
            if int(length[:15]) <= most:
                self._begin_upload()
            return
        await super().prepare()

    def _begin_upload(self) -> None:
        if JobsHandler._uploads >= _UPLOADS:
            raise Busy("other clients are sending large bodies now")
        JobsHandler._uploads += 1
        self._is_upload = True

    def _end_upload(self) -> None:
        if self._is_upload:
            self._is_upload = False
            JobsHandler._uploads -= 1

    def on_finish(self) -> None:
        """Count the request as no longer under way."""
        self._end_upload()
        super().on_finish()

    def on_connection_close(self) -> None:
        """Stop the work of a client that has left."""
        self._end_upload()
        super().on_connection_close()

    async def post(self) -> None:
        """Take a job; with an ``Idempotency-Key`` that was used before, answer with that job."""
        await self.while_connected(self._take())

    async def _take(self) -> None:
        body = self.body
        if len(body) > self.config.server.max_body_bytes:
            given = await asyncio.to_thread(parameters.from_json, body)
        else:
            given = parameters.from_json(body)
        asked = job_parameters(given)
        self.context.books = False  # the use of each item is recorded when it is synthesised
        callback = (
            self.jobs.callbacks.check_signed(asked.callback_url) if asked.callback_url else None
        )
        document = None
        reader = NewJobReader(self, asked.kind)
        if asked.items is not None:
            await self.count_written("".join(item.text for item in asked.items))
            specs = await reader.specs(asked, asked.items)
        else:
            parts = await reader.parts(asked)
            await self.count_written(parts.text)
            document, specs = await reader.document(asked, parts)
        mark = await asyncio.to_thread(_fingerprint, given)
        job = NewJob(self._id(), self.owner, specs, asked.priority, mark, callback, document)
        state, new = await self.jobs.add(job)
        self.set_status(HTTPStatus.ACCEPTED if new else HTTPStatus.OK)
        self.set_header("Location", f"/v1/jobs/{state.id}")
        self.write_json(await self.described_job(state))

    async def get(self) -> None:
        """List the caller's jobs."""
        await self.while_connected(self._list())

    head = get

    async def _list(self) -> None:
        page = checked(JobPage, parameters.from_query(self.request))
        states = self.jobs.jobs(self.owner, page.limit, page.offset)
        async with aclosing(states):
            self.write_json({"jobs": [await self.described_job(state) async for state in states]})

    def _id(self) -> str:
        """Return the id of a new job; with an idempotency key, the id that belongs to the key.

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


class JobHandler(JobBase):
    """`/v1/jobs/{id}`: one job."""

    async def get(self, job_id: str) -> None:
        """Answer with the progress of a job."""
        if state := await self.while_connected(self.jobs.find(job_id, self.owner)):
            self.write_json(await self.described_job(state))

    head = get

    async def delete(self, job_id: str) -> None:
        """Remove the job."""
        await self.jobs.delete(job_id, self.owner)
        self.set_status(HTTPStatus.NO_CONTENT)


class JobCancelHandler(JobBase):
    """`/v1/jobs/{id}/cancel`: ends a job early."""

    async def post(self, job_id: str) -> None:
        """Cancel the unfinished items."""
        state = await self.jobs.cancel(job_id, self.owner)
        self.write_json(await self.described_job(state))


class JobRetryHandler(JobBase):
    """`/v1/jobs/{id}/retry`: tries failed and cancelled items again."""

    async def post(self, job_id: str) -> None:
        """Enqueue the failed and cancelled items again."""
        state = await self.jobs.retry(job_id, self.owner)
        self.write_json(await self.described_job(state))


class JobItemsHandler(JobBase):
    """`/v1/jobs/{id}/items`: the items of a job."""

    query_model: ClassVar[Any] = JobPage

    async def get(self, job_id: str) -> None:
        """List a page of the items."""
        await self.while_connected(self._list(job_id))

    head = get

    async def _list(self, job_id: str) -> None:
        page = checked(JobPage, parameters.from_query(self.request))
        state = await self.jobs.find(job_id, self.owner)
        shown = state.items[page.offset : page.offset + page.limit]
        results = [item.result for item in shown]
        times = [result.get("times") for result in results if result]
        signed = await self._signed([*results, *times])
        listed = [await self._item(job_id, item, signed) for item in shown]
        self.write_json({"items": listed, "total": len(state.items)})

    async def _item(self, job_id: str, item: ItemState, signed: Mapping[str, str]) -> ItemAnswer:
        url = None
        if item.result and item.result["hash"]:
            path = self.reverse_url("jobaudio", job_id, str(item.index), item.result["format"])
            url = await self._address(item.result, path, signed)
        times_url = None
        if times := item.result and item.result.get("times"):
            path = self.reverse_url("jobaudio", job_id, str(item.index), times["format"])
            times_url = await self._address(times, path, signed)
        error = item.error
        return ItemAnswer(
            index=item.index,
            id=item.spec.get("id"),
            status=item.status,
            characters=len(item.spec["text"]),
            seconds=round(item.result["seconds"], 3) if item.result else None,
            format=item.result["format"] if item.result else None,
            audio_url=url,
            timestamps_url=times_url,
            error={"code": error[0], "message": error[1]} if error else None,
            fit=_fit(item),
        )


def _fit(item: ItemState) -> FitAnswer | None:
    """Return the fit of a subtitle."""
    cue = item.spec.get("cue")
    if cue is None or item.result is None:
        return None
    fit = item.result["fit"]
    return FitAnswer(
        outcome=fit["outcome"],
        begins=cue["begins"],
        rate=round(fit["rate"], 4),
        seconds=round(fit["seconds"], 4),
        over=round(fit["over"], 4),
    )


class JobFileHandler(LinkedHandler, JobBase):
    """Base of the handlers of files of jobs."""

    is_file = True

    @property
    def is_open(self) -> bool:
        """Return False: a URL without a signature needs a key, since ids can be guessed."""
        return False

    async def send_result(self, result: ItemResult | None, suffix: str) -> None:
        """Send a file, the range that ``Range`` names, or 304 if the client's copy is current.

        A file in object storage is answered by a redirect to it.

        Raises:
            AudioNotFound: the file does not exist yet, has another format, or was removed.
            RangeNotSatisfiable: the file has none of these bytes.
            StorageError: the disk cannot be read.

        """
        if result is None or not result["hash"] or result["format"] != suffix:
            raise AudioNotFound("there is no such file, or not yet")
        if key := result.get("object"):
            (url,) = await self.jobs.links([key], self.request.method or "GET")
            self.set_header("Cache-Control", "no-store")
            self.set_header("Location", url)
            self.set_status(HTTPStatus.TEMPORARY_REDIRECT)
            return
        try:
            opened = await self.jobs.open_file(result)
        except AudioNotFound:
            message = "the file is not kept any more; a retry of the job makes it again"
            raise AudioNotFound(message) from None
        with closing(opened) as audio:
            seconds = self.link_seconds_left if self.by_link else _CACHED_SECONDS
            self.set_header("Cache-Control", f"private, max-age={seconds}")
            if suffix not in NOT_SPEECH:
                self.client.bytes_per_second = formats.least_bytes_a_second(suffix)
            await send(self, audio)


class JobAudioHandler(JobFileHandler):
    """`/v1/jobs/{id}/items/{index}.{format}`: the file of an item."""

    async def get(self, job_id: str, index: str, suffix: str) -> None:
        """Send the file, a range of it, or 304 if the client's copy is current."""
        await self.while_connected(self._send(job_id, index, suffix))

    async def head(self, job_id: str, index: str, suffix: str) -> None:
        """Send the headers of ``get``."""
        await self.while_connected(self._send(job_id, index, suffix))

    async def _send(self, job_id: str, index: str, suffix: str) -> None:
        state = await self.jobs.find(job_id, self.owner)
        if not re.fullmatch("[0-9]{1,4}", index) or int(index) >= len(state.items):
            raise JobNotFound("the job has no such item")
        result = state.items[int(index)].result
        if result and suffix in COMPANIONS:
            result = result.get("times")
        await self.send_result(result, suffix)


class JobResultHandler(JobFileHandler):
    """`/v1/jobs/{id}/result.{format}`: the one file of a long document."""

    async def get(self, job_id: str, suffix: str) -> None:
        """Send the file, a range of it, or 304 if the client's copy is current."""
        await self.while_connected(self._send(job_id, suffix))

    async def head(self, job_id: str, suffix: str) -> None:
        """Send the headers of ``get``."""
        await self.while_connected(self._send(job_id, suffix))

    async def _send(self, job_id: str, suffix: str) -> None:
        state = await self.jobs.find(job_id, self.owner)
        await self.send_result(state.whole.result if state.whole else None, suffix)


class JobArchiveHandler(JobFileHandler):
    """`/v1/jobs/{id}/archive`: all files of a job as a ZIP."""

    async def get(self, job_id: str) -> None:
        """Send the archive; for HEAD, only its headers."""
        await self.while_connected(self._send(job_id))

    head = get

    async def _send(self, job_id: str) -> None:
        state = await self.jobs.find(job_id, self.owner)
        if state.status in UNFINISHED:
            raise JobNotFinished("the job has not ended; its archive is available after its end")
        self.set_header("Cache-Control", "private, no-store")
        await job_archive.send(self, self.jobs, state)


class JobEventsHandler(JobBase):
    """`/v1/jobs/{id}/events`: sends the progress of a job as events."""

    async def get(self, job_id: str) -> None:
        """Send an event for each change, until the job has ended; for HEAD, only the headers."""
        await self.while_connected(self._follow(job_id))

    head = get

    async def _follow(self, job_id: str) -> None:
        self.set_header("Content-Type", "text/event-stream; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        if self.request.method == "HEAD":
            await self.jobs.find(job_id, self.owner)
            await self.flush()  # now, before tornado adds Content-Length: 0, which would be wrong
            return
        caller = self.guard.holder(self.context.address, self.context.key)
        states = self.jobs.followers.follow(job_id, self.owner, caller)
        last, quiet = "", 0
        async with aclosing(states):
            async for state in states:
                event = as_json(_without_links(await self.described_job(state)))
                quiet += 1
                if event != last:
                    last, quiet = event, 0
                    await self.send(f"event: job\ndata: {event}\n\n".encode())
                elif quiet >= _KEEPALIVE_LOOKS:
                    quiet = 0
                    await self.send(b": still there\n\n")
                if state.status not in UNFINISHED or self.state.draining:
                    return


def _without_links(answer: JobAnswer) -> Mapping[str, object]:
    """Return a job without the URLs of files, whose signatures change with the time."""
    result = answer["result"]
    return {**answer, "archive_url": None, "result": result and {**result, "audio_url": None}}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _fingerprint(given: parameters.Parameters) -> str:
    content = json.dumps(given, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()
