"""The pieces of a voice: cut once, kept in a folder, opened by every process that needs them.

``FOLDER/KEY/`` holds ``text.onnx``, the stages of the frames, ``frames-1.onnx`` and so on (unless
the voice has no seam), the weights of each beside it, ``plan.json``, which ends with the digests of
these files, and once the voice has spoken an empty file that says so; ``KEY`` is made of the
voice's digest, the version of this format and that of onnxruntime, whose fusions the graphs
contain. Those do not depend on the machine: the
layouts that do are left out
(https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html).

Weights are files of their own since onnxruntime maps those into memory: sessions and processes that
read the same ones share them (https://onnx.ai/onnx/repo-docs/ExternalData.html).

A folder appears under its name only when it is complete, by a rename; of several processes that
cut the same voice at once the first one wins and the others' work is dropped.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import onnxruntime
import portalocker
from loguru import logger

from vits_tts.voice import plan as plans
from vits_tts.voice.manifest import BOS, EOS, PAD, Manifest, model_of
from vits_tts.voice.plan import Plan, Uncut
from vits_tts.voice.session import Model

if TYPE_CHECKING:
    import onnx

FORMAT: Final = 8
"""Raised whenever the pieces or the plan change their meaning, or voices are cut elsewhere."""

_PLAN: Final = "plan.json"
_TEXT: Final = "text.onnx"
_FRAMES: Final = "frames-{}.onnx"
_LOCK: Final = ".replacing"
_LOCKED_SECONDS: Final = 10.0
_SMALL_WEIGHTS: Final = 1024
"""Bytes; what is smaller stays in the graph."""
_SPOKEN: Final = f"spoken-{version('vits-tts-vietnamese')}-{version('piper-tts')}"
"""Of this version and with this espeak-ng, on which depend the phonemes that a voice is given."""
_LOG_FATAL: Final = 4
_TRIED_PHONEMES: Final = 16
_KEPT_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Pieces:
    """A voice's graphs and how to feed them.

    ``frames`` are the stages that a window passes, none where there is no seam.
    """

    text: Model
    frames: tuple[Model, ...]
    plan: Plan | Uncut

    def nbytes(self, sessions: int = 1) -> int:
        """Return what so many sessions of each hold.

        Each keeps the text's matrices in an order of its own; the frames' weights are mapped once,
        if they are in a file.
        """
        frames = sum(
            _size(stage) * (sessions if isinstance(stage, bytes) else 1) for stage in self.frames
        )
        return sessions * _size(self.text) + frames


def default_folder() -> Path:
    """Return where pieces are kept unless told otherwise: the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "vits-tts" / "pieces"


def load(manifest: Manifest, folder: Path) -> Pieces:
    """Return a voice's pieces, from ``folder`` if they are there; cut and keep them if not.

    A folder that cannot be written is no error: the pieces are then made in memory, every time.
    """
    place = _place(manifest, folder)
    pieces = _read(place)
    if pieces is None:
        models, plan = _cut(manifest)
        try:
            pieces = _keep(models, plan, place)
        except OSError as error:
            logger.warning("the voice's pieces cannot be kept: {}", error, voice=manifest.name)
            text, *frames = models.values()
            pieces = Pieces(text, tuple(frames), plan)
    if isinstance(pieces.plan, Uncut):
        logger.info("served whole", voice=manifest.name, reason=pieces.plan.reason)
    return pieces


def has_spoken(manifest: Manifest, folder: Path) -> bool:
    """Return whether a voice has spoken with what ``folder`` keeps of it."""
    return (_place(manifest, folder) / _SPOKEN).exists()


def remember_spoken(manifest: Manifest, folder: Path) -> None:
    """Keep that a voice has spoken, if its pieces are kept."""
    with suppress(OSError):
        (_place(manifest, folder) / _SPOKEN).touch()


def forget(digest: str, folder: Path) -> None:
    """Drop what is kept of a voice."""
    for place in folder.glob(f"{digest}-*"):
        shutil.rmtree(place, ignore_errors=True)


def _place(manifest: Manifest, folder: Path) -> Path:
    return folder / f"{manifest.digest}{_version()}"


def _version() -> str:
    return f"-{FORMAT}-{onnxruntime.__version__}"


def _tidy(folder: Path) -> None:
    """Drop what other versions of this program left, and what was never finished, after a month.

    Sooner, a server that has not been replaced yet might want it.
    """
    for place in folder.iterdir():
        with suppress(OSError):
            old = time.time() - place.stat().st_mtime > _KEPT_SECONDS
            if old and (place.name.startswith(".") or not place.name.endswith(_version())):
                shutil.rmtree(place, ignore_errors=True)


