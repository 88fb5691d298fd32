"""Compiled voices: each is cut and optimised once, and kept in a folder for all processes.

The setting ``voice.pieces_folder`` and log lines call the files of a compiled voice its pieces.

``FOLDER/KEY/`` contains:

- ``text.onnx`` and ``frames-1.onnx``, ``frames-2.onnx``, …: the text stage and the frame stages. A
  voice that cannot be cut has a text stage only.
- ``*.weights``: the weights of each graph. onnxruntime maps these files into memory, so sessions
  and processes share them (https://onnx.ai/onnx/repo-docs/ExternalData.html).
- ``plan.json``: the plan, and the digests of the files above.
- ``loudness-1.json``: the loudness of each speaker, once it is measured.
- ``spoken-VERSION``: an empty file, created when the voice has passed its test.

``KEY`` consists of the voice's digest, the version of this format and the version of onnxruntime,
whose fused operators the graphs contain. Optimisations that depend on the machine's processor are
left out (https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html).

A complete folder gets its name by a rename. If several processes compile a voice at once, the first
rename wins and the other results are deleted.

The digests detect damage, not malice: an attacker who can write a graph can write its digest. So
files are used only if they belong to this user or root and no other user can write them.
"""

import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import onnxruntime
from loguru import logger

from vits_tts.errors import ConfigError
from vits_tts.inference import plan as plans
from vits_tts.inference.plan import Plan, Uncut
from vits_tts.inference.session import Model
from vits_tts.voice.manifest import BOS, EOS, PAD, Manifest, model_of

if TYPE_CHECKING:
    import onnx

FORMAT: Final = 8
"""Increased whenever files or plan change their meaning, or voices are cut at another place."""

_PLAN: Final = "plan.json"
_TEXT: Final = "text.onnx"
_FRAMES: Final = "frames-{}.onnx"
_LOCK: Final = ".replacing"
_LOCKED_SECONDS: Final = 10.0
_LOUDNESS: Final = "loudness-1.json"
"""The number is increased when the sentences or the way of measuring change."""
_SMALL_WEIGHTS: Final = 1024
"""In bytes. Smaller tensors are stored in the graph itself."""
_SPOKEN: Final = f"spoken-{version('vits-tts-vietnamese')}-{version('piper-tts')}"
"""Includes both versions because the phonemes of the test depend on this package and espeak-ng."""
_LOG_FATAL: Final = 4
_TRIED_PHONEMES: Final = 16
_KEPT_SECONDS: Final = 30 * 24 * 3600
_ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class CompiledVoice:
    """The graphs of a voice and the plan that says how to feed them.

    ``frames`` are the stages that each window passes in order; empty if the voice cannot be cut.
    """

    text: Model
    frames: tuple[Model, ...]
    plan: Plan | Uncut

    def nbytes(self, sessions: int = 1) -> int:
        """Return the bytes that ``sessions`` sessions of each graph take.

        Each session has a copy of the text stage's matrices, in a layout of its own. The weights of
        frame stages are mapped from their file once.
        """
        frames = sum(
            _size(stage) * (sessions if isinstance(stage, bytes) else 1) for stage in self.frames
        )
        return sessions * _size(self.text) + frames


def default_folder() -> Path:
    """Return the folder of compiled voices in the user's cache folder.

    Raises:
        ConfigError: the user has no home folder.

    """
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(cache).expanduser() / "vits-tts" / "pieces"
    except RuntimeError:  # neither HOME nor an entry in /etc/passwd
        raise ConfigError(
            "voice.pieces_folder: has to be set where there is no home folder (HOME is not set)"
        ) from None


def load(manifest: Manifest, folder: Path) -> CompiledVoice:
    """Return the compiled voice from ``folder``, compiling and storing it if it is not there.

    If the folder cannot be written, the voice is compiled in memory at each start and a warning is
    logged.
    """
    place = _place(manifest, folder)
    pieces = _read(place)
    if pieces is None:
        models, plan = _cut(manifest)
        try:
            pieces = _store(models, plan, place)
        except OSError as error:
            logger.warning("the voice's pieces cannot be kept: {}", error, voice=manifest.name)
            text, *frames = models.values()
            pieces = CompiledVoice(text, tuple(frames), plan)
    if isinstance(pieces.plan, Uncut):
        logger.info("served whole", voice=manifest.name, reason=pieces.plan.reason)
    return pieces


def has_spoken(manifest: Manifest, folder: Path) -> bool:
    """Return whether the voice has passed its test with the files in ``folder``."""
    place = _place(manifest, folder)
    return (place / _SPOKEN).exists() and not _stranger_at(place)


def remember_spoken(manifest: Manifest, folder: Path) -> None:
    """Record that the voice has passed its test, if its compiled files are stored."""
    with suppress(OSError):
        (_place(manifest, folder) / _SPOKEN).touch(mode=0o644)


