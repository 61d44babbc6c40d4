"""Displays draw the numbers they are given."""

import builtins
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA

from skgenex.datasets import make_expression
from skgenex.metrics import correlation_agreement
from skgenex.plotting import (
    CorrelationDisplay,
    EmbeddingDisplay,
    MarginalsDisplay,
    TrainingCurveDisplay,
)


class Bootstrap(BaseEstimator):
    """Generator that repeats its rows, with labels if fitted with them."""

    def fit(self, X, y=None):
        self.X_, self.y_ = np.asarray(X), None if y is None else np.asarray(y)
        return self

    def sample(self, n_samples=None, *, y=None, conditions=None, random_state=None):
        rng = np.random.default_rng(random_state)
        if y is None:
            return self.X_[rng.integers(len(self.X_), size=n_samples)]
        rows = [rng.choice(np.flatnonzero(self.y_ == label)) for label in y]
        return self.X_[rows], y


@pytest.fixture(scope="module")
def sets():
    simulated = make_expression(120, 40, n_modules=4, random_state=0)
    X, y = simulated.data, simulated.target
    return X[:60], X[60:] + 0.5, y[:60], y[60:]


def offsets(artist):
    return np.asarray(artist.get_offsets())


# Embedding


def test_embedding_is_the_pca_of_the_real_rows(sets):
    real, synthetic, *_ = sets
    display = EmbeddingDisplay.from_arrays(real, synthetic)
    pca = PCA(2, random_state=0).fit(real)
    np.testing.assert_allclose(offsets(display.artists_["real"]), pca.transform(real))
    np.testing.assert_allclose(
        offsets(display.artists_["synthetic"]), pca.transform(synthetic)
    )
    share = pca.explained_variance_ratio_[0]
    assert display.ax_.get_xlabel() == f"PC 1 ({share:.0%} of variance)"
    assert display.figure_ is display.ax_.figure


def test_synthetic_rows_do_not_move_real_ones(sets):
    real, synthetic, *_ = sets
    first = EmbeddingDisplay.from_arrays(real, synthetic).real
    second = EmbeddingDisplay.from_arrays(real, 100 * synthetic).real
    np.testing.assert_array_equal(first, second)


def test_embedding_colours_are_classes(sets):
    real, synthetic, y_real, y_synthetic = sets
    display = EmbeddingDisplay.from_arrays(
        real, synthetic, y_real=y_real, y_synthetic=y_synthetic
    )
    for name in ("class_0", "class_1"):
        drawn = display.artists_[f"real {name}"]
        np.testing.assert_array_equal(offsets(drawn), display.real[y_real == name])
        other = display.artists_[f"synthetic {name}"]
        np.testing.assert_array_equal(
            offsets(other), display.synthetic[y_synthetic == name]
        )
        assert to_hex(drawn.get_facecolor()[0]) == to_hex(other.get_edgecolor()[0])
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == list(display.artists_)
    assert len(legend) == 4


def test_embedding_of_a_generator(sets):
    real, _, y, _ = sets
    generator = Bootstrap().fit(real, y)
    display = EmbeddingDisplay.from_estimator(generator, real, y, random_state=0)
    for name in ("class_0", "class_1"):
        drawn = offsets(display.artists_[f"synthetic {name}"])
        assert len(drawn) == (y == name).sum()
        assert set(map(tuple, drawn.round(6))) <= set(
            map(tuple, display.real[y == name].round(6))
        )
    unlabelled = EmbeddingDisplay.from_estimator(Bootstrap().fit(real), real)
    assert len(offsets(unlabelled.artists_["synthetic"])) == 60


def test_embedding_by_umap_or_error_with_the_extra(sets, monkeypatch):
    real, synthetic, *_ = sets
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"skgenex\[umap\]"):
        EmbeddingDisplay.from_arrays(real, synthetic, method="umap")

    class UMAP:
        """Stands in for umap-learn: the first two genes, and the seed kept."""

        def __init__(self, n_components, random_state, n_jobs):
            assert (n_components, random_state, n_jobs) == (2, 5, 1)

        def fit(self, X):
            np.testing.assert_array_equal(X, real)
            return self

        def transform(self, X):
            return X[:, :2]

    monkeypatch.setitem(sys.modules, "umap", type(sys)("umap"))
    sys.modules["umap"].UMAP = UMAP
    display = EmbeddingDisplay.from_arrays(
        real, synthetic, method="umap", random_state=5
    )
    np.testing.assert_array_equal(
        offsets(display.artists_["synthetic"]), synthetic[:, :2]
    )
    assert display.ax_.get_xlabel() == "UMAP 1"


