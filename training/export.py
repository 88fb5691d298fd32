"""Export trained networks to one ONNX file with Piper's interface, and its JSON."""

import argparse
import dataclasses
import json
import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from training import description
from training.config import Config
from training.description import Description
from training.phonemes import ESPEAK_VOICE, NUM_SYMBOLS, PHONEME_ID_MAP, text_to_ids
from training.prosody import Prosody
from training.voice import Encoder, Renderer, context
from training.voice_recipe import Voice

OPSET = 20
_LOG = logging.getLogger("export")


def load_prosody(work: Path) -> tuple[Prosody, Config]:
    """Load the trained prosody network (its averaged weights) and its configuration.

    Raises:
        SystemExit: it has not been trained to its end.
    """
    weights, config = _load(work, "prosody", "prosody_steps")
    prosody = Prosody(config.prosody_size, config.prosody_blocks, config.prosody_frames, 0.0)
    prosody.load_state_dict(weights)
    return prosody.eval(), config


def load_networks(work: Path, *, early: bool = False) -> tuple[Prosody, Voice, Config]:
    """Load both trained networks (their averaged weights) and the sizes of the voice.

    ``early`` allows a voice whose training has not come to its end.

    Raises:
        SystemExit: one of them has not been trained to its end.
    """
    prosody, _ = load_prosody(work)
    weights, config = _load(work, "voice", "steps", early=early)
    voice = Voice(config)
    voice.load_state_dict(weights)
    return prosody, voice.eval(), config


def _load(
    work: Path, stage: str, length: str, *, early: bool = False
) -> tuple[dict[str, torch.Tensor], Config]:
    state = torch.load(work / stage / "last.pt", map_location="cpu", weights_only=False)
    fields = {field.name for field in dataclasses.fields(Config)}
    config = Config(**{k: v for k, v in state["config"].items() if k in fields})
    wanted = getattr(config, length)
    _LOG.info("%s: step %d of %d", stage, state["step"], wanted)
    if state["step"] < wanted and not early:
        raise SystemExit(f"{stage} is not trained to its end: go on with training.train")
    return state["average"], config


def to_onnx(prosody: Prosody, voice: Voice, name: str, tempo: float = 1.0) -> onnx.ModelProto:
    """Return the voice as one graph whose seam tensors are called ``frames`` and ``noise``."""
    encoder, renderer = Encoder(prosody, voice, tempo).eval(), Renderer(voice).eval()
    ids = torch.tensor([text_to_ids("xin chào , việt nam")])
    scales = torch.tensor([0.667, 1.0, 0.8])
    with (
        torch.no_grad(),
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # the exporter warns of its own age, and of slices
        lengths = torch.tensor([ids.shape[1]])
        frames, noise = encoder(ids, lengths, scales)
        torch.onnx.export(
            encoder,
            (ids, lengths, scales),
            f"{folder}/encoder.onnx",
            input_names=["input", "input_lengths", "scales"],
            output_names=["frames", "noise"],
            dynamic_axes={"input": {1: "phonemes"}, "frames": {1: "time"}, "noise": {1: "time"}},
            opset_version=OPSET,
            dynamo=False,
        )
        torch.onnx.export(
            renderer,
            (frames, noise),
            f"{folder}/renderer.onnx",
            input_names=["frames", "noise"],
            output_names=["output"],
            dynamic_axes={"frames": {1: "time"}, "noise": {1: "time"}, "output": {3: "samples"}},
            opset_version=OPSET,
            dynamo=False,
        )
        front, back = (onnx.load(f"{folder}/{part}.onnx") for part in ("encoder", "renderer"))
    for part, prefix, keep in ((front, "encoder", 2), (back, "renderer", 1)):
        _rename(part.graph, prefix, keep)
    merged = onnx.compose.merge_models(
        front, back, io_map=[("frames", "frames"), ("noise", "noise")], name=name
    )
    merged.producer_name = "vits-tts-vietnamese"
    return merged


def _rename(graph: onnx.GraphProto, prefix: str, outputs: int) -> None:
    """Add a prefix to every inner name of ``graph``, so that two graphs can be joined."""
    if len(graph.output) != outputs:
        raise ValueError(f"{prefix}: want {outputs} outputs, got {len(graph.output)}")
    public = {value.name for value in [*graph.input, *graph.output]}

    def new(name: str) -> str:
        return name if not name or name in public else f"{prefix}/{name.lstrip('/')}"

    for number, node in enumerate(graph.node):
        node.name = f"{prefix}/{number}/{node.op_type}"
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]
    for tensor in graph.initializer:
        tensor.name = new(tensor.name)
    del graph.value_info[:]


def halve(model: onnx.ModelProto, smallest: int = 512) -> None:
    """Store large float tensors in 16 bits, widened by Cast nodes."""
    graph, casts = model.graph, []
    for index, tensor in enumerate(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < smallest:
            continue
        stored = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}/16")
        casts.append(helper.make_node("Cast", [stored.name], [tensor.name], to=TensorProto.FLOAT))
        graph.initializer[index].CopyFrom(stored)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])


def manifest(described: Description, config: Config) -> dict[str, Any]:
    """Return the voice's JSON: Piper's keys, and a few that Piper does not read."""
    framing = config.framing
    licence = {"name": described.licence, "url": described.licence_url}
    if described.attribution:
        licence["attribution"] = described.attribution
    return {
        "name": described.name,
        "audio": {"sample_rate": framing.sample_rate, "quality": described.quality},
        "espeak": {"voice": ESPEAK_VOICE},
        "phoneme_type": "espeak",
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "num_symbols": NUM_SYMBOLS,
        "num_speakers": 1,
        "speaker_id_map": {},
        "phoneme_id_map": PHONEME_ID_MAP,
        "phoneme_map": {},
        "hop_length": framing.hop_length,
        "piper_version": "1.0.0",
        "language": {
            "code": "vi_VN",
            "family": "vi",
            "region": "VN",
            "name_native": "Tiếng Việt",
            "name_english": "Vietnamese",
            "country_english": "Vietnam",
        },
        "dataset": described.dataset,
        "licence": licence,
        "streaming": {
            "tensors": ["frames", "noise"],
            "axis": 1,
            "context": context(config.decoder_blocks),
            "hop_length": framing.hop_length,
        },
    }


def export(work: Path, output: Path, *, early: bool = False) -> Path:
    """Write ``NAME.onnx`` and ``NAME.onnx.json`` into ``output``; return the model's path.

    ``early`` allows a voice whose last network has not been trained to its end.

    Raises:
        SystemExit: a network has not been trained to its end.

    """
    described = description.load(work) or description.EMBEDDED
    prosody, voice, config = load_networks(work, early=early)
    model = to_onnx(prosody, voice, described.name, described.tempo)
    halve(model)
    onnx.checker.check_model(model)
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{described.name}.onnx"
    text = json.dumps(manifest(described, config), ensure_ascii=False, indent=1)
    path.with_suffix(".onnx.json").write_text(text + "\n", encoding="utf-8")
    partial = path.with_suffix(".partial")
    onnx.save(model, partial)
    partial.replace(path)
    _LOG.info("%s: %.1f MB, %d nodes", path, path.stat().st_size / 1e6, len(model.graph.node))
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Export the voice of a work folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with both checkpoints")
    parser.add_argument("--output", type=Path, default=Path("src/vits_tts/voice/data"))
    parser.add_argument("--early", action="store_true", help="before the last training has ended")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    export(options.work, options.output, early=options.early)


if __name__ == "__main__":
    main()
