"""Where fine-tuning starts: linear classifiers of few labels, averaged and balanced."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..prediction.linear import fit_logistic
from ..prediction.solvers import log_loss, softmax

ENSEMBLE = ("genes", "emphasised", "factors")
STARTS = ("ensemble", *ENSEMBLE, "latents")
LABELS_PER_CLASS = 5  # at which the correction of the shares has halved
MAX_POWER = 0.5
N_FOLDS = 5
N_BALANCING_STEPS = 50


class Start(NamedTuple):
    """A linear classifier of genes plus one of latents.

    Attributes
    ----------
    name : str
        One of `STARTS`.
    linear : tuple of ndarray, (n_classes, n_features) and (n_classes,)
        Coefficients and intercepts for standardised genes; zeros for "latents".
    head : tuple of ndarray, (n_classes, n_latents) and (n_classes,)
        The same for latents; zeros for the others.
    cv_scores : dict of str to float
        Log-loss of held-out labelled rows of each candidate, before shares are
        balanced.
    """

    name: str
    linear: tuple[NDArray, NDArray]
    head: tuple[NDArray, NDArray]
    cv_scores: dict[str, float]


def fit_start(
    X: NDArray,
    codes: NDArray,
    n_classes: int,
    factors: NDArray,
    latents: NDArray | None,
    *,
    sample_weight: NDArray | None = None,
    seed: int = 0,
    name: str = "auto",
) -> Start:
    """Fit logistic regressions, each with a penalty chosen on held-out rows.

    "genes" is ridge regression of all genes; in "emphasised" genes count by their own
    association with the classes; "factors" sees the factors of all rows; "latents" a
    pretrained encoder's. "ensemble" is the mean of the logits of the first three. These
    err on different rows, and few labels cannot tell which is best, but their mean is
    near it, or better.

    Parameters
    ----------
    X : ndarray of shape (n_labelled, n_features)
        Standardised labelled rows.
    codes : ndarray of int of shape (n_labelled,)
        Classes.
    n_classes : int
        Number of classes.
    factors : ndarray of shape (n_factors, n_features)
        From `factors.signal_map`.
    latents : ndarray of shape (n_labelled, n_latents) or None
        Latents of a pretrained encoder.
    sample_weight : ndarray of shape (n_labelled,), default=None
        Weights of the rows.
    seed : int, default=0
        Deals the folds, the same for all candidates.
    name : str, default="auto"
        Which of `STARTS`; "auto" takes the lowest held-out log-loss.

    Returns
    -------
    Start
        The classifier chosen.
    """
    # An association needs rows to vary within classes, even without a fold's rows.
    n_spare = len(codes) - len(np.unique(codes))
    can_emphasise = n_spare > -(-len(codes) // N_FOLDS)
    emphases = {"emphasised": 1.0 if can_emphasise else 0.0}
    tables = {"genes": X, "emphasised": X, "factors": X @ factors.T}
    if latents is not None:
        tables["latents"] = latents
    members = {"auto": tuple(tables), "ensemble": ENSEMBLE}.get(name, (name,))
    fits = {
        member: fit_logistic(
            tables[member],
            codes,
            n_classes,
            sample_weight=sample_weight,
            emphasis=emphases.get(member, 0.0),
            n_folds=N_FOLDS,
            seed=seed,
        )
        for member in members
    }
    models = {member: (fit.coef, fit.intercept) for member, fit in fits.items()}
    scores = {member: fit.cv_score for member, fit in fits.items()}
    if "factors" in models:
        coef, intercept = models["factors"]
        models["factors"] = coef @ factors, intercept
    if set(ENSEMBLE) <= set(models):
        parts = [models[member] for member in ENSEMBLE]
        models["ensemble"] = (
            np.mean([coef for coef, _ in parts], axis=0),
            np.mean([intercept for _, intercept in parts], axis=0),
        )
        heldout = np.mean([fits[member].heldout for member in ENSEMBLE], axis=0)
        losses = log_loss(heldout, np.eye(n_classes)[codes])
        scores["ensemble"] = float(np.average(losses, weights=sample_weight))
    best = min(scores, key=scores.__getitem__) if name == "auto" else name
    n_latents = 0 if latents is None else latents.shape[1]
    linear = np.zeros((n_classes, X.shape[1])), np.zeros(n_classes)
    head = np.zeros((n_classes, n_latents)), np.zeros(n_classes)
    if best == "latents":
        head = models[best]
    else:
        linear = models[best]
    return Start(best, linear, head, scores)


def share_correction(logits: NDArray, shares: NDArray, n_labelled: int) -> NDArray:
    """Return intercepts that bring the predicted shares of all rows nearer to others.

    A classifier of few labels floods some classes and starves others, as one labelled
    row happens to lie amid many rows and another at the margin. The correction that
    would make the mean probabilities of all rows equal ``shares`` is applied by half,
    and by less with more labels: the true shares need not be those of the labels.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
        Of all rows, labelled or not.
    shares : ndarray of shape (n_classes,)
        Shares of the classes among the labels.
    n_labelled : int
        Number of labels.

    Returns
    -------
    ndarray of shape (n_classes,)
        What to add to the logits; sums to zero.

    References
    ----------
    Zhu, Ghahramani & Lafferty (2003), Semi-supervised learning using Gaussian fields
    and harmonic functions, ICML, Sec. 4 (class mass normalisation).
    """
    n_classes = len(shares)
    wanted = np.maximum(shares, 1e-3 / n_classes)
    bias = np.zeros(n_classes)
    for _ in range(N_BALANCING_STEPS):
        found = softmax(logits + bias).mean(axis=0)
        bias += 0.5 * np.log(wanted / np.maximum(found, 1e-12))
    per_class = n_labelled / n_classes
    power = MAX_POWER * LABELS_PER_CLASS / (LABELS_PER_CLASS + per_class)
    return power * (bias - bias.mean())
