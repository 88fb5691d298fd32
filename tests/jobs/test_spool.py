"""The parts of items of jobs that are kept on the disk while they are synthesised."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import numpy as np

from vits_tts.audio.files import AudioFiles
from vits_tts.config import Audio
from vits_tts.jobs.spool import SpooledStreamer
from vits_tts.speech import RequestStats
from vits_tts.speech.file_store import FileStore
from vits_tts.types import KeyedSentence, Pcm, Prosody, SpeechRequest, silence

RATE = 100


async def hummed(request: SpeechRequest, stats: RequestStats, **_: object) -> AsyncGenerator[Pcm]:
    """Yield ten samples for each sentence, as loud as its volume says."""
    if request.lead:
        yield silence(request.lead, RATE)
    for sentence in request.sentences:
        yield Pcm(np.full(10, 100 * sentence.volume, np.int16), RATE)
        stats.heard += 1


def spoken(volume: float, lead: float) -> SpeechRequest:
    """Return a request of three sentences."""
    sentences = (KeyedSentence(key, 0.0, 0, 1, volume=volume, key=key) for key in "abc")
    return SpeechRequest("pair", tuple(sentences), Prosody(1.0, 0.0, 0.0, 0), lead)


async def test_a_part_is_taken_up_as_it_was(tmp_path: Path) -> None:
    """A pause at the beginning is not repeated, and a part with another volume is not used."""
    store = FileStore(AudioFiles(Audio(folder=tmp_path / "audio")), 5)
    streamer = SpooledStreamer(hummed, lambda _: RATE, store, tmp_path / "spool", at_once=1)
    async with aclosing(streamer.stream(spoken(1.0, 0.5), RequestStats())) as stream:
        for _ in range(3):  # the pause and two sentences
            await anext(stream)
    for volume, lead in ((1.0, 0.5), (0.5, 0.5), (1.0, 0.2)):
        request = spoken(volume, lead)
        made = [pcm.samples async for pcm in streamer.stream(request, RequestStats())]
        whole = [pcm.samples async for pcm in hummed(request, RequestStats())]
        assert np.array_equal(np.concatenate(made), np.concatenate(whole))
    await store.close()


async def test_old_parts_are_removed(tmp_path: Path) -> None:
    """Parts that no process has continued for long are removed, and no others."""
    store = FileStore(AudioFiles(Audio(folder=tmp_path / "audio")), 5)
    folder = tmp_path / "spool"
    streamer = SpooledStreamer(hummed, lambda _: RATE, store, folder, at_once=1)
    streamer.sweep(60)  # there is no folder yet
    (folder / "job-1.whole").mkdir(parents=True)
    for name in ("old.pcm", "old.idx", "new.pcm", "new.idx"):
        (folder / name).touch()
    for name in ("old.pcm", "old.idx", "job-1.whole"):
        os.utime(folder / name, (0, 0))
    streamer.sweep(60)
    await store.close()
    assert sorted(path.name for path in folder.iterdir()) == ["job-1.whole", "new.idx", "new.pcm"]
