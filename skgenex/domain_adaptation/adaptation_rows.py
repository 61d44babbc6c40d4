"""The rows of a fit over several domains: weights, directions, held-out ones."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._batching import RowReader
from .._covariance import factorise
from .._domains import Domains
from .._residuals import SINGLE_FROM, Residuals, SomeRows, class_sums
from .._validation import split_validation
from .pairing import Pairing, pair_rows

FEW_ROWS = 20  # of a domain: too few to adapt to
MIN_JUDGED = 8  # held-out rows


class AdaptationRows:
    """The rows of a fit as the objective wants them."""

    def __init__(self, columns, weight, domains, shares, seed):
        self.columns, self.weight, self.domains = columns, weight, domains
        self.shares, self.seed = shares, seed

    def pair(self, train: NDArray) -> Pairing:
        """Put rows of all domains side by side."""
        return pair_rows(
            self.domains.codes[train],
            self.domains.y[train],
            np.random.default_rng([self.seed, 1]),
            n_domains=len(self.domains.names),
            shares=self.shares,
        )

    def batch(self, train: NDArray, pairing: Pairing) -> dict[str, Any]:
        """Arrays of shape (n_rows, n_domains, ...); mean weight one per row."""
        rows = train[pairing.rows]
        batch = {name: _paired(array, rows) for name, array in self.columns.items()}
        weight = (self.weight[train] / pairing.rate)[pairing.rows]
        weight *= len(weight) / weight.sum()
        batch["weight"] = weight.astype(np.float32)
        return batch


def _paired(array: NDArray, rows: NDArray) -> Any:
    """Rows of the domains side by side; of many, each batch when it is read."""
    if rows.size * array.shape[1] < SINGLE_FROM:
        return array[rows]
    return RowReader(SomeRows(array, rows))


def warn_of_domains(domains: Domains) -> None:
    """Warn if no domain is the target, and of domains too small to adapt to or from."""
    if len(domains.names) == 1:
        return
    if not domains.target_names:
        warnings.warn(
            f"All rows of all domains, {list(domains.names)}, are labelled, and "
            "target_domain names none of them: the fit does not know which to adapt "
            "to, and predictions will need sample_domain. Give target_domain.",
            UserWarning,
            stacklevel=4,
        )
    counts = np.bincount(domains.codes)
    pairs = zip(domains.names, counts.tolist(), strict=True)
    few = {name: n for name, n in pairs if n < FEW_ROWS}
    if few:
        warnings.warn(
            f"Rows per domain: {few}. What is learned of fewer than {FEW_ROWS} rows is "
            "mostly chance; unlabelled rows count as well.",
            UserWarning,
            stacklevel=4,
        )


def label_weights(weight: NDArray, domains: Domains, part: float) -> NDArray:
    """Raise the weights of labelled target rows to their part of the whole.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
        Weights, zero for unlabelled rows.
    domains : Domains
        Which rows belong to the target.
    part : float
        Least share of the target's labelled rows in the total, in [0, 1).

    Returns
    -------
    ndarray of shape (n_samples,)
        The weights.
    """
    of_target = domains.is_target & domains.is_labelled
    own, rest = weight[of_target].sum(), weight[~of_target].sum()
    if not own or not rest:
        return weight
    wanted = part / (1 - part) * rest / own
    return weight * np.where(of_target, max(1.0, wanted), 1.0)


def principal_directions(
    Z: NDArray, codes: NDArray, n_components: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Find the directions in which rows of the same domain differ most.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Standardised rows.
    codes : ndarray of int, (n_samples,)
        Their domains.
    n_components : int
        Number of directions, at most.
    rng : numpy.random.Generator
        See `skgenex._covariance.factorise`.

    Returns
    -------
    directions : ndarray of shape (n_components, n_features)
        Orthonormal rows.
    lengths : ndarray of shape (n_components,)
        By which coordinates are divided so that they are of order one, but the leading
        ones larger than others.
    """
    n_domains = int(codes.max()) + 1
    counts = np.maximum(np.bincount(codes, minlength=n_domains), 1)
    means = class_sums(Z, codes, n_domains) / counts[:, None]
    centred = Residuals(Z, codes, means)
    values, vectors, _ = factorise(centred, rng, with_scores=False)
    values, vectors = values[:n_components], vectors[:n_components]
    if not len(values):  # nothing varies: a direction that says nothing
        return np.zeros((1, Z.shape[1])), np.ones(1)
    lengths = values**0.25 * np.sqrt(np.mean(np.sqrt(values)))
    return vectors, lengths


def hold_out(domains: Domains, fraction: float, seed: int):
    """Rows to train on, and labelled rows to judge by: the target's, if enough.

    They are held out in the shares of classes and domains.
    """
    everything = np.arange(len(domains.codes))
    labelled = np.flatnonzero(domains.is_labelled)
    group = domains.codes[labelled]
    if len(domains.classes_):
        group = group * len(domains.classes_) + domains.y[labelled]
    of_target = domains.is_target[labelled]
    with warnings.catch_warnings():
        # Where no row can be spared the linear model stays, as the report says.
        warnings.simplefilter("ignore", UserWarning)
        for chosen in (of_target, np.ones(len(labelled), dtype=bool)):
            if fraction * chosen.sum() < MIN_JUDGED:
                continue
            rows, group_of = labelled[chosen], group[chosen]
            _, places = split_validation(len(rows), fraction, seed=seed, label=group_of)
            if places is not None:
                return np.setdiff1d(everything, rows[places]), rows[places]
    return everything, None


def domain_shares(scaler: Any, domains: Domains) -> NDArray | None:
    """Class shares of each domain and, last, of the target; None if unknown."""
    shares = getattr(scaler, "class_shares_", np.empty((0, 0)))
    if not shares.size or not domains.target_names or scaler.label_shift is None:
        return None
    is_target = [name in domains.target_names for name in domains.names]
    return np.vstack([shares, shares[is_target].mean(axis=0)]).clip(1e-3)
