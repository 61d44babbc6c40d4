"""Linear models for p >> n whose penalty is chosen on held-out rows.

Each gene is first multiplied by a power of its own univariate association with the
target, the *emphasis*: 0 gives plain ridge regression; larger values let genes which
tell nothing by themselves count less, as a sparse model would, but smoothly. Rows are
then rotated into the space they span, where fits of many penalties cost little.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._blocks import blocks
from .._covariance import factorise, times, transposed_times
from .._residuals import Residuals, SomeRows, weighted_mean, weighted_squares
from .solvers import log_loss, solve_logistic, solve_ridge

STRENGTHS = tuple(np.logspace(1, -4, 11))
LARGE = 3e7  # numbers that all penalties of a fold together multiply in an iteration
NEGLIGIBLE = 1e-3  # share of the loss without genes, below which nothing is to gain


class LinearFit(NamedTuple):
    """A linear model and how it was chosen.

    Attributes
    ----------
    coef : ndarray of shape (n_outputs, n_features)
        Coefficients.
    intercept : ndarray of shape (n_outputs,)
        Intercepts.
    strength : float
        Chosen penalty, in units of the mean squared norm of the centred, emphasised
        rows.
    emphasis : float
        Chosen emphasis.
    cv_score : float
        Held-out loss at this strength, lower is better: mean log-loss, or mean squared
        error.
    cv_scores : ndarray of shape (n_strengths,)
        The same for each strength, from strong to weak; NaN for those which were not
        tried, as on large data the search ends when weaker penalties lose, or next to
        nothing is left of the loss.
    heldout : ndarray of shape (n_samples, n_outputs)
        Outputs for each row of a model of the chosen strength fitted without its fold.
    fold : ndarray of shape (n_samples,)
        Fold of each row.
    """

    coef: NDArray
    intercept: NDArray
    strength: float
    emphasis: float
    cv_score: float
    cv_scores: NDArray
    heldout: NDArray
    fold: NDArray


def fit_logistic(
    X: Any,
    codes: NDArray,
    n_classes: int,
    *,
    sample_weight: NDArray | None = None,
    strengths: Sequence[float] = STRENGTHS,
    emphasis: float | Sequence[float] = 1.0,
    n_folds: int = 5,
    seed: int = 0,
) -> LinearFit:
    """Fit a multinomial logistic regression, its penalty chosen by held-out log-loss.

    Parameters
    ----------
    X : ndarray or Residuals of shape (n_samples, n_features)
        Rows, usually standardised; read by blocks.
    codes : ndarray of int of shape (n_samples,)
        Classes, 0 to ``n_classes - 1``.
    n_classes : int
        Number of classes, at least 2.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows in fits and held-out losses.
    strengths : sequence of float
        Penalties to choose from, in units of the mean squared norm of centred rows.
    emphasis : float or sequence of float, default=1.0
        Genes are multiplied by the square root of the F statistic of their association
        with the classes, to this power; 0 for plain ridge regression. Of several the
        one of the lowest held-out loss is used.
    n_folds : int, default=5
        Number of folds; at most the number of rows is used.
    seed : int, default=0
        Deals the rows into folds.

    Returns
    -------
    LinearFit
        Coefficients and what led to them. Those of the classes sum to zero, so with
        two classes each is the other's negative.

    References
    ----------
    Hastie & Tibshirani (2004), Efficient quadratic regularization for expression
    arrays, Biostatistics 5:329 (the rotation).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.prediction.linear import fit_logistic
    >>> rng = np.random.default_rng(0)
    >>> X, codes = rng.normal(size=(60, 500)), np.arange(60) % 2
    >>> X[codes == 1, :50] += 1
    >>> fit = fit_logistic(X, codes, 2)
    >>> fit.coef.shape
    (2, 500)
    >>> float(np.mean(fit.heldout.argmax(axis=1) == codes)) > 0.9
    True
    """
    target = np.eye(n_classes)[codes]

    def solve(rows: _Coordinates, target, weight, strengths, start, is_final):
        return solve_logistic(
            rows.scores,
            target,
            weight,
            rows.spread,
            strengths * rows.norm,
            start=start,
            tol=1e-6 if is_final else 1e-3,
            max_iter=5_000 if is_final else 300,
        )

    weight = _weights(sample_weight, len(X))
    fold = assign_folds(codes, n_folds, np.random.default_rng([seed, 1]))
    recipe = _Recipe(solve, _log, log_loss, _class_association, strengths)
    return _choose_emphasis(X, target, weight, fold, recipe, emphasis, seed)


def fit_ridge(
    X: Any,
    Y: NDArray,
    *,
    sample_weight: NDArray | None = None,
    strengths: Sequence[float] = STRENGTHS,
    emphasis: float | Sequence[float] = 1.0,
    n_folds: int = 5,
    seed: int = 0,
) -> LinearFit:
    """Fit a ridge regression, its penalty chosen by held-out squared error.

    Parameters
    ----------
    X : ndarray or Residuals of shape (n_samples, n_features)
        Rows, usually standardised; read by blocks.
    Y : ndarray of shape (n_samples, n_outputs)
        Targets, usually standardised, as all share a penalty.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows in fits and held-out errors.
    strengths : sequence of float
        Penalties to choose from, in units of the mean squared norm of centred rows.
    emphasis : float or sequence of float, default=1.0
        Genes are multiplied by the square root of the F statistic of their association
        with the targets, to this power; 0 for plain ridge regression. Of several the
        one of the lowest held-out loss is used.
    n_folds : int, default=5
        Number of folds; at most the number of rows is used.
    seed : int, default=0
        Deals the rows into folds.

    Returns
    -------
    LinearFit
        Coefficients and what led to them.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.prediction.linear import fit_ridge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 20))
    >>> fit = fit_ridge(X, X[:, :1] - 2 * X[:, 1:2], strengths=[1e-9, 1.0])
    >>> fit.coef[0, :3].round(3) + 0.0
    array([ 1., -2.,  0.])
    """

    def solve(rows: _Coordinates, target, weight, strengths, start, is_final):
        return solve_ridge(rows.scores, target, weight, strengths * rows.norm)

    Y = np.asarray(Y, dtype=np.float64)
    weight = _weights(sample_weight, len(X))
    fold = assign_folds(np.zeros(len(X)), n_folds, np.random.default_rng([seed, 1]))
    recipe = _Recipe(solve, np.asarray, _squared_error, _target_association, strengths)
    return _choose_emphasis(X, Y, weight, fold, recipe, emphasis, seed)


def assign_folds(codes: NDArray, n_folds: int, rng: np.random.Generator) -> NDArray:
    """Deal the rows of each class into folds in turn.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Classes.
    n_folds : int
        Number of folds; at most the number of rows is used.
    rng : numpy.random.Generator
        Shuffles the rows of a class.

    Returns
    -------
    ndarray of shape (n_samples,)
        Fold of each row, from 0.
    """
    shuffled = rng.permutation(len(codes))
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]
    fold = np.empty(len(codes), dtype=np.int64)
    fold[order] = np.arange(len(codes)) % min(n_folds, len(codes))
    return fold


class _Recipe(NamedTuple):
    """What distinguishes one kind of linear model from another."""

    solve: Callable  # _Coordinates, target, weight, strengths, start, is_final
    link: Callable  # mean target -> the best outputs that all rows share
    loss: Callable  # outputs, target -> a loss per row
    association: Callable  # X, target, weight -> a number per gene
    strengths: Sequence[float]


def _choose_emphasis(
    X: Any,
    target: NDArray,
    weight: NDArray,
    fold: NDArray,
    recipe: _Recipe,
    emphasis: float | Sequence[float],
    seed: int,
) -> LinearFit:
    """Search for each emphasis; fit all rows by that of the lowest held-out loss."""
    searches = (
        _search_strength(X, target, weight, fold, recipe, each, seed)
        for each in np.atleast_1d(emphasis)
    )
    best = min(searches, key=lambda search: search.cv_score)
    rotation = _rotate(X, slice(None), target, weight, recipe, best.emphasis, seed)
    strength = np.array([best.strength])
    slope, intercept = recipe.solve(
        rotation.coordinates, target, weight, strength, None, True
    )
    coef, intercept = rotation.back(slope[0], intercept[0])
    return LinearFit(coef, intercept, *best, fold)


class _Search(NamedTuple):
    """Held-out losses of one emphasis; the fields of a `LinearFit`, in its order."""

    strength: float
    emphasis: float
    cv_score: float
    cv_scores: NDArray
    heldout: NDArray


def _search_strength(
    X: Any,
    target: NDArray,
    weight: NDArray,
    fold: NDArray,
    recipe: _Recipe,
    emphasis: float,
    seed: int,
) -> _Search:
    """Fit without each fold, from strong to weak penalties."""
    strengths = np.sort(np.asarray(recipe.strengths, dtype=np.float64))[::-1]
    # One product for all penalties where that is cheap, else one penalty after another.
    size = len(X) * min(X.shape) * target.shape[1]
    n_chunks = 1 if size * len(strengths) < LARGE else len(strengths)
    chunks = np.array_split(np.arange(len(strengths)), n_chunks)
    heldout = np.full((len(strengths), *target.shape), np.nan)
    losses = np.full(len(strengths), 0.0)
    for k in np.unique(fold):
        train, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        rotation = _rotate(X, train, target, weight, recipe, emphasis, seed)
        held_rows = rotation.of(SomeRows(X, held))
        constant = recipe.link(np.average(target[train], axis=0, weights=weight[train]))
        without_genes = recipe.loss(constant, target[held]) @ weight[held]
        own, start = np.full(len(strengths), np.nan), None
        for chunk in chunks:
            slope, intercept = recipe.solve(
                rotation.coordinates,
                target[train],
                weight[train],
                strengths[chunk],
                start,
                False,
            )
            start = slope[-1], intercept[-1]
            slope = slope.astype(held_rows.dtype, copy=False)
            outputs = np.matmul(held_rows, slope) + intercept[:, None]
            heldout[np.ix_(chunk, held)] = outputs
            own[chunk] = recipe.loss(outputs, target[held]) @ weight[held]
            best = int(np.nanargmin(own))
            # Weaker penalties have begun to lose, or could gain nothing to speak of.
            if chunk[-1] - best >= 2 or own[best] < NEGLIGIBLE * without_genes:
                break
        losses += own
        del rotation, held_rows  # before the next is made: as large as the rows
    cv_scores = losses / weight.sum()
    best = int(np.nanargmin(cv_scores))  # of those that all folds have tried
    return _Search(
        float(strengths[best]),
        float(emphasis),
        float(cv_scores[best]),
        cv_scores,
        heldout[best].copy(),  # else all are kept
    )


class _Coordinates(NamedTuple):
    """Rows in uncorrelated coordinates."""

    scores: NDArray  # (n_samples, n_coordinates)
    spread: NDArray  # weighted sum of squares of each coordinate
    norm: float  # mean squared norm of the rows


class _Rotation:
    """Emphasised, centred rows in uncorrelated coordinates of the space they span."""

    def __init__(
        self, rows: Any, weight: NDArray, multiplier: NDArray, seed: int
    ) -> None:
        self.multiplier = multiplier / np.sqrt(np.mean(multiplier**2))
        self.mean = weighted_mean(rows, weight)
        weighted = self._centred(rows)
        weighted.factors = np.sqrt(weight)
        values, self.vectors, _ = factorise(
            weighted, np.random.default_rng([seed, 0]), with_scores=False
        )
        spread = values * len(rows)
        norm = max(spread.sum() / weight.sum(), 1e-12)
        self.coordinates = _Coordinates(self.of(rows), spread, norm)

    def _centred(self, rows: Any) -> Residuals:
        centred = Residuals(rows, np.zeros(len(rows), dtype=np.int64), self.mean[None])
        with np.errstate(divide="ignore"):
            centred.sds = 1 / self.multiplier[None]
        return centred

    def of(self, rows: Any) -> NDArray:
        """Return the coordinates of rows."""
        centred = self._centred(rows)
        return times(centred, self.vectors.T.astype(centred.dtype, copy=False))

    def back(self, slope: NDArray, intercept: NDArray) -> tuple[NDArray, NDArray]:
        """Return coefficients and intercepts for rows as they were given."""
        coef = (slope.T @ self.vectors) * self.multiplier
        return coef, intercept - coef @ self.mean


def _rotate(
    X: Any,
    chosen: NDArray | slice,
    target: NDArray,
    weight: NDArray,
    recipe: _Recipe,
    emphasis: float,
    seed: int,
) -> _Rotation:
    """Rotate chosen rows, their genes emphasised by what these rows tell."""
    rows = X if isinstance(chosen, slice) else SomeRows(X, chosen)
    multiplier = np.ones(X.shape[1])
    if emphasis:
        f_statistic = recipe.association(rows, target[chosen], weight[chosen])
        if f_statistic.any():
            multiplier = f_statistic ** (emphasis / 2)
    return _Rotation(rows, weight[chosen], multiplier, seed)


def _weights(sample_weight: NDArray | None, n: int) -> NDArray:
    """Weights of mean one."""
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, dtype=np.float64)
    return weight / weight.mean()


def _log(shares: NDArray) -> NDArray:
    return np.log(shares + np.finfo(float).tiny)


def _squared_error(outputs: NDArray, target: NDArray) -> NDArray:
    return np.mean((outputs - target) ** 2, axis=-1)


def _class_association(X: Any, target: NDArray, weight: NDArray) -> NDArray:
    """F statistic of each gene between classes.

    Half the median variance within classes is added to the denominator, so that genes
    which hardly vary do not stand out (Tusher, Tibshirani & Chu 2001, Eq. 1). All zero
    where no class has two rows: then nothing tells how much a gene varies by itself.
    """
    counts = weight @ target
    present = counts > 0
    counts = counts[present]
    if np.count_nonzero(weight) <= len(counts):
        return np.zeros(X.shape[1])
    sums = transposed_times(X, target[:, present] * weight[:, None])
    means = sums.T / counts[:, None]
    mean = counts @ means / counts.sum()
    between = counts @ (means - mean) ** 2
    total = np.maximum(weighted_squares(X, mean, weight), between)
    within = (total - between) / max(len(X) - len(counts), 1)
    return between / max(len(counts) - 1, 1) / (within + _floor(within, total))


def _target_association(X: Any, target: NDArray, weight: NDArray) -> NDArray:
    """F statistic of each gene's own regression, averaged over standardised targets.

    All zero with two rows, through which every regression passes.
    """
    if np.count_nonzero(weight) <= 2:
        return np.zeros(X.shape[1])
    mean = weighted_mean(X, weight)
    y = target - np.average(target, axis=0, weights=weight)
    tiny = np.finfo(np.float64).tiny
    y = y / np.sqrt(weight @ y**2 + tiny)
    y *= weight[:, None]
    sums = np.zeros((y.shape[1], X.shape[1]))
    for block in blocks(*X.shape):
        sums += y[block].T @ (X[block] - mean)
    explained = np.mean(sums**2, axis=0)
    total = weighted_squares(X, mean, weight)
    within = np.maximum(total - explained, 0) / max(len(X) - 2, 1)
    return explained / (within + _floor(within, total))


def _floor(within: NDArray, total: NDArray) -> float:
    """Half the median variance, but not below what rounding leaves of the largest."""
    number = np.finfo(np.float64)
    return max(0.5 * np.median(within), number.eps * total.max(), number.tiny)
