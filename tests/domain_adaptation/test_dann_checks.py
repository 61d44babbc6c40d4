"""scikit-learn's checks of the adversarial predictors."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex.domain_adaptation import DANNClassifier, DANNRegressor

SMALL = {"max_epochs": 2, "n_hidden": 4, "device": "cpu"}


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@parametrize_with_checks(
    [
        DANNClassifier(**SMALL),
        DANNClassifier(**SMALL, fallback=None),
        DANNRegressor(**SMALL),
        DANNRegressor(**SMALL, fallback=None),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
