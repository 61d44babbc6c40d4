import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from skgenex.prediction.calibration import fit_temperature


def make_overconfident(factor, n=4000, n_classes=3):
    """Logits that are ``factor`` times those from which the classes are drawn."""
    rng = np.random.default_rng(0)
    logits = 1.5 * rng.normal(size=(n, n_classes))
    codes = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return factor * logits, codes


@pytest.mark.parametrize("factor", [1.5, 4.0])
def test_temperature_undoes_overconfidence(factor):
    logits, codes = make_overconfident(factor)
    temperature = fit_temperature(logits, codes, np.ones(len(codes)))
    assert temperature == pytest.approx(factor, rel=0.08)


def test_temperature_does_not_sharpen():
    logits, codes = make_overconfident(0.3)
    assert fit_temperature(logits, codes, np.ones(len(codes))) == 1


def test_temperature_minimises_the_smoothed_loss():
    logits, codes = make_overconfident(2.5, n=60)
    weight = np.random.default_rng(1).uniform(0, 3, 60)
    target = np.full(logits.shape, 1 / 62 / 2)
    target[np.arange(60), codes] = 61 / 62

    def loss(temperature):
        rows = (target * log_softmax(logits / temperature, axis=1)).sum(axis=1)
        return -weight @ rows

    expected = minimize_scalar(loss, bounds=(1, 10), method="bounded").x
    assert fit_temperature(logits, codes, weight) == pytest.approx(expected, rel=1e-4)


def test_all_rows_right_leave_the_rule_of_succession():
    # Equal margins m: the loss is least where sigmoid(m / T) = (n + 1) / (n + 2).
    for n in (10, 100):
        codes = np.arange(n) % 2
        logits = np.where(np.eye(2)[codes] > 0, 5.0, -5.0)
        temperature = fit_temperature(logits, codes, np.ones(n))
        assert 10 / temperature == pytest.approx(np.log(n + 1), rel=1e-6)


def test_worse_than_chance_is_as_flat_as_can_be():
    logits, codes = make_overconfident(1.0)
    assert fit_temperature(-logits, codes, np.ones(len(codes))) == pytest.approx(10)
