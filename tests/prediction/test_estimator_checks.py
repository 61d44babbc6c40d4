"""scikit-learn's checks of both predictors."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex.prediction import PhenotypeClassifier, PhenotypeRegressor

SMALL = {"max_epochs": 2, "n_hidden": 4, "n_members": 1, "random_state": 0}
PREDICTORS = [
    estimator(backend=backend, n_folds=n_folds, **SMALL)
    for estimator in (PhenotypeClassifier, PhenotypeRegressor)
    for backend, n_folds in (("auto", 3), ("network", 2))
]


def expected_failures(estimator):
    """Repeated rows fall into several folds, weighted rows into one."""
    return {
        "check_sample_weight_equivalence_on_dense_data": (
            "the penalty is chosen by folds, as in LogisticRegressionCV"
        )
    }


@parametrize_with_checks(PREDICTORS, expected_failed_checks=expected_failures)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
