"""The hierarchy: closed forms of its parts, what its operations do, its contract."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_sampler_checks,
)
from sklearn.cross_decomposition import CCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex import DiffusionSampler, GaussianSampler
from skgenex._seeding import seeded
from skgenex.datasets import load_leukemia
from skgenex.generation import ContrastiveEmbedding, HierarchicalDiffusionSampler
from skgenex.generation.contrastive import ContrastiveObjective, canonical_correlation

TINY = {"max_epochs": 1, "n_hidden": 4}
LINEAR = ContrastiveEmbedding(backend="linear")
SAMPLERS = [
    HierarchicalDiffusionSampler(
        embedding=ContrastiveEmbedding(**TINY),
        prior=GaussianSampler(),
        decoder=GaussianSampler(),
        random_state=0,
    ),
]


@parametrize_with_checks(
    [*SAMPLERS, ContrastiveEmbedding(backend="network", random_state=0, **TINY)]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


_NAMES, _CHECKS = parametrize_with_sampler_checks(SAMPLERS).mark.args
_IDS = parametrize_with_sampler_checks(SAMPLERS).mark.kwargs["ids"]


@pytest.mark.parametrize(_NAMES, list(_CHECKS), ids=_IDS)
def test_imbalanced_learn_contract(estimator, check):
    check(estimator)


def gaussian_hierarchy():
    """All parts in closed form."""
    return HierarchicalDiffusionSampler(
        embedding=LINEAR,
        prior=GaussianSampler(marginal=False),
        decoder=GaussianSampler(marginal=False),
        random_state=0,
    )


def network_hierarchy():
    """All parts networks, trained briefly."""
    small = {
        "max_epochs": 2,
        "n_hidden": 16,
        "n_steps": 6,
        "validation_fraction": 0.0,
        "class_covariance": np.inf,
        "marginal": False,
    }
    return HierarchicalDiffusionSampler(
        embedding=ContrastiveEmbedding(
            backend="network", max_epochs=3, validation_fraction=0.0
        ),
        prior=DiffusionSampler(backend="diffusion", **small),
        decoder=DiffusionSampler(backend="diffusion", space="factors", **small),
        random_state=0,
    )


def two_classes(n=120, p=40, seed=0):
    """Classes that differ in ten genes; other genes share factors within classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    loadings = np.random.default_rng(7).normal(size=(3, p))
    X = rng.normal(size=(n, 3)) @ loadings + rng.normal(size=(n, p))
    X[y == 1, :10] += 2.0
    return X, np.where(y == 1, "b", "a")


@pytest.fixture(scope="module")
def leukemia():
    """Half to fit on, half to judge, and a classifier which saw the second half."""
    X, y = load_leukemia(n_genes=300, return_X_y=True)
    judge = LogisticRegression(C=0.01, max_iter=500).fit(X[1::2], y[1::2])
    sampler = gaussian_hierarchy().fit(X[::2], y[::2])
    return sampler, judge, X[1::2], y[1::2]


def white(values):
    """Uncorrelated columns of unit variance."""
    centred = values - values.mean(axis=0)
    u, _, _ = np.linalg.svd(centred, full_matrices=False)
    return u * np.sqrt(len(values))


def test_canonical_correlations_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(200, 4))
    B = A[:, :2] + rng.normal(size=(200, 2))
    a, rho, b = canonical_correlation(white(A), white(B))
    u, v = CCA(n_components=2, max_iter=2000).fit_transform(A, B)
    expected = [np.corrcoef(u[:, k], v[:, k])[0, 1] for k in range(2)]
    np.testing.assert_allclose(rho, expected, atol=1e-3)
    ours = np.diag((white(A) @ a).T @ (white(B) @ b)) / 200
    np.testing.assert_allclose(ours, rho, atol=1e-12)


