"""Stability of selections: closed forms and the interval's coverage."""

import numpy as np
import pytest

from skgenex.counterfactual.stability import selection_stability


def test_equal_selections_are_stable_and_random_ones_are_not():
    same = np.zeros((5, 50), bool)
    same[:, :10] = True
    assert selection_stability(same).value == pytest.approx(1)
    rng = np.random.default_rng(0)
    random = np.zeros((400, 50), bool)
    for row in random:
        row[rng.choice(50, 10, replace=False)] = True
    assert selection_stability(random).value == pytest.approx(0, abs=0.01)


def test_two_selections_of_one_size_have_kunchevas_index():
    # Nogueira et al. 2018, Sec. 4.3: with a constant size it is Kuncheva's measure.
    n_genes, size, shared = 30, 6, 4
    selected = np.zeros((2, n_genes), bool)
    selected[0, :size] = True
    selected[1, size - shared : 2 * size - shared] = True
    kuncheva = (shared * n_genes - size**2) / (size * (n_genes - size))
    assert selection_stability(selected).value == pytest.approx(kuncheva)


def test_interval_covers_the_true_stability():
    # Genes selected independently: Phi has a closed form in the probabilities.
    rng = np.random.default_rng(0)
    p = np.concatenate([np.full(10, 0.9), np.full(90, 0.05)])
    true = 1 - (p * (1 - p)).mean() / (p.mean() * (1 - p.mean()))
    hits, width = 0, []
    for _ in range(300):
        result = selection_stability(rng.random((60, 100)) < p)
        hits += result.lower < true < result.upper
        width.append(result.upper - result.lower)
    assert 0.9 < hits / 300 < 0.99
    narrow = selection_stability(rng.random((240, 100)) < p)
    assert narrow.upper - narrow.lower == pytest.approx(np.mean(width) / 2, rel=0.3)


def test_interval_is_that_of_the_jackknife():
    # Selections of very different sizes: every term of the influence counts.
    rng = np.random.default_rng(1)
    popular = rng.random(80)
    selected = rng.random((120, 80)) < popular * rng.choice([0.1, 1], (120, 1))
    left_out = [
        selection_stability(np.delete(selected, i, axis=0)).value for i in range(120)
    ]
    jackknife = np.sqrt(119 * np.var(left_out))
    result = selection_stability(selected)
    error = (result.upper - result.value) / 1.959964
    assert error == pytest.approx(jackknife, rel=0.05)


def test_equal_selections_have_no_interval():
    result = selection_stability([[1, 1, 0, 0, 0]] * 3)
    assert result.value == 1
    assert np.isnan([result.lower, result.upper]).all()


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        ([[1, 0]], r"at least two selections.*\(1, 2\)"),
        ([[1, 1], [1, 1]], "2 of 2"),
        ([[0, 0], [0, 0]], "0 of 2"),
    ],
)
def test_undefined_stability_is_refused(selected, message):
    with pytest.raises(ValueError, match=message):
        selection_stability(selected)
