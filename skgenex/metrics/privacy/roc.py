"""How well scores tell members from others: ROC figures with confidence intervals."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import norm, rankdata
from sklearn.metrics import roc_curve
from sklearn.utils.validation import column_or_1d

FALSE_POSITIVE_RATES = (0.01, 0.1)
LEVEL = 0.95  # of all intervals


def auc_interval(members: NDArray, others: NDArray) -> tuple[float, float, float]:
    """ROC AUC with its 95 % interval (DeLong et al. 1988, on the logit scale).

    Where all members score above all others (or below) the estimated variance is zero;
    the interval is then the exact binomial one of ``min(n_members, n_others)``
    disjoint pairs, all in order.

    Parameters
    ----------
    members, others : ndarray of shape (n_members,), (n_others,)
        Scores; ties count one half.

    Returns
    -------
    auc, low, high : float
        The area and its interval.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy.roc import auc_interval
    >>> members, others = np.array([2.0, 3.0, 4.0]), np.array([1.0, 2.0, 2.5])
    >>> auc, low, high = auc_interval(members, others)
    >>> round(auc, 3), low < auc < high
    (0.833, True)
    """
    m, n = len(members), len(others)
    ranks = rankdata(np.concatenate([members, others]))
    beaten = (ranks[:m] - rankdata(members)) / n  # share of others below each member
    beating = 1 - (ranks[m:] - rankdata(others)) / m
    auc = float(beaten.mean())
    tail = (1 - LEVEL) / 2
    if auc in (0.0, 1.0):
        bound = tail ** (1 / min(m, n))
        return (auc, bound, 1.0) if auc else (auc, 0.0, 1 - bound)
    se = np.sqrt(beaten.var(ddof=1) / m + beating.var(ddof=1) / n)
    half = norm.isf(tail) * se / (auc * (1 - auc))
    low, high = expit(logit(auc) + np.array([-half, half]))
    return auc, float(low), float(high)


def tpr_at_fpr(members: NDArray, others: NDArray, fpr: float) -> float:
    """Largest share of members found with at most a share ``fpr`` of others accused.

    Parameters
    ----------
    members, others : ndarray of shape (n_members,), (n_others,)
        Scores. With fewer than ``1 / fpr`` others, none of them may be accused.
    fpr : float
        In [0, 1).

    Returns
    -------
    float
        True-positive rate.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy.roc import tpr_at_fpr
    >>> members, others = np.array([5.0, 8.0, 12.0, 20.0]), np.arange(10.0)
    >>> tpr_at_fpr(members, others, 0.0), tpr_at_fpr(members, others, 0.2)
    (0.5, 0.75)
    """
    return float(_shares_above(members, np.sort(others), fpr))


def _shares_above(members: NDArray, ordered: NDArray, fpr: float) -> NDArray:
    """Share of members above the lowest allowed threshold, over the last axis."""
    n = ordered.shape[-1]
    # floor, but 0.1 * 30 is 3, whatever floating point makes of it
    allowed = int(np.floor(fpr * n + 1e-9))
    threshold = ordered[..., n - 1 - allowed, None]
    return np.mean(members > threshold, axis=-1)


def tpr_interval(
    members: NDArray,
    others: NDArray,
    fpr: float,
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 500,
) -> tuple[float, float, float]:
    """`tpr_at_fpr` with a 95 % interval.

    Percentiles of a bootstrap which resamples members and others apart, widened to
    Wilson's binomial interval given the threshold: at 0 and 1 the bootstrap alone would
    claim certainty.

    Parameters
    ----------
    members, others : ndarray of shape (n_members,), (n_others,)
        Scores.
    fpr : float
        Allowed share of others accused.
    rng : numpy.random.Generator
        Of the bootstrap.
    n_bootstrap : int, default=500
        Resamples.

    Returns
    -------
    tpr, low, high : float
        The rate and its interval.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy.roc import tpr_interval
    >>> rng = np.random.default_rng(0)
    >>> members, others = rng.normal(2, 1, 200), rng.normal(0, 1, 200)
    >>> tpr, low, high = tpr_interval(members, others, 0.1, rng=rng)
    >>> 0 < low < tpr < high < 1
    True
    """
    tpr = tpr_at_fpr(members, others, fpr)
    resampled = rng.choice(members, (n_bootstrap, len(members)))
    ordered = np.sort(rng.choice(others, (n_bootstrap, len(others))), axis=1)
    tail = (1 - LEVEL) / 2
    rates = _shares_above(resampled, ordered, fpr)
    by_bootstrap = np.quantile(rates, [tail, 1 - tail])
    by_wilson = wilson_interval(tpr, len(members))
    low = min(by_bootstrap[0], by_wilson[0])
    return tpr, float(low), float(max(by_bootstrap[1], by_wilson[1]))


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a binomial share (Wilson 1927).

    Parameters
    ----------
    share : float
        Observed.
    n : int
        Of so many.

    Returns
    -------
    low, high : float
        The interval.

    Examples
    --------
    >>> from skgenex.metrics.privacy.roc import wilson_interval
    >>> tuple(round(bound, 3) for bound in wilson_interval(0.0, 20))
    (0.0, 0.161)
    """
    z = norm.isf((1 - LEVEL) / 2)
    centre = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = (centre + np.array([-half, half])) / (1 + z**2 / n)
    return max(float(low), 0.0), min(float(high), 1.0)


