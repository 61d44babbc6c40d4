"""Rows from which translators between two styles learn."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._domains import Domains
from ..prediction.linear import fit_logistic
from ._domain_scaler import DomainScaler
from .adaptation_rows import domain_shares, principal_directions
from .pairing import pair_rows

MIN_CLASS_ROWS = 5  # labelled source rows, for the semantic loss


class TranslationRows(NamedTuple):
    """What `CycleObjective` takes, and how its scores were made.

    Attributes
    ----------
    batch : dict of str to ndarray
        Pairs of source and target rows: scores ``x``, ``logits`` and their
        ``gradient``, ``target`` classes and ``weight``.
    directions : ndarray of shape (n_components, n_features)
        Leading components within domains.
    lengths : ndarray of shape (n_components,)
        Standard deviations along them: scores are divided by these.
    n_classes : int
        Classes of the semantic loss; 0 where labels are too few.
    per_pass : int
        Pairs of one pass over the larger domain.
    """

    batch: dict[str, NDArray]
    directions: NDArray
    lengths: NDArray
    n_classes: int
    per_pass: int


def translation_rows(
    Z: NDArray,
    domains: Domains,
    n_components: int,
    shares: NDArray | None,
    seed: int,
) -> TranslationRows:
    """Pair source with target rows, as scores on the leading components.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows, each domain standardised.
    domains : Domains
        Of these rows.
    n_components : int
        Leading components within domains.
    shares : ndarray of shape (3, n_classes) or None
        Class shares of the source, of the target and to be drawn.
    seed : int
        Of the components and the pairs.

    Returns
    -------
    TranslationRows
        The batch, and what belongs to it.
    """
    rng = np.random.default_rng([seed, 0])
    directions, lengths = principal_directions(Z, domains.codes, n_components, rng)
    scores = Z @ directions.T / lengths
    n_classes = len(domains.classes_)
    known = np.flatnonzero(domains.is_labelled)
    counts = np.bincount(domains.y[known], minlength=n_classes)
    if n_classes < 2 or counts.min() < MIN_CLASS_ROWS:
        n_classes, known = 0, known[:0]
    logits = target = np.zeros((len(Z), n_classes))
    gradient = np.zeros((n_classes, scores.shape[1]))
    weight = np.zeros(len(Z))
    if n_classes:
        linear = fit_logistic(Z[known], domains.y[known], n_classes, seed=seed)
        logits = Z @ linear.coef.T + linear.intercept
        logits[known] = linear.heldout
        target = np.eye(n_classes)[domains.y]
        gradient = linear.coef @ (directions * lengths[:, None]).T
        weight[known] = len(Z) / len(known)
    pairing = pair_rows(
        domains.is_target.astype(int),
        domains.y if n_classes else np.full(len(Z), -1),
        rng,
        n_domains=2,
        shares=shares,
    )
    columns = {"x": scores, "logits": logits, "target": target, "weight": weight}
    batch = {k: v[pairing.rows].astype(np.float32) for k, v in columns.items()}
    batch["gradient"] = np.repeat(
        gradient[None].astype(np.float32), len(pairing.rows), axis=0
    )
    return TranslationRows(batch, directions, lengths, n_classes, pairing.per_pass)


def source_target_shares(scaler: DomainScaler, domains: Domains) -> NDArray | None:
    """Class shares of source, target and, to be drawn, target again.

    Parameters
    ----------
    scaler : DomainScaler
        Fitted, with its estimates of the target's shares.
    domains : Domains
        Of the rows of the fit.

    Returns
    -------
    ndarray of shape (3, n_classes) or None
        None where class shares are not known.
    """
    shares = domain_shares(scaler, domains)
    if shares is None:
        return None
    known = domains.is_labelled & ~domains.is_target
    counts = np.bincount(domains.y[known], minlength=shares.shape[1])
    if not counts.any():
        return None
    return np.stack([counts / counts.sum(), shares[-1], shares[-1]]).clip(1e-3)


def mean_correlation(first: NDArray, second: NDArray) -> float:
    """Mean over genes of the correlation over rows; constant genes are left out.

    Parameters
    ----------
    first, second : ndarray of shape (n_samples, n_features)
        The same rows, before and after.

    Returns
    -------
    float
        1 where no gene varies.
    """
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    norms = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    varies = norms > 1e-12
    products = (first * second).sum(axis=0)[varies] / norms[varies]
    return float(products.mean()) if varies.any() else 1.0
