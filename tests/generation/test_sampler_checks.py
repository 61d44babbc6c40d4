"""Both check suites, in full: scikit-learn's and imbalanced-learn's."""

import os

import pytest
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_sampler_checks,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex import DiffusionSampler, GANSampler, GaussianSampler, VAESampler

TINY = {"max_epochs": 1, "n_hidden": 4, "random_state": 0}
SMALL = {**TINY, "n_steps": 2}
SAMPLERS = [
    GaussianSampler(random_state=0),
    DiffusionSampler(validation_fraction=0.5, **SMALL),
    DiffusionSampler(backend="diffusion", validation_fraction=0.0, **SMALL),
    VAESampler(backend="vae", validation_fraction=0.0, **TINY),
    GANSampler(backend="gan", validation_fraction=0.0, **TINY),
]


def test_array_api_check_is_not_skipped():
    # Without this variable scikit-learn skips a check silently.
    assert os.environ.get("SCIPY_ARRAY_API") == "1"


@parametrize_with_checks(SAMPLERS)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


# pytest wants a list where imbalanced-learn gives a generator.
_NAMES, _CHECKS = parametrize_with_sampler_checks(SAMPLERS).mark.args
_IDS = parametrize_with_sampler_checks(SAMPLERS).mark.kwargs["ids"]


@pytest.mark.parametrize(_NAMES, list(_CHECKS), ids=_IDS)
def test_imbalanced_learn_contract(estimator, check):
    check(estimator)
