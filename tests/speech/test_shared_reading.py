"""Requests for one text share its reading, which continues when one of them leaves."""

import asyncio
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.support.voices import install_pair
from vits_tts.config import Config
from vits_tts.dictionaries.service import Dictionaries
from vits_tts.inference.registry import VoiceRegistry
from vits_tts.speech.options import Reader
from vits_tts.speech.reading_queue import ReadingQueue
from vits_tts.speech.requests import RequestReader
from vits_tts.speech.worker_pool import WorkerPool
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.voice import installed


def test_a_joiner_has_a_place_of_its_own(tmp_path: Path) -> None:
    """A client that joins a text late in another's queue gets it at its own turn."""
    install_pair(tmp_path)
    config = Config.model_validate({"voice": {"name": "pair", "folder": tmp_path}})
    no_load = partial(pytest.fail, "no voice is loaded to read a text")
    voices = VoiceRegistry(installed.served(config.voice), no_load, config.voice, 1.0)
    helpers, gate = WorkerPool(1), threading.Event()
    dictionaries = Dictionaries(config.dictionaries, (), None)
    requests = RequestReader(config, voices, Normalizer(), ReadingQueue(helpers), dictionaries)
    done: list[str] = []

    async def ask(text: str, caller: str) -> None:
        await requests.request(text, reader=Reader(caller, 1))
        done.append(f"{caller}: {text}")

    async def story() -> None:
        holding = asyncio.ensure_future(helpers.run(gate.wait, 10))
        texts = ["một", "hai", "ba", "bốn", "năm"]
        asked = [asyncio.create_task(ask(text, "a")) for text in texts]
        await asyncio.sleep(0)
        asked.append(asyncio.create_task(ask("năm", "b")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
        async with asyncio.timeout(20):
            await asyncio.gather(holding, *asked)
        assert done.index("b: năm") <= 3
        assert done.index("a: bốn") == 5

    try:
        asyncio.run(story())
    finally:
        gate.set()
        helpers.close()


async def test_who_asks_while_the_last_one_leaves(tmp_path: Path) -> None:
    """A reading that is being cancelled is not joined, since it would cancel the new client."""
    install_pair(tmp_path)
    config = Config.model_validate({"voice": {"name": "pair", "folder": tmp_path}})
    no_load = partial(pytest.fail, "no voice is loaded to read a text")
    voices = VoiceRegistry(installed.served(config.voice), no_load, config.voice, 1.0)
    helpers, gate = WorkerPool(1), threading.Event()
    dictionaries = Dictionaries(config.dictionaries, (), None)
    requests = RequestReader(config, voices, Normalizer(), ReadingQueue(helpers), dictionaries)

    try:
        holding = asyncio.ensure_future(helpers.run(gate.wait, 10))
        leaving = asyncio.create_task(requests.request("xin chào"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.sleep(0)  # the reading is told to end, and has not ended
        staying = asyncio.create_task(requests.request("xin chào"))
        await asyncio.sleep(0)
        gate.set()
        async with asyncio.timeout(20):
            assert [part.text for part in (await staying).sentences] == ["xin chào"]
        await holding
    finally:
        gate.set()
        helpers.close()
