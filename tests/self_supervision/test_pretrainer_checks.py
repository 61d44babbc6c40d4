"""scikit-learn's checks of the pretrainers."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex.self_supervision import SubTabPretrainer, VIMEPretrainer

SMALL = {
    "max_epochs": 2,
    "n_hidden": 4,
    "n_components": 3,
    "device": "cpu",
    "random_state": 0,
}


@pytest.mark.filterwarnings("ignore:validation_fraction=")
@parametrize_with_checks(
    [
        VIMEPretrainer(**SMALL, genes="strict"),
        SubTabPretrainer(**SMALL, genes="strict"),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
