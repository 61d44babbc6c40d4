"""What a table of biomarkers says about changes that are known."""

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skgenex.counterfactual.attributions import integrated_gradients, welch_t
from skgenex.counterfactual.biomarkers import Biomarkers, biomarkers
from skgenex.counterfactual.changes import class_spread, mean_change
from skgenex.counterfactual.refits import bootstrap_rows, refitted_changes

GENES = [f"G{j}" for j in range(40)]


class BoundaryExplainer(BaseEstimator):
    """Moves patients across a linear boundary along S w, the activation pattern."""

    def __init__(self, estimator=None):
        self.estimator = estimator

    def fit(self, X, y):
        frozen = isinstance(self.estimator, FrozenEstimator)
        self.estimator_ = self.estimator if frozen else clone(self.estimator)
        self.estimator_.fit(X, y)
        self.classes_ = self.estimator_.classes_
        self.spread_ = class_spread(X.to_numpy(), np.asarray(y))
        weight = self.estimator_.coef_[0]
        self.way_ = np.cov(X.T) @ weight
        intercept = self.estimator_.intercept_[0]

        def scores(x):
            margin = x @ torch.as_tensor(weight) + intercept
            return torch.stack([torch.zeros_like(margin), margin], dim=1)

        self.model_ = SimpleNamespace(scores=scores, differentiable=True)
        return self

    def explain(self, X, target=None):
        before = self.estimator_.predict(X)
        if target is None:
            target = np.where(before == self.classes_[0], *self.classes_[::-1])
        margin = self.estimator_.decision_function(X)
        step = -1.05 * margin / (self.way_ @ self.estimator_.coef_[0])
        step = np.where(before == target, 0, step)
        changes = pd.DataFrame(np.outer(step, self.way_), X.index, X.columns)
        return SimpleNamespace(
            originals=X,
            profiles=X + changes,
            changes=changes,
            status=np.full(len(X), "valid", dtype=object),
            search=np.where(step == 0, "none", "natural"),
            predicted_before=before,
            predicted_after=self.estimator_.predict(X + changes),
            target=np.asarray(target),
            spread_=self.spread_,
        )


@pytest.fixture(scope="module")
def cohort():
    """Twelve genes rise or fall with the class, the others are noise."""
    rng = np.random.default_rng(0)
    y = np.where(np.arange(160) % 2, "T", "B")
    effect = np.zeros(40)
    effect[:6], effect[6:12] = 1.5, -1.5
    X = rng.standard_normal((160, 40)) * rng.uniform(0.5, 3, 40)
    X += np.outer(y == "T", effect * X.std(axis=0))
    X = pd.DataFrame(X, columns=GENES)
    explainer = BoundaryExplainer(LogisticRegression(C=0.1)).fit(X[:100], y[:100])
    return X[:100], y[:100], X[100:], explainer


def test_columns_describe_known_changes():
    rows, genes = ["p1", "p2", "p3", "p4"], ["up", "mixed", "rare", "never", "dead"]
    changes = pd.DataFrame(
        [
            [2.0, 1.0, 0.0, 0.0, 5.0],
            [4.0, -1.0, 0.0, 1e-4, 5.0],
            [-2.0, 1.0, -8.0, 0.0, 5.0],
            [99.0, 99.0, 99.0, 99.0, 99.0],
        ],
        index=rows,
        columns=genes,
    )
    explanations = SimpleNamespace(
        changes=changes,
        status=np.array(["valid", "valid", "valid", "best effort"]),
        search=np.full(4, "natural"),
        predicted_before=["B", "B", "T", "B"],
        target=["T", "T", "B", "T"],
        spread_=[2.0, 1.0, 4.0, 1.0, 0.0],
    )
    with pytest.warns(UserWarning, match="Only 3 patients"):
        table = biomarkers(explanations, n_top=1)
    assert list(table.index) == ["up", "mixed", "rare", "never", "dead"]
    # Two patients go to T and one to B, but both targets weigh the same.
    np.testing.assert_allclose(table["change"], [1.25, 1, 1, 2.5e-5, 0], atol=1e-12)
    # The patient who leaves T counts as the opposite change.
    np.testing.assert_allclose(
        table["signed_change"], [4 / 3, -1 / 3, 2 / 3, 1e-4 / 3, 0], atol=1e-12
    )
    np.testing.assert_allclose(table["share"], [1, 1, 1 / 3, 0, 0])
    np.testing.assert_allclose(table["consistency"], [1, 2 / 3, 1, np.nan, np.nan])
    np.testing.assert_allclose(table["p_sign"], [0.25, 1, 1, 1, 1])
    assert table.attrs == {"n_top": 1, "n_patients": 3, "towards": "T"}
    with pytest.warns(UserWarning, match="sign test of fewer than 6"):
        other = biomarkers(explanations, towards="B", n_top=1)
    np.testing.assert_allclose(other["signed_change"], -table["signed_change"])


