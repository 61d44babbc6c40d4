"""What is in a test fold never reaches the training: by chance scores and canaries.

The pipelines are those of the examples, in tiny settings.
"""

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.preprocessing import StandardScaler

import skgenex
from skgenex.generation import multiply

NET = {"max_epochs": 3, "device": "cpu", "random_state": 0}
SMALL = {**NET, "n_hidden": 4}
FORCED = {
    **SMALL,
    "validation_fraction": 0.0,
    "marginal": False,
    "class_covariance": 8.0,
}
VIME = skgenex.VIMEPretrainer(n_components=3, **SMALL)


def regression():
    return LogisticRegression(max_iter=500)


def augmented(sampler):
    """Select, standardise and augment inside the pipeline, then classify."""
    return make_pipeline(SelectKBest(k=10), StandardScaler(), sampler, regression())


PIPELINES = {
    "gaussian": augmented(
        skgenex.GaussianSampler(sampling_strategy=multiply(2), random_state=0)
    ),
    "diffusion": augmented(
        skgenex.DiffusionSampler(
            sampling_strategy=multiply(2), backend="diffusion", n_steps=2,
            **FORCED,
        )
    ),
    "vae": augmented(
        skgenex.VAESampler(sampling_strategy=multiply(2), backend="vae", **FORCED)
    ),
    "gan": augmented(
        skgenex.GANSampler(sampling_strategy=multiply(2), backend="gan", **FORCED)
    ),
    "grid of samplers": GridSearchCV(
        augmented(skgenex.GaussianSampler(random_state=0)),
        {"gaussiansampler__sampling_strategy": [multiply(1), multiply(3)]},
        cv=2,
    ),
    "pretrained": make_pipeline(StandardScaler(), VIME, regression()),
    "semi-supervised": skgenex.VIMEClassifier(pretrainer=VIME, **NET),
    "phenotype": skgenex.PhenotypeClassifier(n_members=1, n_folds=2, **SMALL),
    "domains": skgenex.DANNClassifier(**SMALL, domain="cohort"),
}  # fmt: skip
each_pipeline = pytest.mark.parametrize("name", sorted(PIPELINES))


def cohort(name, n_samples=60, n_genes=40, effect=2.5, seed=0):
    """Rows whose first five genes tell the class; with a column of domains if asked."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n_samples) % 2)
    X = rng.normal(size=(n_samples, n_genes)) + 8
    X[:, :5] += effect * y[:, None]
    if name == "domains":
        import pandas as pd

        X = pd.DataFrame(X, columns=[f"G{i}" for i in range(n_genes)])
        X["cohort"] = np.where(np.arange(n_samples) % 3 == 0, "B", "A")
    return X, y


def estimator(name):
    found = clone(PIPELINES[name])
    return found.set_params(target_domain="B") if name == "domains" else found


def folds(seed=0, n=2):
    return StratifiedKFold(n, shuffle=True, random_state=seed)


@each_pipeline
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_pipeline_learns_what_is_there(name):
    # Without this, a pipeline that learns nothing would pass the next test.
    X, y = cohort(name)
    train, test = next(folds(n=3).split(X, y))
    take = X.iloc if name == "domains" else X
    model = estimator(name).fit(take[train], y[train])
    assert roc_auc_score(y[test], model.predict_proba(take[test])[:, 1]) > 0.85


@each_pipeline
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_labels_of_chance_give_scores_of_chance(name):
    # Two permutations of 60 labels: an AUC of chance has a standard error of about
    # 0.075 / sqrt(2) = 0.053; selecting genes outside of the folds is seen below.
    scores = []
    for seed in range(2):
        X, y = cohort(name, seed=seed)
        y = np.random.default_rng(100 + seed).permutation(y)
        out = cross_val_score(estimator(name), X, y, cv=folds(seed), scoring="roc_auc")
        scores.append(out.mean())
    assert abs(np.mean(scores) - 0.5) < 0.16


def test_selecting_genes_outside_of_the_folds_would_be_seen():
    scores = []
    for seed in range(2):
        X, y = cohort("leaky", seed=seed)
        y = np.random.default_rng(100 + seed).permutation(y)
        leaky = SelectKBest(k=10).fit_transform(X, y)
        out = cross_val_score(regression(), leaky, y, cv=folds(seed), scoring="roc_auc")
        scores.append(out.mean())
    assert np.mean(scores) > 0.68


@each_pipeline
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_canary_in_a_test_fold_changes_no_prediction_but_its_own(name):
    X, y = cohort(name)
    test = next(folds().split(X, y))[1]
    canary = test[0]
    changed, other = X.copy(), y.copy()
    if name == "domains":
        changed.iloc[canary, :-1] = 1e4
    else:
        changed[canary] = 1e4
    other[canary] = 1 - y[canary]

    def predicted(rows, labels):
        # The folds of the true labels: the canary stays in the first test fold.
        cv = list(folds().split(X, y))[:1]
        train, test = cv[0]
        take = rows.iloc if name == "domains" else rows
        model = estimator(name).fit(take[train], labels[train])
        return model.predict_proba(take[test])

    before, after = predicted(X, y), predicted(changed, other)
    np.testing.assert_array_equal(after[1:], before[1:])
    assert not np.array_equal(after[0], before[0])


def test_a_canary_in_the_training_fold_would_be_seen():
    X, y = cohort("gaussian")
    cv = folds()
    before = cross_val_predict(estimator("gaussian"), X, y, cv=cv)
    X[next(folds().split(X, y))[0]] *= 2
    after = cross_val_predict(estimator("gaussian"), X, y, cv=cv)
    assert not np.array_equal(before, after)
