"""Displays of counterfactuals draw the numbers they are given."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from sklearn.decomposition import PCA

from skgenex.metrics import correlation_agreement
from skgenex.plotting import (
    ArrowsDisplay,
    BiomarkersDisplay,
    ChangesDisplay,
    CounterfactualCorrelationDisplay,
    ParetoDisplay,
)

GENES = [f"G{j}" for j in range(30)]


@pytest.fixture(scope="module")
def real():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(60) % 2, "T", "B")
    X = rng.standard_normal((60, 30)) * rng.uniform(0.5, 3, 30)
    X += 2.0 * (y == "T")[:, None]
    return pd.DataFrame(X, columns=GENES), y


@pytest.fixture(scope="module")
def explanations(real):
    X, y = real
    way = np.where(y == "T", -1.0, 1.0)[:, None]
    sizes = np.linspace(1, 2, 60)[:, None] * np.linspace(3, 0, 30)
    changes = pd.DataFrame(way * sizes, X.index, X.columns)
    return SimpleNamespace(
        originals=X,
        profiles=X + changes,
        changes=changes,
        scale_=X.std(ddof=0).to_numpy(),
        predicted_before=y,
        target=np.where(y == "T", "B", "T"),
    )


# Biomarkers


def test_lollipops_end_at_the_mean_change_on_its_side():
    table = pd.DataFrame(
        {"change": [1.0, 3.0, 2.0], "signed_change": [0.5, -2.0, 0.0]},
        index=["a", "b", "c"],
    )
    table.attrs["towards"] = "AML"
    display = BiomarkersDisplay.from_table(table, n_genes=2)
    assert display.genes_ == ["b", "c"]
    points = np.asarray(display.ax_.collections[-1].get_offsets())
    np.testing.assert_array_equal(points, [[-3, 0], [2, 1]])
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == ["b", "c"]
    assert "towards AML" in display.ax_.get_xlabel()
    assert not display.ax_.patches  # no control was made
    lower, upper = display.ax_.get_ylim()
    assert lower > upper  # the first gene is on top


def test_control_is_drawn_on_the_side_of_the_gene():
    table = pd.DataFrame(
        {
            "change": [3.0, 2.0],
            "signed_change": [-3.0, 2.0],
            "control_change": [0.5, 1.0],
        },
        index=["a", "b"],
    )
    _, ax = pyplot.subplots()
    display = BiomarkersDisplay.from_table(table, ax=ax)
    assert display.ax_ is ax
    assert [bar.get_width() for bar in ax.patches] == [-0.5, 1.0]


def test_biomarkers_refuse_tables_without_their_columns():
    with pytest.raises(ValueError, match=r"\['signed_change'\] missing"):
        BiomarkersDisplay.from_table(pd.DataFrame({"change": [1.0]}))
    table = pd.DataFrame({"change": [1.0], "signed_change": [1.0]})
    with pytest.raises(ValueError, match="n_genes must be at least 1; got 0"):
        BiomarkersDisplay.from_table(table, n_genes=0)


# Changes


def test_heat_maps_show_original_change_and_sum(real, explanations):
    X, y = real
    display = ChangesDisplay.from_explanations(explanations, genes=["G3", "G1"])
    images = [np.asarray(ax.images[0].get_array()) for ax in display.ax_]
    # B patients first; within a group those who change most come first.
    order = [*np.flatnonzero(y == "B")[::-1], *np.flatnonzero(y == "T")[::-1]]
    scale = X.std(ddof=0)[["G3", "G1"]]
    standard = ((X - X.mean())[["G3", "G1"]] / scale).to_numpy()[order]
    change = (explanations.changes[["G3", "G1"]] / scale).to_numpy()[order]
    np.testing.assert_allclose(images[0], standard)
    np.testing.assert_allclose(images[1], change)
    np.testing.assert_allclose(images[2], standard + change)
    assert [t.get_text() for t in display.ax_[0].get_yticklabels()] == [
        "B → T",
        "T → B",
    ]
    assert len({ax.images[0].get_clim() for ax in display.ax_}) == 1


def test_heat_maps_choose_the_most_changed_genes(explanations):
    display = ChangesDisplay.from_explanations(explanations, n_genes=5)
    size = (explanations.changes / explanations.scale_).abs().mean()
    assert set(display.change.columns) == set(size.nlargest(5).index)
    with pytest.raises(ValueError, match=r"\['TP53'\] are not"):
        ChangesDisplay.from_explanations(explanations, genes=["TP53"])
    _, axes = pyplot.subplots(1, 2)
    with pytest.raises(ValueError, match="array of 3 axes; got 2"):
        ChangesDisplay.from_explanations(explanations, ax=axes)


# Arrows


def test_arrows_lead_from_original_to_profile_in_the_pca_of_real_rows(
    real, explanations
):
    X, y = real
    display = ArrowsDisplay.from_explanations(explanations, X, y)
    scale = X.std(ddof=0)
    pca = PCA(2, random_state=0).fit(((X - X.mean()) / scale).to_numpy())
    start, end = (
        pca.transform(((rows - X.mean()) / scale).to_numpy())
        for rows in (explanations.originals, explanations.profiles)
    )
    to_t = explanations.target == "T"
    quiver = display.arrows_["T"]
    np.testing.assert_allclose(quiver.get_offsets(), start[to_t])
    np.testing.assert_allclose(
        np.column_stack([quiver.U, quiver.V]), (end - start)[to_t]
    )
    # Arrows bear the colour of the class they lead to.
    points = display.ax_.collections[1]
    assert points.get_label() == "T"
    assert to_hex(quiver.get_facecolor()[0]) == to_hex(points.get_facecolor()[0])
    # Everything is in sight.
    low, high = display.ax_.get_xlim()
    assert low <= end[:, 0].min()
    assert high >= end[:, 0].max()


def test_counterfactuals_do_not_move_the_real_patients(real):
    X, y = real
    near, far = (
        ArrowsDisplay.from_arrays(X, y, X[:3], X[:3] + step, ["T"] * 3)
        for step in (1, 1000)
    )
    np.testing.assert_array_equal(near.real, far.real)
    with pytest.raises(ValueError, match="target must hold one entry for each of 3"):
        ArrowsDisplay.from_arrays(X, y, X[:3], X[:3], ["T"])


# Correlations


def test_correlations_are_those_before_and_after(explanations):
    display = CounterfactualCorrelationDisplay.from_explanations(explanations)
    order = display.gene_names
    for ax, rows in zip(
        display.ax_, (explanations.originals, explanations.profiles), strict=True
    ):
        image = np.asarray(ax.images[0].get_array())
        np.testing.assert_allclose(image, np.corrcoef(rows[order].to_numpy().T))
    agreement = correlation_agreement(explanations.originals, explanations.profiles)
    assert display.agreement_ == pytest.approx(agreement)
    assert [ax.get_title() for ax in display.ax_] == [
        "before",
        f"after (r = {agreement:.2f})",
    ]


def test_correlations_of_an_explainer(real, explanations):
    X, _ = real
    asked = []

    def explain(X, target=None):
        asked.append(target)
        return explanations

    explainer = SimpleNamespace(explain=explain)
    display = CounterfactualCorrelationDisplay.from_estimator(explainer, X)
    assert display.ax_[0].get_title() == "before"
    CounterfactualCorrelationDisplay.from_estimator(explainer, X, ["T"])
    assert asked == [None, ["T"]]


# Pareto


def test_front_is_what_nothing_beats_in_both_axes():
    rng = np.random.default_rng(0)
    objectives = pd.DataFrame(rng.random((40, 3)), columns=["a", "b", "c"])
    display = ParetoDisplay.from_objectives(objectives, "c", "a", colour="b")
    values = objectives[["c", "a"]].to_numpy()
    expected = [
        i
        for i, row in enumerate(values)
        if not ((values <= row).all(axis=1) & (values < row).any(axis=1)).any()
    ]
    assert sorted(display.front_) == expected
    assert (np.diff(values[display.front_, 0]) > 0).all()
    points = display.ax_.collections[0]
    np.testing.assert_array_equal(points.get_offsets(), values)
    np.testing.assert_array_equal(points.get_array(), objectives["b"])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("c", "a")


def test_front_picks_its_axes_and_refuses_unknown_ones():
    objectives = pd.DataFrame({"a": [1.0, 2], "b": [2.0, 1]})
    display = ParetoDisplay.from_objectives(objectives, y="a")
    assert (display.x, display.y) == ("b", "a")
    with pytest.raises(ValueError, match=r"got \['d'\]"):
        ParetoDisplay.from_objectives(objectives, "d")
    with pytest.raises(ValueError, match="two columns to draw"):
        ParetoDisplay.from_objectives(objectives, colour="a")
