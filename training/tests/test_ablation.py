"""Tests of voices in parts, and of sounds made from them and from recordings."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from training import ablation, dissected, finish
from training.dissected import Dissected
from training.signal import NUM_MELS, log_mel
from training.speaker import Speaker
from training.tests.test_measures import tone

VOICE = Path("src/vits_tts/voice/data/vi_VN-vais1000-compact.onnx")
TEXT = "xin chào"


@pytest.fixture(scope="module")
def voice() -> Dissected:
    """Return the embedded voice."""
    return Dissected(VOICE)


def test_a_cut_graph_asks_for_what_it_needs() -> None:
    """A part of a graph starts at an inner tensor, and cannot be made without its inputs."""
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("a", "b", "d")]
    nodes = [
        helper.make_node("Exp", ["a"], ["c"]),
        helper.make_node("Add", ["c", "b"], ["d"]),
    ]
    graph = helper.make_graph(nodes, "sums", values[:2], values[2:])
    part = dissected.cut(graph, ["c", "b"], ["d"])
    assert [node.op_type for node in part.node] == ["Add"]
    with pytest.raises(ValueError, match="without a"):
        dissected.cut(graph, ["b"], ["d"])


def test_parts_make_the_sound_of_the_whole(voice: Dissected) -> None:
    """The two halves of a voice, without random numbers, sound exactly as the whole does."""
    whole = Speaker(VOICE)
    whole.manifest["inference"] = {"noise_scale": 0.0, "length_scale": 1.0, "noise_w": 0.0}
    feeds = voice._feeds(TEXT, np.float32(1.0))
    durations = voice.run(feeds, [voice.seams["durations"]])[0]
    frames = voice.frames(TEXT, durations, np.float32(1.0))
    noise = np.zeros((1, frames.shape[1], 642), np.float32)
    np.testing.assert_allclose(voice.sound(frames, noise), whole(TEXT), atol=1e-6)


def test_timing_and_pitch_can_be_given(voice: Dissected) -> None:
    """Given durations last as long as they say, and a given pitch is that of the pulses."""
    found = voice.durations(TEXT, np.random.default_rng(0))
    durations = np.full(len(found), 7.0, np.float32)
    frames = 7 * len(found)
    pitch = (np.full(frames, np.log(250.0), np.float32), np.ones(frames, np.float32))
    result = voice.frames(TEXT, durations, dissected.whole_scale(), pitch)
    assert result.shape[1] == frames
    assert result[0, :, NUM_MELS + 1] == pytest.approx(1.0)
    assert result[0, :, NUM_MELS + 2] == pytest.approx(250.0, rel=1e-4)
    other = voice.frames(TEXT, durations, dissected.whole_scale())
    assert other.shape == result.shape
    assert not np.allclose(other[0, :, :NUM_MELS], result[0, :, :NUM_MELS])


def test_another_mel_takes_the_place_of_the_predicted(voice: Dissected) -> None:
    """A mel that is given replaces the predicted one, and its hidden vectors with it."""
    durations = voice.durations(TEXT, np.random.default_rng(0))
    frames = voice.frames(TEXT, durations, np.float32(1.0))
    mel = np.zeros((frames.shape[1], NUM_MELS), np.float32)
    changed = dissected.with_mel(frames, mel)
    assert not changed[0, :, :NUM_MELS].any()
    assert not changed[0, :, NUM_MELS + 4 :].any()
    np.testing.assert_array_equal(
        changed[0, :, NUM_MELS : NUM_MELS + 4], frames[0, :, NUM_MELS : NUM_MELS + 4]
    )
    assert dissected.with_mel(frames, mel, keep_hidden=True)[0, :, NUM_MELS + 4 :].any()


def test_magnitudes_and_phases_are_exchanged() -> None:
    """A sound with its own phases is itself; a loud one's with a soft one's phases stays loud."""
    one, other = tone(1.0, 220.0), tone(1.0, 330.0, 0.03)
    np.testing.assert_allclose(ablation.exchanged(one, one), one, atol=1e-4)
    mixed = ablation.exchanged(one, other)
    assert np.abs(np.fft.rfft(mixed)).argmax() == pytest.approx(220, abs=15)


def test_griffin_and_lim_keep_the_mel() -> None:
    """The sound made from a mel alone has that mel, near enough."""
    mel = log_mel(torch.from_numpy(tone(1.0, 400.0).astype(np.float32))[None])[0].numpy()
    sound = ablation.griffin_lim(mel, np.random.default_rng(0))
    again = log_mel(torch.from_numpy(sound)[None])[0].numpy()
    loud = mel > mel.max() - 3.0
    assert np.abs(again - mel)[loud].mean() < 0.5


def test_changes_of_mels_do_what_they_say() -> None:
    """Smoothing lessens differences in time; contrast enlarges those from the mean and in bands."""
    mel = np.random.default_rng(0).normal(-2.0, 1.0, (50, NUM_MELS)).astype(np.float32)
    assert finish.smoothed(mel, 5).std() < 0.6 * mel.std()
    for wider, sharper in ((0.2, 0.0), (0.0, 0.3)):
        matrix, offset = finish.contrast(mel, wider, sharper)
        changed = mel @ matrix + offset
        assert changed.std() > 1.1 * mel.std()
        power = [np.exp(2.0 * some).mean(0) for some in (mel, changed)]
        np.testing.assert_allclose(power[0], power[1], rtol=1e-4)


def test_contrast_goes_into_the_weights(voice: Dissected, tmp_path: Path) -> None:
    """A changed voice predicts the mel that the change would make, and all else as before."""
    path = tmp_path / "voice.onnx"
    model = onnx.load(VOICE)
    del model.metadata_props[:]  # the embedded voice is marked as changed
    onnx.save(model, path)
    matrix, offset = finish.contrast(voice.example, 0.2, 0.15)
    finish.finish(path, 0.2, 0.15)
    durations = voice.durations(TEXT, np.random.default_rng(0))
    before = voice.frames(TEXT, durations, np.float32(1.0))[0]
    after = Dissected(path).frames(TEXT, durations, np.float32(1.0))[0]
    wanted = before[:, :NUM_MELS] @ matrix + offset
    np.testing.assert_allclose(after[:, :NUM_MELS], wanted, atol=0.02)
    np.testing.assert_array_equal(after[:, NUM_MELS:], before[:, NUM_MELS:])
    for changed in (path.read_bytes(), VOICE.read_bytes()):
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="already"):
            finish.finish(path)


def test_the_table_compares_the_same_clips() -> None:
    """A clip that was not measured under every condition counts in none."""
    rows: dict[str, dict[str, dict[str, Any]]] = {
        "natural": {"1": {"nisqa": 4.0}, "2": {"nisqa": 3.0}, "3": {"nisqa": 1.0}},
        "voice": {"1": {"nisqa": 3.0}, "2": {"nisqa": 3.0}},
    }
    lines = ablation.table(rows).splitlines()
    assert lines[0] == "| condition | NISQA (2 clips) |"
    assert lines[2:] == ["| natural | 3.50 ± 0.50 |", "| voice | 3.00 ± 0.00 |"]
    assert ablation.table(rows, "natural").splitlines()[2:] == ["| voice | -0.50 ± 0.50 |"]


def test_results_are_kept(tmp_path: Path) -> None:
    """The next run of a command does not measure the same figures again."""
    results = ablation.Results(tmp_path / "measured.json")
    results.add("natural", "1", {"distillmos": 4.0})
    again = ablation.Results(tmp_path / "measured.json")
    assert again.missing("natural", "1", ["naturalness", "heard"]) == ["heard"]
    assert again.missing("natural", "2", ["naturalness"]) == ["naturalness"]
