"""scikit-learn's checks of the classifier."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex.self_supervision import VIMEClassifier, VIMEPretrainer

SMALL = {
    "max_epochs": 1,
    "device": "cpu",
    "random_state": 0,
    "pretrainer": VIMEPretrainer(n_components=3, n_hidden=4, max_epochs=1),
}


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@parametrize_with_checks([VIMEClassifier(**SMALL)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
