"""A machine on which voices are installed from a catalogue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx

from tests.support.voices import install_pair
from vits_tts.config import Catalogue, Voice
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.supply import Supply

SIZE = 300_000
CUT = 120_000
WHOLE = {"pair.onnx", "pair.onnx.json", "pair.MODEL_CARD"}
PATH = "vi/vi_VN/pair/pair.onnx"


def large_model(folder: Path, name: str = "pair") -> Path:
    """Make the voice of two people, with a model file that comes in many blocks."""
    model = install_pair(folder, name)
    graph = onnx.load(model)
    graph.doc_string = "." * SIZE
    onnx.save(graph, str(model))
    return model


class Site:
    """A machine on which voices are installed."""

    def __init__(self, folder: Path, *urls: str) -> None:
        """Install from ``urls``; be impatient."""
        settings = Catalogue(urls=urls, stall_seconds=0.5, attempts=3, retry_seconds=0.01)
        self.folder = folder
        self.settings = Voice(folder=folder, pieces_folder=folder / "pieces", catalogue=settings)
        self.told: list[int] = []

    @contextmanager
    def progress(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Note what is told."""
        assert name
        assert size > 0
        yield self.told.append

    def install(self, name: str = "pair") -> Manifest:
        """Install a voice."""
        supply = Supply(self.settings)
        return supply.install(supply.find(name), self.progress)

    def files(self) -> set[str]:
        """Return the names of what lies in the folder, hidden files too."""
        return {path.name for path in self.folder.iterdir()} - {"pieces"}
