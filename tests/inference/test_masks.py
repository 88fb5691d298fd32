"""Masks of the text stage are removed only where they have no effect."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vits_tts.inference.graph.passes.masks import without_masks
from vits_tts.inference.graph.passes.optimize import fold

IDS = [5, 9, 3, 7]
LENGTH_MASK = [
    ("Shape", ["input"], "shape"),
    ("Gather", ["shape", "one"], "n"),
    ("Range", ["zero", "n", "one"], "places"),
    ("Less", ["places", "input_lengths"], "within"),
]


def model(*nodes: tuple[str, list[str], str]) -> onnx.ModelProto:
    """Return a text stage of these nodes; the output is that of the last node."""
    made = [helper.make_node(op, ins, [out]) for op, ins, out in nodes]
    for node in made:
        if node.op_type == "Cast":
            node.attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
    info = helper.make_tensor_value_info
    inputs = [
        info("input", TensorProto.INT64, [1, "n"]),
        info("input_lengths", TensorProto.INT64, [1]),
        info("scales", TensorProto.FLOAT, [3]),
    ]
    constants = [
        numpy_helper.from_array(np.array(0), "zero"),
        numpy_helper.from_array(np.array(1), "one"),
        numpy_helper.from_array(np.array(-1e4, np.float32), "far"),
        numpy_helper.from_array(np.ones((3, 1), np.float32), "rows"),
    ]
    outputs = [onnx.ValueInfoProto(name=nodes[-1][2])]
    graph = helper.make_graph(made, "text", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def folded(*nodes: tuple[str, list[str], str]) -> list[str]:
    """Return the remaining operators."""
    made = fold(model(*nodes), (), IDS, [without_masks])
    assert [item.name for item in made.graph.input] == ["input", "input_lengths", "scales"]
    return [node.op_type for node in made.graph.node]


def test_products_with_a_mask_of_the_length_are_left_out() -> None:
    """Products with a mask of the length are removed together with the mask, on either side."""
    left = folded(
        *LENGTH_MASK,
        ("Cast", ["within"], "mask"),
        ("Cast", ["input"], "sounds"),
        ("Mul", ["sounds", "mask"], "one_side"),
        ("Mul", ["mask", "one_side"], "other_side"),
        ("Neg", ["other_side"], "out"),
    )
    assert left == ["Cast", "Neg"]


def test_choices_that_are_always_the_same_are_left_out() -> None:
    """Choices with a constant condition are removed, such as the masking of attention."""
    left = folded(
        *LENGTH_MASK,
        ("Not", ["within"], "beyond"),
        ("Cast", ["input"], "sounds"),
        ("Where", ["beyond", "far", "sounds"], "seen"),
        ("Where", ["within", "seen", "far"], "out_of_these"),
        ("Neg", ["out_of_these"], "out"),
    )
    assert left == ["Cast", "Neg"]


def test_what_depends_on_the_phonemes_stays() -> None:
    """A factor that depends on the phonemes stays, even if it is 1 in every trial."""
    mask = [("Greater", ["input", "zero"], "spoken"), ("Cast", ["spoken"], "mask")]
    sounds = ("Cast", ["input"], "sounds")
    product = ("Mul", ["sounds", "mask"], "product")
    assert "Mul" in folded(*mask, sounds, product, ("Neg", ["product"], "out"))
    choice = ("Where", ["spoken", "sounds", "far"], "chosen")
    assert "Where" in folded(*mask[:1], sounds, choice, ("Neg", ["chosen"], "out"))


def test_a_product_that_makes_a_tensor_larger_stays() -> None:
    """A product with ones that broadcasts its other factor stays, because it is not a mask."""
    mask = [*LENGTH_MASK, ("Cast", ["within"], "mask")]
    larger = ("Mul", ["mask", "rows"], "many")
    assert "Mul" in folded(*mask, larger, ("Neg", ["many"], "out"))


def test_an_output_that_is_masked_keeps_its_name() -> None:
    """A masked output keeps its name, so that its readers find it."""
    made = fold(
        model(
            *LENGTH_MASK,
            ("Cast", ["within"], "mask"),
            ("Cast", ["input"], "sounds"),
            ("Mul", ["sounds", "mask"], "out"),
        ),
        (),
        IDS,
        [without_masks],
    )
    assert [item.name for item in made.graph.output] == ["out"]
    assert made.graph.node[-1].output[0] == "out"
