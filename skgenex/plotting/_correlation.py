"""Gene-gene correlations of real and synthetic rows side by side."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from ..metrics._correlation import correlations, live_genes
from ..metrics._rows import checked_rows
from ..model_selection._sampling import sample_like
from ._axes import grid_axes


def cluster_order(correlation):
    """Leaf order of an average-linkage tree over the distances 1 - r."""
    distance = np.clip(1 - (correlation + correlation.T) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    return leaves_list(linkage(squareform(distance, checks=False), "average"))


class CorrelationDisplay:
    """Heat maps of the gene-gene correlations of real and synthetic rows.

    Genes are in the same order in both: that of a hierarchical clustering (average
    linkage, distance 1 - r) of the real rows. Make it by :meth:`from_arrays` or
    :meth:`from_estimator`.

    Parameters
    ----------
    real : ndarray of shape (n_genes, n_genes)
        Correlations of the real rows, in the order to draw.
    synthetic : ndarray of shape (n_genes, n_genes)
        Correlations of the synthetic rows, in the same order.
    gene_names : list of str
        Genes in that order.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes of shape (2,)
        Real and synthetic panel.
    figure_ : matplotlib Figure
        Their figure.
    agreement_ : float
        Pearson correlation between the entries above the diagonals, as in
        :func:`skgenex.metrics.correlation_agreement`.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.plotting import CorrelationDisplay
    >>> real = np.random.default_rng(0).standard_normal((50, 20))
    >>> round(CorrelationDisplay.from_arrays(real, 2 * real).agreement_, 6)
    1.0
    """

    def __init__(
        self, real: np.ndarray, synthetic: np.ndarray, gene_names: list[str]
    ) -> None:
        self.real = real
        self.synthetic = synthetic
        self.gene_names = gene_names

    @classmethod
    def from_arrays(
        cls,
        X_real: ArrayLike,
        X_synthetic: ArrayLike,
        *,
        max_genes: int = 100,
        ax: Any = None,
    ) -> "CorrelationDisplay":
        """Draw the correlations of two sets.

        Parameters
        ----------
        X_real : array-like of shape (n_real, n_features)
            Real rows.
        X_synthetic : array-like of shape (n_synthetic, n_features)
            Generated rows.
        max_genes : int, default=100
            So many genes of highest variance in the real rows, among those that are
            constant in neither set.
        ax : matplotlib Axes or array of two, default=None
            One axes, whose place is divided, or two; a new figure if None.

        Returns
        -------
        display : CorrelationDisplay
            The drawn display.
        """
        if not isinstance(max_genes, (int, np.integer)) or max_genes < 3:
            raise ValueError(
                f"max_genes must be an integer of 3 or more; got {max_genes!r}."
            )
        real, synthetic = checked_rows(
            min_samples=3, X_real=X_real, X_synthetic=X_synthetic
        )
        names = getattr(X_real, "columns", None)
        live = np.flatnonzero(live_genes(real, synthetic))
        if len(live) < 3:
            raise ValueError(
                "CorrelationDisplay needs 3 genes that vary in both sets; "
                f"{len(live)} of {real.shape[1]} do."
            )
        spread = real[:, live].std(axis=0, dtype=np.float64)
        genes = live[np.argsort(-spread, kind="stable")[:max_genes]]
        genes = genes[cluster_order(correlations(real[:, genes]))]
        return cls(
            correlations(real[:, genes]),
            correlations(synthetic[:, genes]),
            [f"gene {j}" if names is None else str(names[j]) for j in genes],
        ).plot(ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        max_genes: int = 100,
        random_state: int | None = 0,
        ax: Any = None,
    ) -> "CorrelationDisplay":
        """Draw the correlations of real rows and of rows of a fitted generator.

        Parameters
        ----------
        estimator : generator
            Fitted, with a method ``sample``.
        X : array-like of shape (n_samples, n_features)
            Real rows.
        y : array-like of shape (n_samples,), default=None
            Labels to generate, if the generator was fitted with labels.
        max_genes : int, default=100
            So many genes of highest variance in the real rows.
        random_state : int or None, default=0
            Seed of the generated rows.
        ax : matplotlib Axes or array of two, default=None
            One axes, whose place is divided, or two; a new figure if None.

        Returns
        -------
        display : CorrelationDisplay
            The drawn display.
        """
        synthetic = sample_like(estimator, X, y, random_state)
        return cls.from_arrays(X, synthetic, max_genes=max_genes, ax=ax)

    def plot(self, ax: Any = None) -> "CorrelationDisplay":
        """Draw the heat maps.

        Parameters
        ----------
        ax : matplotlib Axes or array of two, default=None
            One axes, whose place is divided, or two; a new figure if None.

        Returns
        -------
        display : CorrelationDisplay
            This display.
        """
        above = np.triu_indices(len(self.real), 1)
        self.agreement_ = float(
            np.corrcoef(self.real[above], self.synthetic[above])[0, 1]
        )
        axes = grid_axes(ax, 2, 2, (4.2, 3.8))
        for panel, matrix, title in zip(
            axes,
            (self.real, self.synthetic),
            ("real", f"synthetic (r = {self.agreement_:.2f})"),
            strict=True,
        ):
            image = panel.imshow(
                matrix, vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest"
            )
            panel.set_title(title)
            if len(self.gene_names) <= 30:  # more could not be read
                ticks = range(len(self.gene_names))
                panel.set_xticks(ticks, self.gene_names, rotation=90, fontsize=6)
                panel.set_yticks(ticks, self.gene_names, fontsize=6)
            else:
                panel.set(xticks=[], yticks=[], xlabel=f"{len(matrix)} genes")
        figure = axes[0].figure
        figure.colorbar(image, ax=list(axes), label="correlation", shrink=0.8)
        self.ax_, self.figure_ = axes, figure
        return self
