"""What an explanation of a cohort holds."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .changes import UNCHANGED


@dataclass(repr=False)
class Explanations:
    """Counterfactual patients, and how they were reached.

    Parameters
    ----------
    originals, profiles : DataFrame of shape (n_patients, n_genes)
        Patients and their counterfactuals, in the unit of the data, e.g.
        log2(CPM + 1).
    status : ndarray of str of shape (n_patients,)
        ``"valid"``: the estimator predicts the target. ``"best effort"``: it does not;
        the profile is the nearest to it that was found. ``"infeasible"``: neither does
        it anywhere else that was tried within the constraints; the patient is left
        unchanged.
    predicted_before, predicted_after : ndarray of shape (n_patients,)
        The estimator's predictions.
    target : ndarray of shape (n_patients,) or (n_patients, 2)
        Class, or lower and upper end of the interval, to reach.
    score_before, score_after : ndarray of shape (n_patients,)
        Score of the target: its log-odds against the best other class, or, of
        intervals, the distance to the nearer end in standard deviations of the
        predictions; above 0 inside.
    search : ndarray of str of shape (n_patients,)
        The search that found each profile; ``"none"`` if nothing had to change.
    scale_ : Series of shape (n_genes,)
        Standard deviation of each gene in the training rows; 0 for constant genes.
    spread_ : Series of shape (n_genes,)
        Standard deviation of each gene among training rows of one predicted class, all
        classes weighing the same: the unit in which `biomarkers` compares genes.
    quality : DataFrame of shape (n_patients, n_measures)
        Per patient: ``valid``, ``search``, ``L1`` and ``L2`` in training standard
        deviations, ``n_genes_changed``, and ``mahalanobis``, the length of the change
        under the explainer's covariance. `skgenex.metrics.counterfactual` judges
        plausibility, against real patients who were held out.
    drivers : list of arrays of str, default=None
        With ``n_drivers``: the genes that were moved; all others followed.
    fronts : list of DataFrame, default=None
        With ``method="pareto"``: objectives of each patient's candidates.
    alternatives : list of DataFrame, default=None
        With ``diverse=k``: up to k valid profiles of each patient's front, far apart.

    Attributes
    ----------
    changes : DataFrame of shape (n_patients, n_genes)
        ``profiles - originals``.

    Examples
    --------
    >>> from skgenex.counterfactual import CounterfactualExplainer
    >>> from skgenex.datasets import load_leukemia
    >>> X, y = load_leukemia(n_genes=50, as_frame=True, return_X_y=True)
    >>> explanations = CounterfactualExplainer(random_state=0).fit(X, y).explain(X[:4])
    >>> explanations
    Explanations of 4 patients over 50 genes: 4 valid
    """

    originals: pd.DataFrame
    profiles: pd.DataFrame
    status: NDArray
    predicted_before: NDArray
    predicted_after: NDArray
    target: NDArray
    score_before: NDArray
    score_after: NDArray
    search: NDArray
    scale_: pd.Series
    spread_: pd.Series
    quality: pd.DataFrame
    drivers: list[NDArray] | None = None
    fronts: list[pd.DataFrame] | None = None
    alternatives: list[pd.DataFrame] | None = None
    changes: pd.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        self.changes = self.profiles - self.originals

    def __len__(self) -> int:
        return len(self.originals)

    def __repr__(self) -> str:
        n, p = self.originals.shape
        counts = ", ".join(
            f"{count} {name}"
            for name, count in zip(
                *np.unique(self.status, return_counts=True), strict=True
            )
        )
        return f"Explanations of {n} patients over {p} genes: {counts}"

    def biomarkers(self, **options: Any) -> pd.DataFrame:
        """Rank genes by how much they change; see `skgenex.counterfactual.biomarkers`.

        Parameters
        ----------
        **options
            Its further arguments.

        Returns
        -------
        Biomarkers
            The table.
        """
        from .biomarkers import biomarkers

        return biomarkers(self, **options)

    def most_changed(self, patient: int, n_genes: int = 10) -> pd.Series:
        """List the largest changes of one patient, in standard deviations.

        Parameters
        ----------
        patient : int
            Position of the patient.
        n_genes : int, default=10
            Length of the list.

        Returns
        -------
        Series
            Signed changes, the largest first; unchanged genes are left out.
        """
        scale = np.where(self.scale_ > 0, self.scale_, np.inf)
        change = self.changes.iloc[patient] / scale
        order = change.abs().sort_values(ascending=False, kind="stable").index
        change = change[order[:n_genes]]
        return change[change.abs() > UNCHANGED]

    def plot_changes(self, **options: Any) -> Any:
        """Draw patients, changes and counterfactuals as heat maps.

        Parameters
        ----------
        **options
            Arguments of `skgenex.plotting.ChangesDisplay.from_explanations`.

        Returns
        -------
        ChangesDisplay
            The display.
        """
        from ..plotting import ChangesDisplay

        return ChangesDisplay.from_explanations(self, **options)

    def plot_arrows(self, X: ArrayLike, y: ArrayLike, **options: Any) -> Any:
        """Draw each change as an arrow among real patients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_genes)
            Real patients.
        y : array-like of shape (n_samples,)
            Their classes.
        **options
            Further arguments of `skgenex.plotting.ArrowsDisplay.from_explanations`.

        Returns
        -------
        ArrowsDisplay
            The display.
        """
        from ..plotting import ArrowsDisplay

        return ArrowsDisplay.from_explanations(self, X, y, **options)
