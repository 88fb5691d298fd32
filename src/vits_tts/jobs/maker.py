"""Creation of the files of items and of whole documents, on the event loop and its threads."""

import asyncio
import glob
import hashlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, cast
from uuid import uuid4

from vits_tts.audio import formats
from vits_tts.books import dubbing
from vits_tts.dictionaries.model import ALL
from vits_tts.dictionaries.rules import Rules
from vits_tts.errors import AudioNotFound, StorageError, TextEmpty, TextUnspeakable
from vits_tts.jobs import items, object_storage, wholes
from vits_tts.jobs.model import CueFit, CueSpec, ItemResult, ItemSpec, JobState
from vits_tts.jobs.object_storage import ObjectStorage
from vits_tts.jobs.spool import SpooledStreamer
from vits_tts.speech import Reader, RequestStats, Speech, SpeechOptions
from vits_tts.speech.file_store import FileStore
from vits_tts.speech.saved_files import SavedFiles
from vits_tts.speech.timeline import DETAILS, Timeline
from vits_tts.thread_pool import lower_priority
from vits_tts.types import SpeechRequest

_LOWEST_PRIORITY: Final = 19
_HASH_DIGITS: Final = 40
"""Digits of the hash in a file's name."""
_PART: Final = ".part"
"""Of the names of copies of objects that are not complete."""


