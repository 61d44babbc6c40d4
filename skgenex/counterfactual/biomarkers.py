"""Which genes the counterfactuals change, how firmly, and what chance would give."""

import warnings
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.utils import check_random_state

from .attributions import ATTRIBUTIONS
from .changes import (
    UNCHANGED,
    is_valid,
    labels_or_none,
    mean_change,
    valid_changes,
)
from .enrichment import enrichment
from .refits import bootstrap_rows, refitted_changes, take_rows
from .stability import selection_stability

LEAST_PATIENTS = 6  # 2 * 0.5**5 is above 0.05


class Biomarkers(pd.DataFrame):
    """Table of `biomarkers`: genes by decreasing mean change.

    A DataFrame with one more method. ``attrs`` holds what belongs to the list as a
    whole: ``n_top``, ``n_patients``, ``towards``, with refits ``stability``,
    ``stability_lower`` and ``stability_upper``, with permuted labels
    ``control_overlap`` (mean number of the top genes that the controls share),
    ``control_overlap_sd`` and ``chance_overlap``.

    Parameters
    ----------
    data : array-like, mapping or DataFrame, default=None
        As in :class:`pandas.DataFrame`, like all other parameters.
    index, columns : array-like, default=None
        Genes and names of columns.
    dtype : dtype, default=None
        Type of all columns.
    copy : bool, default=None
        Whether to copy ``data``.

    Examples
    --------
    >>> from skgenex.counterfactual import Biomarkers
    >>> table = Biomarkers({"change": [3.0, 2, 1]}, index=["CD3D", "CD7", "ACTB"])
    >>> table.enrichment({"T cell": ["CD3D", "CD7"]}, n_top=1, min_size=1).index[0]
    'T cell'
    """

    @property
    def _constructor(self):
        return Biomarkers

    def enrichment(
        self,
        gene_sets: Mapping[str, Iterable[str]] | str | PathLike[str],
        *,
        by: str = "change",
        **options: Any,
    ) -> pd.DataFrame:
        """Test gene sets for being among the most changed genes.

        Parameters
        ----------
        gene_sets : mapping of str to genes, or path of a .gmt file
            Gene sets by name.
        by : str, default="change"
            Column that ranks the genes, by its absolute value.
        **options
            Further arguments of `enrichment`.

        Returns
        -------
        table : DataFrame
            See `enrichment`.
        """
        if by not in self.columns:
            raise ValueError(
                f"by must be a column, one of {list(self.columns)}; got {by!r}."
            )
        return enrichment(pd.Series(self[by]).abs(), gene_sets, **options)


