"""What is refused at the door of every metric, and what summaries hold."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from skgenex import metrics
from skgenex.datasets import make_expression
from skgenex.metrics import (
    classifier_two_sample_test,
    correlation_agreement,
    fidelity_scores,
    precision_recall_density_coverage,
    privacy_scores,
    train_on_synthetic_test_on_real,
)

TWO_SETS = [
    classifier_two_sample_test,
    correlation_agreement,
    fidelity_scores,
    precision_recall_density_coverage,
]


@pytest.mark.parametrize("metric", TWO_SETS)
def test_bad_sets_are_refused(metric):
    X = np.random.default_rng(0).standard_normal((30, 4))
    with pytest.raises(ValueError, match="same number of features; got 4 and 3"):
        metric(X, X[:, :3])
    with pytest.raises(ValueError, match="X_synthetic contains NaN"):
        metric(X, np.where(X > 1, np.nan, X))
    frame = pd.DataFrame(X, columns=list("abcd"))
    with pytest.raises(ValueError, match="same columns in the same order"):
        metric(frame, frame[list("dcba")])


@pytest.mark.parametrize("metric", TWO_SETS)
def test_frames_equal_arrays_and_global_generator_is_untouched(metric):
    real, synthetic = np.random.default_rng(0).standard_normal((2, 40, 6))
    seed = {} if metric is precision_recall_density_coverage else {"random_state": 0}
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    found = metric(pd.DataFrame(real), pd.DataFrame(synthetic), **seed)
    assert found == metric(real, synthetic, **seed)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_fidelity_scores_are_those_of_the_functions():
    real, synthetic = np.random.default_rng(0).standard_normal((2, 60, 6))
    scores = fidelity_scores(real, synthetic, n_neighbors=3, random_state=0)
    assert list(scores) == [
        "precision",
        "recall",
        "density",
        "coverage",
        "c2st_logistic",
        "c2st_boosting",
        "correlation",
    ]
    overlap = precision_recall_density_coverage(real, synthetic, n_neighbors=3)
    assert {name: scores[name] for name in overlap._fields} == overlap._asdict()
    assert scores["correlation"] == correlation_agreement(real, synthetic)
    assert scores == fidelity_scores(real, synthetic, n_neighbors=3, random_state=0)


def test_fidelity_scores_compare_equal_numbers():
    # More synthetic rows alone must not raise coverage.
    rng = np.random.default_rng(0)
    real, few = rng.standard_normal((60, 6)), 1.5 * rng.standard_normal((60, 6))
    many = 1.5 * rng.standard_normal((3000, 6))
    assert precision_recall_density_coverage(real, many).coverage == 1.0
    reduced = np.mean(
        [fidelity_scores(real, many, random_state=s)["coverage"] for s in range(3)]
    )
    assert abs(reduced - precision_recall_density_coverage(real, few).coverage) < 0.15


def test_copy_and_second_sample_are_told_apart():
    simulated = make_expression(300, 100, random_state=0)
    train, holdout, second = np.split(simulated.data, 3)
    honest = privacy_scores(second, X_train=train, X_holdout=holdout, random_state=0)
    copied = privacy_scores(train, X_train=train, X_holdout=holdout, random_state=0)
    assert list(honest) == ["closer_share", "nearest_ratio", "membership_auc"]
    assert copied == {"closer_share": 1, "nearest_ratio": 0, "membership_auc": 1}
    assert abs(honest["closer_share"] - 0.5) < 0.15
    assert abs(honest["nearest_ratio"] - 1) < 0.1
    assert abs(honest["membership_auc"] - 0.5) < 0.15


def test_synthetic_training_is_scored_on_real_rows():
    simulated = make_expression(400, 50, effect_size=1.5, random_state=0)
    X, y = simulated.data, simulated.target
    model = LogisticRegression(max_iter=2000)
    good = train_on_synthetic_test_on_real(model, X[:200], y[:200], X[200:], y[200:])
    wrong = np.where(y == "class_0", "class_1", "class_0")
    flipped = train_on_synthetic_test_on_real(
        model, X[:200], wrong[:200], X[200:], y[200:]
    )
    assert good > 0.9
    assert flipped == pytest.approx(1 - good)
    assert not hasattr(model, "coef_")
    accuracy = train_on_synthetic_test_on_real(
        model, X[:200], y[:200], X[200:], y[200:], scoring="accuracy"
    )
    assert accuracy == model.fit(X[:200], y[:200]).score(X[200:], y[200:])


def test_continuous_targets_have_their_scorers():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    y = X @ [1.0, 2.0, 3.0, 4.0]
    score = train_on_synthetic_test_on_real(
        LinearRegression(), X[:30], y[:30], X[30:], y[30:], scoring="r2"
    )
    assert score == pytest.approx(1)


def test_everything_public_is_listed():
    assert metrics.__all__ == sorted(metrics.__all__)
    assert all(hasattr(metrics, name) for name in metrics.__all__)
