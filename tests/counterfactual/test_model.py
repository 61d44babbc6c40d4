"""Rebuilt models equal the original, others are black boxes."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_selection import SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from skorch import NeuralNetClassifier

from skgenex._seeding import seeded
from skgenex.counterfactual import CounterfactualExplainer
from skgenex.counterfactual.model import adapt, decisions, predicts_values

rng = np.random.default_rng(0)
X = np.abs(rng.standard_normal((90, 12))) + 0.1
CODES = X[:, :3].argmax(axis=1)
VALUES = X[:, 0] - X[:, 1]
STEPS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    RobustScaler(),
    RobustScaler(with_centering=False),
    MinMaxScaler((-1, 2)),
    MinMaxScaler(clip=True),
    MaxAbsScaler(),
    PCA(5),
    PCA(5, whiten=True),
    TruncatedSVD(5, random_state=0),
    SelectKBest(k=6),
    VarianceThreshold(0.2),
    SelectFromModel(LogisticRegression()),
    FunctionTransformer(),
    FunctionTransformer(np.log1p),
    make_pipeline(StandardScaler(), PCA(4)),
    "passthrough",
]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_steps_are_rebuilt(step):
    model = make_pipeline(step, LogisticRegression()).fit(X, CODES)
    adapted = adapt(model, X)
    assert adapted.differentiable
    ours = adapted.scores(torch.from_numpy(X)).log_softmax(dim=1)
    np.testing.assert_allclose(ours, model.predict_log_proba(X), atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        LinearSVC(),
        SGDClassifier(random_state=0),
        RidgeClassifier(),
        LinearDiscriminantAnalysis(),
        MLPClassifier((6, 4), activation="tanh", max_iter=20, random_state=0),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classifiers_are_rebuilt(model, n_classes):
    codes = CODES % n_classes
    model.fit(X, codes)
    adapted = adapt(model, X)
    assert adapted.differentiable
    scores = adapted.scores(torch.from_numpy(X))
    assert scores.shape == (90, n_classes)
    np.testing.assert_array_equal(scores.argmax(dim=1), model.predict(X))


@pytest.mark.parametrize(
    "model",
    [Ridge(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=0)],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regressors_are_rebuilt(model):
    model.fit(X, VALUES)
    adapted = adapt(model, X)
    assert adapted.differentiable
    assert predicts_values(model)
    ours = adapted.scores(torch.from_numpy(X))[:, 0]
    np.testing.assert_allclose(ours, model.predict(X), atol=1e-8)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=0),
        SVC(),
        make_pipeline(PolynomialFeatures(), LogisticRegression()),
        make_pipeline(FunctionTransformer(np.sqrt), LogisticRegression()),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_others_are_black_boxes(model):
    model.fit(X, CODES)
    adapted = adapt(model, X)
    assert not adapted.differentiable
    scores = adapted.scores(torch.from_numpy(X))
    np.testing.assert_allclose(scores, decisions(model, X, False))
    assert adapted.n_predictions == len(X)


def test_model_that_lies_about_its_coefficients_is_a_black_box():
    class Squared(Ridge):
        def predict(self, X):
            return super().predict(X) ** 2

    assert not adapt(Squared().fit(X, VALUES), X).differentiable


def test_wrappers_are_looked_into():
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2).fit(X, CODES)
    assert adapt(FrozenEstimator(search), X).differentiable
    boosted = GradientBoostingRegressor(n_estimators=3).fit(X, VALUES)
    assert predicts_values(FrozenEstimator(boosted))


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_skorch_net_is_differentiated_and_explained(in_pipeline):
    with seeded(0):
        net = NeuralNetClassifier(
            torch.nn.Sequential(
                torch.nn.Linear(12, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3)
            ),
            criterion=torch.nn.CrossEntropyLoss,
            max_epochs=30,
            lr=0.1,
            train_split=None,
            verbose=0,
        )
        model = make_pipeline(StandardScaler(), net) if in_pipeline else net
        rows = X.astype(np.float32)
        model.fit(rows, CODES.astype(np.int64))
    adapted = adapt(model, rows)
    assert adapted.differentiable
    ours = adapted.scores(torch.from_numpy(X)).softmax(dim=1)
    expected = torch.from_numpy(model.predict_proba(rows)).double()
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    before = [p.detach().clone() for p in net_of(model).module_.parameters()]
    result = CounterfactualExplainer(model, random_state=0).fit(X).explain(X[:5])
    assert (result.status == "valid").all()
    after = model.predict(result.profiles.to_numpy().astype(np.float32))
    np.testing.assert_array_equal(after, result.target)
    for old, new in zip(before, net_of(model).module_.parameters(), strict=True):
        assert torch.equal(old, new)


def net_of(model):
    return model[-1] if hasattr(model, "steps") else model


class Risk(BaseEstimator):
    """A survival model as scikit-survival has them: predict gives a risk."""

    def fit(self, X, y):
        # y: structured array of events and times.
        correlation = np.corrcoef(X.T, np.log(y["time"]))[-1, :-1]
        self.weight_ = -correlation
        return self

    def predict(self, X):
        return np.exp(np.asarray(X) @ self.weight_ / 10)


def test_risk_of_a_survival_model_falls_below_a_quantile():
    rng = np.random.default_rng(1)
    time = np.exp(-X[:, 0] + 0.1 * rng.standard_normal(len(X)))
    y = np.array(
        list(zip(np.ones(len(X), bool), time, strict=True)),
        dtype=[("event", bool), ("time", float)],
    )
    model = Risk().fit(X, y)
    risk = model.predict(X)
    patients = X[risk > np.quantile(risk, 0.7)][:6]
    explainer = CounterfactualExplainer(model, random_state=0).fit(X)
    result = explainer.explain(patients, target={"below": 0.4})
    assert (result.status == "valid").all()
    after = model.predict(result.profiles.to_numpy())
    assert (after <= np.quantile(risk, 0.4)).all()
    assert (np.asarray(result.predicted_before) > np.quantile(risk, 0.7)).all()


@pytest.mark.parametrize("kind", ["logits", "one logit", "probabilities"])
def test_outputs_of_networks(kind):
    linear = torch.nn.Linear(12, 1 if kind == "one logit" else 2)
    parts = [linear, torch.nn.Softmax(dim=1)] if kind == "probabilities" else [linear]
    network = torch.nn.Sequential(*parts)

    class Net:
        """What a fitted skorch classifier shows."""

        module_ = network
        classes_ = np.array([0, 1])

        def predict_proba(self, rows):
            with torch.no_grad():
                out = self.module_(torch.as_tensor(rows))
            if kind == "one logit":
                out = torch.cat([torch.zeros_like(out), out], dim=1)
            return (out if kind == "probabilities" else out.softmax(dim=1)).numpy()

    adapted = adapt(Net(), X.astype(np.float32))
    assert adapted.differentiable
    ours = adapted.scores(torch.from_numpy(X)).softmax(dim=1)
    np.testing.assert_allclose(
        ours, Net().predict_proba(X.astype(np.float32)), atol=1e-5
    )
