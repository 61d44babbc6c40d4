"""Linear models for p >> n whose penalty is chosen on held-out rows.

Each gene is first multiplied by a power of its own univariate association with the
target, the *emphasis*: 0 gives plain ridge regression; larger values let genes which
tell nothing by themselves count less, as a sparse model would, but smoothly. Rows are
then rotated into the space they span, where fits of many penalties cost little.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._covariance import factorise
from .solvers import log_loss, solve_logistic, solve_ridge

STRENGTHS = tuple(np.logspace(1, -4, 11))
LARGE = 3e7  # numbers that all penalties of a fold together multiply in an iteration


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
        tried, as on large data the search ends when weaker penalties lose.
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
    X: NDArray,
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
    X : ndarray of shape (n_samples, n_features)
        Rows, usually standardised.
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
    recipe = _Recipe(solve, log_loss, _class_association, strengths)
    return _choose_emphasis(X, target, weight, fold, recipe, emphasis, seed)


def fit_ridge(
    X: NDArray,
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
    X : ndarray of shape (n_samples, n_features)
        Rows, usually standardised.
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
    recipe = _Recipe(solve, _squared_error, _target_association, strengths)
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
    loss: Callable  # outputs, target -> a loss per row
    association: Callable  # X, target, weight -> a number per gene
    strengths: Sequence[float]


def _choose_emphasis(
    X: NDArray,
    target: NDArray,
    weight: NDArray,
    fold: NDArray,
    recipe: _Recipe,
    emphasis: float | Sequence[float],
    seed: int,
) -> LinearFit:
    """Fit for each emphasis; return the fit of the lowest held-out loss."""
    X = np.asarray(X, dtype=np.float64)
    fits = (
        _choose_strength(X, target, weight, fold, recipe, each, seed)
        for each in np.atleast_1d(emphasis)
    )
    return min(fits, key=lambda fit: fit.cv_score)


def _choose_strength(
    X: NDArray,
    target: NDArray,
    weight: NDArray,
    fold: NDArray,
    recipe: _Recipe,
    emphasis: float,
    seed: int,
) -> LinearFit:
    """Fit without each fold, from strong to weak penalties; the best with all rows."""
    strengths = np.sort(np.asarray(recipe.strengths, dtype=np.float64))[::-1]

    def rotate(rows: NDArray | slice) -> _Rotation:
        multiplier = np.ones(X.shape[1])
        if emphasis:
            f_statistic = recipe.association(X[rows], target[rows], weight[rows])
            if f_statistic.any():
                multiplier = f_statistic ** (emphasis / 2)
        return _Rotation(X[rows], weight[rows], multiplier, seed)

    parts = []
    for k in np.unique(fold):
        train = fold != k
        rotation = rotate(train)
        # Without its vectors, which are as large as X.
        parts.append([train, rotation.coordinates, rotation.of(X[~train]), None])
    heldout = np.empty((len(strengths), *target.shape))
    cv_scores = np.full(len(strengths), np.nan)
    # One product for all penalties where that is cheap, else one penalty after another.
    size = len(X) * min(X.shape) * target.shape[1]
    n_chunks = 1 if size * len(strengths) < LARGE else len(strengths)
    for chunk in np.array_split(np.arange(len(strengths)), n_chunks):
        for part in parts:
            train, rows, held, start = part
            slope, intercept = recipe.solve(
                rows, target[train], weight[train], strengths[chunk], start, False
            )
            part[-1] = slope[-1], intercept[-1]
            outputs = np.matmul(held, slope) + intercept[:, None]
            heldout[np.ix_(chunk, ~train)] = outputs
        cv_scores[chunk] = recipe.loss(heldout[chunk], target) @ weight / weight.sum()
        best = int(np.nanargmin(cv_scores))
        if chunk[-1] - best >= 2:
            break  # weaker penalties have begun to lose
    rotation = rotate(slice(None))
    slope, intercept = recipe.solve(
        rotation.coordinates, target, weight, strengths[[best]], None, True
    )
    return LinearFit(
        *rotation.back(slope[0], intercept[0]),
        float(strengths[best]),
        float(emphasis),
        float(cv_scores[best]),
        cv_scores,
        heldout[best],
        fold,
    )


class _Coordinates(NamedTuple):
    """Rows in uncorrelated coordinates."""

    scores: NDArray  # (n_samples, n_coordinates)
    spread: NDArray  # weighted sum of squares of each coordinate
    norm: float  # mean squared norm of the rows


class _Rotation:
    """Emphasised, centred rows in uncorrelated coordinates of the space they span."""

    def __init__(
        self, X: NDArray, weight: NDArray, multiplier: NDArray, seed: int
    ) -> None:
        self.multiplier = multiplier / np.sqrt(np.mean(multiplier**2))
        self.mean = np.average(X, axis=0, weights=weight)
        centred = (X - self.mean) * self.multiplier
        weighted = centred * np.sqrt(weight)[:, None]
        values, self.vectors, _ = factorise(
            weighted, np.random.default_rng([seed, 0]), with_scores=False
        )
        spread = values * len(X)
        norm = max(spread.sum() / weight.sum(), 1e-12)
        self.coordinates = _Coordinates(centred @ self.vectors.T, spread, norm)

    def of(self, X: NDArray) -> NDArray:
        """Return the coordinates of rows."""
        return ((X - self.mean) * self.multiplier) @ self.vectors.T

    def back(self, slope: NDArray, intercept: NDArray) -> tuple[NDArray, NDArray]:
        """Return coefficients and intercepts for rows as they were given."""
        coef = (slope.T @ self.vectors) * self.multiplier
        return coef, intercept - coef @ self.mean


def _weights(sample_weight: NDArray | None, n: int) -> NDArray:
    """Weights of mean one."""
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, dtype=np.float64)
    return weight / weight.mean()


def _squared_error(outputs: NDArray, target: NDArray) -> NDArray:
    return np.mean((outputs - target) ** 2, axis=-1)


def _class_association(X: NDArray, target: NDArray, weight: NDArray) -> NDArray:
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
    means = (target[:, present] * weight[:, None]).T @ X / counts[:, None]
    mean = counts @ means / counts.sum()
    between = counts @ (means - mean) ** 2
    total = np.maximum(weight @ (X - mean) ** 2, between)
    within = (total - between) / max(len(X) - len(counts), 1)
    return between / max(len(counts) - 1, 1) / (within + _floor(within, total))


def _target_association(X: NDArray, target: NDArray, weight: NDArray) -> NDArray:
    """F statistic of each gene's own regression, averaged over standardised targets.

    All zero with two rows, through which every regression passes.
    """
    if np.count_nonzero(weight) <= 2:
        return np.zeros(X.shape[1])
    x = X - np.average(X, axis=0, weights=weight)
    y = target - np.average(target, axis=0, weights=weight)
    tiny = np.finfo(np.float64).tiny
    y = y / np.sqrt(weight @ y**2 + tiny)
    explained = np.mean(((y * weight[:, None]).T @ x) ** 2, axis=0)
    total = weight @ x**2
    within = np.maximum(total - explained, 0) / max(len(X) - 2, 1)
    return explained / (within + _floor(within, total))


def _floor(within: NDArray, total: NDArray) -> float:
    """Half the median variance, but not below what rounding leaves of the largest."""
    number = np.finfo(np.float64)
    return max(0.5 * np.median(within), number.eps * total.max(), number.tiny)
