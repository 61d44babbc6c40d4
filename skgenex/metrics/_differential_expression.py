"""Differential expression by moderated t-tests, and what synthetic rows keep of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length

from ._rows import checked_rows

MOST_PRIOR_DOF = 1e6  # where variances differ by chance alone, the prior is a constant
DEAD = 1e-12  # variance up to which a gene counts as constant


@dataclass(frozen=True)
class DifferentialExpression:
    """Moderated t-tests of all genes, one class against all others.

    Parameters
    ----------
    effect : ndarray of shape (n_features,)
        Difference of the means, in the unit of the rows: a log2 fold change if that is
        log2(CPM + 1).
    t : ndarray of shape (n_features,)
        Moderated t; 0 for constant genes.
    p_value, q_value : ndarray of shape (n_features,)
        Two-sided, and adjusted after Benjamini and Hochberg.
    prior_dof : float
        Degrees of freedom that the other genes lend each gene's variance.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import moderated_t_test
    >>> X = np.random.default_rng(0).standard_normal((10, 50))
    >>> result = moderated_t_test(X, np.arange(10) < 5)
    >>> result.effect.shape, bool((result.q_value >= result.p_value).all())
    ((50,), True)
    """

    effect: NDArray
    t: NDArray
    p_value: NDArray
    q_value: NDArray
    prior_dof: float


def moderated_t_test(X: ArrayLike, is_case: ArrayLike) -> DifferentialExpression:
    r"""Compare two groups gene by gene, with variances shrunk over genes.

    .. math::

        \tilde t_j = \frac{\bar x_{1j} - \bar x_{0j}}{\tilde s_j
        \sqrt{1/n_1 + 1/n_0}}, \qquad
        \tilde s_j^2 = \frac{d_0 s_0^2 + d s_j^2}{d_0 + d},

    with :math:`d_0` and :math:`s_0^2` from the mean and variance of
    :math:`\log s_j^2`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows on a log scale, for example log2(CPM + 1).
    is_case : array-like of bool of shape (n_samples,)
        Who belongs to the group whose means are looked at.

    Returns
    -------
    DifferentialExpression
        Effects and tests.

    Raises
    ------
    ValueError
        If a group has no row, or there are fewer than three rows.

    References
    ----------
    Smyth (2004), Linear models and empirical Bayes methods for assessing differential
    expression in microarray experiments, Stat. Appl. Genet. Mol. Biol. 3:3, Sec. 6.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import moderated_t_test
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((40, 100))
    >>> is_case = np.arange(40) < 20
    >>> X[is_case, :5] += 2
    >>> np.flatnonzero(moderated_t_test(X, is_case).q_value < 0.05).tolist()
    [0, 1, 2, 3, 4]
    """
    rows: NDArray = checked_rows(min_samples=3, X=X)[0].astype(np.float64)
    case = column_or_1d(is_case).astype(bool)
    check_consistent_length(rows, case)
    if case.all() or not case.any():
        raise ValueError("Both groups need a row; is_case is the same everywhere.")
    groups = [rows[case], rows[~case]]
    effect = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    dof = len(rows) - 2
    variance = sum(np.square(g - g.mean(axis=0)).sum(axis=0) for g in groups) / dof
    varying = variance > DEAD
    t, p_value = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    prior_dof = 0.0
    if varying.any():
        prior_dof, prior = _prior_of_variances(variance[varying], dof)
        shrunk = (prior_dof * prior + dof * variance[varying]) / (prior_dof + dof)
        size = np.sqrt(shrunk * sum(1 / len(g) for g in groups))
        t[varying] = effect[varying] / size
        p_value[varying] = 2 * stats.t.sf(np.abs(t[varying]), prior_dof + dof)
    q_value = stats.false_discovery_control(p_value)
    return DifferentialExpression(effect, t, p_value, q_value, float(prior_dof))


def _prior_of_variances(variance: NDArray, dof: int) -> tuple[float, float]:
    """Degrees of freedom d0 and level s0^2 of the prior, by moments of log s^2."""
    e = np.log(variance) - special.digamma(dof / 2) + np.log(dof / 2)
    spread = e.var(ddof=1) if len(e) > 1 else 0.0
    wanted = spread - special.polygamma(1, dof / 2)
    least = special.polygamma(1, MOST_PRIOR_DOF / 2)
    if wanted <= least:  # no more spread than chance gives
        return MOST_PRIOR_DOF, float(np.exp(e.mean()))
    half = optimize.brentq(
        lambda x: special.polygamma(1, x) - wanted, 1e-8, MOST_PRIOR_DOF
    )
    level = np.exp(e.mean() + special.digamma(half) - np.log(half))
    return float(2 * half), float(level)


def differential_expression_recovery(
    X_real: ArrayLike,
    y_real: ArrayLike,
    X_synthetic: ArrayLike,
    y_synthetic: ArrayLike,
    *,
    alpha: float = 0.05,
    random_state: int | np.random.Generator | None = None,
) -> dict[str, float]:
    """Say what synthetic rows keep of the differential expression of real ones.

    Both sets are cut to the same number of rows of each class, as power grows with
    them. Each class is compared with all others; figures are means over classes.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_features)
        Real rows, best held out from the generator.
    y_real : array-like of shape (n_real,)
        Their classes.
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    y_synthetic : array-like of shape (n_synthetic,)
        Their classes.
    alpha : float, default=0.05
        False discovery rate at which a gene counts as differentially expressed.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of the cut; global generators are not touched.

    Returns
    -------
    dict of str to float
        ``recovered``: share of the real differentially expressed genes that are so in
        the synthetic rows, with the same sign. ``false``: share of the synthetic ones
        that are not among the real. ``effect_correlation``: of synthetic and real
        effects, over genes that differ in the real rows. ``effect_slope``: of the
        synthetic on the real effects; below 1 they are shrunk. ``n_real``,
        ``n_synthetic``: genes per class. NaN where there are no such genes.

    Raises
    ------
    ValueError
        If there is one class, or the sets share fewer than two rows of a class.

    Notes
    -----
    Real effects are measured with error, which pulls slope and correlation below 1 for
    perfect rows too: compare with the figures of a second real sample.

    References
    ----------
    Smyth (2004), Stat. Appl. Genet. Mol. Biol. 3:3 (the test); Benjamini & Hochberg
    (1995), J. R. Stat. Soc. B 57:289.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.metrics import differential_expression_recovery
    >>> X, y = make_expression(n_samples=80, random_state=0, return_X_y=True)
    >>> scores = differential_expression_recovery(X, y, X, y, random_state=0)
    >>> scores["recovered"], round(scores["effect_slope"], 6)
    (1.0, 1.0)
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1; got {alpha!r}.")
    sets = checked_rows(X_real=X_real, X_synthetic=X_synthetic)
    labels = [column_or_1d(y_real), column_or_1d(y_synthetic)]
    for rows, y in zip(sets, labels, strict=True):
        check_consistent_length(rows, y)
    classes = np.unique(labels[0])
    if len(classes) < 2:
        raise ValueError(f"Two classes are needed; got {classes.tolist()}.")
    rng = np.random.default_rng(random_state)
    chosen: list[list[NDArray]] = [[], []]
    for label in classes:
        members = [np.flatnonzero(y == label) for y in labels]
        n_rows = min(map(len, members))
        if n_rows < 2:
            raise ValueError(
                f"Class {str(label)!r} needs two rows in both sets; it has "
                f"{len(members[0])} real and {len(members[1])} synthetic ones."
            )
        for own, part in zip(members, chosen, strict=True):
            part.append(rng.permutation(own)[:n_rows])
    rows_of = [np.concatenate(part) for part in chosen]
    real, synthetic = (rows[kept] for rows, kept in zip(sets, rows_of, strict=True))
    y_cut = labels[0][rows_of[0]]  # the same for both: as many of each, in this order
    # Of two classes the one against the other says all.
    figures = [
        _recovery(
            moderated_t_test(real, y_cut == label),
            moderated_t_test(synthetic, y_cut == label),
            alpha,
        )
        for label in (classes if len(classes) > 2 else classes[:1])
    ]
    return {
        name: _mean(np.array([row[name] for row in figures])) for name in figures[0]
    }


def _recovery(
    real: DifferentialExpression, synthetic: DifferentialExpression, alpha: float
) -> dict[str, float]:
    known, found = real.q_value < alpha, synthetic.q_value < alpha
    same = found & (np.sign(real.effect) == np.sign(synthetic.effect))
    scores = {
        "recovered": _share(same[known]),
        "false": _share(~known[found]),
        "effect_correlation": np.nan,
        "effect_slope": np.nan,
        "n_real": float(known.sum()),
        "n_synthetic": float(found.sum()),
    }
    if known.sum() > 2:
        a, b = real.effect[known], synthetic.effect[known]
        # Through the origin: up and down are a matter of which class comes first.
        scores["effect_slope"] = float(a @ b / (a @ a))
        if a.std() > 0 and b.std() > 0:
            scores["effect_correlation"] = float(np.corrcoef(a, b)[0, 1])
    return scores


def _share(values: NDArray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _mean(values: NDArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
