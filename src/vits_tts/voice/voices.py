"""The voices that this process serves: loaded in the background, and dropped when not needed.

The default voice is loaded at the start and stays. What the others do, and how much memory all of
them may take, is up to ``voice.load``, ``voice.max_loaded_bytes`` and ``voice.unused_seconds``.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final

from loguru import logger

from vits_tts.config import Voice
from vits_tts.errors import NotReady, VoiceUnknown
from vits_tts.metrics import VOICE_DROPS, VOICE_LOADS, VOICES_BYTES, VOICES_LOADED
from vits_tts.voice import arena
from vits_tts.voice.engine import Engine
from vits_tts.voice.loading import Load
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.memory import footprint, trim
from vits_tts.voice.residents import Residents

_LOADED_AT_ONCE: Final = 2
_FAILURE_SECONDS: Final = 2.0
"""How long a voice that could not be loaded is not tried again."""


class Voices:
    """Manifests from the start, engines as soon as they are loaded.

    The first manifest is the default voice's. ``ready`` resolves when every engine that is loaded
    at the start can speak, or holds the error of the one that cannot. After that, all but
    ``find`` and what is asked about the state belongs to one event loop.
    """

    def __init__(
        self,
        manifests: Mapping[str, Manifest],
        load: Load,
        settings: Voice,
        patience: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the manifests; nothing is loaded before ``start``.

        ``patience`` is how many seconds a request waits for a voice.
        """
        self.manifests = manifests
        self.default = next(iter(manifests))
        self.ready: Future[None] = Future()
        self._load = load
        self._settings = settings
        self._patience = patience
        self._now = now
        self._pool = ThreadPoolExecutor(_LOADED_AT_ONCE, thread_name_prefix="voices")
        taken = {name: footprint(manifest.model_bytes) for name, manifest in manifests.items()}
        self._residents = Residents(taken, self.default, settings.max_loaded_bytes, now)
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, tuple[float, Exception]] = {}
        self._change = asyncio.Event()
        self._tidying: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to load, in a thread, which the process waits for before it ends."""
        self._pool.submit(self._load_first)

    def close(self) -> None:
        """Load and drop nothing more."""
        if self._tidying:
            self._tidying.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def find(self, name: str | None) -> Manifest:
        """Return the manifest of a voice that is served; the default one's for None.

        Raises:
            VoiceUnknown: it is not served.

        """
        manifest = self.manifests.get(name or self.default)
        if manifest is None:
            known = ", ".join(self.manifests)
            raise VoiceUnknown(f"there is no voice {name!r:.60}; there is {known}", field="voice")
        return manifest

    def loaded(self, name: str) -> bool:
        """Whether a voice is in memory."""
        return name in self._residents

    @property
    def can_speak(self) -> bool:
        """Whether all voices that are loaded at the start are."""
        return self.ready.done() and self.failure is None

    @property
    def failure(self) -> BaseException | None:
        """Why a voice could not be loaded at the start, if one could not."""
        return self.ready.exception() if self.ready.done() else None

    @contextmanager
    def in_use(self, name: str) -> Iterator[None]:
        """Keep a voice in memory for as long as the block lasts, once it is there."""
        try:
            with self._residents.hold(name):
                yield
        finally:
            self._tell()

    async def engine(self, name: str) -> Engine:
        """Return the engine of a served voice, loading it if need be; others join in the waiting.

        Raises:
            NotReady: that takes too long, there is no memory for it now, or it cannot be.

        """
        try:
            async with asyncio.timeout(self._patience):
                return await self.load(name)
        except TimeoutError:
            loading = name in self._loading or not self.can_speak
            what = "is being loaded" if loading else "waits for memory that others use"
            raise NotReady(f"voice {name} {what}", retry_after=2) from None
        except Exception:  # noqa: BLE001  # whatever it is, the log says it
            raise NotReady(f"voice {name} cannot be loaded", retry_after=30) from None

    async def load(self, name: str) -> Engine:
        """Return the engine of a served voice, however long that takes.

        Raises:
            VoiceError: it cannot be loaded.

        """
        if not self.can_speak:
            await asyncio.shield(asyncio.wrap_future(self.ready))
        self.watch()
        while (engine := self._residents.get(name)) is None:
            await self._come(name)
        return engine

    def watch(self) -> None:
        """Begin to drop what is not used; call it where the event loop runs."""
        if self._settings.unused_seconds and self._tidying is None:
            self._tidying = asyncio.create_task(self._tidy(self._settings.unused_seconds))

    async def _come(self, name: str) -> None:
        """Wait until a voice is loaded, or until there may be room for it."""
        until, failure = self._failed.get(name, (0.0, None))
        if failure and self._now() < until:
            raise failure
        if name not in self._loading:
            dropped = self._residents.promise(name)
            if dropped is None:
                await self._change.wait()
                return
            self._let_go(dropped, "room")
            task = asyncio.create_task(self._load_one(name))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._loading[name] = task
        await asyncio.shield(self._loading[name])

    async def _load_one(self, name: str) -> None:
        engine = None
        try:
            loop = asyncio.get_running_loop()
            engine = await loop.run_in_executor(self._pool, self._loaded, name)
        except Exception as error:
            self._failed[name] = (self._now() + _FAILURE_SECONDS, error)
            raise
        finally:
            del self._loading[name]
            self._let_go(self._residents.settle(name, engine), "room")

    def _loaded(self, name: str) -> Engine:
        """Load a voice; in a thread."""
        manifest = self.manifests[name]
        try:
            engine = self._load(manifest)
        except Exception as error:
            VOICE_LOADS.labels("failed").inc()
            logger.error("voice cannot be loaded", voice=name, reason=str(error))
            raise
        VOICE_LOADS.labels("loaded").inc()
        logger.info(
            "voice loaded",
            voice=name,
            sample_rate=manifest.sample_rate,
            licence=manifest.licence.name,
            bytes=footprint(engine.nbytes),
        )
        return engine

    def _load_first(self) -> None:
        """Load what is loaded at the start; in a thread, while nobody else can use the voices."""
        names = [self.default] if self._settings.load == "first_use" else list(self.manifests)
        try:
            for name in names:
                if name == self.default or self._residents.fits(name):
                    self._residents.promise(name)
                    self._residents.settle(name, self._loaded(name))
                else:
                    logger.info("no room yet, voice is loaded when it is used", voice=name)
            self._show()
        except Exception as error:  # noqa: BLE001  # whatever it is, readiness has to say so
            self.ready.set_exception(error)
        else:
            self.ready.set_result(None)

    async def _tidy(self, seconds: float) -> None:
        """Drop what has not been used for so long, again and again."""
        with suppress(Exception):  # which readiness and the log tell
            await asyncio.shield(asyncio.wrap_future(self.ready))
        while True:
            await asyncio.sleep(self._residents.until_unused(seconds))
            self._let_go(self._residents.unused(seconds), "unused")

    def _let_go(self, dropped: list[Engine], reason: str) -> None:
        """Give back the memory of what was dropped; in a thread, for that takes a moment."""
        for engine in dropped:
            VOICE_DROPS.labels(reason).inc()
            logger.info("voice dropped", voice=engine.manifest.name, reason=reason)
        if dropped:
            self._pool.submit(_free, dropped)
        self._show()
        self._tell()

    def _tell(self) -> None:
        """Wake those who wait for room."""
        self._change.set()
        self._change = asyncio.Event()

    def _show(self) -> None:
        """Set the gauges."""
        VOICES_LOADED.set(len(self._residents))
        VOICES_BYTES.set(self._residents.bytes)


def _free(engines: list[Engine]) -> None:
    engines.clear()
    try:
        arena.shared().give_back()
    finally:
        trim()
