"""Histograms of single genes, real and synthetic."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..metrics._rows import checked_rows
from ..model_selection._sampling import sample_like
from ._axes import REAL, SYNTHETIC, grid_axes


def _gene_positions(X_real, real, genes):
    """Columns and names of the genes wanted; by default the six of highest variance."""
    names = [str(name) for name in getattr(X_real, "columns", range(real.shape[1]))]
    if not hasattr(X_real, "columns"):
        names = [f"gene {name}" for name in names]
    if genes is None:
        spread = real.std(axis=0, dtype=np.float64)
        positions = np.argsort(-spread, kind="stable")[:6].tolist()
        return positions, [names[j] for j in positions]
    positions = []
    for gene in genes:
        if isinstance(gene, str) and gene in names:
            positions.append(names.index(gene))
        elif isinstance(gene, (int, np.integer)) and 0 <= gene < len(names):
            positions.append(int(gene))
        else:
            raise ValueError(
                "genes must be column names of X_real or positions from 0 to "
                f"{len(names) - 1}; got {gene!r}."
            )
    if not positions:
        raise ValueError("genes must name at least one gene; got none.")
    return positions, [names[j] for j in positions]


class MarginalsDisplay:
    """Histograms of chosen genes, real and synthetic, over the same bins.

    Make it by :meth:`from_arrays` or :meth:`from_estimator`.

    Parameters
    ----------
    real : ndarray of shape (n_real, n_genes)
        Real values of the genes to draw.
    synthetic : ndarray of shape (n_synthetic, n_genes)
        Synthetic values of the same genes.
    gene_names : list of str
        Panel titles.
    bins : int, default=30
        Bins between the smallest and the largest value of both sets.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes of shape (n_genes,)
        One panel for each gene.
    figure_ : matplotlib Figure
        Their figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.plotting import MarginalsDisplay
    >>> real, synthetic = np.random.default_rng(0).standard_normal((2, 50, 20))
    >>> display = MarginalsDisplay.from_arrays(real, synthetic, genes=[0, 3])
    >>> [ax.get_title() for ax in display.ax_]
    ['gene 0', 'gene 3']
    """

    def __init__(
        self,
        real: np.ndarray,
        synthetic: np.ndarray,
        gene_names: list[str],
        *,
        bins: int = 30,
    ) -> None:
        self.real = real
        self.synthetic = synthetic
        self.gene_names = gene_names
        self.bins = bins

    @classmethod
    def from_arrays(
        cls,
        X_real: ArrayLike,
        X_synthetic: ArrayLike,
        *,
        genes: Sequence[str | int] | None = None,
        bins: int = 30,
        ax: Any = None,
    ) -> "MarginalsDisplay":
        """Draw histograms of genes of two sets.

        Parameters
        ----------
        X_real : array-like of shape (n_real, n_features)
            Real rows.
        X_synthetic : array-like of shape (n_synthetic, n_features)
            Generated rows, on the same scale.
        genes : sequence of str or int, default=None
            Column names (of a DataFrame) or positions; None: the six genes of highest
            variance in the real rows.
        bins : int, default=30
            Bins between the smallest and the largest value of both sets.
        ax : matplotlib Axes or array of them, default=None
            One axes, whose place is divided, or one for each gene; None: a new figure.

        Returns
        -------
        display : MarginalsDisplay
            The drawn display.
        """
        real, synthetic = checked_rows(X_real=X_real, X_synthetic=X_synthetic)
        positions, names = _gene_positions(X_real, real, genes)
        display = cls(real[:, positions], synthetic[:, positions], names, bins=bins)
        return display.plot(ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        genes: Sequence[str | int] | None = None,
        bins: int = 30,
        random_state: int | None = 0,
        ax: Any = None,
    ) -> "MarginalsDisplay":
        """Draw histograms of real rows and as many rows of a fitted generator.

        Parameters
        ----------
        estimator : generator
            Fitted, with a method ``sample``.
        X : array-like of shape (n_samples, n_features)
            Real rows.
        y : array-like of shape (n_samples,), default=None
            Labels to generate, if the generator was fitted with labels.
        genes : sequence of str or int, default=None
            Column names or positions; None: the six genes of highest variance.
        bins : int, default=30
            Bins between the smallest and the largest value of both sets.
        random_state : int or None, default=0
            Seed of the generated rows.
        ax : matplotlib Axes or array of them, default=None
            One axes, whose place is divided, or one for each gene; None: a new figure.

        Returns
        -------
        display : MarginalsDisplay
            The drawn display.
        """
        synthetic = sample_like(estimator, X, y, random_state)
        return cls.from_arrays(X, synthetic, genes=genes, bins=bins, ax=ax)

    def plot(self, ax: Any = None) -> "MarginalsDisplay":
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            One axes, whose place is divided, or one for each gene; None: a new figure.

        Returns
        -------
        display : MarginalsDisplay
            This display.
        """
        axes = grid_axes(ax, len(self.gene_names), 3, (3.2, 2.4))
        for panel, name, real, synthetic in zip(
            axes, self.gene_names, self.real.T, self.synthetic.T, strict=True
        ):
            edges = np.histogram_bin_edges(np.append(real, synthetic), bins=self.bins)
            panel.hist(real, edges, density=True, color=REAL, alpha=0.45, label="real")
            panel.hist(
                synthetic,
                edges,
                density=True,
                histtype="step",
                color=SYNTHETIC,
                linewidth=1.6,
                label="synthetic",
            )
            panel.set_title(name)
            panel.set_yticks([])
        axes[0].set_ylabel("density")
        axes[0].legend(frameon=False)
        self.ax_, self.figure_ = axes, axes[0].figure
        return self
