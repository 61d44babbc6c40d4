import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skgenex import GaussianSampler
from skgenex.generation import augment_to, multiply


@pytest.mark.parametrize(
    "y",
    [
        ["A", "A", "A", "B"],
        np.array(["A", "A", "A", "B"]),
        pd.Series(["A", "A", "A", "B"], index=[3, 1, 4, 1]),
    ],
)
def test_totals_follow_the_rows_at_hand(y):
    assert multiply(2)(y) == {"A": 6, "B": 2}
    assert multiply(1.5)(y) == {"A": 4, "B": 2}  # rounded to even, 4.5 and 1.5
    assert augment_to(2)(y) == {"A": 3, "B": 2}
    assert augment_to(10)(y) == {"A": 10, "B": 10}


def test_are_values_like_numbers():
    for strategy in (multiply(3), augment_to(20)):
        assert pickle.loads(pickle.dumps(strategy)) == strategy
        assert hash(pickle.loads(pickle.dumps(strategy))) == hash(strategy)
        sampler = GaussianSampler(sampling_strategy=strategy)
        assert clone(sampler).sampling_strategy == strategy
    assert multiply(2) != multiply(3)
    assert multiply(2) != augment_to(2)


@pytest.mark.parametrize("factor", [0.5, 0, -1, float("nan")])
def test_rows_are_only_added(factor):
    with pytest.raises(ValueError, match="factor must be at least 1"):
        multiply(factor)


def test_a_class_needs_a_row():
    with pytest.raises(ValueError, match="n_samples must be at least 1; got 0"):
        augment_to(0)