def test_spread_is_that_of_the_classes_whatever_their_size():
    rng = np.random.default_rng(0)
    deviations, shift = np.array([[1.0, 3.0, 2.0], [2.0, 1.0, 2.0]]), [0.0, 9.0, 1.0]
    expected = np.sqrt(np.mean(deviations**2, axis=0))
    for n_first in (2000, 500):
        groups = np.arange(4000) >= n_first
        rows = rng.standard_normal((4000, 3)) * deviations[groups.astype(int)]
        rows += np.outer(groups, shift)
        np.testing.assert_allclose(class_spread(rows, groups), expected, rtol=0.06)


def test_spread_of_genes_that_few_patients_cannot_tell():
    rows = np.array([[0.0, 0, 1, 5], [0, 2, 1, 5], [9, 8, 1, 5], [9, 8, 1, 7]])
    whole = rows.std(axis=0)
    spread = class_spread(rows, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(spread, [whole[0] / 5, 1, 0, 1])
    alone = class_spread(rows, np.array([0, 0, 0, 1]))  # one row has no spread
    np.testing.assert_allclose(alone, np.maximum(rows[:3].std(0, ddof=1), whole / 5))
    np.testing.assert_allclose(class_spread(rows, np.arange(4)), whole)


def test_mean_change_of_intervals_is_that_of_all_patients():
    change = pd.DataFrame({"a": [1.0, -3.0, 5.0]})
    ends = np.array([[0, 1], [0, 1], [2, 3]])
    assert mean_change(change, ends)["a"] == 3
    assert mean_change(change, ["x", "x", "y"])["a"] == 3.5


def test_a_control_is_in_the_unit_of_its_own_classes(cohort):
    X, y, patients, explainer = cohort
    explanations = explainer.explain(patients)
    permuted = np.random.RandomState(0).permutation(y)
    again = refitted_changes(explainer, X, permuted, explanations)
    other = clone(explainer).fit(X, permuted).explain(patients, explanations.target)
    moved = (other.changes != 0).any(axis=1).to_numpy()
    expected = other.changes[moved].abs() / class_spread(X.to_numpy(), permuted)
    expected = expected.groupby(explanations.target[moved]).mean().mean()
    np.testing.assert_allclose(again, expected)


def test_patients_who_are_there_already_tell_nothing(cohort):
    _, _, X, explainer = cohort
    target = explainer.classes_[1]
    away = explainer.estimator_.predict(X) != target
    assert 6 < away.sum() < len(X)
    alone = biomarkers(explainer.explain(X[away], target=np.full(away.sum(), target)))
    among = biomarkers(explainer.explain(X, target=np.full(len(X), target)))
    pd.testing.assert_frame_equal(pd.DataFrame(among), pd.DataFrame(alone))
    assert among.attrs["n_patients"] == away.sum()
    settled = explainer.explain(X[~away], target=np.full((~away).sum(), target))
    with pytest.raises(ValueError, match="predicted as their target already"):
        biomarkers(settled)


def test_sign_test_is_the_binomial_test(cohort):
    *_, X, explainer = cohort
    explanations = explainer.explain(X)
    explanations.changes = explanations.changes * np.sign(
        np.random.default_rng(0).standard_normal(explanations.changes.shape) + 0.5
    )
    table = biomarkers(explanations).loc[GENES]
    turn = np.where(explanations.target == "T", 1, -1)[:, None]
    ups = (explanations.changes * turn > 0).sum()
    for gene in GENES[:5]:
        exact = stats.binomtest(int(ups[gene]), len(X)).pvalue
        assert table.loc[gene, "p_sign"] == pytest.approx(exact)
    np.testing.assert_allclose(
        table["q_sign"], stats.false_discovery_control(table["p_sign"])
    )


def test_planted_genes_are_found_stable_and_absent_from_the_control(cohort):
    X, y, patients, explainer = cohort
    table = biomarkers(
        explainer.explain(patients), explainer=explainer, X=X, y=y, n_top=8,
        attributions=["t_test", "integrated_gradients"],
        n_refits=8, n_permutations=8,
    )  # fmt: skip
    planted = set(GENES[:12])
    assert planted >= set(table.index[:8])
    up = table["signed_change"] > 0
    assert up[GENES[:6]].all()
    assert not up[GENES[6:12]].any()
    assert np.sign(table["t"]).loc[GENES[:12]].eq(np.sign(table["signed_change"])[
        GENES[:12]]).all()  # fmt: skip
    assert (table["q_t"][GENES[:12]] < 0.05).all()
    assert table["frequency"][GENES[:12]].mean() > 0.6
    assert table["frequency"][GENES[12:]].mean() < 0.1
    attrs = table.attrs
    assert attrs["stability_lower"] < attrs["stability"] < attrs["stability_upper"]
    assert attrs["stability"] > 0.3
    assert attrs["chance_overlap"] == pytest.approx(8 * 8 / 40)
    assert attrs["control_overlap"] < 4
    assert table["control_frequency"].sum() == pytest.approx(8)
    top = table["control_frequency"][:8].sum()
    assert attrs["control_overlap"] == pytest.approx(top)


def test_the_control_exposes_an_explainer_that_ignores_the_labels(cohort):
    X, y, patients, _ = cohort

    class Deaf(BoundaryExplainer):
        def fit(self, X, y):
            super().fit(X, y)
            self.way_ = np.arange(40.0, 0, -1)
            return self

    explainer = Deaf(LogisticRegression(C=0.1)).fit(X, y)
    table = biomarkers(
        explainer.explain(patients), explainer=explainer, X=X, y=y, n_permutations=4
    )
    # Only the unit, in which shuffled labels tell too, makes the lists differ.
    assert table.attrs["control_overlap"] > 16


def test_a_frozen_classifier_is_trained_again_for_refits(cohort):
    X, y, patients, _ = cohort
    fitted = LogisticRegression(C=0.1).fit(X, y)
    frozen = BoundaryExplainer(FrozenEstimator(fitted)).fit(X, y)
    plain = BoundaryExplainer(LogisticRegression(C=0.1)).fit(X, y)
    tables = [
        biomarkers(e.explain(patients), explainer=e, X=X, y=y, n_permutations=3)
        for e in (frozen, plain)
    ]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0].attrs["control_overlap"] < 20
    network = BoundaryExplainer(torch.nn.Linear(40, 2))
    with pytest.raises(ValueError, match="trained again; got Linear"):
        biomarkers(
            plain.explain(patients), explainer=network, X=X, y=y, n_permutations=1
        )


