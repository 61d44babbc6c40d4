"""From patients to biomarkers with the package's own explainer."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex.counterfactual import CounterfactualExplainer, biomarkers
from skgenex.datasets import load_leukemia, make_expression


@pytest.fixture(scope="module")
def leukemia():
    X, y = load_leukemia(n_genes=300, as_frame=True, return_X_y=True)
    train = np.arange(len(y)) % 3 > 0
    return X[train], y[train], X[~train]


@pytest.mark.parametrize("frozen", [False, True])
def test_lineage_markers_lead_and_vanish_under_permuted_labels(leukemia, frozen):
    X, y, patients = leukemia
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3))
    if frozen:
        model = FrozenEstimator(model.fit(X, y))
    explainer = CounterfactualExplainer(model, random_state=0).fit(X, y)
    table = biomarkers(
        explainer.explain(patients), explainer=explainer, X=X, y=y,
        attributions=["t_test", "integrated_gradients"],
        n_refits=2, n_permutations=4,
    )  # fmt: skip
    assert {"CD3D", "CD74"} <= set(table.index[:20])
    assert table.loc["CD3D", "signed_change"] > 0 > table.loc["CD74", "signed_change"]
    assert table.attrs["towards"] == "T"
    assert table.attrs["control_overlap"] < 8
    assert table.attrs["stability"] > 0.5
    # Both rankings describe the same difference of classes, but are not the same.
    same = table[["change", "integrated_gradients"]].corr("spearman").iloc[0, 1]
    assert 0.2 < same < 0.999


def test_changes_of_several_classes_are_signed_towards_the_one_asked_for():
    data = make_expression(150, 40, n_classes=3, effect_size=2.0, random_state=0)
    model = LogisticRegression(C=0.01, max_iter=1000)
    explainer = CounterfactualExplainer(model, random_state=0)
    explainer.fit(data.data, data.target)
    explanations = explainer.explain(data.data, np.full(150, "class_2"))
    table = biomarkers(
        explanations, towards="class_2", X=data.data, y=data.target,
        attributions=["t_test"],
    )  # fmt: skip
    informative = table["t"].abs() > 8
    assert informative.sum() > 2
    agree = np.sign(table["t"]) == np.sign(table["signed_change"])
    assert agree[informative].all()


def test_regression_has_changes_but_no_direction(leukemia):
    X, _, patients = leukemia
    risk = X["CD3D"] + 0.1 * X["CD74"]
    explainer = CounterfactualExplainer(Ridge(1.0), random_state=0).fit(X, risk)
    low, high = np.quantile(risk, [0.9, 0.95])
    explanations = explainer.explain(patients[:15], (low, high))
    table = biomarkers(explanations, explainer=explainer, X=X, y=risk, n_refits=2)
    assert table.attrs["towards"] is None
    assert table["frequency"].sum() == pytest.approx(20)
    with pytest.raises(ValueError, match="needs targets that are classes"):
        biomarkers(explanations, towards="T")


def test_gradients_of_a_black_box_are_refused(leukemia):
    X, y, patients = leukemia
    forest = RandomForestClassifier(20, random_state=0).fit(X, y)
    explainer = CounterfactualExplainer(forest, random_state=0).fit(X, y)
    explanations = explainer.explain(patients[:8])
    with pytest.raises(ValueError, match="differentiated; got RandomForestClassifier"):
        biomarkers(
            explanations, explainer=explainer, X=X, y=y,
            attributions=["integrated_gradients"],
        )  # fmt: skip
