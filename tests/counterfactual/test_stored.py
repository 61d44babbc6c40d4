"""A fitted explainer is kept as arrays, without the twin of its model."""

import pickle

import joblib
import numpy as np
import pytest
import skops.io
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier

from skgenex._persistence import save, trusted_types
from skgenex.counterfactual import CounterfactualExplainer
from skgenex.datasets import make_expression

# What users must vouch for themselves, as without an explainer.
OF_THE_MODELS = (
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)


@pytest.fixture(scope="module")
def cohort():
    return make_expression(n_samples=60, n_genes=30, random_state=0, return_X_y=True)


def by_skops(explainer):
    return skops.io.loads(
        skops.io.dumps(explainer), trusted=[*trusted_types(), *OF_THE_MODELS]
    )


def by_pickle(explainer):
    return pickle.loads(pickle.dumps(explainer))


def of_network(cohort):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(30, 8), torch.nn.ReLU())
    net.append(torch.nn.Linear(8, 2))
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    x = torch.tensor(cohort[0], dtype=torch.float32)
    label = torch.tensor(np.unique(cohort[1], return_inverse=True)[1])
    x = (x - x.mean(0)) / x.std(0)
    for _ in range(50):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(x), label).backward()
        optimiser.step()
    return net.eval(), x.numpy().astype(float)


def assert_same_explanations(explainer, again, X):
    ours, theirs = (each.explain(X[:6]) for each in (explainer, again))
    np.testing.assert_allclose(theirs.profiles, ours.profiles, rtol=1e-9)
    assert theirs.status.tolist() == ours.status.tolist()
    assert theirs.search.tolist() == ours.search.tolist()
    assert (np.abs(ours.changes.to_numpy()).sum(axis=1) > 0).any()


@pytest.mark.parametrize("stored", [by_skops, by_pickle])
@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (None, "natural"),
        (None, "learned"),
        (None, "sparse"),
        (MLPClassifier((5,), max_iter=400, random_state=0), "learned"),
        (RandomForestClassifier(10, random_state=0), "natural"),
        (Ridge(), "natural"),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_explanations_are_the_same(cohort, estimator, method, stored):
    X, y = cohort
    if isinstance(estimator, Ridge):
        y = X[:, 0] - X[:, 1]
    explainer = CounterfactualExplainer(
        estimator, method=method, max_epochs=3, random_state=0
    ).fit(X, y)
    again = stored(explainer)
    assert again.model_.differentiable == explainer.model_.differentiable
    assert_same_explanations(explainer, again, X)
    assert_same_explanations(explainer, stored(again), X)


def test_a_torch_module_is_kept_by_pickle_and_refused_by_save(cohort, tmp_path):
    net, X = of_network(cohort)
    explainer = CounterfactualExplainer(net, random_state=0).fit(X)
    assert_same_explanations(explainer, by_pickle(explainer), X)
    with pytest.raises(TypeError, match=r"skops cannot write.*joblib"):
        save(explainer, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_memory_mapped_files_serve_without_warnings(cohort, tmp_path):
    X, y = cohort
    explainer = CounterfactualExplainer(random_state=0).fit(X, y)
    joblib.dump(explainer, tmp_path / "file")
    again = joblib.load(tmp_path / "file", mmap_mode="r")
    assert_same_explanations(explainer, again, X)


def tensors_in(part):
    """Yield the tensors and modules of a state."""
    if isinstance(part, (torch.Tensor, torch.nn.Module)):
        yield part
    elif isinstance(part, (dict, list, tuple)):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from tensors_in(inner)
    elif type(part).__module__.startswith("skgenex"):
        yield from tensors_in(part.__getstate__())


def test_nothing_that_can_be_made_again_is_kept(cohort):
    X, y = cohort
    explainer = CounterfactualExplainer(method="learned", max_epochs=2).fit(X, y)
    explainer.explain(X[:3])

    assert list(tensors_in(explainer.__getstate__())) == []


def test_an_explainer_that_is_not_fitted_has_no_model():
    assert not hasattr(CounterfactualExplainer(), "model_")


def test_the_twin_is_of_the_model_of_the_last_fit(cohort):
    X, y = cohort
    explainer = CounterfactualExplainer(random_state=0).fit(X, y)
    first = explainer.model_
    assert explainer.model_ is first
    explainer.fit(X[:, :20], y)
    rows = torch.from_numpy(X[:5, :20])
    expected = explainer.estimator_.decision_function(X[:5, :20])
    found = explainer.model_.scores(rows)
    np.testing.assert_allclose((found[:, 1] - found[:, 0]).numpy(), expected)
