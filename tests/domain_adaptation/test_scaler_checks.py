"""scikit-learn's checks of the scaler, for each of its methods."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex.domain_adaptation import DomainScaler
from skgenex.domain_adaptation._domain_scaler import METHODS


@parametrize_with_checks([DomainScaler(method=method) for method in METHODS])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
