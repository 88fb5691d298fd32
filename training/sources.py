"""The voice that training starts from: a work folder, or a voice that was exported."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from training import description
from training.config import Config
from training.description import Description
from training.files import checkpoint
from training.prosody import Prosody
from training.terms import JUDGES, SIZES, Refused
from training.voice_recipe import Voice
from vits_tts.voice.installed import EMBEDDED_FOLDER

_UNNAMED = "decoder.hidden.weight"
"""The only linear layer without a bias."""


class Source(Protocol):
    """A voice whose weights another one starts from."""

    path: Path
    description: Description

    def check(self, config: Config) -> None:
        """Check that the networks are trained, and have the sizes of ``config``.

        Raises:
            Refused: they are not, or have other sizes.

        """

    def weights(self, stage: str) -> dict[str, Tensor]:
        """Return the weights of the stage ``prosody`` or ``voice``."""

    def judges(self, config: Config) -> dict[str, Tensor] | None:
        """Return the weights of the adversaries; None if there are none of the sizes."""


class WorkFolder:
    """A voice in the folder of its training."""

    def __init__(self, path: Path, described: Description) -> None:
        """Keep the folder and the description that was read from it."""
        self.path, self.description = path, described

    def check(self, config: Config) -> None:
        """Check that the networks are trained to their ends, and have the sizes of ``config``.

        Raises:
            Refused: they are not, or have other sizes.

        """
        for stage, length in {"prosody": "prosody_steps", "voice": "steps"}.items():
            try:
                state = checkpoint(self.path, stage)
            except FileNotFoundError:
                raise Refused(
                    f"--start-from {self.path}: {stage} has not been trained there"
                ) from None
            if state["step"] < state["config"][length]:
                raise Refused(f"--start-from {self.path}: {stage} is not trained to its end there")
            for size in SIZES:
                if state["config"][size] != getattr(config, size):
                    raise Refused(
                        f"--start-from {self.path}: its networks have other sizes ({size} is "
                        f"{state['config'][size]}, not {getattr(config, size)}); see --config"
                    )

    def weights(self, stage: str) -> dict[str, Tensor]:
        """Return the averaged weights of the stage ``prosody`` or ``voice``."""
        found: dict[str, Tensor] = self._state(stage)["average"]
        return found

    def judges(self, config: Config) -> dict[str, Tensor] | None:
        """Return the weights of the adversaries; None if they have other sizes."""
        state, now = self._state("voice"), asdict(config)
        same = all(now[key] == state["config"][key] for key in JUDGES)
        return state["judges"] if same else None

    def _state(self, stage: str) -> dict[str, Any]:
        state: dict[str, Any] = torch.load(
            self.path / stage / "last.pt", map_location="cpu", weights_only=False
        )
        return state


class Exported:
    """A voice in Piper's format that :mod:`training.export` wrote. It has no adversaries."""

    def __init__(self, path: Path) -> None:
        """Read the manifest beside the ``.onnx`` file at ``path``.

        Raises:
            Refused: it has none, or one that does not state the licence.

        """
        self.path = path
        try:
            manifest: dict[str, Any] = json.loads(
                path.with_suffix(".onnx.json").read_text(encoding="utf-8")
            )
            licence = manifest["licence"]
            self.description = Description(
                name=manifest["name"],
                licence=licence["name"],
                licence_url=licence.get("url"),
                attribution=licence.get("attribution"),
                dataset=manifest.get("dataset", ""),
                sample_rate=manifest["audio"]["sample_rate"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(
                f"--start-from {path}: its .onnx.json has no name, licence or rate ({error!r:.80})"
            ) from None

    def check(self, config: Config) -> None:
        """Check that the voice was exported from networks with the sizes of ``config``.

        Raises:
            Refused: it was not.

        """
        prosody = Prosody(config.prosody_size, config.prosody_blocks, config.prosody_frames, 0.0)
        try:
            prosody.load_state_dict(self.weights("prosody"))
            Voice(config).load_state_dict(self.weights("voice"))
        except ValueError as error:
            raise Refused(f"--start-from {self.path}: {error}") from None
        except RuntimeError:  # it names every layer
            raise Refused(
                f"--start-from {self.path}: its networks have other sizes; see --config"
            ) from None

    def weights(self, stage: str) -> dict[str, Tensor]:
        """Return the weights of the stage ``prosody`` or ``voice``.

        Raises:
            ValueError: the graph has other layers.

        """
        found = _parameters(self._graph())
        parts = ("prosody.",) if stage == "prosody" else ("acoustic.", "decoder.")
        return {
            name.removeprefix("prosody."): torch.from_numpy(values.copy())
            for name, values in found.items()
            if name.startswith(parts)
        }

    def judges(self, config: Config) -> None:
        """Return None."""

    def _graph(self) -> onnx.GraphProto:
        try:
            return onnx.load(self.path).graph
        except DecodeError as error:
            raise ValueError(f"this is no ONNX file ({error})") from None


def _parameters(graph: onnx.GraphProto) -> dict[str, Any]:
    """Return the arrays of a voice's graph by the names that they have in the networks.

    The graph keeps these names but for the weights of linear layers, which it stores transposed.
    Those are found by the bias that is added to their product.

    Raises:
        ValueError: there are other products than those of one voice.

    """
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:  # widened from 16 bits
            stored[node.output[0]] = stored.pop(node.input[0]).astype("float32")
    products = {
        node.output[0]: node.input[1]
        for node in graph.node
        if node.op_type == "MatMul" and "MatMul_" in node.input[1] and node.input[1] in stored
    }
    found = {}
    for node in graph.node:
        for bias, product in (node.input, reversed(node.input)) if node.op_type == "Add" else ():
            if product in products and bias.endswith(".bias"):
                found[bias.removesuffix("bias") + "weight"] = stored.pop(products.pop(product)).T
    if len(products) != 1:
        raise ValueError("this voice was not made by `python -m training`")
    (hidden,) = products.values()
    found[f"renderer/{_UNNAMED}"] = stored.pop(hidden).T
    return {name.partition("/")[2]: values for name, values in (stored | found).items()}


def find(named: str, work: Path) -> Source:
    """Return the voice at a path, or the embedded voice of that name, for training in ``work``.

    Raises:
        Refused: there is none, it does not state its licence, or it is the one in ``work``.

    """
    path = Path(named)
    if path.resolve() == work.resolve():
        raise Refused("--start-from and --work are the same folder")
    if path.is_file():
        return Exported(path)
    try:
        described = description.load(path)
    except ValueError as error:
        raise Refused(f"--start-from: {error}") from None
    if described:
        return WorkFolder(path, described)
    models = sorted(path.glob("*.onnx"))
    if len(models) == 1:
        return Exported(models[0])
    embedded = {one.stem: one for one in EMBEDDED_FOLDER.glob("*.onnx")}
    if named in embedded:
        return Exported(embedded[named])
    raise Refused(
        f"--start-from {named}: neither the work folder of a voice, with a description.json that "
        "states its licence, nor an .onnx file or a folder with one, nor an embedded voice's name"
    )
