"""Stability of gene selections over refits (Nogueira et al. 2018)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEAST_REACH = 1e-9  # below, only rounding errors are left


class Stability(NamedTuple):
    """Stability of a selection with its confidence interval.

    Parameters
    ----------
    value : float
        1: the same genes each time; 0: as if drawn at random.
    lower, upper : float
        Asymptotic confidence interval.
    """

    value: float
    lower: float
    upper: float


def selection_stability(selected: ArrayLike, *, confidence: float = 0.95) -> Stability:
    r"""Agreement of repeated selections, corrected for chance.

    With M selections of on average :math:`\bar k` of d genes, and :math:`s_f^2` the
    unbiased variance of whether gene f is selected,

    .. math::
        \Phi = 1 - \frac{\frac1d \sum_f s_f^2}{\frac{\bar k}d (1 - \frac{\bar k}d)}.

    Parameters
    ----------
    selected : array-like of bool of shape (n_selections, n_genes)
        Which genes each selection holds; at least two selections.
    confidence : float, default=0.95
        Level of the interval.

    Returns
    -------
    stability : Stability
        Named tuple ``(value, lower, upper)``. The interval is NaN where the selections
        do not differ in what it is made of, e.g. if all are equal: a width of zero
        would claim what so few selections cannot show.

    Raises
    ------
    ValueError
        If there are fewer than two selections, or they hold no gene, or all genes.

    References
    ----------
    Nogueira, Sechidis, Brown (2018). On the stability of feature selection algorithms.
    JMLR 18(174):1-54 (Definition 4; Theorem 7 and Corollary 9 for the interval).

    Examples
    --------
    >>> from skgenex.counterfactual import selection_stability
    >>> selection_stability([[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]]).value
    1.0
    """
    chosen = np.asarray(selected, dtype=float)
    if chosen.ndim != 2 or len(chosen) < 2:
        raise ValueError(
            "selected must hold at least two selections, (n_selections, n_genes); got "
            f"shape {chosen.shape}."
        )
    n_selections, n_genes = chosen.shape
    frequency = chosen.mean(axis=0)
    size = chosen.sum(axis=1) / n_genes
    share = size.mean()
    chance = share * (1 - share)
    if chance == 0:
        raise ValueError(
            "Stability is undefined when selections hold no gene or all of them; got "
            f"{share * n_genes:.0f} of {n_genes}."
        )
    value = 1 - chosen.var(axis=0, ddof=1).mean() / chance
    influence = (
        (chosen @ frequency) / n_genes
        - size * share
        + value / 2 * (2 * share * size - size - share + 1)
    ) / chance
    error = 2 * np.sqrt(np.sum((influence - influence.mean()) ** 2)) / n_selections
    reach = stats.norm.ppf(0.5 + confidence / 2) * error
    if reach < LEAST_REACH:
        reach = np.nan
    return Stability(float(value), float(value - reach), float(value + reach))
