"""Contracts of the explainer: scikit-learn's, frozen models, targets, constraints."""

import copy
import os
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex.counterfactual import CounterfactualExplainer

METHODS = ["natural", "learned", "gradient", "sparse", "prototype", "pareto"]
FAST = {"random_state": 0, "max_epochs": 15, "max_predictions": 150}


@pytest.fixture(scope="module")
def cohort():
    """Two correlated blocks of genes; the first follows the class."""
    rng = np.random.default_rng(0)
    y = np.where(np.arange(120) % 2, "T", "B")
    block = rng.standard_normal((120, 1)) + 1.5 * (y == "T")[:, None]
    other = rng.standard_normal((120, 1))
    X = np.hstack([np.repeat(block, 15, 1), np.repeat(other, 15, 1)])
    X = 5 + X + 0.5 * rng.standard_normal(X.shape)
    X = pd.DataFrame(X, columns=[f"G{j}" for j in range(30)])
    return X, y


@pytest.fixture(scope="module")
def logistic(cohort):
    X, y = cohort
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(X, y)


class SmallNet(torch.nn.Module):
    """Batch normalisation and dropout: both would show if not in evaluation mode."""

    def __init__(self, n_features=30, n_outputs=2):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(n_features)
        self.first = torch.nn.Linear(n_features, 8)
        self.last = torch.nn.Linear(8, n_outputs)

    def forward(self, x):
        hidden = torch.tanh(self.first(self.norm(x)))
        return self.last(torch.nn.functional.dropout(hidden, 0.2, self.training))


@pytest.fixture(scope="module")
def net(cohort):
    X, y = cohort
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SmallNet()
        optimizer = torch.optim.Adam(net.parameters(), 0.01)
        rows = torch.tensor(X.to_numpy(), dtype=torch.float32)
        codes = torch.tensor((y == "T").astype(int))
        for _ in range(60):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(rows), codes).backward()
            optimizer.step()
    return net


def test_array_api_check_is_not_skipped():
    assert os.environ.get("SCIPY_ARRAY_API") == "1"


