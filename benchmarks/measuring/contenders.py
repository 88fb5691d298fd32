"""All engines and servers that can speak the same text with the same voice."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
import onnxruntime

from measuring import listener
from measuring.listener import Address
from vits_tts.inference.engine import Engine
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import Prosody
from vits_tts.voice import manifest

THREADS: Final = 2
PROSODY: Final = Prosody(1.0, 0.667, 0.8)
OURS: Final = "this server, HTTP"
PIPER_HTTP: Final = "piper's HTTP server"
STREAMING: Final = "streaming-vits"


@dataclass(frozen=True, slots=True)
class Spoken:
    """Seconds to the first sound and to the last one, and seconds of sound."""

    first: float
    total: float
    audio: float


Contender = Callable[[Sequence[str]], Spoken]


class Voice:
    """The benchmark voice, with the parts that are needed to run its graph directly."""

    def __init__(self, model: Path) -> None:
        """Read its manifest."""
        self.model = model
        self.manifest = manifest.read(model)
        self.rate = self.manifest.sample_rate
        self._phonemiser = Phonemizer()

    def phonemes(self, sentence: str) -> list[str]:
        """Return the phonemes of a sentence."""
        return self._phonemiser.espeak(sentence, "vi")

    def ids(self, sentence: str) -> list[int]:
        """Return the phoneme ids of a sentence."""
        return list(self.manifest.phoneme_ids(self.phonemes(sentence))[0])

    def session(self, threads: int) -> onnxruntime.InferenceSession:
        """Load the original graph, to be run in one shot."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        providers = ["CPUExecutionProvider"]
        return onnxruntime.InferenceSession(str(self.model), options, providers=providers)


def one_shot(session: onnxruntime.InferenceSession, ids: Sequence[int]) -> int:
    """Synthesise a sentence in one run and return the number of its samples."""
    feed = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array([0.667, 1.0, 0.8], np.float32),
    }
    return int(np.asarray(session.run(None, feed)[0]).size)


def windowed(engine: Engine, ids: Sequence[int], cores: int = 1) -> int:
    """Synthesise a sentence with this project's engine in this process; return its samples."""
    made = engine.begin(ids, PROSODY, cores=cores)
    return sum(len(made.window(frames, cores=cores).samples) for frames in made.sizes())


def in_process(say: Callable[[Sequence[str]], Iterator[int]], rate: int) -> Contender:
    """Wrap a generator that yields numbers of samples as a contender."""

    def spoken(sentences: Sequence[str]) -> Spoken:
        start = time.perf_counter()
        first, samples = 0.0, 0
        for count in say(sentences):
            first = first or time.perf_counter() - start
            samples += count
        return Spoken(first, time.perf_counter() - start, samples / rate)

    return spoken


def over_http(
    address: Address, ask: Callable[[str, float], listener.Request], rate: int
) -> Contender:
    """Return a contender that is a server at an address."""

    def spoken(sentences: Sequence[str]) -> Spoken:
        heard = asyncio.run(listener.listen(address, ask(" ".join(sentences), 2.0 * rate)))
        if not heard.served:
            raise ConnectionError(f"status {heard.status}")
        return Spoken(heard.first, heard.total, heard.audio)

    return spoken


def known(voice: Voice, ours: Address, piper_http: Address, folder: Path) -> dict[str, Contender]:
    """Return all contenders."""
    return {
        OURS: over_http(ours, listener.stream, voice.rate),
        PIPER_HTTP: over_http(piper_http, listener.post, voice.rate),
        "piper, by sentences": in_process(partial(_piper, _piper_voice(voice)), voice.rate),
        STREAMING: in_process(partial(_streaming, _streaming_tts(voice, folder)), voice.rate),
        "sherpa-onnx": in_process(partial(_sherpa, _sherpa_tts(voice, folder), voice), voice.rate),
        "onnxruntime, one shot": in_process(
            partial(_one_shot, voice.session(THREADS), voice), voice.rate
        ),
    }


def _one_shot(
    session: onnxruntime.InferenceSession, voice: Voice, sentences: Sequence[str]
) -> Iterator[int]:
    for sentence in sentences:
        yield one_shot(session, voice.ids(sentence))


def _piper_voice(voice: Voice) -> Any:
    from piper.voice import PiperVoice

    return PiperVoice.load(voice.model)


def _piper(voice: Any, sentences: Sequence[str]) -> Iterator[int]:
    for chunk in voice.synthesize(" ".join(sentences)):
        yield len(chunk.audio_int16_bytes) // 2


def _streaming_tts(voice: Voice, folder: Path) -> Any:
    from streaming_vits import StreamingTTS, phonemize

    with mock.patch.object(phonemize, "build"):  # it requires its own copy of espeak-ng
        cache = str(folder / "streaming-vits")
        tts = StreamingTTS(str(voice.model), threads=THREADS, verbose=False, cache=cache)
    tts.phoneme_ids = lambda sentence: (np.array([voice.ids(sentence)], np.int64), [])
    return tts


def _streaming(tts: Any, sentences: Sequence[str]) -> Iterator[int]:
    for sentence in sentences:
        for chunk in tts.stream(sentence):
            yield len(chunk.audio)


def _sherpa_tts(voice: Voice, folder: Path) -> Any:
    """Load this voice into sherpa-onnx, which needs the values of the manifest inside the graph."""
    import onnx
    import sherpa_onnx

    graph = onnx.load(voice.model)
    facts = {"model_type": "vits", "comment": "piper", "language": "Vietnamese", "voice": "vi"}
    numbers = {"has_espeak": 1, "n_speakers": 1, "sample_rate": voice.rate}
    for key, value in {**facts, **numbers}.items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.save(graph, str(folder / "sherpa.onnx"))
    symbols = json.loads(voice.model.with_name(f"{voice.model.name}.json").read_text("utf-8"))
    lines = [f"{symbol} {ids[0]}\n" for symbol, ids in symbols["phoneme_id_map"].items()]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    vits = sherpa_onnx.OfflineTtsVitsModelConfig(
        model=str(folder / "sherpa.onnx"), tokens=str(folder / "tokens.txt")
    )
    model = sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=THREADS)
    return sherpa_onnx.OfflineTts(sherpa_onnx.OfflineTtsConfig(model=model, max_num_sentences=1))


def _sherpa(tts: Any, voice: Voice, sentences: Sequence[str]) -> Iterator[int]:
    """Yield numbers of samples from sherpa-onnx; since version 2 its caller supplies phonemes."""
    import sherpa_onnx

    for sentence in sentences:
        settings = sherpa_onnx.GenerationConfig()
        settings.phoneme_codepoints = [[ord(symbol) for symbol in voice.phonemes(sentence)]]
        yield len(tts.generate(sentence, settings).samples)


@contextmanager
def piper_server(model: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run Piper's own HTTP server."""
    command = [sys.executable, "-m", "piper.http_server", "-m", str(model)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
