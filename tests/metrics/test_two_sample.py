"""The two-sample test has chance and power where it must."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.preprocessing import StandardScaler

from skgenex.metrics import classifier_two_sample_test


@pytest.mark.parametrize("estimator", ["logistic", "boosting"])
def test_same_distribution_is_chance(estimator):
    real, synthetic = np.random.default_rng(0).standard_normal((2, 600, 8))
    auc = classifier_two_sample_test(
        real, synthetic, estimator=estimator, random_state=0
    )
    assert abs(auc - 0.5) < 0.06


def test_auc_of_a_shift_has_its_closed_form():
    # Two unit normals a distance d apart: AUC = Phi(d / sqrt 2).
    rng = np.random.default_rng(0)
    real = rng.standard_normal((4000, 2))
    synthetic = rng.normal([1.0, 0.0], 1.0, (4000, 2))
    auc = classifier_two_sample_test(real, synthetic, random_state=0)
    assert abs(auc - norm.cdf(1 / np.sqrt(2))) < 0.015


def test_only_trees_see_a_difference_in_spread():
    rng = np.random.default_rng(0)
    real = rng.standard_normal((500, 5))
    synthetic = 2.0 * rng.standard_normal((500, 5))
    linear = classifier_two_sample_test(real, synthetic, random_state=0)
    trees = classifier_two_sample_test(
        real, synthetic, estimator="boosting", random_state=0
    )
    assert abs(linear - 0.5) < 0.08
    assert trees > 0.85


def test_lower_than_chance_is_not_folded():
    # Few rows, many genes, same sets: left-out rows are predicted as the other kind.
    X = np.random.default_rng(0).standard_normal((30, 200))
    assert classifier_two_sample_test(X, X, random_state=0) < 0.3


def test_unscaled_log_expression_converges():
    rng = np.random.default_rng(0)
    real = rng.normal(9.0, 1.0, (80, 300)) + rng.uniform(-4, 4, 300)
    synthetic = real[rng.permutation(80)] + rng.normal(0, 0.1, (80, 300))
    shifted = classifier_two_sample_test(real, synthetic + 5.0, random_state=0)
    assert shifted == 1.0
    # Centring is no rescaling: a common offset changes nothing.
    first = classifier_two_sample_test(real, synthetic + 0.1, random_state=0)
    second = classifier_two_sample_test(real + 100, synthetic + 100.1, random_state=0)
    assert abs(first - second) < 1e-3


def test_noise_of_a_constant_gene_is_not_blown_up():
    rng = np.random.default_rng(0)
    real, synthetic = rng.standard_normal((2, 200, 10))
    real[:, 0] = 0.0
    synthetic[:, 0] = 1e-8 * (1 + rng.random(200))
    auc = classifier_two_sample_test(real, synthetic, random_state=0)
    rescaled = StandardScaler().fit(synthetic)
    blown_up = classifier_two_sample_test(
        rescaled.transform(real), rescaled.transform(synthetic), random_state=0
    )
    assert abs(auc - 0.5) < 0.1
    assert blown_up > 0.85


def test_larger_set_is_reduced():
    rng = np.random.default_rng(0)
    real, synthetic = rng.standard_normal((60, 4)), rng.standard_normal((600, 4))
    constant = DummyClassifier(strategy="prior")
    assert (
        classifier_two_sample_test(real, synthetic, estimator=constant, random_state=0)
        == 0.5
    )


def test_same_seed_same_result_and_estimator_untouched():
    real, synthetic = np.random.default_rng(0).standard_normal((2, 60, 4))
    model = LogisticRegression()
    results = {
        classifier_two_sample_test(
            real, synthetic[:50], estimator=model, random_state=seed
        )
        for seed in (3, 3, np.random.default_rng(3))
    }
    assert len(results) == 1
    assert not hasattr(model, "coef_")


def test_decision_function_is_enough():
    rng = np.random.default_rng(0)
    real, synthetic = rng.standard_normal((2, 60, 4))
    auc = classifier_two_sample_test(
        real, synthetic + 5, estimator=RidgeClassifier(), random_state=0
    )
    assert auc == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"estimator": "svm"}, r"\['logistic', 'boosting'\].*got 'svm'"),
        ({"estimator": StandardScaler()}, "predict_proba or decision_function"),
        ({"cv": 1}, "integer from 2 to the 20 rows"),
        ({"cv": 21}, "integer from 2 to the 20 rows"),
    ],
)
def test_errors_name_the_choice(arguments, message):
    X = np.random.default_rng(0).standard_normal((20, 3))
    with pytest.raises(ValueError, match=message):
        classifier_two_sample_test(X, X, **arguments)
