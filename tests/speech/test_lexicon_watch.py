"""Lexicons' files are read again while texts are spoken, and never by the event loop's thread."""

import asyncio
import sys
import threading
from pathlib import Path

import numpy as np

from tests.support.voices import install_pair
from vits_tts import AsyncSpeech

_WORDS = "Zyx: {}\n"


async def _changes(path: Path, config: Path) -> list[int]:
    """Speak a word before and after its lexicon changes; return the threads that read the file."""
    readers: list[int] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and arguments[0] == str(path):
            readers.append(threading.get_ident())

    async with AsyncSpeech("pair", config=config) as speech:
        before = await speech.say("Zyx")
        sys.addaudithook(note)
        await asyncio.to_thread(path.write_text, _WORDS.format("nam nam nam"), "utf-8")
        readers.clear()  # it was opened to be written
        after = before
        while np.array_equal(before.samples, after.samples):
            await asyncio.sleep(0.01)
            after = await speech.say("Zyx")
        return readers


def test_a_changed_lexicon_is_read_in_a_thread(tmp_path: Path) -> None:
    """A large file takes seconds to read, which must not stop the event loop."""
    install_pair(tmp_path / "voices")
    path = tmp_path / "words.yaml"
    path.write_text(_WORDS.format("nam"), encoding="utf-8")
    config = tmp_path / "config.yaml"
    config.write_text(f"text: {{lexicon: ['{path}']}}\n")

    async def run() -> list[int]:
        async with asyncio.timeout(60):
            return await _changes(path, config)

    readers = asyncio.run(run())
    assert readers
    assert threading.get_ident() not in readers