class Maker:
    """Creates the files of jobs."""

    def __init__(
        self,
        speech: Speech,
        files: SavedFiles,
        store: FileStore,
        streamer: SpooledStreamer,
        folder: Path,
        objects: ObjectStorage | None,
    ) -> None:
        """Keep the collaborators; ``folder`` is for unfinished files.

        Files are copied into the storage ``objects``, if there is one.
        """
        self._speech = speech
        self._files = files
        self._store = store
        self._streamer = streamer
        self._folder = folder
        self._objects = objects
        self._handing_over = False
        self._assembler = ThreadPoolExecutor(1, thread_name_prefix="jobs_whole")

    def hand_over(self) -> None:
        """Keep the sound of items that are cancelled from now on: others continue them."""
        self._handing_over = True

    def close(self) -> None:
        """Start no further files."""
        self._assembler.shutdown(wait=False)

    async def file(self, name: str, spec: ItemSpec, stats: RequestStats) -> ItemResult:
        """Create the file of an item, whose id is ``name``; a part of a document may have no sound.

        Raises:
            VitsTtsError: it cannot be created, or not be kept.

        """
        result = await self._kept(name, await self._made(spec, stats))
        if times := result.get("times"):
            result["times"] = await self._kept(name, times)
        return result

    async def _kept(self, name: str, result: ItemResult) -> ItemResult:
        """Copy the file of a result into the object storage, if there is one.

        Raises:
            StorageError: it cannot be copied.

        """
        if self._objects is None or not result["hash"]:
            return result
        suffix = result["format"]
        key = object_storage.key_of(name, suffix)
        path = self._store.path(result["hash"], suffix)
        media_type = formats.NOT_SPEECH.get(suffix) or formats.FORMATS[suffix].content_type
        await self._objects.keep(key, path, media_type)
        return ItemResult(**{**result, "object": key})

    async def _made(self, spec: ItemSpec, stats: RequestStats) -> ItemResult:
        """Create the file of an item in the folder.

        Raises:
            VitsTtsError: it cannot be created.

        """
        await asyncio.shield(asyncio.wrap_future(self._speech.voices.ready))
        options = items.options(spec, await self._rules(spec))
        fit = None
        try:
            if cue := spec.get("cue"):
                fit = await self._fit(cue, spec["text"], options, stats)
                if fit["outcome"] == "silent":
                    return ItemResult(hash="", format=spec["format"] or "", seconds=0.0, fit=fit)
                options = replace(options, speed=fit["rate"])
            reader = Reader("jobs", None, stats)
            timestamps = spec.get("timestamps")
            if timestamps:
                request, stats.timeline = await self._timed(spec, options, reader)
            else:
                request = await self._speech.request(spec["text"], options, reader)
        except (TextEmpty, TextUnspeakable):
            if "pause" not in spec:
                raise
            return ItemResult(hash="", format=spec["format"] or "", seconds=0.0)
        encoding = formats.encoding(
            spec["format"], spec["sample_rate"], spec["bit_rate"], self._rate(request.voice)
        )
        try:
            saved = await self._files.save(request, stats, encoding, spec["key"])
        except asyncio.CancelledError:
            if not self._handing_over:
                self._streamer.forget(request)
            raise
        self._streamer.forget(request)
        result = ItemResult(hash=saved.audio_hash, format=encoding.format, seconds=saved.seconds)
        if fit:
            result["fit"] = fit
        if timestamps:
            result["times"] = await self._times(spec, options, stats)
        return result

    async def _timed(
        self, spec: ItemSpec, options: SpeechOptions, reader: Reader
    ) -> tuple[SpeechRequest, Timeline]:
        """Return the request of an item, and a time line for its statistics."""
        request, timeline = await self._speech.timed(spec["text"], options, reader)
        timeline.details = [name for name in DETAILS if name in spec.get("timestamps", "")]
        return request, timeline

    async def _times(
        self, spec: ItemSpec, options: SpeechOptions, stats: RequestStats
    ) -> ItemResult:
        """Keep the times of an item whose sound is complete.

        Raises:
            VitsTtsError: they cannot be made, or not be kept.

        """
        timeline = stats.timeline
        if timeline is None:  # an earlier process made the first sentences; the cache has the rest
            again = RequestStats()
            request, timeline = await self._timed(spec, options, Reader("jobs", None, again))
            again.timeline = timeline
            async with aclosing(self._speech.stream(request, again, audience="batch")) as stream:
                async for _ in stream:
                    pass
            stats.synthesised_seconds += again.synthesised_seconds
        told = timeline.described

        def written() -> bytes:
            return json.dumps(told(), ensure_ascii=False).encode()

        content = await asyncio.to_thread(written)
        times_hash = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
        await self._store.keep_bytes(times_hash, "json", content)
        return ItemResult(hash=times_hash, format="json", seconds=0.0)

    async def _fit(
        self, cue: CueSpec, text: str, options: SpeechOptions, stats: RequestStats
    ) -> CueFit:
        """Return the rate at which a subtitle fits its time, without synthesis."""
        loop = asyncio.get_running_loop()

        async def told(rate: float) -> float:
            reader = Reader("jobs", None, stats)
            request = await self._speech.request(text, replace(options, speed=rate), reader)
            samples = await self._speech.length(request, stats)
            return samples / self._rate(request.voice)

        def length(rate: float) -> float:
            return asyncio.run_coroutine_threadsafe(told(rate), loop).result()

        said, room, limits = wholes.cue_of(cue, text)
        found = await asyncio.to_thread(dubbing.fit, said, room, length, limits)
        return CueFit(
            outcome=found.outcome, rate=found.rate, seconds=found.seconds, over=found.over
        )

    async def whole(self, name: str, state: JobState, stats: RequestStats) -> ItemResult:
        """Create the file of a document from those of its items.

        Raises:
            TextUnspeakable: no item has sound.
            StorageError: the disk cannot be read or written.

        """
        document = state.document
        spoken = [item for item in state.items if item.result and item.result["hash"]]
        if document is None or not spoken:
            raise TextUnspeakable("the document has nothing to say")
        for item in spoken:
            result = cast("ItemResult", item.result)
            if await self._store.size(result["hash"], result["format"]) is None:
                await self._again(name, item.spec, result, stats)
        # A process that has lost the item may still write, so each attempt has a folder of its own.
        folder = self._folder / name / uuid4().hex
        path = folder / f"whole.{document['format']}"
        stop = threading.Event()

        def going_on() -> None:
            if stop.is_set():
                raise wholes.Stopped

        def locate(audio_hash: str) -> Path:
            return self._store.path(audio_hash, wholes.PART_FORMAT)

        def written() -> float:
            folder.mkdir(parents=True)
            lower_priority(_LOWEST_PRIORITY)
            return wholes.write(path, document, state.items, locate, going_on)

        loop = asyncio.get_running_loop()
        try:
            seconds = await loop.run_in_executor(self._assembler, written)
            audio_hash = wholes.name(document, state.items)
            await self._store.keep(audio_hash, document["format"], path)
        except OSError as error:
            raise StorageError(f"the file cannot be made: {error.strerror}") from error
        finally:
            stop.set()
            self._store.later(partial(_remove, folder))
        self.forget(name)
        result = ItemResult(hash=audio_hash, format=document["format"], seconds=seconds)
        return await self._kept(name, result)

    def forget(self, name: str) -> None:
        """Remove partial files of a document that killed processes have left, in the background."""

        def removed() -> None:
            shutil.rmtree(self._folder / name, ignore_errors=True)
            for path in self._folder.glob(f"{glob.escape(name)}.*{_PART}"):
                path.unlink(missing_ok=True)

        self._store.later(removed)

    async def _again(
        self, name: str, spec: ItemSpec, result: ItemResult, stats: RequestStats
    ) -> None:
        """Restore the file of a part in the folder, if another machine made it or it was deleted.

        Raises:
            VitsTtsError: it cannot be restored.

        """
        key = result.get("object")
        if self._objects is None or key is None:
            await self._made(spec, stats)
            return
        # A process that has lost the item may still write, so each attempt has a file of its own.
        path = self._folder / f"{name}.{uuid4().hex}{_PART}"
        await self._store.run(partial(self._folder.mkdir, parents=True, exist_ok=True))
        try:
            await self._objects.fetch(key, path)
            await self._store.keep(result["hash"], result["format"], path)
        except AudioNotFound:
            await self._made(spec, stats)
        finally:
            self._store.later(partial(path.unlink, missing_ok=True))

    async def _rules(self, spec: ItemSpec) -> tuple[Rules, ...] | None:
        """Return the rules of an item's dictionaries, in the versions of its request."""
        wanted = items.locators(spec)
        if wanted is None:
            return None
        owner = f"key:{spec['key']}" if spec["key"] else ALL
        return await self._speech.dictionaries.resolve(wanted, owner)

    def _rate(self, voice: str) -> int:
        return self._speech.voices.find(voice).sample_rate


def _remove(attempt: Path) -> None:
    """Remove the folder of an attempt, and that of all attempts if it is empty then."""
    shutil.rmtree(attempt, ignore_errors=True)
    with suppress(OSError):
        attempt.parent.rmdir()
