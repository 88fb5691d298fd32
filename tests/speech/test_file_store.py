"""The audio files of a process: callers that wait for the same sweep of the folder."""

import asyncio
from pathlib import Path

from vits_tts.audio.files import AudioFiles
from vits_tts.config import Audio
from vits_tts.speech.file_store import FileStore


async def test_a_sweep_ends_while_the_next_begins(tmp_path: Path) -> None:
    """A caller whose sweep has ended does not wait for the one that another caller starts then."""
    store = FileStore(AudioFiles(Audio(folder=tmp_path / "audio")), 5)
    others: list[asyncio.Task[None]] = []

    def begin_another(_: object) -> None:
        others.append(asyncio.create_task(store._swept()))

    first = asyncio.create_task(store._swept())
    await asyncio.sleep(0)
    assert store._sweep is not None
    store._sweep.add_done_callback(begin_another)
    second = asyncio.create_task(store._swept())  # goes on after the other sweep has begun
    await first
    await second
    await others[0]
    await store.close()
