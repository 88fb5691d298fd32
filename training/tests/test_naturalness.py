"""Tests of the models that judge speech."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training import listening, naturalness
from training.figures import heard, summary
from training.tests.test_measures import tone


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Return a folder with untrained, small models in the format of NISQA's weights."""
    library = pytest.importorskip("nisqa.NISQA_lib")
    sizes = {"ms_seg_length": 15, "ms_n_mels": 48, "td": "self_att", "td_2": "skip", "pool": "att"}
    sizes |= {"cnn_c_out_1": 4, "cnn_c_out_2": 4, "cnn_c_out_3": 4, "td_sa_num_layers": 1}
    torch.manual_seed(0)
    model = library.NISQA(**sizes)
    spectrum: dict[str, Any] = {
        "ms_sr": None,
        "ms_fmax": 20_000,
        "ms_n_fft": 4096,
        "ms_hop_length": 0.01,
        "ms_win_length": 0.02,
        "ms_seg_hop_length": 4,
    }
    state = {"args": sizes | spectrum, "model_state_dict": model.state_dict()}
    for name in naturalness.WEIGHTS.values():
        torch.save(state, tmp_path / name)
    return tmp_path


def test_scores_do_not_depend_on_the_level(weights: Path) -> None:
    """All three judges give a sound the same score at half its level, and others to noise."""
    sound = tone(1.0) * np.linspace(0.2, 1.0, 16_000)
    scores = naturalness.naturalness(sound, weights)
    assert set(scores) == set(naturalness.NAMES)
    assert naturalness.naturalness(0.5 * sound, weights) == pytest.approx(scores, abs=0.01)
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    others = naturalness.naturalness(noise, weights)
    assert all(abs(others[name] - scores[name]) > 1e-4 for name in scores)
    assert 1.0 <= scores["distillmos"] <= 5.0


def test_missing_weights_are_told(tmp_path: Path) -> None:
    """Without NISQA's weights, the file that is missing is named."""
    with pytest.raises(FileNotFoundError, match=r"nisqa_tts\.tar"):
        naturalness.naturalness(tone(1.0), tmp_path)


def test_p808_alone_is_that_of_all_opinions() -> None:
    """The short way to P.808 gives the package's own score, for short and for long sounds."""
    noise = np.random.default_rng(0).normal(0, 0.05, 170_000)
    for seconds in (4, 10):
        sound = (tone(seconds) + noise[: 16_000 * seconds]).astype(np.float32)
        assert listening.p808(sound) == pytest.approx(listening.opinion(sound)["p808"], abs=1e-3)


def test_naturalness_is_measured_where_it_is_asked_for(weights: Path) -> None:
    """A table has the three scores for sounds that were judged with NISQA's weights, only."""
    sound = tone(1.0) * np.linspace(0.2, 1.0, 16_000)
    without = heard(sound, "a", listen=False, judge=False)
    judged = heard(sound, "a", listen=False, judge=False, nisqa=weights)
    names = set(naturalness.NAMES.values())
    assert not names & set(summary([without]))
    figures = summary([without, judged])
    assert figures["DistillMOS"] == judged["distillmos"]
    assert names <= set(figures)