def test_embedding_of_classes_alone_is_the_linear_discriminant():
    X, y = two_classes(p=8)
    X[:, 0] += (y == "b") * 2
    y = np.where((y == "a") & (X[:, 5] > 0.5), "c", y)
    embedding = ContrastiveEmbedding(backend="linear", n_factors=8).fit(X, y)
    discriminant = LinearDiscriminantAnalysis().fit(X, y).transform(X)
    ours = embedding.transform(X)
    assert ours.shape == (len(X), 2)
    for k in range(2):
        correlation = np.corrcoef(ours[:, k], discriminant[:, k])[0, 1]
        assert abs(correlation) > 1 - 1e-6
    # A class's description lies at the mean of its profiles.
    means = np.array([ours[y == c].mean(axis=0) for c in "abc"])
    np.testing.assert_allclose(embedding.embed_conditions(list("abc")), means)


def test_contrastive_loss_of_the_start_is_the_log_density_ratio():
    rng = np.random.default_rng(0)
    rho = np.array([0.8])
    with seeded(0):
        objective = ContrastiveObjective(np.eye(1), np.eye(1), rho).eval()
    u = rng.normal(size=(6, 1))
    x = rho * u + np.sqrt(1 - rho**2) * rng.normal(size=(6, 1))
    log_density = -0.5 * (x - rho * u.T) ** 2 / (1 - rho**2)
    own = np.diag(log_density)
    by_row = np.log(np.exp(log_density).sum(axis=1)) - own
    by_column = np.log(np.exp(log_density).sum(axis=0)) - own
    loss = objective(
        torch.tensor(x, dtype=torch.float32),
        torch.tensor(u, dtype=torch.float32),
        torch.arange(6),
    )
    expected = (by_row + by_column) / 2
    np.testing.assert_allclose(loss.detach().numpy(), expected, rtol=1e-5)


def test_patients_of_one_description_are_not_contrasted():
    with seeded(0):
        objective = ContrastiveObjective(np.eye(2), np.eye(2), np.full(2, 0.5)).eval()
    x, u = (
        torch.randn(4, 2, generator=torch.Generator().manual_seed(0)),
        torch.ones(4, 2),
    )
    loss = objective(x, u, torch.zeros(4, dtype=torch.long))
    torch.testing.assert_close(loss, torch.zeros(4))


def test_network_is_used_where_descriptions_show_in_products_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    embedding = ContrastiveEmbedding(
        n_factors=2, lr=1e-2, dropout=0.0, weight_decay=0.0, random_state=0
    ).fit(X[:400], y[:400])
    assert embedding.backend_ == "network"
    # A description lies at the mean of its patients, with networks too.
    own = embedding.transform(X[:400])
    means = [own[y[:400] == c].mean(axis=0) for c in (0, 1)]
    np.testing.assert_allclose(embedding.embed_conditions([0, 1]), means, atol=1e-4)
    z = embedding.transform(X[400:])
    gap = np.abs(z[:, None] - embedding.embed_conditions([0, 1])[None]).sum(axis=2)
    assert np.mean(gap.argmin(axis=1) == y[400:]) > 0.8


def test_network_is_refused_where_descriptions_mean_nothing():
    X, y = two_classes()
    y = np.random.default_rng(1).permutation(y)
    embedding = ContrastiveEmbedding(random_state=0).fit(X, y)
    assert embedding.backend_ == "linear"
    assert embedding.heldout_gain_ <= embedding.heldout_gain_se_


def test_without_conditions_the_hierarchy_is_its_decoder():
    X, _ = two_classes()
    sampler, gaussian = gaussian_hierarchy().fit(X), GaussianSampler().fit(X)
    assert sampler.embedding_ is None
    assert sampler.score(X) == pytest.approx(gaussian.score(X))


def test_with_classes_that_mean_nothing_it_is_the_class_gaussian():
    X, y = two_classes(n=1_000)
    y = np.random.default_rng(1).permutation(y)
    sampler = gaussian_hierarchy().fit(X[:700], y[:700])
    gaussian = GaussianSampler(random_state=0).fit(X[:700], y[:700])
    ours, theirs = (s.score(X[700:], y[700:]) for s in (sampler, gaussian))
    assert ours == pytest.approx(theirs, abs=0.02 * X.shape[1])


