"""Tables whose rows hold one row of each domain, in the class shares of the target."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_RATIO = 5.0  # by which a class is drawn more or less often than it is found


@dataclass(frozen=True)
class Pairing:
    """Which rows of the domains stand side by side.

    Attributes
    ----------
    rows : ndarray of int, (n_rows, n_domains)
        Each column holds rows of one domain.
    per_pass : int
        Rows of the table after which each domain has been passed once.
    rate : ndarray of shape (n_samples,)
        How often a row is drawn, against the average row of its domain.
    """

    rows: NDArray
    per_pass: int
    rate: NDArray


def pair_rows(
    domain: NDArray,
    codes: NDArray,
    rng: np.random.Generator,
    *,
    n_domains: int,
    shares: NDArray | None = None,
    n_passes: int = 8,
) -> Pairing:
    """Put rows of all domains side by side, as often as the largest domain has rows.

    A critic that compares domains of different class shares pushes classes into one
    another (Zhao et al. 2019, On Learning Invariant Representations for Domain
    Adaptation, ICML, Theorem 4.9). So rows of known class are drawn in the shares of
    the target, where these are known.

    Parameters
    ----------
    domain : ndarray of int, (n_samples,)
        Domain of each row, 0 to ``n_domains - 1``, each present.
    codes : ndarray of int, (n_samples,)
        Classes, -1 where unknown.
    rng : numpy.random.Generator
        Shuffles.
    n_domains : int
        Number of domains.
    shares : ndarray of shape (n_domains + 1, n_classes), default=None
        Class shares of each domain, and last those wanted. None draws all rows alike.
    n_passes : int, default=8
        Passes over the largest domain, each with pairs of its own.

    Returns
    -------
    Pairing
        The table.
    """
    rate = np.ones(len(domain))
    if shares is not None:
        ratio = np.clip(shares[-1] / shares[:-1], 1 / MAX_RATIO, MAX_RATIO)
        known = codes >= 0
        rate[known] = ratio[domain[known], codes[known]]
    members = [np.flatnonzero(domain == d) for d in range(n_domains)]
    for rows in members:
        rate[rows] /= rate[rows].mean()
    n = max(len(rows) for rows in members)
    table = [
        np.stack([_draw(rows, rate[rows], n, rng) for rows in members], axis=1)
        for _ in range(n_passes)
    ]
    return Pairing(np.concatenate(table), n, rate)


def _draw(rows, rate, n, rng):
    """Draw ``n`` of ``rows`` systematically: each as often as its rate, up to one."""
    order = rng.permutation(len(rows))
    edges = np.cumsum(rate[order])
    places = (np.arange(n) + rng.random()) * (edges[-1] / n)
    chosen = np.searchsorted(edges, places).clip(max=len(rows) - 1)
    return rng.permutation(rows[order[chosen]])
