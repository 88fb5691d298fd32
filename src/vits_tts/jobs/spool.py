"""The sound of an unfinished item on the disk, so that another process can continue the item.

An item has two files: its samples so far, and a list of records that each say how many sentences
are complete and how many bytes of samples they have. Samples are written before their record, so
all samples of a readable record exist.
"""

import asyncio
import os
import struct
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Final

import numpy as np

from vits_tts.errors import TextUnspeakable
from vits_tts.file_lock import LockFailed, lock
from vits_tts.speech.file_hash import sound_hash
from vits_tts.speech.file_store import FileStore
from vits_tts.speech.request_stats import RequestStats
from vits_tts.types import Audience, Pcm, SpeechRequest, silence

_RECORD: Final = struct.Struct("<QQ")
_SAMPLES, _RECORDS = ".pcm", ".idx"
"""The ends of the names of both files."""
_CHUNK_BYTES: Final = 64 * 1024
_SAMPLE_BYTES: Final = 2

Stream = Callable[..., AsyncGenerator[Pcm, None]]
"""The signature of ``RequestStreamer.stream``."""


@dataclass(slots=True)
class _Spool:
    """The open files of one item. Its methods block."""

    samples: IO[bytes]
    records: IO[bytes]
    sentences: int
    nbytes: int

    @classmethod
    def open(cls, folder: Path, name: str) -> "_Spool":
        """Open the files, cut to the last sentence that is complete.

        Raises:
            OSError: the disk cannot be read or written.
            LockFailed: another process is making the same item.

        """
        folder.mkdir(parents=True, exist_ok=True)
        samples = (folder / f"{name}{_SAMPLES}").open("a+b")
        try:
            lock(samples)
            records = (folder / f"{name}{_RECORDS}").open("a+b")
        except BaseException:
            samples.close()
            raise
        size = os.fstat(samples.fileno()).st_size
        records.seek(0)
        content = records.read()
        whole = content[: len(content) // _RECORD.size * _RECORD.size]
        kept = [record for record in _RECORD.iter_unpack(whole) if record[1] <= size]
        records.truncate(len(kept) * _RECORD.size)
        sentences, nbytes = kept[-1] if kept else (0, 0)
        samples.truncate(nbytes)
        return cls(samples, records, sentences, nbytes)

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes of samples from ``start`` on."""
        self.samples.seek(start)
        return self.samples.read(length)

    def write(self, data: bytes, sentences: int) -> None:
        """Append samples; before them, ``sentences`` were complete."""
        if sentences > self.sentences:
            self.samples.flush()
            self.records.write(_RECORD.pack(sentences, self.nbytes))
            self.records.flush()
            self.sentences = sentences
        self.samples.write(data)
        self.nbytes += len(data)

    def close(self) -> None:
        """Close both files and release the lock."""
        self.records.close()
        self.samples.close()


class SpooledStreamer:
    """Streams requests like ``RequestStreamer``; reads the part that was synthesised before."""

    def __init__(
        self,
        stream: Stream,
        rate: Callable[[str], int],
        store: FileStore,
        folder: Path,
        at_once: int,
    ) -> None:
        """Set the ``stream`` that synthesises the rest; ``store`` writes the files into ``folder``.

        ``rate`` returns the sample rate of a voice in hertz. ``at_once`` requests are streamed at
        the same time; others wait. If a thread for inference spoke several in turns, they would end
        together, and it would have nothing to speak while their results are stored.
        """
        self._stream = stream
        self._rate = rate
        self._store = store
        self._folder = folder
        self._turns = asyncio.Semaphore(at_once)

    async def stream(
        self, request: SpeechRequest, stats: RequestStats, *, audience: Audience = "batch"
    ) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of ``request``, and keep it until :meth:`forget`.

        If an earlier process made a part, the time line of ``stats`` is dropped.

        Raises:
            StorageError: the disk cannot be written.
            NotReady, TextUnspeakable: as ``RequestStreamer.stream`` does.

        """
        del audience
        async with self._turns, aclosing(self._kept(request, stats)) as stream:
            async for pcm in stream:
                yield pcm

    async def _kept(self, request: SpeechRequest, stats: RequestStats) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of a request, whose turn it is."""
        if len(request.sentences) <= 1:
            async for pcm in self._stream(request, stats, audience="batch"):
                yield pcm
            return
        try:
            spool = await self._store.run(_Spool.open, self._folder, self._name(request))
        except LockFailed:  # another process is synthesising the same speech
            async for pcm in self._stream(request, stats, audience="batch"):
                yield pcm
            return
        try:
            async for pcm in self._spooled(request, stats, spool):
                yield pcm
        finally:
            self._store.later(spool.close)

    async def _spooled(
        self, request: SpeechRequest, stats: RequestStats, spool: _Spool
    ) -> AsyncGenerator[Pcm, None]:
        rate = self._rate(request.voice)
        done, nbytes = spool.sentences, spool.nbytes
        if nbytes:
            stats.timeline = None  # it would lack the sentences that are on the disk
        for start in range(0, nbytes, _CHUNK_BYTES):
            data = await self._store.run(spool.read, start, min(_CHUNK_BYTES, nbytes - start))
            yield Pcm(np.frombuffer(data, np.int16), rate)
        stats.audio_seconds += nbytes / _SAMPLE_BYTES / rate
        stats.sentences += done
        if nbytes and (pause := request.sentences[done - 1].pause):
            between = silence(pause, rate)
            await self._store.run(spool.write, between.samples.tobytes(), done)
            yield between
        if done == len(request.sentences):
            return
        lead = 0.0 if nbytes else request.lead
        rest = replace(request, sentences=request.sentences[done:], lead=lead)
        before = stats.heard - done
        try:
            async with aclosing(self._stream(rest, stats, audience="batch")) as stream:
                async for pcm in stream:
                    data, complete = pcm.samples.tobytes(), stats.heard - before
                    await self._store.run(spool.write, data, complete)
                    yield pcm
        except TextUnspeakable:
            if not nbytes:  # otherwise only the rest has no sound
                raise

    def forget(self, request: SpeechRequest) -> None:
        """Remove the files of a request, in the background."""
        name = self._name(request)
        for suffix in (_SAMPLES, _RECORDS):
            path = self._folder / f"{name}{suffix}"
            self._store.later(partial(path.unlink, missing_ok=True))

    def sweep(self, seconds: float) -> None:
        """Remove files that were not written for ``seconds``, in the background.

        A process that was killed may have left them, and their item may not be made again.
        """
        self._store.later(partial(_sweep, self._folder, time.time() - seconds))

    def _name(self, request: SpeechRequest) -> str:
        return sound_hash(request, self._rate(request.voice))


def _sweep(folder: Path, before: float) -> None:
    """Remove the files in ``folder`` that were last written ``before``, in seconds since 1970."""
    for suffix in (_SAMPLES, _RECORDS):
        for path in folder.glob(f"*{suffix}"):
            with suppress(FileNotFoundError):  # another process has removed it
                if path.stat().st_mtime < before:
                    path.unlink()