def test_same_seed_same_table_and_the_global_generator_is_untouched(cohort):
    X, y, patients, explainer = cohort
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    tables = [
        biomarkers(
            explainer.explain(patients), explainer=explainer, X=X, y=y, n_refits=3,
            n_permutations=2, random_state=seed,
        )
        for seed in (1, 1, 2)
    ]  # fmt: skip
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert tables[0].attrs == tables[1].attrs
    assert not tables[0]["control_change"].equals(tables[2]["control_change"])
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_permutation_importance_finds_the_planted_genes(cohort):
    X, y, patients, explainer = cohort
    table = biomarkers(
        explainer.explain(patients), explainer=explainer, X=X, y=y,
        attributions=["permutation"],
    )  # fmt: skip
    planted = table["permutation"][GENES[:12]].mean()
    assert planted > 5 * table["permutation"][GENES[12:]].abs().mean()


def test_table_is_a_frame_that_tests_gene_sets(cohort):
    *_, patients, explainer = cohort
    table = biomarkers(explainer.explain(patients))
    assert isinstance(table.iloc[:3], Biomarkers)
    found = table.enrichment({"up": GENES[:6], "none": GENES[20:30]}, n_top=12)
    assert found.index[0] == "up"
    signed = table.enrichment({"up": GENES[:6], "none": GENES[20:30]}, by="share")
    assert found.shape == signed.shape
    again = pickle.loads(pickle.dumps(table))
    pd.testing.assert_frame_equal(again, table)
    assert isinstance(again, Biomarkers)
    with pytest.raises(ValueError, match="by must be a column"):
        table.enrichment({"up": GENES[:6]}, by="p")


