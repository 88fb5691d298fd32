"""Registry of the voices that this process serves: loads them in threads and unloads idle ones.

The default voice is loaded at the start and stays. For the others ``voice.load``,
``voice.max_loaded_bytes`` and ``voice.unused_seconds`` say when they are loaded and unloaded.
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
from vits_tts.inference import arena
from vits_tts.inference.engine import Engine, Trial
from vits_tts.inference.loading import Load
from vits_tts.inference.memory import trim
from vits_tts.inference.resident_set import ResidentSet
from vits_tts.telemetry.metrics import VOICE_DROPS, VOICE_LOADS, VOICES_BYTES, VOICES_LOADED
from vits_tts.voice.footprint import footprint
from vits_tts.voice.manifest import Manifest

_LOADED_AT_ONCE: Final = 2
_FAILURE_SECONDS: Final = 2.0
"""Seconds during which a voice whose loading failed is not loaded again."""


class VoiceRegistry:
    """The manifests of all served voices, and the engines of those in memory.

    The first manifest is the default voice's. ``ready`` resolves when all voices of the start can
    speak, or has the error of the first one that cannot. ``find`` and the properties may be used in
    any thread, everything else on the event loop only.
    """

    def __init__(
        self,
        manifests: Mapping[str, Manifest],
        load: Load,
        settings: Voice,
        patience: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the manifests; ``start`` begins to load.

        Args:
            manifests: The voices by name, the default one first.
            load: Loads a voice; runs in a thread.
            settings: The settings of voices.
            patience: Maximum seconds that a request waits for a voice to load.
            now: The clock, in seconds.

        """
        self.manifests = manifests
        self.default = next(iter(manifests))
        self.ready: Future[None] = Future()
        self.trials: dict[str, Trial] = {}
        """The cost of a sentence of each voice that was loaded, even if it is not in memory now."""
        self._load = load
        self._settings = settings
        self._max_wait = patience
        self._now = now
        self._pool = ThreadPoolExecutor(_LOADED_AT_ONCE, thread_name_prefix="voices")
        taken = {name: footprint(manifest.model_bytes) for name, manifest in manifests.items()}
        self._residents = ResidentSet(taken, self.default, settings.max_loaded_bytes, now)
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, tuple[float, Exception]] = {}
        self._memory_freed = asyncio.Event()
        self._unloading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to load voices in a thread. The process waits for this thread before it ends."""
        self._pool.submit(self._load_first)

    def close(self) -> None:
        """Stop loading and unloading."""
        if self._unloading:
            self._unloading.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def find(self, name: str | None) -> Manifest:
        """Return the manifest of a served voice, by its name or an alias; None is the default.

        Raises:
            VoiceUnknown: no voice of this name is served.

        """
        target = self._settings.aliases.get(name or "", "").partition("/")[0]
        manifest = self.manifests.get(target or name or self.default)
        if manifest is None:
            known = ", ".join((*self._settings.aliases, *self.manifests))
            raise VoiceUnknown(f"there is no voice {name!r:.60}; there is {known}", field="voice")
        return manifest

    def loaded(self, name: str) -> bool:
        """Return whether a voice is in memory."""
        return name in self._residents

    @property
    def can_speak(self) -> bool:
        """True once all voices of the start are loaded."""
        return self.ready.done() and self.failure is None

    @property
    def failure(self) -> BaseException | None:
        """The error of a voice that could not be loaded at the start, or None."""
        return self.ready.exception() if self.ready.done() else None

    @contextmanager
    def in_use(self, name: str) -> Iterator[None]:
        """Keep a voice in memory until the block ends, once it is loaded."""
        try:
            with self._residents.hold(name):
                yield
        finally:
            self._notify_waiting()

    async def engine(self, name: str) -> Engine:
        """Return the engine of a served voice, loading it if necessary.

        Callers that wait for the same voice share one load.

        Raises:
            NotReady: the voice cannot be loaded, or not within ``patience`` seconds.

        """
        try:
            async with asyncio.timeout(self._max_wait):
                return await self.load(name)
        except TimeoutError:
            loading = name in self._loading or not self.can_speak
            what = "is being loaded" if loading else "waits for memory that other voices use"
            raise NotReady(f"voice {name} {what}", retry_after=2) from None
        except Exception:  # noqa: BLE001  # of any class; the log has the reason
            raise NotReady(f"voice {name} cannot be loaded", retry_after=30) from None

    async def load(self, name: str) -> Engine:
        """Return the engine of a served voice, waiting without a limit.

        Raises:
            VoiceError: it cannot be loaded.

        """
        if not self.can_speak:
            await asyncio.shield(asyncio.wrap_future(self.ready))
        self.watch()
        while (engine := self._residents.get(name)) is None:
            await self._wait_or_load(name)
        return engine

    def watch(self) -> None:
        """Begin to unload voices that are not used. Call it on the event loop."""
        if self._settings.unused_seconds and self._unloading is None:
            self._unloading = asyncio.create_task(
                self._unload_unused(self._settings.unused_seconds)
            )

    async def _wait_or_load(self, name: str) -> None:
        """Load a voice, or wait until memory may be free for it.

        Raises:
            VoiceError: loading failed, now or a moment ago.

        """
        until, failure = self._failed.get(name, (0.0, None))
        if failure and self._now() < until:
            raise failure
        if name not in self._loading:
            dropped = self._residents.promise(name)
            if dropped is None:
                await self._memory_freed.wait()
                return
            self._free_engines(dropped, "room")
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
            self._free_engines(self._residents.settle(name, engine), "room")

    def _loaded(self, name: str) -> Engine:
        """Load a voice in a thread of the pool."""
        manifest = self.manifests[name]
        try:
            engine = self._load(manifest)
        except Exception as error:
            VOICE_LOADS.labels("failed").inc()
            logger.error("voice cannot be loaded", voice=name, reason=str(error))
            raise
        if engine.trial:
            self.trials[name] = engine.trial
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
        """Load the voices of the start, in a thread, before any request uses them."""
        names = [self.default] if self._settings.load == "first_use" else list(self.manifests)
        try:
            for name in names:
                if name == self.default or self._residents.fits(name):
                    self._residents.promise(name)
                    self._residents.settle(name, self._loaded(name))
                else:
                    logger.info("no room yet, voice is loaded when it is used", voice=name)
            self._update_gauges()
        except Exception as error:  # noqa: BLE001  # of any class; readiness shows it
            self.ready.set_exception(error)
        else:
            self.ready.set_result(None)

    async def _unload_unused(self, seconds: float) -> None:
        """Unload voices that were not used for ``seconds`` seconds, forever."""
        with suppress(Exception):  # readiness and the log show the error
            await asyncio.shield(asyncio.wrap_future(self.ready))
        while True:
            await asyncio.sleep(self._residents.until_unused(seconds))
            self._free_engines(self._residents.unused(seconds), "unused")

    def _free_engines(self, dropped: list[Engine], reason: str) -> None:
        """Free the memory of unloaded voices, in a thread because it takes a moment."""
        for engine in dropped:
            VOICE_DROPS.labels(reason).inc()
            logger.info("voice dropped", voice=engine.manifest.name, reason=reason)
        if dropped:
            self._pool.submit(_free, dropped)
        self._update_gauges()
        self._notify_waiting()

    def _notify_waiting(self) -> None:
        """Wake the tasks that wait for memory."""
        self._memory_freed.set()
        self._memory_freed = asyncio.Event()

    def _update_gauges(self) -> None:
        """Update the gauges of loaded voices and their memory."""
        VOICES_LOADED.set(len(self._residents))
        VOICES_BYTES.set(self._residents.bytes)


def _free(engines: list[Engine]) -> None:
    engines.clear()
    try:
        arena.shared().give_back()
    finally:
        trim()
