"""Samplers where they are used: inside cross-validation, on training folds alone."""

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.preprocessing import StandardScaler

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.datasets import make_expression
from skgenex.generation import augment_to, multiply

TINY = {"max_epochs": 1, "n_hidden": 8, "n_steps": 3, "validation_fraction": 0.5}
SAMPLERS = [
    GaussianSampler(random_state=0),
    DiffusionSampler(random_state=0, **TINY),
    DiffusionSampler(backend="diffusion", random_state=0, **TINY),
]
each_sampler = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=["gaussian", "diffusion-auto", "diffusion"]
)


@pytest.fixture(scope="module")
def data():
    return make_expression(
        60, 20, weights=[0.7, 0.3], effect_size=2.0, random_state=0, return_X_y=True
    )


def pipeline_of(sampler):
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("augment", sampler),
            ("classify", LogisticRegression()),
        ]
    )


class RecordingGaussian(GaussianSampler):
    """Keeps the rows that reach it."""

    def fit_resample(self, X, y, conditions=None):
        self.seen_ = X
        return super().fit_resample(X, y, conditions)


class RecordingDiffusion(DiffusionSampler):
    """Keeps the rows that reach it."""

    def fit_resample(self, X, y, conditions=None):
        self.seen_ = X
        return super().fit_resample(X, y, conditions)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "sampler",
    [
        RecordingGaussian(sampling_strategy=multiply(2), random_state=0),
        RecordingDiffusion(sampling_strategy=multiply(2), random_state=0, **TINY),
    ],
    ids=["gaussian", "diffusion"],
)
def test_only_training_rows_arrive(data, sampler, n_jobs):
    X, y = data
    X = np.column_stack([X, np.arange(60.0)])  # the last column tells who it is
    pipeline = Pipeline([("augment", sampler), ("classify", LogisticRegression())])
    pipeline.set_params(classify__max_iter=5000)
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    result = cross_validate(
        pipeline, X, y, cv=cv, n_jobs=n_jobs, return_estimator=True, error_score="raise"
    )
    for (train, test), fitted in zip(cv.split(X, y), result["estimator"], strict=True):
        seen = fitted["augment"].seen_[:, -1].astype(int)
        assert sorted(seen) == sorted(train)
        assert not set(seen) & set(test)
    assert len(result["estimator"]) == 3


@each_sampler
def test_rows_to_predict_are_neither_seen_nor_resampled(data, sampler):
    # The rows held out are poisoned: had one been seen, the fit would be ruined.
    X, y = data
    cv = StratifiedKFold(3)
    pipeline = pipeline_of(sampler)
    for train, test in cv.split(X, y):
        poisoned = X.copy()
        poisoned[test] = 1e6
        clean = pipeline.fit(X[train], y[train]).predict_proba(X[test])
        again = pipeline.fit(poisoned[train], y[train]).predict_proba(X[test])
        np.testing.assert_array_equal(clean, again)
    assert len(cross_val_predict(pipeline, X, y, cv=cv)) == len(X)


@each_sampler
@pytest.mark.parametrize(
    ("strategy", "n_fold"),
    [("auto", 2 * 28), (multiply(2), 80), (augment_to(50), 100)],
)
def test_counts_are_those_of_the_fold(data, sampler, strategy, n_fold):
    X, y = data
    rows = []

    class Counting(LogisticRegression):
        def fit(self, X, y):
            rows.append(len(X))
            return super().fit(X, y)

    pipeline = pipeline_of(sampler).set_params(
        classify=Counting(), augment__sampling_strategy=strategy
    )
    cross_validate(pipeline, X, y, cv=StratifiedKFold(3), error_score="raise")
    assert rows == [n_fold] * 3


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_swaps_the_sampler_and_its_size(data, n_jobs):
    grid = [
        {"augment": ["passthrough", SMOTE(k_neighbors=2, random_state=0)]},
        {
            "augment": SAMPLERS[:2],
            "augment__sampling_strategy": ["auto", multiply(2), augment_to(40)],
        },
    ]
    search = GridSearchCV(
        pipeline_of("passthrough"), grid, cv=3, n_jobs=n_jobs, error_score="raise"
    ).fit(*data)
    assert len(search.cv_results_["params"]) == 2 + 2 * 3
    assert search.best_score_ >= search.cv_results_["mean_test_score"][0]
    assert search.score(*data) > 0.8


def test_two_processes_give_the_scores_of_one(data):
    scores = [
        cross_validate(pipeline_of(SAMPLERS[2]), *data, cv=3, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*(s["test_score"] for s in scores))


@pytest.mark.parametrize("routing", [True, False])
def test_metadata_routing_may_be_on_or_off(data, routing):
    with config_context(enable_metadata_routing=routing):
        result = cross_validate(
            pipeline_of(SAMPLERS[0]), *data, cv=3, error_score="raise"
        )
    assert result["test_score"].mean() > 0.6


def test_augmentation_helps_the_rare_class():
    # Few and unbalanced patients: recall of the rare class rises.
    X, y = make_expression(
        150,
        50,
        weights=[0.85, 0.15],
        effect_size=0.6,
        n_informative=10,
        random_state=1,
        return_X_y=True,
    )
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    plain, augmented = (
        cross_validate(pipeline_of(sampler), X, y, cv=cv, scoring="balanced_accuracy")[
            "test_score"
        ].mean()
        for sampler in ("passthrough", SAMPLERS[0])
    )
    assert augmented > plain


def test_conditions_enter_a_pipeline_before_its_last_step(data):
    X, y = data
    table = pd.DataFrame({"age": np.linspace(30, 80, len(X))})
    pipeline = pipeline_of(
        GaussianSampler(sampling_strategy=multiply(2), random_state=0)
    )
    # Without routing, imbalanced-learn's Pipeline drops what samplers are given.
    with config_context(enable_metadata_routing=True):
        with pytest.raises(ValueError, match="unpack"):
            pipeline.fit(X, y, conditions=table)
        pipeline.fit(X, y, conditions=table, return_conditions=False)
        cross_validate(
            pipeline,
            X,
            y,
            cv=2,
            error_score="raise",
            params={"conditions": table, "return_conditions": False},
        )
    assert pipeline["augment"].model_.slopes_.shape == (1, X.shape[1])


def test_third_value_is_left_out_and_nothing_else_changes(data):
    X, y = data
    table = pd.DataFrame({"age": np.linspace(30, 80, len(X))})
    sampler = GaussianSampler(sampling_strategy=multiply(2), random_state=0)
    all_three = sampler.fit_resample(X, y, conditions=table)
    two = sampler.fit_resample(X, y, conditions=table, return_conditions=False)
    assert len(all_three) == 3
    assert len(two) == 2
    for a, b in zip(two, all_three, strict=False):
        np.testing.assert_array_equal(a, b)
