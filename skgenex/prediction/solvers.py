"""Penalised linear fits of rows whose features are uncorrelated or few."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from .._blocks import blocks
from .._residuals import weighted_mean

MANY = 1_000_000  # coordinates times classes from which a penalty alone is worth L-BFGS


def log_loss(logits: NDArray, target: NDArray) -> NDArray:
    """Log-loss of each row.

    Parameters
    ----------
    logits : ndarray of shape (..., n_samples, n_classes)
        Scores of the classes.
    target : ndarray of shape (n_samples, n_classes)
        Indicators of the true classes.

    Returns
    -------
    ndarray of shape (..., n_samples)
        The losses.
    """
    top = logits.max(axis=-1)
    total = np.exp(logits - top[..., None]).sum(axis=-1)
    return top + np.log(total) - (logits * target).sum(axis=-1)


def softmax(logits: NDArray) -> NDArray:
    """Probabilities of classes, which are the last axis."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def solve_logistic(
    Z: NDArray,
    target: NDArray,
    weight: NDArray,
    spread: NDArray,
    penalties: NDArray,
    *,
    start: tuple[NDArray, NDArray] | None = None,
    max_iter: int = 300,
    tol: float = 1e-3,
) -> tuple[NDArray, NDArray]:
    """Fit multinomial logistic regressions, one per penalty, all at once.

    Minimises ``sum_i weight_i log_loss_i + penalty / 2 * |slope|^2``. The Hessian never
    exceeds half the weighted cross-product of the rows, which for uncorrelated
    coordinates is ``spread``: a gradient divided by this bound always descends.
    Momentum, restarted where it points uphill, speeds up the descent of several
    penalties. One alone, on many rows, is left to SciPy's L-BFGS in the units of this
    bound: it takes fewer steps where most rows are classified with confidence.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Centred coordinates.
    target : ndarray of shape (n_samples, n_classes)
        Indicators of the classes.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.
    spread : ndarray of shape (n_features,)
        Diagonal matrix not below ``Z.T @ diag(weight) @ Z``, such as the weighted sums
        of squares of uncorrelated coordinates of these rows, or of more rows.
    penalties : ndarray of shape (n_penalties,)
        Penalties.
    start : tuple of ndarray, default=None
        Slope (n_features, n_classes) and intercept (n_classes,) to begin with.
    max_iter : int, default=300
        Iterations at most.
    tol : float, default=1e-3
        Stop where a step changes the logits by less than this share of their spread.

    Returns
    -------
    slope : ndarray of shape (n_penalties, n_features, n_classes)
        Slopes.
    intercept : ndarray of shape (n_penalties, n_classes)
        Intercepts, without penalty.

    References
    ----------
    Boehning (1992), Multinomial logistic regression algorithm, Annals of the Institute
    of Statistical Mathematics 44:197 (the bound); O'Donoghue & Candes (2015), Adaptive
    restart for accelerated gradient schemes, Foundations of Computational Mathematics
    15:715, Eq. 12.
    """
    n, total = len(Z), weight.sum()
    if start is None:
        prior = np.log(np.maximum(weight @ target / total, 1e-3 / n))
        start = np.zeros((Z.shape[1], target.shape[1])), prior - prior.mean()
    if len(penalties) == 1 and Z.size * target.shape[1] >= MANY:
        slope, intercept = _solve_one(
            Z, target, weight, spread, penalties[0], start, max_iter, tol
        )
        return slope[None], intercept[None]
    slope, intercept = (np.stack([part] * len(penalties)) for part in start)
    fitted_slope, fitted_intercept = slope.copy(), intercept.copy()
    ahead, ahead_intercept = slope, intercept
    penalty = penalties[:, None, None]
    curvature = 0.5 * spread[:, None] + penalty
    momentum = np.ones(len(penalties))
    active = np.arange(len(penalties))
    for _ in range(max_iter):
        logits = np.matmul(Z, ahead) + ahead_intercept[:, None]
        residual = (softmax(logits) - target) * weight[:, None]
        gradient = np.matmul(Z.T, residual) + penalty * ahead
        new = ahead - gradient / curvature
        new_intercept = ahead_intercept - residual.sum(axis=1) * (2 / total)
        step, step_intercept = new - slope, new_intercept - intercept
        climb = ((ahead - new) * curvature * step).sum(axis=(1, 2))
        climb += ((ahead_intercept - new_intercept) * step_intercept).sum(1) * total / 2
        momentum[climb > 0] = 1
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        beta = np.where(climb > 0, 0.0, (momentum - 1) / next_momentum)
        ahead = new + beta[:, None, None] * step
        ahead_intercept = new_intercept + beta[:, None] * step_intercept
        fitted_slope[active], fitted_intercept[active] = new, new_intercept
        change = (step**2 * spread[:, None]).sum(axis=(1, 2)) / n
        change += (step_intercept**2).sum(axis=1)
        size = 0.01 + (new**2 * spread[:, None]).sum(axis=(1, 2)) / n
        left = change > tol**2 * size
        if not left.any():
            break
        slope, intercept = new[left], new_intercept[left]
        ahead, ahead_intercept = ahead[left], ahead_intercept[left]
        penalty, curvature = penalty[left], curvature[left]
        momentum, active = next_momentum[left], active[left]
    return fitted_slope, fitted_intercept