@pytest.mark.parametrize("make", [gaussian_hierarchy, network_hierarchy])
def test_simulated_classes_have_the_means_and_covariance_of_real_ones(make):
    X, y = two_classes(n=600)
    X_new, y_new = make().fit(X, y).sample(y={"a": 600, "b": 600})
    for c in "ab":
        real, simulated = X[y == c], X_new[y_new == c]
        np.testing.assert_allclose(simulated.mean(0), real.mean(0), atol=0.35)
        error = np.cov(simulated.T) - np.cov(real.T)
        assert np.linalg.norm(error) < 0.3 * np.linalg.norm(np.cov(real.T))


def test_density_agrees_with_the_gaussian_of_the_same_rows():
    X, y = two_classes(n=1_000)
    sampler = gaussian_hierarchy().fit(X[:700], y[:700])
    gaussian = GaussianSampler(random_state=0).fit(X[:700], y[:700])
    ours, theirs = (s.score_samples(X[700:], y[700:]) for s in (sampler, gaussian))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02 * X.shape[1])


@pytest.mark.parametrize("make", [gaussian_hierarchy, network_hierarchy])
def test_variations_keep_the_embedding_and_move_the_rest(make):
    X, y = two_classes(n=300)
    sampler = make().fit(X[:200], y[:200])
    again = np.repeat(X[200:], 3, axis=0)
    varied = sampler.variations(X[200:], n=3)
    z, z_new = (sampler.embedding_.transform(rows)[:, 0] for rows in (again, varied))
    assert np.corrcoef(z, z_new)[0, 1] > 0.97
    # All else is drawn anew: as far from the patient as another of the class.
    apart = np.linalg.norm(varied - again, axis=1).mean()
    own = X[200:][y[200:] == "a"]
    expected = np.linalg.norm(own[::2] - own[1::2], axis=1).mean()
    assert apart == pytest.approx(expected, rel=0.15)


def test_variations_of_unseen_patients_keep_their_class(leukemia):
    sampler, judge, X, y = leukemia
    varied = sampler.variations(X, n=3, random_state=0)
    kept = judge.predict(varied) == np.repeat(y, 3)
    assert kept.mean() > 0.95
    assert np.abs(varied - np.repeat(X, 3, axis=0)).mean() > 0.3


def test_interpolation_goes_from_patient_to_patient_and_class_to_class(leukemia):
    sampler, judge, X, y = leukemia
    first, second = judge.classes_
    a, b = X[y == first], X[y == second]
    n = min(len(a), len(b))
    path = sampler.interpolate(a[:n], b[:n], 7)
    np.testing.assert_allclose(path[:, 0], a[:n], atol=1e-6)
    np.testing.assert_allclose(path[:, -1], b[:n], atol=1e-6)
    probability = judge.predict_proba(path.reshape(-1, X.shape[1]))[:, 1]
    by_step = probability.reshape(n, 7)
    assert (np.diff(by_step, axis=1) > -1e-3).mean() > 0.9
    assert (np.diff(by_step.mean(axis=0)) > 0).all()
    # As rough as patients half-way: a straight line would lose half of the variance.
    middle = path[:, 3] - path[:, 3].mean(axis=0)
    ends = np.vstack([v[:n] - v[:n].mean(axis=0) for v in (a, b)])
    assert middle.var() == pytest.approx(ends.var(), rel=0.25)


def test_interpolation_by_networks_ends_at_the_patients():
    X, y = two_classes(n=100)
    sampler = network_hierarchy().fit(X, y)
    path = sampler.interpolate(X[y == "a"][:5], X[y == "b"][:5], 3)
    np.testing.assert_allclose(path[:, 0], X[y == "a"][:5], atol=0.05)
    np.testing.assert_allclose(path[:, -1], X[y == "b"][:5], atol=0.05)