def test_integrated_gradients_are_complete():
    # Sundararajan et al. 2017, Proposition 1; exact for a quadratic by midpoints.
    torch.manual_seed(0)
    square = torch.randn(5, 5, dtype=torch.float64)

    def score(x):
        return torch.einsum("ni,ij,nj->n", x, square, x)

    rows, base = torch.randn(2, 3, 5, dtype=torch.float64)
    total = integrated_gradients(score, rows, base, n_steps=10).sum(dim=1)
    torch.testing.assert_close(total, score(rows) - score(base))
    linear = integrated_gradients(lambda x: x @ square[0], rows, base)
    torch.testing.assert_close(linear, (rows - base) * square[0])


def test_welch_is_scipys_and_constant_genes_have_no_effect():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal((30, 4)) * [1, 5, 0.1, 2], np.ones(30)])
    first = np.arange(30) < 11
    t, p = welch_t(X, first)
    expected = stats.ttest_ind(X[first][:, :4], X[~first][:, :4], equal_var=False)
    np.testing.assert_allclose(t[:4], expected.statistic)
    np.testing.assert_allclose(p[:4], expected.pvalue)
    assert (t[4], p[4]) == (0, 1)


def test_bootstrap_keeps_every_class():
    y = np.array(["a"] * 9 + ["b"])
    rows = bootstrap_rows(y, np.random.RandomState(0))
    assert sorted(y[rows]) == sorted(y)
    assert len(np.unique(rows)) < 10
    continuous = bootstrap_rows(np.linspace(0, 1, 50), np.random.RandomState(0))
    assert 25 < len(np.unique(continuous)) < 40


def test_arguments_that_belong_together_are_asked_for(cohort):
    X, y, patients, explainer = cohort
    explanations = explainer.explain(patients)
    with pytest.raises(ValueError, match=r"\['explainer'\] missing"):
        biomarkers(explanations, X=X, y=y, n_permutations=2)
    with pytest.raises(ValueError, match=r"\['X', 'y'\] missing"):
        biomarkers(explanations, attributions=["t_test"])
    with pytest.raises(ValueError, match=r"got \['shap'\]"):
        biomarkers(explanations, attributions=["shap"])
    with pytest.raises(ValueError, match="0 or at least 2"):
        biomarkers(explanations, explainer=explainer, X=X, y=y, n_refits=1)
    with pytest.raises(ValueError, match="n_top must be from 1 to 39"):
        biomarkers(explanations, n_top=40)
    with pytest.raises(ValueError, match="neither origin nor target"):
        biomarkers(explanations, towards="AML")
    explanations.status[:] = "infeasible"
    with pytest.raises(ValueError, match="No patient has a valid counterfactual"):
        biomarkers(explanations)
