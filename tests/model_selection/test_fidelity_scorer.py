"""Scorers tune a generator: higher is better, labels are followed, clones work."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex.datasets import make_expression
from skgenex.metrics import (
    classifier_two_sample_test,
    precision_recall_density_coverage,
)
from skgenex.model_selection import make_fidelity_scorer

METRICS = [
    "precision",
    "recall",
    "density",
    "coverage",
    "c2st_logistic",
    "c2st_boosting",
    "correlation",
]


class GaussianGenerator(BaseEstimator):
    """Gaussian, of each class if fitted with labels; ``spread`` spoils it."""

    def __init__(self, spread=1.0, independent=False):
        self.spread = spread
        self.independent = independent

    def fit(self, X, y=None):
        self.labels_ = y
        y = np.zeros(len(X)) if y is None else y
        self.classes_ = np.unique(y)
        self.means_ = {c: X[y == c].mean(axis=0) for c in self.classes_}
        residual = X - np.stack([self.means_[c] for c in y])
        cov = np.cov(residual, rowvar=False)
        if self.independent:
            cov = np.diag(np.diag(cov))
        self.root_ = np.linalg.cholesky(cov + 1e-9 * np.eye(len(cov)))
        return self

    def sample(self, n_samples=None, *, y=None, conditions=None, random_state=None):
        assert (n_samples is None) != (y is None)
        rng = np.random.default_rng(random_state)
        labels = np.repeat(self.classes_[0], n_samples) if y is None else y
        X = np.stack([self.means_[c] for c in labels])
        X = X + self.spread * rng.standard_normal(X.shape) @ self.root_.T
        return X if self.labels_ is None else (X, labels)


@pytest.fixture(scope="module")
def patients():
    return make_expression(
        240,
        12,
        n_informative=6,
        effect_size=4,
        module_correlation=0.8,
        n_modules=3,
        random_state=0,
        return_X_y=True,
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("labelled", [False, True])
def test_a_better_generator_scores_higher(metric, labelled, patients):
    X, y = patients
    if not labelled:
        X, y = X[y == "class_0"], None
    scorer = make_fidelity_scorer(metric)
    good = GaussianGenerator().fit(X[::2], None if y is None else y[::2])
    # Narrow rows are precise, wide ones recall all: spoil each the way it can see.
    spread = {"precision": 3.0, "recall": 0.1}.get(metric, 0.2)
    spoilt = GaussianGenerator(
        spread=1.0 if metric in ("correlation", "c2st_logistic") else spread,
        independent=metric == "correlation",
    ).fit(X[::2], None if y is None else y[::2])
    if metric == "c2st_logistic":
        spoilt.means_ = {c: mean + 2 for c, mean in spoilt.means_.items()}
    rest = X[1::2], None if y is None else y[1::2]
    assert scorer(good, *rest) > scorer(spoilt, *rest) + 0.05


def test_scores_are_those_of_the_metrics(patients):
    X, y = patients
    generator = GaussianGenerator().fit(X, y)
    synthetic, _ = generator.sample(y=y, random_state=3)
    overlap = precision_recall_density_coverage(X, synthetic, n_neighbors=7)

    def score(metric, **params):
        return make_fidelity_scorer(metric, random_state=3, **params)(generator, X, y)

    assert score("coverage", n_neighbors=7) == overlap.coverage
    assert score("density", n_neighbors=7) == -abs(overlap.density - 1)
    auc = classifier_two_sample_test(X, synthetic, cv=4, random_state=3)
    assert score("c2st_logistic", cv=4) == -abs(auc - 0.5)


def test_labels_are_followed(patients):
    X, y = patients
    generator = GaussianGenerator().fit(X, y)
    scorer = make_fidelity_scorer("coverage")
    one_class = X[y == "class_1"]
    followed = scorer(generator, one_class, y[y == "class_1"])
    ignored = scorer(generator, one_class)  # the fake then draws class_0 alone
    assert followed > 0.8
    assert ignored < 0.2


@pytest.mark.parametrize("labelled", [False, True])
def test_grid_search_finds_the_true_spread(labelled, patients):
    X, y = patients
    if not labelled:
        X, y = X[y == "class_0"], None
    search = GridSearchCV(
        GaussianGenerator(),
        {"spread": [0.2, 1.0, 4.0]},
        scoring=make_fidelity_scorer("coverage"),
        cv=3,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {"spread": 1.0}


def test_several_scores_at_once(patients):
    X, y = patients
    scoring = {name: make_fidelity_scorer(name) for name in ("coverage", "correlation")}
    arguments = {"scoring": scoring, "cv": 2, "error_score": "raise"}
    results = cross_validate(GaussianGenerator(), X, y, **arguments)
    assert (results["test_coverage"] > 0.8).all()
    assert (results["test_correlation"] > 0.8).all()


def test_scorer_can_be_cloned_pickled_and_repeated(patients):
    X, y = patients
    generator = GaussianGenerator().fit(X, y)
    scorer = make_fidelity_scorer("c2st_boosting", cv=2)
    expected = scorer(generator, X, y)
    assert scorer(generator, X, y) == expected
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        assert copy(generator, X, y) == expected
    search = GridSearchCV(generator, {"spread": [1.0]}, scoring=scorer)
    assert clone(search).scoring(generator, X, y) == expected
    assert repr(scorer) == (
        "make_fidelity_scorer('c2st_boosting', random_state=0, cv=2)"
    )


def test_random_state_decides(patients):
    X, y = patients
    generator = GaussianGenerator().fit(X, y)
    scores = [
        make_fidelity_scorer("correlation", random_state=seed)(generator, X, y)
        for seed in (0, 0, 1)
    ]
    assert scores[0] == scores[1] != scores[2]


def mean_distance(X_real, X_synthetic, power=1):
    return -(np.linalg.norm(X_real.mean(axis=0) - X_synthetic.mean(axis=0)) ** power)


def test_own_metric(patients):
    X, y = patients
    generator = GaussianGenerator().fit(X, y)
    first = make_fidelity_scorer(mean_distance)(generator, X, y)
    second = make_fidelity_scorer(mean_distance, power=2)(generator, X, y)
    assert first < 0
    assert second == pytest.approx(-(first**2))


def test_unknown_metric_and_argument_are_named(patients):
    with pytest.raises(ValueError, match=r"\['precision'.*got 'fid'"):
        make_fidelity_scorer("fid")
    with pytest.raises(TypeError, match=r"no argument 'cv'; it has \['n_neighbors'"):
        make_fidelity_scorer("coverage", cv=3)


def test_what_cannot_sample_is_refused(patients):
    X, _ = patients
    model = make_pipeline(StandardScaler(), GaussianGenerator()).fit(X)
    with pytest.raises(TypeError, match="got Pipeline"):
        make_fidelity_scorer()(model, X)
