import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skgenex.model_selection import (
    SourceSplit,
    labelled_only,
    make_collapse_penalised_scorer,
    make_importance_weighted_scorer,
)


class Threshold(ClassifierMixin, BaseEstimator):
    """Predicts whether the first feature exceeds a threshold."""

    def __init__(self, threshold=0.0):
        self.threshold = threshold

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        return self

    def transform(self, X):
        return np.asarray(X)

    def predict(self, X):
        return (np.asarray(X)[:, 0] > self.threshold).astype(int)


class RowsOfDomains(Threshold):
    """Predicts 1 for rows of the domain ``t``."""

    def predict(self, X, sample_domain=None):
        return np.array([int(name == "t") for name in sample_domain])


@pytest.mark.parametrize("missing", [-1, None, np.nan], ids=repr)
def test_unlabelled_rows_are_left_out(missing):
    X, y = np.array([[1.0], [1.0], [-1.0], [1.0]]), [1, 0, missing, missing]
    assert labelled_only("accuracy")(Threshold().fit(X, y), X, y) == 0.5


def test_frames_and_strings():
    X = pd.DataFrame({"ESR1": [2.0, 1.0, 3.0]})
    y = pd.Series(["ER+", "ER-", None])
    model = DummyClassifier().fit(X, ["ER+", "ER+", "ER+"])
    assert labelled_only("accuracy")(model, X, y) == 0.5


def test_domains_reach_the_estimator():
    X, y = np.zeros((4, 1)), [0, 1, -1, 1]
    score = labelled_only("accuracy")
    model = RowsOfDomains().fit(X, y)
    assert score(model, X, y, sample_domain=["s", "t", "t", "t"]) == 1
    assert score(model, X, y, sample_domain=["t", "s", "t", "t"]) == 1 / 3


def test_domains_are_routed():
    X, y = np.zeros((8, 1)), np.array([0, 1] * 4)
    domain = np.array(["s", "t"] * 4)
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            RowsOfDomains(),
            X,
            y,
            cv=2,
            scoring=labelled_only("accuracy"),
            params={"sample_domain": domain},
            error_score="raise",
        )
    assert list(scores) == [1, 1]


def shifted(n=4000, seed=0):
    """Source standard normal, target centred at 1.5; labels wrong where x < 0."""
    rng = np.random.default_rng(seed)
    source, target = rng.standard_normal(n), rng.standard_normal(n) + 1.5
    y = np.r_[np.where(source < 0, rng.integers(0, 2, n), source > 0.5), np.full(n, -1)]
    truth = np.where(target < 0, rng.integers(0, 2, n), target > 0.5)
    return np.r_[source, target][:, None], y.astype(int), truth


def test_weighted_source_score_estimates_the_target_s():
    X, y, truth = shifted()
    model = Threshold(0.5).fit(X, y)
    target = (model.predict(X[y == -1]) == truth).mean()
    plain = labelled_only("accuracy")(model, X, y)
    weighted = make_importance_weighted_scorer("accuracy")(model, X, y)
    assert abs(weighted - target) < 0.03 < 0.1 < abs(plain - target)


def test_weights_are_one_where_domains_are_alike():
    X, y, _ = shifted()
    X[y == -1] -= 1.5
    model = Threshold(0.5).fit(X, y)
    weighted = make_importance_weighted_scorer("accuracy")(model, X, y)
    assert weighted == pytest.approx(labelled_only("accuracy")(model, X, y), abs=0.02)


def test_probabilities_stand_in_for_a_transform():
    X, y, _ = shifted()
    model = LogisticRegression().fit(X[y >= 0], y[y >= 0])
    assert 0 < make_importance_weighted_scorer()(model, X, y) < 1


def test_collapse_costs_its_penalty():
    y = np.r_[[0, 1] * 10, [-1] * 20]
    X = np.r_[[[-1.0], [1.0]] * 10, [[1.0]] * 20]  # all target rows on one side
    model = Threshold().fit(X, y)
    assert make_collapse_penalised_scorer("accuracy")(model, X, y) == 0
    half = make_collapse_penalised_scorer("accuracy", penalty=0.5)
    assert half(model, X, y) == 0.5
    X[20:30] = -1.0  # both classes on the target: nothing to punish
    assert half(model, X, y) == 1


def test_source_split_gives_what_the_scorers_need():
    X, y, _ = shifted(200)
    domain = np.repeat(["s", "t"], 200)
    cv = list(SourceSplit(3, with_target=True).split(X, y, sample_domain=domain))
    for scorer in (make_importance_weighted_scorer(), make_collapse_penalised_scorer()):
        scores = cross_val_score(Threshold(0.5), X, y, cv=cv, scoring=scorer)
        assert len(scores) == 3
        assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "scorer",
    [
        labelled_only("accuracy"),
        make_importance_weighted_scorer(),
        make_collapse_penalised_scorer(),
    ],
)
def test_scorers_survive_pickling(scorer):
    X, y, _ = shifted(100)
    model = Threshold(0.5).fit(X, y)
    again = pickle.loads(pickle.dumps(scorer))
    assert again(model, X, y) == scorer(model, X, y)
    assert repr(again) == repr(scorer)


def test_errors():
    X, y = np.zeros((3, 1)), [0, 1, 1]
    model = Threshold().fit(X, y)
    with pytest.raises(ValueError, match="3 rows to score have no label"):
        labelled_only("accuracy")(model, X, [-1] * 3)
    with pytest.raises(ValueError, match=r"SourceSplit\(with_target=True\)"):
        make_importance_weighted_scorer()(model, X, y)
    with pytest.raises(ValueError, match=r"SourceSplit\(with_target=True\)"):
        make_collapse_penalised_scorer()(model, X, y)
    with pytest.raises(ValueError, match="metric must be one of"):
        make_importance_weighted_scorer("f1")