def _read(place: Path) -> Pieces | None:
    """Return what is kept at ``place``; None if it is missing, incomplete or damaged."""
    try:
        kept = json.loads((place / _PLAN).read_text("utf-8"))
        plan = plans.loads(kept["plan"])
        digests = kept["digests"]
        for name, digest in digests.items():
            if _digest((place / name).read_bytes()) != digest:
                return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return _at(place, digests, plan)


def _at(place: Path, names: Iterable[str], plan: Plan | Uncut) -> Pieces:
    """Return the pieces among files of these names."""
    frames = sorted(name for name in names if fnmatch(name, _FRAMES.format("*")))
    return Pieces(place / _TEXT, tuple(place / name for name in frames), plan)


def _keep(models: dict[str, bytes], plan: Plan | Uncut, place: Path) -> Pieces:
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        for name, model in models.items():
            _write(model, draft / name)
        digests = {path.name: _digest(path.read_bytes()) for path in sorted(draft.iterdir())}
        kept = json.dumps({"plan": plan.dumps(), "digests": digests})
        (draft / _PLAN).write_text(kept, "utf-8")
        _publish(draft, place)
        _tidy(place.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _at(place, models, plan)


def _write(model: bytes, path: Path) -> None:
    """Write a graph, and its weights beside it."""
    import onnx  # noqa: PLC0415  # as in _cut

    graph = onnx.load_from_string(model)
    onnx.save(
        graph,
        str(path),
        save_as_external_data=True,
        location=_weights(path).name,
        size_threshold=_SMALL_WEIGHTS,
    )


def _weights(graph: Path) -> Path:
    return graph.with_suffix(".weights")


def _size(graph: Model) -> int:
    """Return the bytes of a graph and its weights."""
    if isinstance(graph, bytes):
        return len(graph)
    return sum(path.stat().st_size for path in (graph, _weights(graph)) if path.exists())


def _publish(draft: Path, place: Path) -> None:
    """Rename the finished folder into its place, unless others did; over a damaged one."""
    draft.chmod(0o755)  # others may share it; mkdtemp made it private, onnx its files
    for path in draft.iterdir():
        path.chmod(0o644)
    with suppress(OSError):
        draft.rename(place)
    if draft.exists() and _read(place) is None:
        _replace_damaged(draft, place)


def _replace_damaged(draft: Path, place: Path) -> None:
    """Put the finished folder where a damaged one is, if it still is.

    One process at a time: another would take away what the one before it has put there. One that
    never saw the damage may still be first where the damaged one was; its pieces are as good.

    Raises:
        OSError: it cannot be done.

    """
    try:
        with portalocker.Lock(place.parent / _LOCK, timeout=_LOCKED_SECONDS):
            if _read(place) is not None:
                return
            with tempfile.TemporaryDirectory(prefix=".damaged.", dir=place.parent) as rubbish:
                with suppress(FileNotFoundError):
                    place.rename(Path(rubbish) / "pieces")
                with suppress(OSError):
                    draft.rename(place)
    except portalocker.exceptions.LockException as error:
        raise OSError(f"{place.parent / _LOCK} cannot be locked: {error}") from error
    if _read(place) is None:
        raise OSError(f"{place} cannot be replaced")


def _cut(manifest: Manifest) -> tuple[dict[str, bytes], Plan | Uncut]:
    """Cut the voice and optimise its pieces: the text's, then those of the frames."""
    import onnx  # noqa: PLC0415  # half a second that a start with the pieces at hand does not need

    from vits_tts.voice.cutting.cut import cut  # noqa: PLC0415

    pieces = cut(onnx.load_from_string(model_of(manifest)), tried_ids(manifest))
    names = [_TEXT, *(_FRAMES.format(number) for number, _ in enumerate(pieces.frames, 1))]
    models = map(_optimised, (pieces.text, *pieces.frames))
    return dict(zip(names, models, strict=True)), pieces.plan


def tried_ids(manifest: Manifest) -> Sequence[int]:
    """Return a sentence to try the voice with: some of its phonemes, letters rather than marks."""
    known = [symbol for symbol in manifest.phoneme_id_map if symbol not in (BOS, EOS, PAD)]
    letters = [symbol for symbol in known if symbol.isalpha()] or known
    ids, _ = manifest.phoneme_ids(letters[:_TRIED_PHONEMES])
    return ids


def _optimised(model: "onnx.ModelProto") -> bytes:
    """Fold and fuse what can be, on any machine alike."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _LOG_FATAL
        options.intra_op_num_threads = 1
        level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.graph_optimization_level = level
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return path.read_bytes()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
