"""Gene-gene correlations of patients before and after their change."""

from typing import Any, cast

from numpy.typing import ArrayLike

from ._correlation import CorrelationDisplay


class CounterfactualCorrelationDisplay(CorrelationDisplay):
    """Heat maps of the gene-gene correlations before and after.

    Genes are in the same order in both: that of a hierarchical clustering of the
    originals. Make it by :meth:`from_arrays` or :meth:`from_explanations`.

    Parameters
    ----------
    real : ndarray of shape (n_genes, n_genes)
        Correlations of the patients, in the order to draw.
    synthetic : ndarray of shape (n_genes, n_genes)
        Correlations of their counterfactuals, in the same order.
    gene_names : list of str
        Genes in that order.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes of shape (2,)
        Panels before and after.
    figure_ : matplotlib Figure
        Their figure.
    agreement_ : float
        Pearson correlation between the entries above the diagonals.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.plotting import CounterfactualCorrelationDisplay
    >>> before = np.random.default_rng(0).standard_normal((50, 20))
    >>> display = CounterfactualCorrelationDisplay.from_arrays(before, before + 1)
    >>> display.ax_[1].get_title()
    'after (r = 1.00)'
    """

    @classmethod
    def from_explanations(
        cls, explanations: Any, *, max_genes: int = 100, ax: Any = None
    ) -> "CounterfactualCorrelationDisplay":
        """Draw the correlations of explained patients.

        Those of patients with different targets are mixed; explain one direction for
        correlations within a class.

        Parameters
        ----------
        explanations : Explanations
            Result of a counterfactual search.
        max_genes : int, default=100
            So many genes of highest variance in the originals.
        ax : matplotlib Axes or array of two, default=None
            One axes, whose place is divided, or two; a new figure if None.

        Returns
        -------
        display : CounterfactualCorrelationDisplay
            The drawn display.
        """
        display = cls.from_arrays(
            explanations.originals, explanations.profiles, max_genes=max_genes, ax=ax
        )
        return cast("CounterfactualCorrelationDisplay", display)

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
    ) -> "CounterfactualCorrelationDisplay":
        """Draw the correlations of patients and of what an explainer makes of them.

        Parameters
        ----------
        estimator : CounterfactualExplainer
            Fitted.
        X : array-like of shape (n_samples, n_features)
            Patients.
        y : array-like of shape (n_samples,), default=None
            Targets; None means the explainer's default.
        max_genes : int, default=100
            So many genes of highest variance in the patients.
        random_state : int or None, default=0
            Not used; the explainer has its own.
        ax : matplotlib Axes or array of two, default=None
            One axes, whose place is divided, or two; a new figure if None.

        Returns
        -------
        display : CounterfactualCorrelationDisplay
            The drawn display.
        """
        explanations = estimator.explain(X) if y is None else estimator.explain(X, y)
        return cls.from_explanations(explanations, max_genes=max_genes, ax=ax)

    def plot(self, ax: Any = None) -> "CounterfactualCorrelationDisplay":
        """Draw the heat maps.

        Parameters
        ----------
        ax : matplotlib Axes or array of two, default=None
            One axes, whose place is divided, or two; a new figure if None.

        Returns
        -------
        display : CounterfactualCorrelationDisplay
            This display.
        """
        super().plot(ax)
        self.ax_[0].set_title("before")
        self.ax_[1].set_title(f"after (r = {self.agreement_:.2f})")
        return self
