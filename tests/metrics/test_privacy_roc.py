"""ROC figures against definitions, and intervals against simulation."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from skgenex.metrics.privacy import membership_result
from skgenex.metrics.privacy.roc import auc_interval, tpr_at_fpr, wilson_interval


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return rng.normal(0.5, 1, 70).round(1), rng.normal(0, 1, 43).round(1)


def test_figures_equal_their_definitions(scores):
    members, others = scores
    truth = np.repeat([1, 0], [len(members), len(others)])
    both = np.concatenate(scores)
    assert auc_interval(*scores)[0] == pytest.approx(roc_auc_score(truth, both))
    fpr, tpr, _ = roc_curve(truth, both, drop_intermediate=False)
    for rate in (0.0, 0.01, 0.1, 0.3, 0.5):
        assert tpr_at_fpr(members, others, rate) == tpr[fpr <= rate].max()


def test_delong_equals_the_double_sum(scores):
    members, others = scores
    gap = members[:, None] - others
    wins = (gap > 0) + 0.5 * (gap == 0)
    variance = wins.mean(1).var(ddof=1) / len(members)
    variance += wins.mean(0).var(ddof=1) / len(others)
    auc, low, high = auc_interval(members, others)
    slope = 1 / (auc * (1 - auc))
    width = np.log(high / (1 - high)) - np.log(low / (1 - low))
    assert width == pytest.approx(2 * 1.959964 * slope * np.sqrt(variance), rel=1e-5)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_auc_interval_holds_the_truth_as_often_as_it_says(shift):
    from scipy.stats import norm

    rng = np.random.default_rng(1)
    truth = norm.cdf(shift / np.sqrt(2))
    held = 0
    for _ in range(600):
        _, low, high = auc_interval(rng.normal(shift, 1, 40), rng.normal(0, 1, 30))
        held += low <= truth <= high
    assert 0.92 < held / 600 < 0.98


def test_perfect_attacks_on_few_rows_stay_uncertain():
    result = membership_result([3, 4, 5, 6], [0, 1, 2], random_state=0)
    assert result.auc == (1.0, pytest.approx(0.025 ** (1 / 3)), 1.0)
    rate, low, high = result.tpr[0.1]
    assert (rate, high) == (1.0, 1.0)
    assert low == pytest.approx(wilson_interval(1.0, 4)[0])
    assert auc_interval(np.zeros(3), np.ones(3))[0] == 0.0


def test_bad_scores_are_refused():
    with pytest.raises(ValueError, match="others must hold two scores"):
        membership_result([1, 2], [1])
    with pytest.raises(ValueError, match="1 NaN"):
        membership_result([1, np.nan], [1, 2])
