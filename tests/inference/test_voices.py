"""Several voices in one process: loaded when they are needed, and dropped when unused."""

import asyncio
import threading
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.support.server import until
from tests.support.voices import install_pair
from vits_tts.config import Voice
from vits_tts.errors import ConfigError, NotReady, VoiceError
from vits_tts.inference.engine import Engine
from vits_tts.inference.loading import loaded
from vits_tts.inference.registry import VoiceRegistry
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.voice import installed
from vits_tts.voice.footprint import footprint
from vits_tts.voice.manifest import Manifest

NAMES = ("a", "b", "c", "d")


class House:
    """Voices of a process, with a loader that counts and can be made to wait."""

    def __init__(self, folder: Path, patience: float = 30, **settings: object) -> None:
        """Serve four voices, the first one as the default."""
        for name in NAMES:
            if not (folder / f"{name}.onnx").exists():
                install_pair(folder, name)
        named = {"name": "a", "others": NAMES[1:], "folder": folder}
        self.settings = Voice.model_validate({"load": "first_use", **named, **settings})
        self.loads: Counter[str] = Counter()
        self.gates: dict[str, threading.Event] = {}
        self.begun = threading.Event()
        self._pieces = folder / "pieces"
        manifests = installed.served(self.settings)
        self.now = 0.0
        self.voices = VoiceRegistry(manifests, self._load, self.settings, patience, self._clock)
        self.weight = footprint(manifests["a"].model_bytes)

    def _clock(self) -> float:
        return self.now or time.monotonic()

    def _load(self, manifest: Manifest) -> Engine:
        self.loads[manifest.name] += 1
        if gate := self.gates.get(manifest.name):
            self.begun.set()
            assert gate.wait(60)
        return loaded(manifest, Phonemizer(), pieces=self._pieces)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Start, and close at the end of the block."""
        self.voices.start()
        try:
            yield
        finally:
            for gate in self.gates.values():
                gate.set()
            self.voices.close()

    def there(self) -> str:
        """Return the names of the voices that are in memory."""
        return "".join(name for name in NAMES if self.voices.loaded(name))


def room_for(folder: Path, count: int) -> int:
    """Return the bytes that this many voices take."""
    house = House(folder)
    house.voices.close()
    return house.weight * count + house.weight // 2


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    await asyncio.to_thread(until, condition, "it is so")


@contextmanager
def gone(engine: Engine) -> Iterator[None]:
    """Assert that an engine and its session are freed after the block."""
    session = weakref.ref(engine._text)
    del engine
    yield
    until(lambda: session() is None, "the session is gone")


async def test_loaded_at_first_use(tmp_path: Path) -> None:
    """Only the default voice is loaded at the start; callers share the loading of another."""
    house = House(tmp_path)

    async with house.opened():
        await house.voices.engine("a")
        assert house.there() == "a"
        house.gates["b"] = threading.Event()
        callers = [asyncio.create_task(house.voices.engine("b")) for _ in range(3)]
        await asyncio.to_thread(house.begun.wait)
        await house.voices.engine("c")  # which does not wait for b
        assert not any(caller.done() for caller in callers)
        house.gates["b"].set()
        assert len(set(await asyncio.gather(*callers))) == 1
        assert house.there() == "abc"
        assert house.loads == {"a": 1, "b": 1, "c": 1}


async def test_waiting_has_an_end(tmp_path: Path) -> None:
    """A caller that waits too long for a voice may retry; the voice is still loaded."""
    house = House(tmp_path, patience=0.05)

    async with house.opened():
        await house.voices.load("a")
        house.gates["b"] = threading.Event()
        with pytest.raises(NotReady, match="voice b is being loaded") as caught:
            await house.voices.engine("b")
        assert caught.value.retry_after > 0
        house.gates["b"].set()
        await house.voices.load("b")
        assert house.loads["b"] == 1


async def test_the_longest_unused_makes_room(tmp_path: Path) -> None:
    """Above the limit, the least recently used voice is dropped and all of its memory is freed."""
    house = House(tmp_path, max_loaded_bytes=room_for(tmp_path, 3))

    async with house.opened():
        for name in "bcb":
            await house.voices.engine(name)
        with gone(await house.voices.engine("c")):
            await house.voices.engine("b")
            await house.voices.engine("d")
            assert house.there() == "abd"
        await house.voices.engine("c")
        assert house.there() == "acd"
        assert house.loads == {"a": 1, "b": 1, "c": 2, "d": 1}


async def test_voices_in_use_stay(tmp_path: Path) -> None:
    """A voice in use is not dropped; a caller without room waits and then gets an error."""
    house = House(tmp_path, patience=0.1, max_loaded_bytes=room_for(tmp_path, 2))
    voices = house.voices

    async with house.opened():
        await voices.load("a")
        with voices.in_use("b"):
            await voices.load("b")
            with pytest.raises(NotReady, match="voice c waits for memory that other voices use"):
                await voices.engine("c")
            assert house.there() == "ab"
            waiting = asyncio.create_task(voices.load("c"))
            await asyncio.sleep(0)
        await waiting
        assert house.there() == "ac"


async def test_unused_voices_go(tmp_path: Path) -> None:
    """An unused voice is dropped after a while, the default never; later it sounds the same."""
    house = House(tmp_path, unused_seconds=0.1)
    ids = range(3, 20)

    async with house.opened():
        await house.voices.load("a")
        engine = await house.voices.load("b")
        prosody = engine.manifest.prosody(speaker="minh")
        before = engine.synthesise(list(ids), prosody, seed=7).samples
        with house.voices.in_use("d"):
            await house.voices.load("d")
            session = weakref.ref(engine._text)
            del engine
            await eventually(lambda: not house.voices.loaded("b") and session() is None)
            assert house.there() == "ad"
            again = await house.voices.load("b")
            assert (again.synthesise(list(ids), prosody, seed=7).samples == before).all()
        assert house.loads == {"a": 1, "b": 2, "d": 1}


async def test_dropped_in_the_middle(tmp_path: Path) -> None:
    """A sentence under way is finished by its engine, even if the voice is dropped."""
    house = House(tmp_path, unused_seconds=0.05)

    async with house.opened():
        engine = await house.voices.load("b")
        sentence = engine.begin(list(range(3, 20)) * 20, engine.manifest.prosody(), seed=7)
        whole = engine.synthesise(list(range(3, 20)) * 20, engine.manifest.prosody(), seed=7)
        del engine
        await eventually(lambda: not house.voices.loaded("b"))
        samples = [sample for pcm in sentence for sample in pcm.samples]
        assert samples == list(whole.samples)


async def test_a_voice_that_cannot_be_loaded(tmp_path: Path) -> None:
    """A broken voice is not ready, others are; once its files are repaired it is tried again."""
    model = install_pair(tmp_path, "b", sample_rate=16_000)  # no pieces exist for this one
    house = House(tmp_path)
    whole = model.read_bytes()
    model.write_bytes(whole + b"another")
    house.now = 1.0

    async with house.opened():
        for _ in range(3):
            with pytest.raises(NotReady, match="voice b cannot be loaded") as caught:
                await house.voices.engine("b")
        assert str(tmp_path) not in caught.value.message
        with pytest.raises(VoiceError, match="its files were replaced"):
            await house.voices.load("b")
        assert house.loads["b"] == 1  # only one attempt
        assert house.voices.can_speak
        await house.voices.engine("c")
        model.write_bytes(whole)
        house.now = 60.0
        await house.voices.engine("b")


async def test_at_the_start_as_far_as_there_is_room(tmp_path: Path) -> None:
    """Voices that do not fit at the start are loaded at their first use."""
    house = House(tmp_path, load="start", max_loaded_bytes=room_for(tmp_path, 3))

    async with house.opened():
        await house.voices.load("a")
        assert house.there() == "abc"
        await house.voices.load("d")
        assert house.there() == "acd"


def test_too_little_memory(tmp_path: Path) -> None:
    """A limit that is too small for two voices stops the start."""
    with pytest.raises(ConfigError, match=r"voice\.max_loaded_bytes: should be at least \d+ "):
        House(tmp_path, max_loaded_bytes=room_for(tmp_path, 1))
