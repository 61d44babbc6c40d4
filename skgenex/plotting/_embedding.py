"""Real and synthetic rows in two dimensions."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA

from ..metrics._rows import checked_rows
from ..model_selection._sampling import sample_like
from ._axes import REAL, SYNTHETIC, single_axes


def _pca(random_state):
    """Two principal components."""
    return PCA(2, random_state=random_state)


def _umap(random_state):
    """Two UMAP dimensions."""
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError(
            'method="umap" needs umap-learn; install it with '
            'pip install "skgenex[umap]".'
        ) from error
    # A seeded UMAP runs in one thread; saying so spares a warning.
    n_jobs = -1 if random_state is None else 1
    return UMAP(n_components=2, random_state=random_state, n_jobs=n_jobs)


METHODS = {"pca": _pca, "umap": _umap}


class EmbeddingDisplay:
    """Scatter plot of real and synthetic rows in two dimensions.

    The embedding is fitted on the real rows alone and synthetic rows are projected into
    it, so what the generator does cannot move the real rows. Make it by
    :meth:`from_arrays` or :meth:`from_estimator`.

    Parameters
    ----------
    real : ndarray of shape (n_real, 2)
        Coordinates of the real rows.
    synthetic : ndarray of shape (n_synthetic, 2)
        Coordinates of the synthetic rows.
    y_real, y_synthetic : array-like of shape (n_real,), (n_synthetic,), default=None
        Labels; if both are given, colours are classes and markers tell real from
        synthetic.
    axis_labels : tuple of two str, default=("dimension 1", "dimension 2")
        Names of the dimensions.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        Its figure.
    artists_ : dict of {str: matplotlib PathCollection}
        The points, by legend label.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.plotting import EmbeddingDisplay
    >>> real, synthetic = np.random.default_rng(0).standard_normal((2, 50, 20))
    >>> display = EmbeddingDisplay.from_arrays(real, synthetic)
    >>> list(display.artists_)
    ['real', 'synthetic']
    """

    def __init__(
        self,
        real: np.ndarray,
        synthetic: np.ndarray,
        *,
        y_real: ArrayLike | None = None,
        y_synthetic: ArrayLike | None = None,
        axis_labels: tuple[str, str] = ("dimension 1", "dimension 2"),
    ) -> None:
        self.real = real
        self.synthetic = synthetic
        self.y_real = y_real
        self.y_synthetic = y_synthetic
        self.axis_labels = axis_labels

    @classmethod
    def from_arrays(
        cls,
        X_real: ArrayLike,
        X_synthetic: ArrayLike,
        *,
        method: Literal["pca", "umap"] = "pca",
        y_real: ArrayLike | None = None,
        y_synthetic: ArrayLike | None = None,
        random_state: int | None = 0,
        ax: Any = None,
    ) -> "EmbeddingDisplay":
        """Embed and draw real and synthetic rows.

        Parameters
        ----------
        X_real : array-like of shape (n_real, n_features)
            Real rows.
        X_synthetic : array-like of shape (n_synthetic, n_features)
            Generated rows, on the same scale.
        method : {"pca", "umap"}, default="pca"
            Principal components, or UMAP (needs umap-learn).
        y_real, y_synthetic : array-like, default=None
            Labels of the rows, both or none.
        random_state : int or None, default=0
            Seed of the embedding.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : EmbeddingDisplay
            The drawn display.
        """
        if method not in METHODS:
            raise ValueError(f"method must be one of {list(METHODS)}; got {method!r}.")
        if (y_real is None) != (y_synthetic is None):
            raise ValueError("Give both y_real and y_synthetic, or neither.")
        real, synthetic = checked_rows(
            min_samples=3, X_real=X_real, X_synthetic=X_synthetic
        )
        for name, rows, y in (
            ("y_real", real, y_real),
            ("y_synthetic", synthetic, y_synthetic),
        ):
            if y is not None and len(np.asarray(y)) != len(rows):
                raise ValueError(
                    f"{name} must hold one label for each of {len(rows)} rows; got "
                    f"{len(np.asarray(y))}."
                )
        embedding = METHODS[method](random_state).fit(real)
        labels = ("UMAP 1", "UMAP 2")
        if method == "pca":
            share = embedding.explained_variance_ratio_
            labels = (
                f"PC 1 ({share[0]:.0%} of variance)",
                f"PC 2 ({share[1]:.0%} of variance)",
            )
        return cls(
            embedding.transform(real),
            embedding.transform(synthetic),
            y_real=y_real,
            y_synthetic=y_synthetic,
            axis_labels=labels,
        ).plot(ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        method: Literal["pca", "umap"] = "pca",
        random_state: int | None = 0,
        ax: Any = None,
    ) -> "EmbeddingDisplay":
        """Draw real rows and as many rows of a fitted generator.

        Parameters
        ----------
        estimator : generator
            Fitted, with a method ``sample``.
        X : array-like of shape (n_samples, n_features)
            Real rows.
        y : array-like of shape (n_samples,), default=None
            Labels to generate, if the generator was fitted with labels.
        method : {"pca", "umap"}, default="pca"
            Principal components, or UMAP (needs umap-learn).
        random_state : int or None, default=0
            Seed of the generated rows and of the embedding.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : EmbeddingDisplay
            The drawn display.
        """
        return cls.from_arrays(
            X,
            sample_like(estimator, X, y, random_state),
            method=method,
            y_real=y,
            y_synthetic=y,
            random_state=random_state,
            ax=ax,
        )

    def plot(self, ax: Any = None) -> "EmbeddingDisplay":
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : EmbeddingDisplay
            This display.
        """
        ax = single_axes(ax)
        self.artists_ = {}
        if self.y_real is None:
            groups = [("", slice(None), slice(None), REAL, SYNTHETIC)]
        else:
            y_real, y_synthetic = np.asarray(self.y_real), np.asarray(self.y_synthetic)
            classes = np.union1d(y_real, y_synthetic)
            groups = [
                (f" {name}", y_real == name, y_synthetic == name, f"C{k}", f"C{k}")
                for k, name in enumerate(classes)
            ]
        for suffix, in_real, in_synthetic, real_colour, synthetic_colour in groups:
            for kind, points, colour, style in (
                ("real", self.real[in_real], real_colour, {"marker": "o", "s": 22}),
                (
                    "synthetic",
                    self.synthetic[in_synthetic],
                    synthetic_colour,
                    {"marker": "x", "s": 26, "linewidths": 1.0},
                ),
            ):
                if len(points):
                    label = kind + suffix
                    self.artists_[label] = ax.scatter(
                        *points.T, color=colour, alpha=0.75, label=label, **style
                    )
        ax.set(xlabel=self.axis_labels[0], ylabel=self.axis_labels[1])
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