def test_shift_reaches_the_class_and_keeps_the_patient(leukemia):
    sampler, judge, X, y = leukemia
    first, second = judge.classes_
    a, b = X[y == first], X[y == second]
    moved = sampler.shift(a, first, second)
    assert (judge.predict(moved) == second).mean() > 0.95
    residual = a - a.mean(axis=0)

    def likeness(rows):
        own = rows - b.mean(axis=0)
        pairs = zip(own, residual, strict=True)
        return np.mean([np.corrcoef(u, v)[0, 1] for u, v in pairs])

    strangers = np.resize(b, a.shape)
    assert likeness(moved) > 0.8
    assert abs(likeness(strangers)) < 0.3


@pytest.mark.parametrize("make", [gaussian_hierarchy, network_hierarchy])
def test_shift_moves_by_the_difference_of_the_classes(make):
    X, y = two_classes(n=400)
    sampler = make().fit(X, y)
    change = (sampler.shift(X[y == "a"], "a", "b") - X[y == "a"]).mean(axis=0)
    expected = X[y == "b"].mean(axis=0) - X[y == "a"].mean(axis=0)
    np.testing.assert_allclose(change, expected, atol=0.4)
    same = sampler.shift(X[y == "a"], "a", "a")
    np.testing.assert_allclose(same, X[y == "a"], atol=0.05)


def test_shift_of_a_covariate_moves_its_genes():
    X, y = two_classes(n=300)
    age = np.random.default_rng(3).normal(50, 10, 300)
    X[:, 20] += (age - 50) / 5
    conditions = pd.DataFrame({"age": age})
    sampler = gaussian_hierarchy().fit(X, y, conditions)
    moved = sampler.shift(X[:20], {"y": "a", "age": 40.0}, {"y": "a", "age": 60.0})
    change = (moved - X[:20]).mean(axis=0)
    assert change[20] == pytest.approx(4.0, abs=0.8)
    assert np.abs(np.delete(change, 20)).max() < 1.0


def test_same_seed_same_rows_and_round_trips():
    X, y = two_classes(n=60)
    state = torch.get_rng_state()
    first, second = (network_hierarchy().fit(X, y) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(first.sample(5)[0], second.sample(5)[0])
    np.testing.assert_array_equal(
        first.variations(X[:3], n=2), second.variations(X[:3], n=2)
    )
    restored = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(restored.sample(5)[0], first.sample(5)[0])


def test_names_of_genes_and_patients_are_kept():
    X, y = two_classes(n=60)
    frame = pd.DataFrame(X, columns=[f"G{i}" for i in range(40)])
    frame.index = [f"P{i}" for i in range(60)]
    sampler = gaussian_hierarchy().fit(frame, y)
    shifted = sampler.shift(frame[:4], "a", "b")
    assert shifted.index.tolist() == ["P0", "P1", "P2", "P3"]
    assert sampler.variations(frame[:4]).columns.tolist() == frame.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        sampler.variations(frame[:4].rename(columns={"G0": "other"}))


def test_errors_say_what_would_do():
    X, y = two_classes(n=60)
    sampler = gaussian_hierarchy().fit(X, y)
    with pytest.raises(ValueError, match="n must be a positive integer; got 0"):
        sampler.variations(X, n=0)
    with pytest.raises(ValueError, match="steps must be an integer of 2"):
        sampler.interpolate(X, X, 1)
    with pytest.raises(ValueError, match="as many rows; got 2 and 3"):
        sampler.interpolate(X[:2], X[:3])
    with pytest.raises(ValueError, match="nobody"):
        sampler.shift(X, "a", "nobody")
    with pytest.raises(ValueError, match="columns of the fit"):
        sampler.shift(X, "a", {"y": "b", "age": 3.0})
    with pytest.raises(ValueError, match="classes or conditions"):
        gaussian_hierarchy().fit(X).shift(X, {}, {})
    with pytest.raises(ValueError, match="requires y"):
        ContrastiveEmbedding().fit(X)
