"""Whether an adapted network is kept: judged without labels of the target."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from .._domains import Domains

MAX_WEIGHT = 10.0  # of a row; larger ones would leave the judgement to a few rows
INVERSE_PENALTY = 0.1
COLLAPSE = 0.1  # share of a class's expected share below which it has collapsed
N_DIRECTIONS = 10  # that tell how much a row resembles the target


@dataclass(frozen=True)
class Verdict:
    """What the guard found.

    Attributes
    ----------
    kept : str
        Name of the candidate to use.
    losses : dict of str to float
        Weighted held-out loss of each candidate.
    gains, gain_errors : dict of str to float
        How much lower each candidate's loss is than the linear model's, and its
        standard error over rows.
    """

    kept: str
    losses: dict[str, float]
    gains: dict[str, float]
    gain_errors: dict[str, float]


def importance_weights(
    scores: NDArray, held_out: NDArray, target: NDArray, source: NDArray
) -> NDArray:
    r"""Weights of held-out rows by how much they resemble the target.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_components)
        Leading components of all rows; the first ten are used.
    held_out : ndarray of int, (n_held_out,)
        Rows to weigh.
    target, source : ndarray of bool, (n_samples,)
        Rows from which the weights are learned.

    Returns
    -------
    ndarray of shape (n_held_out,)
        :math:`p_t(z) / p_s(z)` by logistic regression, at most 10, of mean one; ones
        where a domain is missing.

    References
    ----------
    Sugiyama, Krauledat & Müller (2007), Covariate shift adaptation by importance
    weighted cross validation, JMLR 8:985, Eq. 6.
    """
    if not target.any() or not source.any():
        return np.ones(len(held_out))
    z = scores[:, :N_DIRECTIONS].astype(np.float64)
    z = (z - z.mean(axis=0)) / np.maximum(z.std(axis=0), 1e-12)
    rows = target | source
    model = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced")
    model.fit(z[rows], target[rows])
    weight = np.exp(model.decision_function(z[held_out])).clip(max=MAX_WEIGHT)
    return weight / weight.mean()


def has_collapsed(predicted: NDArray, expected: NDArray) -> bool:
    """Whether a class has all but vanished from the predictions.

    Parameters
    ----------
    predicted : ndarray of shape (n_classes,)
        Shares of predicted classes.
    expected : ndarray of shape (n_classes,)
        Shares of the source, or estimated shares of the target.

    Returns
    -------
    bool
        True if a class has less than a tenth of its expected share.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.domain_adaptation.guard import has_collapsed
    >>> has_collapsed(np.array([0.99, 0.01]), np.array([0.6, 0.4]))
    True
    >>> has_collapsed(np.array([0.9, 0.1]), np.array([0.6, 0.4]))
    False
    """
    return bool((predicted < COLLAPSE * expected).any())


def judge(
    losses: Mapping[str, NDArray], weight: NDArray, collapsed: Mapping[str, bool]
) -> Verdict:
    """Choose among the adapted network, the source-only network and the linear model.

    The adapted network must be no worse than the source-only one and must not have
    collapsed. Whichever remains must be better than the linear model by more than a
    standard error.

    Parameters
    ----------
    losses : mapping of str to ndarray of shape (n_held_out,)
        Loss of each held-out row by "linear", "source" and, maybe, "adapted".
    weight : ndarray of shape (n_held_out,)
        Weights of the rows.
    collapsed : mapping of str to bool
        Whether a candidate's predictions for the target have collapsed.

    Returns
    -------
    Verdict
        What is kept, and why.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.domain_adaptation.guard import judge
    >>> losses = {
    ...     "linear": np.full(4, 0.5),
    ...     "source": np.array([0.4, 0.4, 0.5, 0.4]),
    ...     "adapted": np.array([0.3, 0.3, 0.4, 0.3]),
    ... }
    >>> judge(losses, np.ones(4), {"source": False, "adapted": False}).kept
    'adapted'
    >>> judge(losses, np.ones(4), {"source": False, "adapted": True}).kept
    'source'
    """
    weight = weight / weight.sum()
    means = {name: float(weight @ loss) for name, loss in losses.items()}
    gains, errors = {}, {}
    for name, loss in losses.items():
        if name == "linear":
            continue
        difference = losses["linear"] - loss
        gains[name] = float(weight @ difference)
        spread = (weight * (difference - gains[name])) ** 2
        errors[name] = float(np.sqrt(spread.sum()))
    kept = "source"
    adapted = "adapted" in losses and not collapsed.get("adapted", False)
    if adapted and means["adapted"] <= means["source"]:
        kept = "adapted"
    if collapsed.get(kept, False) or gains[kept] <= errors[kept]:
        kept = "linear"
    return Verdict(kept, means, gains, errors)


def describe_predictions(fitted, added, domains: Domains, shares):
    """Report what a network predicts for the target; tell whether it collapsed."""
    rows = domains.is_target if domains.is_target.any() else slice(None)
    outputs = (fitted + added)[rows]
    n_classes = len(domains.classes_)
    if not n_classes:
        spread, linear_spread = outputs.std(), fitted[rows].std()
        return {"target_sd": float(spread)}, bool(spread < 0.1 * linear_spread)
    predicted = np.bincount(outputs.argmax(axis=1), minlength=n_classes) / len(outputs)
    known = domains.y[domains.is_labelled]
    expected = np.bincount(known, minlength=n_classes) / len(known)
    if shares is not None:
        expected = shares[-1]
    report = {
        "target_shares": [float(share) for share in predicted],
        "expected_shares": [float(share) for share in expected],
    }
    return report, has_collapsed(predicted, expected)


def row_losses(loss: str, outputs: NDArray, target: NDArray) -> NDArray:
    """Log-loss or mean squared error of each row."""
    outputs = outputs.astype(np.float64)
    if loss == "squared_error":
        return ((outputs - target) ** 2).mean(axis=1)
    outputs = outputs - outputs.max(axis=1, keepdims=True)
    return np.log(np.exp(outputs).sum(axis=1)) - (target * outputs).sum(axis=1)
