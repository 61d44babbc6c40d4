import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from skgenex.domain_adaptation import proxy_a_distance


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_distance_of_two_gaussians_against_the_bayes_error(shift):
    rng = np.random.default_rng(0)
    source = rng.standard_normal((3000, 2))
    target = rng.standard_normal((3000, 2)) + np.array([shift, 0.0])
    expected = 2 * (1 - 2 * norm.cdf(-shift / 2))
    assert_allclose(proxy_a_distance(source, target), expected, atol=0.1)


def test_unequal_sizes_do_not_look_like_distance():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((1000, 3))
    assert proxy_a_distance(rows[:950], rows[950:]) < 0.3


def test_a_shift_of_few_genes_among_many_is_seen():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 400))
    rows[:100, :20] += 0.8
    assert proxy_a_distance(rows[:100], rows[100:]) > 1.0


def test_errors():
    with pytest.raises(ValueError, match="got 2 and 3"):
        proxy_a_distance(np.zeros((4, 2)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="minimum of 2"):
        proxy_a_distance(np.zeros((4, 2)), np.zeros((1, 2)))