def _solve_one(Z, target, weight, spread, penalty, start, max_iter, tol):
    """Fit a logistic regression by L-BFGS, in units where no curvature exceeds one."""
    total = weight.sum()
    unit = np.sqrt(np.append(0.5 * spread + penalty, 0.5 * total) / total)[:, None]

    def mean_loss(values):
        values = values.reshape(len(unit), -1) / unit
        slope, intercept = values[:-1], values[-1]
        # Products in the precision of the rows: nothing as large as these is made.
        logits = Z @ slope.astype(Z.dtype, copy=False) + intercept
        residual = (softmax(logits) - target) * weight[:, None]
        loss = weight @ log_loss(logits, target) + penalty / 2 * np.sum(slope**2)
        gradient = Z.T @ residual.astype(Z.dtype, copy=False) + penalty * slope
        gradient = np.vstack([gradient, residual.sum(axis=0)]) / unit
        return loss / total, gradient.ravel() / total

    gtol = max(0.1 * tol, 100 * np.finfo(Z.dtype).eps)
    values = minimize(
        mean_loss,
        (np.vstack(start) * unit).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "maxcor": 20, "ftol": 0, "gtol": gtol},
    ).x.reshape(len(unit), -1)
    values /= unit
    return values[:-1], values[-1]


def solve_ridge(
    Z: NDArray, target: NDArray, weight: NDArray, penalties: NDArray
) -> tuple[NDArray, NDArray]:
    """Fit ridge regressions, one per penalty, through one decomposition of the rows.

    Minimises ``sum_i weight_i |error_i|^2 + penalty * |slope|^2``.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Coordinates.
    target : ndarray of shape (n_samples, n_outputs)
        Targets.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.
    penalties : ndarray of shape (n_penalties,)
        Penalties.

    Returns
    -------
    slope : ndarray of shape (n_penalties, n_features, n_outputs)
        Slopes.
    intercept : ndarray of shape (n_penalties, n_outputs)
        Intercepts, without penalty.
    """
    mean = weighted_mean(Z, weight)
    centre = np.average(target, axis=0, weights=weight)
    right, singular, projected = _decompose(Z, mean, target - centre, weight)
    factor = singular / (singular**2 + penalties[:, None])
    slope = np.matmul(right.T, factor[..., None] * projected)
    return slope, centre - mean @ slope


def _decompose(Z, mean, target, weight):
    """Right singular vectors and values of weighted rows; targets times the left."""
    if Z.size < MANY or Z.shape[0] < Z.shape[1]:
        root = np.sqrt(weight)[:, None]
        left, singular, right = np.linalg.svd(root * (Z - mean), full_matrices=False)
        # Directions without variance get no slope, whatever the penalty.
        varies = singular > 1e-10 * singular.max(initial=0)
        projected = left[:, varies].T @ (root * target)
        return right[varies], singular[varies], projected
    # Through products of columns, by blocks: they hold squares, so half the digits.
    gram = np.zeros((Z.shape[1],) * 2)
    cross = np.zeros((Z.shape[1], target.shape[1]))
    for block in blocks(*Z.shape):
        part = Z[block] - mean
        weighted = (part * weight[block, None]).T
        gram += weighted @ part
        cross += weighted @ target[block]
    values, vectors = np.linalg.eigh(gram)
    varies = values > 1e-14 * max(values[-1], 0.0)
    singular, right = np.sqrt(values[varies]), vectors[:, varies].T
    return right, singular, right @ cross / singular[:, None]