def test_embedding_refuses_half_of_the_labels(sets):
    real, synthetic, y_real, _ = sets
    with pytest.raises(ValueError, match="both y_real and y_synthetic"):
        EmbeddingDisplay.from_arrays(real, synthetic, y_real=y_real)
    with pytest.raises(ValueError, match=r"y_synthetic must hold one label .* 60"):
        EmbeddingDisplay.from_arrays(
            real, synthetic, y_real=y_real, y_synthetic=y_real[:5]
        )
    with pytest.raises(ValueError, match=r"\['pca', 'umap'\]; got 'tsne'"):
        EmbeddingDisplay.from_arrays(real, synthetic, method="tsne")


# Marginals


def test_marginals_draw_the_histograms(sets):
    real, synthetic, *_ = sets
    display = MarginalsDisplay.from_arrays(real, synthetic, genes=[3, 7], bins=12)
    assert len(display.ax_) == 2
    for ax, gene in zip(display.ax_, (3, 7), strict=True):
        both = np.append(real[:, gene], synthetic[:, gene])
        edges = np.linspace(both.min(), both.max(), 13)
        expected, _ = np.histogram(real[:, gene], edges, density=True)
        bars = ax.containers[0].patches
        np.testing.assert_allclose([bar.get_height() for bar in bars], expected)
        np.testing.assert_allclose([bar.get_x() for bar in bars], edges[:-1])
        outline = ax.patches[-1].get_xy()
        expected, _ = np.histogram(synthetic[:, gene], edges, density=True)
        np.testing.assert_allclose(outline[1:-1:2, 1], expected)
        assert ax.get_title() == f"gene {gene}"


def test_marginals_default_to_the_most_variable_genes(sets):
    real, synthetic, *_ = sets
    names = [f"G{j}" for j in range(40)]
    display = MarginalsDisplay.from_arrays(
        pd.DataFrame(real, columns=names), pd.DataFrame(synthetic, columns=names)
    )
    best = np.argsort(-real.std(axis=0))[:6]
    assert display.gene_names == [f"G{j}" for j in best]
    np.testing.assert_array_equal(display.real, real[:, best])


def test_marginals_by_name_and_of_a_generator(sets):
    real, *_ = sets
    frame = pd.DataFrame(real, columns=[f"G{j}" for j in range(40)])
    display = MarginalsDisplay.from_estimator(
        Bootstrap().fit(frame), frame, genes=["G5"], random_state=0
    )
    assert display.synthetic.shape == (60, 1)
    assert set(display.synthetic[:, 0]) <= set(real[:, 5])
    with pytest.raises(ValueError, match="positions from 0 to 39; got 'MYC'"):
        MarginalsDisplay.from_arrays(frame, frame, genes=["MYC"])
    with pytest.raises(ValueError, match="got 40"):
        MarginalsDisplay.from_arrays(real, real, genes=[40])
    with pytest.raises(ValueError, match="at least one gene"):
        MarginalsDisplay.from_arrays(real, real, genes=[])


def test_panels_go_where_they_are_told(sets):
    real, synthetic, *_ = sets
    figure, axes = pyplot.subplots(1, 2)
    display = MarginalsDisplay.from_arrays(real, synthetic, genes=[0, 1], ax=axes)
    assert list(display.ax_) == list(axes)
    figure, ax = pyplot.subplots()
    display = MarginalsDisplay.from_arrays(real, synthetic, genes=[0, 1, 2, 3], ax=ax)
    assert display.figure_ is figure
    assert len(figure.axes) == 5  # the axes given, empty, and four in its place
    with pytest.raises(ValueError, match="an array of 3 axes; got 2"):
        MarginalsDisplay.from_arrays(real, synthetic, genes=[0, 1, 2], ax=axes)


# Correlation


def test_correlation_images_are_the_matrices_in_one_order(sets):
    real, synthetic, *_ = sets
    display = CorrelationDisplay.from_arrays(real, synthetic)
    order = [int(name.removeprefix("gene ")) for name in display.gene_names]
    assert sorted(order) == list(range(40))
    for ax, rows in zip(display.ax_, (real, synthetic), strict=True):
        image = np.asarray(ax.images[0].get_array())
        np.testing.assert_allclose(image, np.corrcoef(rows[:, order].T))
        assert ax.images[0].get_clim() == (-1, 1)
    assert display.agreement_ == pytest.approx(correlation_agreement(real, synthetic))
    assert f"{display.agreement_:.2f}" in display.ax_[1].get_title()


