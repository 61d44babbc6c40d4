"""scikit-learn's and imbalanced-learn's checks of style transfer."""

import pytest
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_sampler_checks,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex.domain_adaptation import (
    CyCADAClassifier,
    StyleTransfer,
    StyleTransferSampler,
)

SMALL = {"max_epochs": 2, "device": "cpu"}


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@parametrize_with_checks(
    [
        StyleTransfer(**SMALL),
        StyleTransfer(method="cycada", **SMALL),
        StyleTransferSampler(**SMALL, random_state=0),
        CyCADAClassifier(backend="linear", **SMALL),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


SAMPLERS = [StyleTransferSampler(**SMALL, random_state=0)]
# pytest wants a list where imbalanced-learn gives a generator.
_NAMES, _CHECKS = parametrize_with_sampler_checks(SAMPLERS).mark.args
_IDS = parametrize_with_sampler_checks(SAMPLERS).mark.kwargs["ids"]


@pytest.mark.parametrize(_NAMES, list(_CHECKS), ids=_IDS)
def test_imbalanced_learn_contract(estimator, check):
    check(estimator)