@dataclass(frozen=True)
class MembershipResult:
    """What one attack's scores achieve; made by `membership_result`.

    Parameters
    ----------
    members, others : ndarray of shape (n_members,), (n_others,)
        Scores of the rows that were trained on, and of others; more is more suspect.
    auc : tuple of (float, float, float)
        Area under the ROC curve and its 95 % interval; 0.5 is guessing.
    tpr : dict of float to tuple of (float, float, float)
        True-positive rate and its interval at each false-positive rate, 0.01 and 0.1.

    Examples
    --------
    >>> from skgenex.metrics.privacy import membership_result
    >>> fpr, tpr = membership_result([3, 4], [1, 2], random_state=0).roc_curve()
    >>> fpr[-1].item(), tpr[-1].item()
    (1.0, 1.0)
    """

    members: NDArray = field(repr=False)
    others: NDArray = field(repr=False)
    auc: tuple[float, float, float]
    tpr: Mapping[float, tuple[float, float, float]]

    def roc_curve(self) -> tuple[NDArray, NDArray]:
        """Points of the ROC curve.

        Returns
        -------
        fpr, tpr : ndarray of shape (n_thresholds,)
            False- and true-positive rates, ascending.
        """
        is_member = np.repeat([1, 0], [len(self.members), len(self.others)])
        scores = np.concatenate([self.members, self.others])
        fpr, tpr, _ = roc_curve(is_member, scores)
        return fpr, tpr


def membership_result(
    members: ArrayLike,
    others: ArrayLike,
    *,
    n_bootstrap: int = 500,
    random_state: int | np.random.Generator | None = None,
) -> MembershipResult:
    """Judge the scores that a membership attack gives to members and to others.

    Parameters
    ----------
    members : array-like of shape (n_members,)
        Scores of rows that the generator was fitted on; more is more suspect.
    others : array-like of shape (n_others,)
        Scores of rows from the same population that it never saw.
    n_bootstrap : int, default=500
        Resamples behind the intervals of true-positive rates.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of the bootstrap.

    Returns
    -------
    MembershipResult
        AUC (interval by DeLong) and true-positive rates at 1 % and 10 % false
        positives (interval by bootstrap and Wilson), 95 % each.

    Raises
    ------
    ValueError
        If there are fewer than two members or others, or a score is NaN.

    Notes
    -----
    The rate at few false positives tells whether *some* patients are exposed, which an
    AUC averages away (Carlini et al. 2022).

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under two or more
    correlated receiver operating characteristic curves, Biometrics 44:837. Carlini et
    al. (2022), Membership inference attacks from first principles, IEEE S&P.

    Examples
    --------
    >>> from skgenex.metrics.privacy import membership_result
    >>> result = membership_result([3, 4, 5, 6], [1, 2, 3, 3.5], random_state=0)
    >>> result.auc[0]
    0.90625
    >>> result.tpr[0.1][0]
    0.75
    """
    scores = [
        column_or_1d(np.asarray(part, dtype=np.float64)) for part in (members, others)
    ]
    for name, part in zip(("members", "others"), scores, strict=True):
        if len(part) < 2 or np.isnan(part).any():
            raise ValueError(
                f"{name} must hold two scores or more, none of them NaN; got "
                f"{len(part)}, {np.isnan(part).sum()} NaN."
            )
    rng = np.random.default_rng(random_state)
    inside, outside = scores
    tpr = {
        fpr: tpr_interval(inside, outside, fpr, rng=rng, n_bootstrap=n_bootstrap)
        for fpr in FALSE_POSITIVE_RATES
    }
    return MembershipResult(inside, outside, auc_interval(inside, outside), tpr)