def kept_loudness(manifest: Manifest, folder: Path) -> dict[str, float | None]:
    """Return the loudness of the voice's speakers that was measured, in LUFS; None for no speech.

    A damaged or foreign file counts as none.
    """
    place = _place(manifest, folder)
    try:
        kept = json.loads((place / _LOUDNESS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(kept, dict) and not _stranger_at(place)
    values = kept.values() if known else ()
    good = known and all(value is None or isinstance(value, float) for value in values)
    return kept if good else {}


def keep_loudness(manifest: Manifest, folder: Path, loudness: Mapping[str, float | None]) -> None:
    """Keep the loudness of the voice's speakers, if its compiled files are stored."""
    path = _place(manifest, folder) / _LOUDNESS
    draft = path.with_name(f".{_LOUDNESS}-{os.getpid()}")
    with suppress(OSError):
        draft.write_text(json.dumps(dict(loudness)), "utf-8")
        draft.chmod(0o644)
        draft.replace(path)


def forget(digest: str, folder: Path) -> None:
    """Delete the compiled files of a voice."""
    for place in folder.glob(f"{digest}-*"):
        shutil.rmtree(place, ignore_errors=True)


def _place(manifest: Manifest, folder: Path) -> Path:
    return folder / f"{manifest.digest}{_version()}"


def _version() -> str:
    return f"-{FORMAT}-{onnxruntime.__version__}"


def _delete_old(folder: Path) -> None:
    """Delete folders of other versions, and unfinished ones, that are older than a month.

    A server of another version may still use newer ones.
    """
    for place in folder.iterdir():
        with suppress(OSError):
            old = time.time() - place.stat().st_mtime > _KEPT_SECONDS
            if old and (place.name.startswith(".") or not place.name.endswith(_version())):
                shutil.rmtree(place, ignore_errors=True)


def _read(place: Path) -> CompiledVoice | None:
    """Return the voice stored at ``place``; None if missing, incomplete, damaged or untrusted."""
    if reason_for_distrust := _stranger_at(place):
        logger.warning("pieces of a voice are not used: {}", reason_for_distrust)
        return None
    try:
        kept = json.loads((place / _PLAN).read_text("utf-8"))
        plan = plans.loads(kept["plan"])
        digests = kept["digests"]
        for name, digest in digests.items():
            if _digest((place / name).read_bytes()) != digest:
                return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return _from_files(place, digests, plan)


def _stranger_at(place: Path) -> str | None:
    """Return why other users could have written the files at ``place``; None if they could not."""
    if sys.platform == "win32":
        return None
    try:
        paths = [place, *place.iterdir()]
        states = [(path, path.lstat()) for path in paths]
    except OSError:
        return None  # missing or unreadable files are handled by the caller
    for path, status in states:
        if stat.S_ISLNK(status.st_mode):
            return f"{path} is a link"
        if status.st_uid not in {os.geteuid(), _ROOT}:
            return f"{path} belongs to another user"
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"{path} can be written by others"
    return None


def _from_files(place: Path, names: Iterable[str], plan: Plan | Uncut) -> CompiledVoice:
    """Return the voice whose files at ``place`` have these names."""
    frames = sorted(name for name in names if fnmatch(name, _FRAMES.format("*")))
    return CompiledVoice(place / _TEXT, tuple(place / name for name in frames), plan)


def _store(models: dict[str, bytes], plan: Plan | Uncut, place: Path) -> CompiledVoice:
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        for name, model in models.items():
            _write(model, draft / name)
        digests = {path.name: _digest(path.read_bytes()) for path in sorted(draft.iterdir())}
        kept = json.dumps({"plan": plan.dumps(), "digests": digests})
        (draft / _PLAN).write_text(kept, "utf-8")
        _publish(draft, place)
        _delete_old(place.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _from_files(place, models, plan)


def _write(model: bytes, path: Path) -> None:
    """Write a graph to ``path``, and its weights to a file beside it."""
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
    """Return the bytes of a graph with its weights."""
    if isinstance(graph, bytes):
        return len(graph)
    return sum(path.stat().st_size for path in (graph, _weights(graph)) if path.exists())


def _publish(draft: Path, place: Path) -> None:
    """Rename the draft to its place, unless a valid folder exists there; replace a damaged one."""
    draft.chmod(0o755)  # mkdtemp and onnx made folder and files private; other users may read them
    for path in draft.iterdir():
        path.chmod(0o644)
    with suppress(OSError):
        draft.rename(place)
    if draft.exists() and _read(place) is None:
        _replace_damaged(draft, place)


def _replace_damaged(draft: Path, place: Path) -> None:
    """Replace a damaged folder by the draft, if it is still damaged.

    A lock admits one process at a time, so that none removes a folder that another has just
    replaced. A process without the lock may still publish first; its files are equally good.

    Raises:
        OSError: the folder cannot be replaced.

    """
    import portalocker  # noqa: PLC0415  # its import takes long (``file_lock.py``)

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
    """Return the cut and optimised graphs by file name, and the plan."""
    # takes half a second to import, which a start with compiled voices does not need
    import onnx  # noqa: PLC0415

    from vits_tts.inference.graph.streaming.cut import cut  # noqa: PLC0415

    pieces = cut(onnx.load_from_string(model_of(manifest)), tried_ids(manifest))
    names = [_TEXT, *(_FRAMES.format(number) for number, _ in enumerate(pieces.frames, 1))]
    models = map(_optimised, (pieces.text, *pieces.frames))
    return dict(zip(names, models, strict=True)), pieces.plan


def tried_ids(manifest: Manifest) -> Sequence[int]:
    """Return phoneme ids of a test sentence, preferring letters to other symbols of the voice."""
    known = [symbol for symbol in manifest.phoneme_id_map if symbol not in (BOS, EOS, PAD)]
    letters = [symbol for symbol in known if symbol.isalpha()] or known
    ids, _ = manifest.phoneme_ids(letters[:_TRIED_PHONEMES])
    return ids


def _optimised(model: "onnx.ModelProto") -> bytes:
    """Return the graph as onnxruntime optimises it, without optimisations for one processor."""
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
