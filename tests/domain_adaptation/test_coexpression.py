"""Co-expression across studies: against correlation matrices, and what it repairs."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from skgenex.datasets import make_expression
from skgenex.domain_adaptation import DomainScaler, integrative_correlation
from skgenex.domain_adaptation.coexpression import gene_weights, lost_genes


def lose(data, genes, seed=0):
    """The rows of domain 1 have noise at these genes."""
    X = data.data.copy()
    rows = np.ix_(data.domain == 1, genes)
    X[rows] = np.random.default_rng(seed).standard_normal(X[rows].shape)
    return X


@pytest.fixture(scope="module")
def cohorts():
    data = make_expression(
        300, 120, n_domains=2, domain_shift=1.5, effect_size=0.8, random_state=0
    )
    lost = np.isin(data.module, [0, 1])
    return data, lost, lose(data, lost)


def test_it_is_the_cosine_of_rows_of_the_correlation_matrices():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4, 9))
    first = rng.normal(size=(30, 4)) @ mixing + rng.normal(size=(30, 9))
    second = rng.normal(size=(20, 4)) @ mixing + rng.normal(size=(20, 9))
    expected = []
    for j in range(9):
        others = np.delete(np.arange(9), j)
        a, b = (np.corrcoef(X.T)[j, others] for X in (first, second))
        expected.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    found = integrative_correlation(first, second)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    # Units do not matter, nor does the order of the studies.
    np.testing.assert_allclose(
        integrative_correlation(5 - 2 * second, 3 * first), expected, atol=1e-12
    )


def test_constant_genes_agree_with_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 6))
    Y = X.copy()
    Y[:, 2] = 1e6
    found = integrative_correlation(X, Y)
    assert found[2] == 0
    assert np.delete(found, 2).min() > 0.5
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(gene_weights(X, np.ones_like(X), rng), np.ones(6))
    assert np.mean(gene_weights(X, Y, rng) ** 2) == pytest.approx(1)


def test_genes_without_any_coexpression_count_alike():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(80, 200)), rng.normal(size=(60, 200))
    assert np.abs(gene_weights(X, Y, rng) - 1).max() < 0.5
    # Five of them: what agrees stands out.
    X[:, :5] += 2 * X[:, :1]
    Y[:, :5] += 2 * Y[:, :1]
    weights = gene_weights(X, Y, rng)
    assert weights[:5].min() > 1.5 * weights[5:].mean()


def test_other_genes_are_refused():
    with pytest.raises(ValueError, match=r"got shapes \(5, 3\) and \(5, 4\)"):
        integrative_correlation(np.ones((5, 3)), np.ones((5, 4)))


def test_lost_genes_are_found_and_few_others(cohorts):
    data, lost, X = cohorts
    source, target = X[data.domain == 0], X[data.domain == 1]
    found = lost_genes(source, target, np.random.default_rng(0))
    in_modules = data.module >= 0
    assert found[lost & in_modules].mean() > 0.85
    assert found[~lost].mean() < 0.1
    intact = data.data[data.domain == 1]
    assert lost_genes(source, intact, np.random.default_rng(0)).mean() < 0.05
    assert lost_genes(source, target[:49], np.random.default_rng(0)) is None


def test_scaler_weights_genes_for_the_models_that_follow(cohorts):
    data, lost, X = cohorts
    is_target = data.domain == 1
    y = np.where(is_target, None, data.target)
    scores = {}
    for name in (None, "coexpression"):
        scaler = DomainScaler(gene_weights=name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lost genes: see below
            Z = scaler.fit_transform(X, y, sample_domain=data.domain)
        model = RidgeClassifier(10.0).fit(Z[~is_target], data.target[~is_target])
        scores[name] = model.score(Z[is_target], data.target[is_target])
    assert scores["coexpression"] > scores[None] + 0.05
    assert scaler.gene_weights_[lost].mean() < 0.7 * scaler.gene_weights_[~lost].mean()
    plain = DomainScaler().fit_transform(X, y, sample_domain=data.domain)
    np.testing.assert_allclose(Z, plain * scaler.gene_weights_)


def test_loss_of_many_genes_is_told_and_that_of_none_is_not(cohorts):
    data, lost, X = cohorts
    y = np.where(data.domain == 1, None, data.target)
    assert lost.mean() > 0.3
    scaler = DomainScaler(gene_weights="coexpression")
    with pytest.warns(UserWarning, match="with none in the target: is a cell type"):
        scaler.fit(X, y, sample_domain=data.domain)
    assert scaler.lost_genes_[lost].mean() > 0.7
    scaler.fit(data.data, y, sample_domain=data.domain)  # warnings are errors
    assert scaler.lost_genes_.mean() < 0.05


def test_without_a_target_all_genes_count_alike(cohorts):
    data, _, _ = cohorts
    scaler = DomainScaler(gene_weights="coexpression").fit(data.data)
    np.testing.assert_array_equal(scaler.gene_weights_, 1)
    assert not scaler.lost_genes_.any()