def biomarkers(
    explanations: Any,
    *,
    towards: Any = None,
    explainer: Any = None,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    attributions: Iterable[str] = (),
    n_refits: int = 0,
    n_permutations: int = 0,
    n_top: int = 20,
    n_repeats: int = 5,
    random_state: int | np.random.RandomState | None = 0,
) -> Biomarkers:
    """Rank genes by how much the counterfactuals of a cohort change them.

    Without ``X`` and ``y`` it describes the changes alone. With them it asks the two
    questions without which a list of genes proves nothing: does it hold when the
    patients are drawn again (``n_refits``), and is it absent when the same classifier
    is trained on shuffled labels (``n_permutations``)?

    Parameters
    ----------
    explanations : Explanations
        Result of `CounterfactualExplainer.explain`. Only valid patients are used, and
        of these not those already predicted as their target.
    towards : label, default=None
        Class in whose direction changes are signed: changes of patients that leave it
        are turned round, and patients to whom it is neither origin nor target do not
        count in signed columns. None: the last of two classes; with more classes, or
        continuous targets, changes are signed as they are.
    explainer : CounterfactualExplainer, default=None
        The fitted explainer; needed for all that is retrained or attributed.
    X : array-like of shape (n_samples, n_genes), default=None
        Training rows.
    y : array-like of shape (n_samples,), default=None
        Their labels.
    attributions : iterable of str, default=()
        Rankings to put beside: ``"t_test"`` (Welch, training rows of ``towards``
        against all others), ``"integrated_gradients"`` (differentiable classifiers
        only) and ``"permutation"`` (permutation importance on the training rows; slow
        with many genes).
    n_refits : int, default=0
        Bootstrap samples of the training rows on which classifier and explainer are
        trained again to explain the same patients; at least two, 30 is good.
    n_permutations : int, default=0
        Controls: classifier and explainer trained on permuted labels, to explain the
        same patients. 10 is good.
    n_top : int, default=20
        Length of the list whose stability and overlap are measured.
    n_repeats : int, default=5
        Permutations per gene of ``"permutation"``.
    random_state : int, RandomState instance or None, default=0
        Draws bootstrap samples and permutations.

    Returns
    -------
    table : Biomarkers
        DataFrame, a row per gene, by decreasing ``change``:

        change : mean absolute change in within-class standard deviations
        (``explanations.spread_``), each target class weighing the same.
        signed_change : mean change towards ``towards``, likewise.
        share : share of patients whose gene changes (by over 0.001).
        consistency : share of these that change it in the more frequent direction.
        p_sign, q_sign : sign test, and adjusted by Benjamini and Hochberg.
        t, q_t : with ``"t_test"``.
        integrated_gradients : mean absolute attribution to the score of the target.
        permutation : mean loss of accuracy.
        frequency : share of refits that have the gene in their first ``n_top``.
        control_change : mean ``change`` under permuted labels.
        control_frequency : share of controls that have the gene in the first ``n_top``.

    Warns
    -----
    UserWarning
        If fewer than 6 patients are valid.

    Raises
    ------
    ValueError
        If no patient is valid, arguments that belong together are missing, or the
        classifier cannot be trained again or differentiated.

    Notes
    -----
    A change of one standard deviation says more of a gene whose patients of one class
    are alike than of one that varies within them. In standard deviations of all
    training rows, which the explainer itself works in, a gene's scale would grow with
    the difference of the classes and with how evenly they are represented, and lists
    of two cohorts would agree less.

    The sign test asks whether patients agree, not whether a gene matters: they share
    one classifier, so small p-values are the rule. The control is what tells.

    References
    ----------
    Nogueira, Sechidis, Brown (2018). On the stability of feature selection algorithms.
    JMLR 18(174):1-54.

    Benjamini, Hochberg (1995). Controlling the false discovery rate. JRSS B 57:289.

    Adebayo et al. (2018). Sanity checks for saliency maps. NeurIPS (the data
    randomisation test).

    Examples
    --------
    >>> from skgenex.counterfactual import CounterfactualExplainer, biomarkers
    >>> from skgenex.datasets import load_leukemia
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_leukemia(n_genes=100, as_frame=True, return_X_y=True)
    >>> explainer = CounterfactualExplainer(
    ...     LogisticRegression(C=0.01), method="natural", random_state=0).fit(X, y)
    >>> table = biomarkers(explainer.explain(X[:20]))
    >>> float(table["consistency"].iloc[0])
    1.0
    """
    attributions = tuple(attributions)
    unknown = [name for name in attributions if name not in ATTRIBUTIONS]
    if unknown:
        raise ValueError(
            f"attributions must be of {list(ATTRIBUTIONS)}; got {unknown}."
        )
    if n_refits == 1 or n_refits < 0 or n_permutations < 0:
        raise ValueError(
            "n_refits must be 0 or at least 2 and n_permutations at least 0; got "
            f"{n_refits} and {n_permutations}."
        )
    needed = {"X": X, "y": y}
    if set(attributions) - {"t_test"} or n_refits or n_permutations:
        needed["explainer"] = explainer
    elif not attributions:
        needed = {}
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise ValueError(
            f"Attributions, refits and permutations need {list(needed)}; "
            f"{missing} missing."
        )
    change = valid_changes(explanations)
    if not 1 <= n_top < change.shape[1]:
        raise ValueError(
            f"n_top must be from 1 to {change.shape[1] - 1}, less than the number of "
            f"genes; got {n_top}."
        )
    if len(change) < LEAST_PATIENTS:
        warnings.warn(
            f"Only {len(change)} patients have a valid counterfactual; the sign test "
            f"of fewer than {LEAST_PATIENTS} cannot fall below 0.05, and the ranking "
            "is theirs alone. Explain more patients.",
            UserWarning,
            stacklevel=2,
        )
    towards = _direction(explanations) if towards is None else towards
    size = mean_change(change, np.asarray(explanations.target)[is_valid(explanations)])
    table = Biomarkers(_describe(change, size, _orientation(explanations, towards)))
    rng = check_random_state(random_state)
    attrs = {"n_top": n_top, "n_patients": len(change), "towards": towards}
    for name in attributions:
        ATTRIBUTIONS[name](
            table, explanations, explainer, X, y, towards, n_repeats, rng
        )
    top = _top(table["change"].to_numpy(), n_top)
    if n_refits:
        selected = np.zeros((n_refits, len(table)), bool)
        for i in range(n_refits):
            rows = bootstrap_rows(y, rng)
            importance = refitted_changes(
                explainer, take_rows(X, rows), take_rows(y, rows), explanations
            )
            selected[i, _top(importance, n_top)] = True
        table["frequency"] = selected.mean(axis=0)
        stability = selection_stability(selected)
        attrs |= {
            "stability": stability.value,
            "stability_lower": stability.lower,
            "stability_upper": stability.upper,
        }
    if n_permutations:
        n = len(np.asarray(y))
        importances = np.stack(
            [
                refitted_changes(
                    explainer, X, np.asarray(y)[rng.permutation(n)], explanations
                )
                for _ in range(n_permutations)
            ]
        )
        lists = [_top(importance, n_top) for importance in importances]
        shared = [len(np.intersect1d(top, genes)) for genes in lists]
        table["control_change"] = importances.mean(axis=0)
        table["control_frequency"] = (
            np.bincount(np.concatenate(lists), minlength=len(table)) / n_permutations
        )
        attrs |= {
            "control_overlap": float(np.mean(shared)),
            "control_overlap_sd": float(np.std(shared)),
            "chance_overlap": n_top**2 / len(table),
        }
    table = table.sort_values("change", ascending=False, kind="stable")
    table.attrs = attrs
    return table