@parametrize_with_checks(
    [
        CounterfactualExplainer(random_state=0),
        CounterfactualExplainer(method="learned", max_epochs=2, random_state=0),
        CounterfactualExplainer(method="sparse", random_state=0),
        CounterfactualExplainer(method="prototype", random_state=0),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("method", METHODS)
def test_every_search_reaches_the_other_class(method, cohort, logistic):
    X, y = cohort
    explainer = CounterfactualExplainer(logistic, method=method, **FAST).fit(X, y)
    result = explainer.explain(X[:20])
    assert (result.status == "valid").all()
    assert (logistic.predict(result.profiles) == result.target).all()
    assert (result.target != logistic.predict(X[:20])).all()
    assert set(result.search) == {method}
    pd.testing.assert_frame_equal(result.changes, result.profiles - X[:20])


@pytest.mark.parametrize("method", METHODS)
def test_network_is_untouched(method, cohort, net):
    X, y = cohort
    net.train()
    before = copy.deepcopy(net.state_dict())
    explainer = CounterfactualExplainer(net, method=method, **FAST).fit(X, y)
    result = explainer.explain(X[:8])
    assert (result.status == "valid").all()
    assert net.training
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(parameter.grad is not None for parameter in net.parameters())
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("method", ["natural", "prototype", "pareto"])
def test_forest_within_its_predictions(method, cohort):
    X, y = cohort
    forest = RandomForestClassifier(30, random_state=0).fit(X, y)
    explainer = CounterfactualExplainer(forest, method=method, random_state=0)
    explainer.fit(X, y)
    asked = explainer.model_.n_predictions
    result = explainer.explain(X[:10])
    assert (result.status == "valid").mean() >= 0.98
    assert (explainer.model_.n_predictions - asked) / 10 <= 300


def test_learned_needs_gradients(cohort):
    X, y = cohort
    explainer = CounterfactualExplainer(RandomForestClassifier(5), method="learned")
    with pytest.raises(ValueError, match="needs gradients"):
        explainer.fit(X, y)


def test_targets_of_classes(cohort):
    X, y = cohort
    y3 = np.where(X["G20"] > 5.5, "C", y)
    explainer = CounterfactualExplainer(random_state=0).fit(X, y3)
    assert set(explainer.explain(X[:20], "C").predicted_after) == {"C"}
    each = np.resize(["B", "T", "C"], 20)
    assert (explainer.explain(X[:20], each).predicted_after == each).all()
    second = explainer.estimator_.predict_proba(X[:20]).argsort(axis=1)[:, -2]
    runner_up = explainer.explain(X[:20], "runner-up")
    assert (runner_up.target == explainer.classes_[second]).all()
    with pytest.raises(ValueError, match="two classes"):
        explainer.explain(X[:5], "opposite")
    with pytest.raises(ValueError, match="classes"):
        explainer.explain(X[:5], "D")


def test_who_is_already_there_stays(cohort, logistic):
    X, _ = cohort
    explainer = CounterfactualExplainer(logistic, random_state=0).fit(X)
    result = explainer.explain(X[:20], "T")
    there = result.predicted_before == "T"
    assert there.any()
    assert not there.all()
    assert (result.profiles[there] == X[:20][there]).all(axis=None)
    assert (result.search[there] == "none").all()


def test_regression_reaches_its_interval(cohort):
    X, _ = cohort
    value = X[["G0", "G1", "G2"]].mean(axis=1) * 10
    explainer = CounterfactualExplainer(LinearRegression(), random_state=0)
    explainer.fit(X, value)
    reached = explainer.explain(X[:10], (70.0, 72.0)).predicted_after
    assert ((reached >= 70) & (reached <= 72)).all()
    known = explainer.estimator_.predict(X)
    below = explainer.explain(X[:10], {"below": 0.3}).predicted_after
    assert (below <= np.quantile(known, 0.3)).all()
    with pytest.raises(ValueError, match="lower < upper"):
        explainer.explain(X[:2], (3.0, 2.0))


def test_fitted_estimator_survives_cloning_only_frozen(cohort, logistic):
    X, _ = cohort
    with pytest.raises(ValueError, match="FrozenEstimator"):
        clone(CounterfactualExplainer(logistic)).fit(X)
    frozen = CounterfactualExplainer(FrozenEstimator(logistic), random_state=0)
    result = clone(frozen).fit(X).explain(X[:5])
    assert (logistic.predict(result.profiles) == result.target).all()


def test_results_repeat_and_do_not_depend_on_the_batch(cohort, logistic):
    X, y = cohort
    for method in ("natural", "learned"):
        explainer = CounterfactualExplainer(logistic, method=method, **FAST)
        state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        first = explainer.fit(X, y).transform(X[:6])
        np.testing.assert_array_equal(
            clone_fit(explainer, X, y).transform(X[:6]), first
        )
        assert torch.equal(torch.get_rng_state(), state[0])
        after = np.random.get_state()[1]  # noqa: NPY002
        np.testing.assert_array_equal(after, state[1])
        alone = np.vstack([explainer.transform(X[i : i + 1]) for i in range(6)])
        np.testing.assert_allclose(alone, first, atol=1e-8)
        loaded = pickle.loads(pickle.dumps(explainer))
        np.testing.assert_array_equal(loaded.transform(X[:6]), first)


def clone_fit(explainer, X, y):
    return CounterfactualExplainer(**explainer.get_params(deep=False)).fit(X, y)


def test_failed_fit_changes_nothing(cohort, logistic):
    X, y = cohort
    explainer = CounterfactualExplainer(logistic, random_state=0).fit(X, y)
    before = explainer.transform(X[:3])
    explainer.set_params(immutable=["no such gene"])
    with pytest.raises(ValueError, match="no such gene"):
        explainer.fit(X, y)
    explainer.set_params(immutable=None)
    np.testing.assert_array_equal(explainer.transform(X[:3]), before)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_violation_leaves(data, cohort, logistic):
    X, y = cohort
    genes = list(X.columns)
    some = st.lists(st.sampled_from(genes), unique=True, max_size=12)
    method = data.draw(st.sampled_from(METHODS))
    immutable = data.draw(some)
    direction = {g: data.draw(st.sampled_from(["up", "down"])) for g in data.draw(some)}
    bounds = data.draw(
        st.sampled_from(["training", None, dict.fromkeys(genes[:10], (4.0, 6.0))])
    )
    explainer = CounterfactualExplainer(
        logistic,
        method=method,
        immutable=immutable,
        direction=direction,
        bounds=bounds,
        **FAST,
    ).fit(X, y)
    before = X[:6]
    after = explainer.explain(before).profiles
    assert np.isfinite(after).all(axis=None)
    assert (after >= 0).all(axis=None)
    assert (after[immutable] == before[immutable]).all(axis=None)
    for gene, way in direction.items():
        change = after[gene] - before[gene]
        assert ((change >= 0) if way == "up" else (change <= 0)).all(), (gene, way)
    if isinstance(bounds, str):
        bounds = {g: (X[g].min(), X[g].max()) for g in genes}
    for gene, (low, high) in (bounds or {}).items():
        # Who is outside may stay there, or come nearer.
        lowest, highest = before[gene].clip(upper=low), before[gene].clip(lower=high)
        assert after[gene].between(lowest, highest).all(), gene


def test_infeasible_patients_stay_and_others_do_not_suffer(cohort, logistic):
    X, y = cohort
    explainer = CounterfactualExplainer(
        logistic, immutable=list(X.columns), random_state=0
    ).fit(X, y)
    result = explainer.explain(X[:5])
    assert set(result.status) == {"infeasible"}
    assert (result.profiles == X[:5]).all(axis=None)


def test_most_genes_is_a_hard_limit(cohort, logistic):
    X, y = cohort
    for k in (1, 3, 8):
        explainer = CounterfactualExplainer(
            logistic, method="sparse", max_genes=k, random_state=0
        ).fit(X, y)
        result = explainer.explain(X[:20])
        assert ((result.changes != 0).sum(axis=1) <= k).all()
    assert (result.status == "valid").any()


class Moody(BaseEstimator):
    """Fails for moved versions of the patient whose last gene is 95."""

    def __init__(self, model):
        self.model = model

    @property
    def classes_(self):
        return self.model.classes_

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        if ((X[:, 29] > 90) & (np.abs(X[:, 0] - 99) > 1e-6)).any():
            raise RuntimeError("no such patient")
        return self.model.predict_proba(X)

    def predict(self, X):
        return self.model.predict(X)


def test_failure_of_one_patient_loses_only_that_one(cohort):
    X, y = cohort
    rows = X.to_numpy()
    model = Moody(LogisticRegression().fit(rows, y))
    explainer = CounterfactualExplainer(model, bounds=None, random_state=0).fit(rows)
    patients = rows[:4].copy()
    patients[2, [0, 29]] = 99, 95
    with pytest.warns(UserWarning, match="1 of 4 patients.*no such patient"):
        result = explainer.explain(patients)
    assert (result.status[[0, 1, 3]] == "valid").all()
    assert result.status[2] == "infeasible"
    np.testing.assert_array_equal(result.profiles.iloc[2], patients[2])


def test_drivers_and_those_who_follow(cohort, logistic):
    X, y = cohort
    explainer = CounterfactualExplainer(
        logistic, n_drivers=3, roughness=0, bounds=None, random_state=0
    ).fit(X, y)
    result = explainer.explain(X[:6])
    assert (result.status == "valid").all()
    covariance = explainer.reference_.covariance
    dense = covariance.multiply(torch.eye(30, dtype=torch.float64)).numpy()
    changes = (result.changes / result.scale_).to_numpy()
    for change, names in zip(changes, result.drivers, strict=True):
        K = [X.columns.get_loc(name) for name in names]
        expected = dense[:, K] @ np.linalg.solve(dense[np.ix_(K, K)], change[K])
        np.testing.assert_allclose(change, expected, atol=1e-8)
    graph = {gene: ["G29"] for gene in X.columns}
    few = clone(explainer).set_params(followers=graph, estimator=logistic).fit(X, y)
    result = few.explain(X[:6])
    for (_, change), names in zip(
        result.changes.iterrows(), result.drivers, strict=True
    ):
        assert set(change.index[change != 0]) <= {*names, "G29"}


def test_time_limit_still_gives_everybody_something(cohort, logistic):
    X, y = cohort
    explainer = CounterfactualExplainer(
        logistic, method="gradient", time_limit=1e-6, random_state=0
    ).fit(X, y)
    result = explainer.explain(X[:10])
    assert (result.status == "valid").all()
    assert set(result.search) == {"prototype"}


def test_diverse_members_are_valid_and_apart(cohort, logistic):
    X, y = cohort
    explainer = CounterfactualExplainer(
        logistic, method="pareto", diverse=3, random_state=0
    ).fit(X, y)
    result = explainer.explain(X[:3])
    for members in result.alternatives:
        assert 2 <= len(members) <= 3
        assert len(set(logistic.predict(members))) == 1
        distance = np.linalg.norm(members.to_numpy()[0] - members.to_numpy()[1])
        assert distance > 0.1


def test_options_that_do_not_belong_together(cohort):
    X, y = cohort
    for options in ({"max_genes": 3}, {"diverse": 2}, {"followers": {"G1": ["G2"]}}):
        with pytest.raises(ValueError, match="needs"):
            CounterfactualExplainer(**options).fit(X, y)
