"""Where fine-tuning starts: linear classifiers of few labels, averaged and balanced."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..prediction.linear import fit_logistic
from ..prediction.solvers import log_loss, softmax

STARTS = ("ensemble", "genes", "emphasised", "factors", "further", "latents")
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
        The same for latents; zeros where these have no part.
    cv_scores : dict of str to float
        Log-loss of held-out labelled rows of each candidate, before shares are
        balanced.
    weights : dict of str to float
        Of the members of "ensemble"; of another start, 1.
    """

    name: str
    linear: tuple[NDArray, NDArray]
    head: tuple[NDArray, NDArray]
    cv_scores: dict[str, float]
    weights: dict[str, float]


def fit_start(
    X: NDArray,
    codes: NDArray,
    n_classes: int,
    factors: Mapping[str, NDArray],
    latents: NDArray,
    *,
    sample_weight: NDArray | None = None,
    seed: int = 0,
    name: str = "auto",
    left_out: Collection[str] = (),
) -> Start:
    """Fit logistic regressions, each with a penalty chosen on held-out rows.

    "genes" is ridge regression of all genes; in "emphasised" genes count by their own
    association with the classes; "factors" and "further" see the factors of a table
    each; "latents" a pretrained encoder's. They err on different rows. "ensemble" is
    the mean of the logits of all, weighted by how probable each makes the labels that
    it did not see (`evidence_weights`).

    Parameters
    ----------
    X : ndarray of shape (n_labelled, n_features)
        Standardised labelled rows.
    codes : ndarray of int of shape (n_labelled,)
        Classes.
    n_classes : int
        Number of classes.
    factors : mapping of str to ndarray of shape (n_factors, n_features)
        From `factors.signal_map`, by name of the member.
    latents : ndarray of shape (n_labelled, n_latents)
        Latents of an encoder.
    sample_weight : ndarray of shape (n_labelled,), default=None
        Weights of the rows.
    seed : int, default=0
        Deals the folds, the same for all candidates.
    name : str, default="auto"
        Which of `STARTS`; "auto" takes the lowest held-out log-loss.
    left_out : collection of str, default=()
        Members that have no part in "ensemble".

    Returns
    -------
    Start
        The classifier chosen.

    References
    ----------
    Geisser & Eddy (1979), A predictive approach to model selection, JASA 74:153; Yao,
    Vehtari, Simpson & Gelman (2018), Using stacking to average Bayesian predictive
    distributions, Bayesian Analysis 13:917, Sec. 3.4 (pseudo-BMA).
    """
    # An association needs rows to vary within classes, even without a fold's rows.
    n_spare = len(codes) - len(np.unique(codes))
    can_emphasise = n_spare > -(-len(codes) // N_FOLDS)
    emphases = {"emphasised": 1.0 if can_emphasise else 0.0}
    tables = {"genes": X, "emphasised": X}
    tables |= {member: X @ directions.T for member, directions in factors.items()}
    tables["latents"] = latents
    members = {
        "auto": list(tables),
        "ensemble": [member for member in tables if member not in left_out],
    }.get(name, [name])
    if not set(members) <= set(tables):
        raise ValueError(
            f"start={name!r} was asked for, and there are {sorted(tables)}; 'further' "
            "are the factors of X_unlabelled."
        )
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
    scores = {member: fit.cv_score for member, fit in fits.items()}
    mixed = [member for member in members if member not in left_out]
    weights = {}
    if len(mixed) > 1:
        losses = np.array([scores[member] for member in mixed])
        evidence = evidence_weights(losses, len(codes)).tolist()
        weights = dict(zip(mixed, evidence, strict=True))
        heldout = sum(weights[member] * fits[member].heldout for member in mixed)
        scores["ensemble"] = float(
            np.average(
                log_loss(heldout, np.eye(n_classes)[codes]), weights=sample_weight
            )
        )
    best = min(scores, key=scores.__getitem__) if name == "auto" else name
    if best != "ensemble":
        weights = {best: 1.0}
    coef, intercept = np.zeros((n_classes, X.shape[1])), np.zeros(n_classes)
    head, head_intercept = np.zeros((n_classes, latents.shape[1])), np.zeros(n_classes)
    for member, weight in weights.items():
        fit = fits[member]
        if member == "latents":
            head, head_intercept = weight * fit.coef, weight * fit.intercept
            continue
        own = fit.coef @ factors[member] if member in factors else fit.coef
        coef, intercept = coef + weight * own, intercept + weight * fit.intercept
    return Start(best, (coef, intercept), (head, head_intercept), scores, weights)


def evidence_weights(scores: NDArray, n_rows: int) -> NDArray:
    """Weights of models by the probability that each gives to held-out labels.

    Parameters
    ----------
    scores : ndarray of shape (n_models,)
        Mean log-loss of the held-out rows.
    n_rows : int
        Their number.

    Returns
    -------
    ndarray of shape (n_models,)
        Proportional to ``exp(-n_rows * scores)``; sums to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.self_supervision.start import evidence_weights
    >>> evidence_weights(np.array([0.5, 0.5 + np.log(3) / 10]), 10).round(2)
    array([0.75, 0.25])
    """
    evidence = np.exp(-n_rows * (scores - scores.min()))
    return evidence / evidence.sum()


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
