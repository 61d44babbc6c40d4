"""Other ways to rank genes, to be read beside counterfactual changes."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from sklearn.inspection import permutation_importance

from .changes import is_valid, labels_or_none


def welch_t(X: NDArray, is_first: NDArray) -> tuple[NDArray, NDArray]:
    """Welch's t and two-sided p of each gene, rows of a class against the others.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_genes)
        Expression.
    is_first : ndarray of bool of shape (n_samples,)
        Rows of the class whose mean is positive; two rows of either kind at least.

    Returns
    -------
    t, p : ndarray of shape (n_genes,)
        0 and 1 for constant genes.
    """
    first, second = X[is_first].astype(float), X[~is_first].astype(float)
    squares = [rows.var(axis=0, ddof=1) / len(rows) for rows in (first, second)]
    error = squares[0] + squares[1]
    live = error > 1e-12 * np.maximum(np.abs(X).max(axis=0), 1e-6) ** 2
    error = np.where(live, error, 1.0)
    t = np.where(live, (first.mean(axis=0) - second.mean(axis=0)) / np.sqrt(error), 0.0)
    freedom = error**2 / np.maximum(
        squares[0] ** 2 / (len(first) - 1) + squares[1] ** 2 / (len(second) - 1), 1e-300
    )
    return t, np.where(live, 2 * stats.t.sf(np.abs(t), np.minimum(freedom, 1e9)), 1.0)


def integrated_gradients(
    score: Callable[[torch.Tensor], torch.Tensor],
    rows: torch.Tensor,
    baselines: torch.Tensor,
    *,
    n_steps: int = 50,
) -> torch.Tensor:
    """Integrated gradients along the line from a baseline to each row.

    Parameters
    ----------
    score : callable
        Takes rows, returns one differentiable score for each, ``(n_samples,)``.
    rows : Tensor of shape (n_samples, n_genes)
        Patients.
    baselines : Tensor of shape (n_samples, n_genes)
        Where each line starts, such as the mean patient of another class.
    n_steps : int, default=50
        Midpoints of the integral.

    Returns
    -------
    attributions : Tensor of shape (n_samples, n_genes)
        They add up, but for the error of the integral, to the difference of scores
        between row and baseline.

    References
    ----------
    Sundararajan, Taly, Yan (2017). Axiomatic attribution for deep networks. ICML
    (Eq. 3).
    """
    way = rows - baselines
    mean_gradient = torch.zeros_like(rows)
    for step in range(n_steps):
        point = (baselines + (step + 0.5) / n_steps * way).requires_grad_(True)
        (gradient,) = torch.autograd.grad(score(point).sum(), point)
        mean_gradient += gradient / n_steps
    return way * mean_gradient


def _add_t_test(table, explanations, explainer, X, y, towards, n_repeats, rng):
    y = np.asarray(y)
    if towards is None:
        raise ValueError(
            '"t_test" needs towards, the class to compare with all others; there are '
            f"{np.unique(y)[:10].tolist()}."
        )
    t, p = welch_t(np.asarray(X), y == towards)
    table["t"], table["q_t"] = t, stats.false_discovery_control(p)


def _add_integrated_gradients(
    table, explanations, explainer, X, y, towards, n_repeats, rng
):
    target, origin = map(
        labels_or_none, (explanations.target, explanations.predicted_before)
    )
    model = explainer.model_
    if target is None or not model.differentiable:
        raise ValueError(
            '"integrated_gradients" needs classes as targets and a classifier that can '
            f"be differentiated; got {type(explainer.estimator_).__name__}."
        )
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    valid = is_valid(explanations)
    target, origin = target[valid], origin[valid]
    rows = torch.tensor(explanations.originals[valid].to_numpy(dtype=float))
    means = {label: X[y == label].mean(axis=0) for label in np.unique(target)}
    baselines = torch.as_tensor(np.stack([means[label] for label in target]))
    classes = list(explainer.classes_)
    ends = [torch.tensor([classes.index(c) for c in labels])[:, None]
            for labels in (origin, target)]  # fmt: skip

    def score(x):
        outputs = model.scores(x)
        return (outputs.gather(1, ends[0]) - outputs.gather(1, ends[1]))[:, 0]

    attribution = integrated_gradients(score, rows, baselines).abs().mean(dim=0)
    table["integrated_gradients"] = attribution.numpy()


def _add_permutation(table, explanations, explainer, X, y, towards, n_repeats, rng):
    seed = rng.randint(np.iinfo(np.int32).max)
    result = permutation_importance(
        explainer.estimator_, X, y, n_repeats=n_repeats, random_state=seed
    )
    table["permutation"] = result.importances_mean


ATTRIBUTIONS = {
    "t_test": _add_t_test,
    "integrated_gradients": _add_integrated_gradients,
    "permutation": _add_permutation,
}
