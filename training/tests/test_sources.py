"""Tests of starting from exported voices."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from tests.support.voices import install_pair
from training import export, sources
from training.config import CONFIGS
from training.phonemes import text_to_ids
from training.prosody import Prosody
from training.terms import Refused
from training.voice_recipe import Voice
from vits_tts.voice.installed import EMBEDDED_FOLDER

NAMES = {"vi_VN-vais1000-compact": 1.08, "vi_VN-lephuong-compact": 1.0}
SMALL = CONFIGS["small"]


def said(model: str | bytes) -> NDArray[np.float32]:
    """Return a sentence that a model speaks without any chance."""
    ids = np.array([text_to_ids("xin chào , việt nam")], dtype=np.int64)
    scales = np.array([0.0, 1.0, 0.0], np.float32)
    inputs = {"input": ids, "input_lengths": np.array([ids.shape[1]]), "scales": scales}
    sound: NDArray[np.float32] = onnxruntime.InferenceSession(model).run(None, inputs)[0].ravel()
    return sound


@pytest.mark.parametrize("name", NAMES)
def test_an_embedded_voice_lends_all_its_weights(name: str, tmp_path: Path) -> None:
    """Networks with the weights of an exported voice are exported as the same voice."""
    source = sources.find(name, tmp_path)
    source.check(SMALL)
    prosody = Prosody(SMALL.prosody_size, SMALL.prosody_blocks, SMALL.prosody_frames, 0.0)
    prosody.load_state_dict(source.weights("prosody"))
    voice = Voice(SMALL)
    voice.load_state_dict(source.weights("voice"))
    again = export.to_onnx(prosody, voice, name, NAMES[name])
    export.halve(again)
    assert np.array_equal(said(str(source.path)), said(again.SerializeToString()))
    assert source.judges(SMALL) is None


def test_a_voice_by_its_folder(tmp_path: Path) -> None:
    """The folder that training writes is found by its model; its terms are those of the JSON."""
    name = "vi_VN-lephuong-compact"
    for suffix in (".onnx", ".onnx.json"):
        shutil.copy(EMBEDDED_FOLDER / f"{name}{suffix}", tmp_path)
    found = sources.find(str(tmp_path), tmp_path / "work")
    assert found.path == tmp_path / f"{name}.onnx"
    described = found.description
    assert (described.name, described.licence, described.sample_rate) == (name, "GPL-3.0", 16_000)
    assert "Lê Hoàng Phương" in (described.attribution or "")


def test_files_that_lend_nothing(tmp_path: Path) -> None:
    """A voice without a licence, of other sizes, or of another program is refused."""
    model, work = tmp_path / "a.onnx", tmp_path / "work"
    shutil.copy(EMBEDDED_FOLDER / "vi_VN-lephuong-compact.onnx", model)
    facts = {"name": "a", "audio": {"sample_rate": 16_000}}
    for manifest in ("", json.dumps(facts), "[]"):
        model.with_suffix(".onnx.json").write_text(manifest)
        with pytest.raises(Refused, match="no name, licence or rate"):
            sources.find(str(model), work)
    model.with_suffix(".onnx.json").write_text(json.dumps(facts | {"licence": {"name": "CC0"}}))
    found = sources.find(str(model), work)
    with pytest.raises(Refused, match="its networks have other sizes; see --config"):
        found.check(CONFIGS["tiny"])
    for broken in (b"no model", model.read_bytes()[:1000]):
        model.write_bytes(broken)
        with pytest.raises(Refused, match="this is no ONNX file"):
            found.check(SMALL)
    other = install_pair(tmp_path / "voices")
    for foreign in (b"", other.read_bytes()):
        model.write_bytes(foreign)
        with pytest.raises(Refused, match="was not made by `python -m training`"):
            found.check(SMALL)