def _direction(explanations):
    """Return the last of two classes, else None."""
    target, origin = map(
        labels_or_none, (explanations.target, explanations.predicted_before)
    )
    if target is None or origin is None:
        return None
    classes = np.union1d(target, origin)
    return classes[1] if len(classes) == 2 else None


def _orientation(explanations, towards):
    """1 for patients that move towards a class, -1 away from it, 0 for the others."""
    valid = is_valid(explanations)
    if towards is None:
        return np.ones(int(valid.sum()), dtype=int)
    target, origin = map(
        labels_or_none, (explanations.target, explanations.predicted_before)
    )
    if target is None or origin is None:
        raise ValueError(f"towards={towards!r} needs targets that are classes.")
    sign = np.where(target == towards, 1, np.where(origin == towards, -1, 0))[valid]
    if not sign.any():
        raise ValueError(
            f"towards={towards!r} is neither origin nor target of a valid patient; "
            f"there are {np.union1d(target, origin).tolist()}."
        )
    return sign


def _describe(change, size, sign):
    """Columns on the changes alone."""
    moved = change.abs() > UNCHANGED
    signed = change.loc[sign != 0].mul(sign[sign != 0], axis=0)
    up = (signed > UNCHANGED).sum()
    down = (signed < -UNCHANGED).sum()
    n = up + down
    p = np.minimum(2 * stats.binom.sf(np.maximum(up, down) - 1, n, 0.5), 1)
    return pd.DataFrame(
        {
            "change": size,
            "signed_change": signed.mean(),
            "share": moved.mean(),
            "consistency": np.maximum(up, down) / n.where(n > 0),
            "p_sign": p,
            "q_sign": stats.false_discovery_control(p),
        }
    )


def _top(importance, n):
    """Return the most important genes, but none without importance."""
    order = np.argsort(-np.asarray(importance), kind="stable")[:n]
    return order[np.asarray(importance)[order] > 0]