def test_correlation_order_puts_modules_together():
    simulated = make_expression(
        2000, 20, n_modules=3, module_correlation=0.7, n_informative=0, random_state=0
    )
    X = simulated.data * np.sign(simulated.loadings.sum(axis=1))
    display = CorrelationDisplay.from_arrays(X, X)
    order = [int(name.removeprefix("gene ")) for name in display.gene_names]
    module = simulated.module[order]
    assert np.count_nonzero(np.diff(module)) == 2
    assert np.count_nonzero(np.diff(simulated.module)) > 2


def test_correlation_leaves_out_dead_and_quiet_genes(sets):
    real, synthetic, *_ = sets
    synthetic = synthetic.copy()
    loudest = np.argsort(-real.std(axis=0))
    synthetic[:, loudest[0]] = 1.0
    display = CorrelationDisplay.from_arrays(real, synthetic, max_genes=10)
    assert set(display.gene_names) == {f"gene {j}" for j in loudest[1:11]}
    assert np.isfinite(display.synthetic).all()
    dead = np.ones((60, 40))
    with pytest.raises(ValueError, match="0 of 40 do"):
        CorrelationDisplay.from_arrays(real, dead)
    with pytest.raises(ValueError, match="max_genes must be an integer of 3 or more"):
        CorrelationDisplay.from_arrays(real, synthetic, max_genes=2)


def test_correlation_of_a_generator_of_frames(sets):
    real, _, y, _ = sets
    frame = pd.DataFrame(real, columns=[f"G{j}" for j in range(40)])
    display = CorrelationDisplay.from_estimator(
        Bootstrap().fit(frame, y), frame, y, max_genes=5
    )
    assert all(name.startswith("G") for name in display.gene_names)
    assert [t.get_text() for t in display.ax_[0].get_xticklabels()] == (
        display.gene_names
    )
    assert pdist(display.real).max() > 0


# Training curve

HISTORY = [
    {"epoch": 1, "train_loss": 1.0, "valid_loss": 1.2, "dur": 0.1},
    {"epoch": 2, "train_loss": 0.7, "valid_loss": 0.9, "dur": 0.1},
    {"epoch": 3, "train_loss": 0.5, "valid_loss": 1.0, "dur": 0.1},
]


def test_training_curve_draws_the_losses_and_the_best_epoch():
    display = TrainingCurveDisplay.from_history(HISTORY)
    train, valid, best = display.ax_.lines
    np.testing.assert_array_equal(train.get_xydata(), [[1, 1.0], [2, 0.7], [3, 0.5]])
    np.testing.assert_array_equal(valid.get_xydata(), [[1, 1.2], [2, 0.9], [3, 1.0]])
    np.testing.assert_array_equal(best.get_xydata(), [[2, 0.9]])
    assert display.best_epoch_ == 2
    assert best.get_label() == "best (epoch 2)"


def test_training_curve_without_validation_marks_nothing():
    history = [{"epoch": k, "train_loss": 1 / k} for k in (1, 2)]
    _, ax = pyplot.subplots()
    display = TrainingCurveDisplay.from_history(history, ax=ax)
    assert display.ax_ is ax
    assert len(ax.lines) == 1
    assert display.best_epoch_ is None


def test_training_curve_of_an_estimator():
    estimator = Bootstrap()
    with pytest.raises(ValueError, match=r"history_; got Bootstrap\(\)"):
        TrainingCurveDisplay.from_estimator(estimator)
    estimator.history_ = HISTORY
    assert TrainingCurveDisplay.from_estimator(estimator).best_epoch_ == 2


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([], "at least one epoch"),
        ([{"epoch": 1}], r"must have 'train_loss'; got one with \['epoch'\]"),
        (
            [HISTORY[0], {"epoch": 2, "train_loss": 1.0}],
            "all epochs or none; got 1 of 2",
        ),
    ],
)
def test_training_curve_refuses_broken_histories(history, message):
    with pytest.raises(ValueError, match=message):
        TrainingCurveDisplay.from_history(history)


# Imports


def test_import_loads_neither_matplotlib_nor_torch():
    code = (
        "import sys, skgenex.plotting, skgenex.metrics, skgenex.datasets, "
        "skgenex.model_selection; "
        "print([m for m in ('matplotlib', 'torch', 'umap') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_missing_matplotlib_names_the_extra(sets, monkeypatch):
    plain_import = builtins.__import__

    def without_matplotlib(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return plain_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match=r"skgenex\[plot\]"):
        EmbeddingDisplay.from_arrays(*sets[:2])
    with pytest.raises(ImportError, match=r"skgenex\[plot\]"):
        MarginalsDisplay.from_arrays(*sets[:2])
