import numpy as np
import pytest

from skgenex.domain_adaptation.guard import (
    has_collapsed,
    importance_weights,
    judge,
)

FINE = {"source": False, "adapted": False}


def losses(source, adapted, n=40, seed=0):
    rng = np.random.default_rng(seed)
    linear = 0.5 + 0.1 * rng.random(n)
    noise = 0.01 * rng.standard_normal((2, n))
    return {
        "linear": linear,
        "source": linear + source + noise[0],
        "adapted": linear + adapted + noise[1],
    }


@pytest.mark.parametrize(
    ("source", "adapted", "kept"),
    [
        (-0.1, -0.2, "adapted"),
        (-0.2, -0.1, "source"),
        (0.1, 0.2, "linear"),
        (0.1, -0.1, "adapted"),
        (0.2, 0.1, "linear"),
    ],
)
def test_the_better_one_is_kept(source, adapted, kept):
    verdict = judge(losses(source, adapted), np.ones(40), FINE)
    assert verdict.kept == kept
    assert verdict.gains["source"] == pytest.approx(-source, abs=0.01)
    assert verdict.losses["linear"] == pytest.approx(0.55, abs=0.02)


def test_a_gain_within_its_error_does_not_count():
    values = losses(0.0, 0.0)
    values["adapted"] = values["linear"] - np.r_[3.0, np.full(39, -0.05)]
    verdict = judge(values, np.ones(40), FINE)
    assert 0 < verdict.gains["adapted"] < verdict.gain_errors["adapted"]
    assert verdict.kept == "linear"


def test_collapse_vetoes():
    values = losses(-0.1, -0.2)
    collapsed = {"source": False, "adapted": True}
    assert judge(values, np.ones(40), collapsed).kept == "source"
    collapsed["source"] = True
    assert judge(values, np.ones(40), collapsed).kept == "linear"


def test_rows_count_by_their_weight():
    values = losses(0.1, 0.1)
    values["adapted"][:4] -= 2.0
    weight = np.r_[np.full(4, 100.0), np.ones(36)]
    assert judge(values, weight, FINE).kept == "adapted"


def test_importance_weights_prefer_rows_like_the_target():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((300, 3))
    target = np.arange(300) >= 200
    scores[target, 0] += 2
    held_out = np.arange(0, 200, 4)
    weight = importance_weights(scores, held_out, target, ~target)
    assert weight.mean() == pytest.approx(1)
    assert np.corrcoef(weight, scores[held_out, 0])[0, 1] > 0.6
    alone = importance_weights(scores, held_out, ~target, np.zeros(300, dtype=bool))
    np.testing.assert_array_equal(alone, 1)


def test_collapse_is_relative_to_the_expected_share():
    expected = np.array([0.95, 0.05])
    assert not has_collapsed(np.array([0.98, 0.02]), expected)
    assert has_collapsed(np.array([1.0, 0.0]), expected)
