"""A machine on which voices are installed from a catalogue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx

from tests.support.voices import install_pair
from vits_tts.catalogue import VoiceCatalogue
from vits_tts.config import Catalogue, Voice
from vits_tts.voice.manifest import Manifest

SIZE = 300_000
CUT = 120_000
WHOLE = {"pair.onnx", "pair.onnx.json", "pair.MODEL_CARD"}
PATH = "vi/vi_VN/pair/pair.onnx"


def large_model(folder: Path, name: str = "pair") -> Path:
    """Make the voice with two speakers, with a model file of many blocks."""
    model = install_pair(folder, name)
    graph = onnx.load(model)
    graph.doc_string = "." * SIZE
    onnx.save(graph, str(model))
    return model


class Site:
    """A machine on which voices are installed."""

    def __init__(self, folder: Path, *urls: str) -> None:
        """Install from ``urls``, with short timeouts."""
        settings = Catalogue(urls=urls, stall_seconds=0.5, attempts=3, retry_seconds=0.01)
        self.folder = folder
        self.settings = Voice(folder=folder, pieces_folder=folder / "pieces", catalogue=settings)
        self.told: list[int] = []

    @contextmanager
    def progress(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Store the reported progress."""
        assert name
        assert size > 0
        yield self.told.append

    def install(self, name: str = "pair") -> Manifest:
        """Install a voice."""
        supply = VoiceCatalogue(self.settings)
        return supply.install(supply.find(name), self.progress)

    def files(self) -> set[str]:
        """Return the names of all files in the folder, including hidden ones."""
        return {path.name for path in self.folder.iterdir()} - {"pieces"}
