"""Where fine-tuning starts: the linear classifier that held-out labels favour."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..prediction.linear import fit_logistic
from ..prediction.solvers import log_loss
from .factors import leading_factors

MIN_FACTORS = 2


class Start(NamedTuple):
    """A linear classifier of genes plus one of latents.

    Attributes
    ----------
    name : str
        "genes", "factors", "both" (the mean of these two's logits) or "latents".
    linear : tuple of ndarray, (n_classes, n_features) and (n_classes,)
        Coefficients and intercepts for standardised genes; zeros for "latents".
    head : tuple of ndarray, (n_classes, n_latents) and (n_classes,)
        The same for latents; zeros for the others.
    cv_scores : dict of str to float
        Log-loss of held-out labelled rows of each candidate.
    """

    name: str
    linear: tuple[NDArray, NDArray]
    head: tuple[NDArray, NDArray]
    cv_scores: dict[str, float]


def signal_map(X: NDArray, seed: int) -> NDArray:
    """Map from genes to the factors of rows that stand out from noise.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised rows, labelled or not.
    seed : int
        For the chance level.

    Returns
    -------
    ndarray of shape (n_factors, n_features)
        Directions of the factors above the chance level, each divided by the eighth
        root of its variance: between principal components and whitened ones.
    """
    values, directions, edge = leading_factors(X, np.random.default_rng([seed, 6]))
    n_kept = max(int(np.sum(values > edge)), MIN_FACTORS)
    return directions[:n_kept] * values[:n_kept, None] ** -0.125


def choose_start(
    X: NDArray,
    codes: NDArray,
    n_classes: int,
    factors: NDArray,
    latents: NDArray | None,
    *,
    sample_weight: NDArray | None,
    seed: int,
    name: str | None = None,
) -> Start:
    """Fit logistic regressions on genes, factors and latents; choose one.

    Parameters
    ----------
    X : ndarray of shape (n_labelled, n_features)
        Standardised labelled rows.
    codes : ndarray of int of shape (n_labelled,)
        Classes.
    n_classes : int
        Number of classes.
    factors : ndarray of shape (n_factors, n_features)
        From `signal_map`.
    latents : ndarray of shape (n_labelled, n_latents) or None
        Latents of a pretrained encoder.
    sample_weight : ndarray of shape (n_labelled,) or None
        Weights of the rows.
    seed : int
        Deals the folds, the same for all candidates.
    name : {"genes", "factors", "both", "latents"}, default=None
        Use this candidate; by default the one of the lowest held-out log-loss.

    Returns
    -------
    Start
        The classifier chosen.
    """
    tables = {"genes": X}
    if len(factors):
        tables["factors"] = X @ factors.T
    if latents is not None:
        tables["latents"] = latents
    fits = {
        candidate: fit_logistic(
            table,
            codes,
            n_classes,
            sample_weight=sample_weight,
            emphasis=0.0,
            seed=seed,
        )
        for candidate, table in tables.items()
        if name in (None, "both", candidate)
    }
    scores = {candidate: fit.cv_score for candidate, fit in fits.items()}
    models = {candidate: (fit.coef, fit.intercept) for candidate, fit in fits.items()}
    if "factors" in models:
        coef, intercept = models["factors"]
        models["factors"] = coef @ factors, intercept
        if "genes" in models:
            models["both"] = tuple(
                (a + b) / 2
                for a, b in zip(models["genes"], models["factors"], strict=True)
            )
            heldout = (fits["genes"].heldout + fits["factors"].heldout) / 2
            weight = np.ones(len(X)) if sample_weight is None else sample_weight
            losses = log_loss(heldout, np.eye(n_classes)[codes])
            scores["both"] = float(np.average(losses, weights=weight))
    best = name if name in models else min(scores, key=scores.__getitem__)
    n_latents = 0 if latents is None else latents.shape[1]
    linear = np.zeros((n_classes, X.shape[1])), np.zeros(n_classes)
    head = np.zeros((n_classes, n_latents)), np.zeros(n_classes)
    if best == "latents":
        head = models[best]
    else:
        linear = models[best]
    return Start(best, linear, head, scores)
