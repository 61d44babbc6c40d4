"""Multi-objective counterfactuals (Dandl et al. 2020) over few directions.

Four objectives, less is better in each: how far the prediction is from the target, the
Mahalanobis length of the change, the number of changed genes, and the distance to real
patients. Searching over all genes fails with thousands of them, so a candidate is a mix
of a few directions, such as the way to a prototype, of which the genes that would
change most are kept:

    change = keep_top(sum_j c_j direction_j, n_genes ** kappa).

The c_j and kappa evolve by NSGA-II (Deb et al. 2002). The model is only predicted,
never differentiated.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OBJECTIVES = ("prediction_gap", "distance", "n_genes", "implausibility")
LOWEST, HIGHEST = -0.25, 2.0  # range of the coefficients of the directions


class Front(NamedTuple):
    """Candidates that no other candidate beats in all objectives.

    Parameters
    ----------
    profiles : ndarray of shape (n_candidates, n_features)
        The candidates.
    objectives : ndarray of shape (n_candidates, 4)
        Their `OBJECTIVES`; a prediction gap of 0 is valid.
    """

    profiles: NDArray
    objectives: NDArray


def domination(objectives: NDArray) -> NDArray:
    """Whether row i is no worse than row j in all objectives and better in one.

    Parameters
    ----------
    objectives : ndarray of shape (n_candidates, n_objectives)
        Less is better.

    Returns
    -------
    ndarray of bool of shape (n_candidates, n_candidates)
        Entry i, j: i dominates j.
    """
    a, b = objectives[:, None], objectives[None]
    no_worse, better = (a <= b).all(axis=2), (a < b).any(axis=2)
    return np.asarray(no_worse & better)


def non_dominated_ranks(objectives: NDArray) -> NDArray:
    """Front each candidate belongs to; 0 is the best (Deb et al. 2002, Sec. III-A)."""
    dominates = domination(objectives)
    ranks = np.full(len(objectives), -1)
    rank = 0
    while (left := ranks < 0).any():
        beaten = dominates[left].any(axis=0)
        ranks[left & ~beaten] = rank
        rank += 1
    return ranks


def crowding_distances(objectives: NDArray) -> NDArray:
    """Distance between the neighbours of each candidate (Deb et al. 2002, Sec. III-B).

    Summed over objectives, each in units of its range; infinite at the ends.
    """
    n = len(objectives)
    total = np.zeros(n)
    for column in objectives.T:
        order = np.argsort(column, kind="stable")
        width = np.ptp(column)
        total[order[[0, -1]]] = np.inf
        if width > 0 and n > 2:
            total[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / width
    return total


def farthest_points(rows: NDArray, first: int, n_points: int) -> NDArray:
    """Choose rows far apart: each next one is farthest from those chosen before."""
    chosen = [first]
    nearest = np.linalg.norm(rows - rows[first], axis=1)
    while len(chosen) < min(n_points, len(rows)) and nearest.max() > 0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(rows - rows[chosen[-1]], axis=1))
    return np.array(chosen)


def compromise(objectives: NDArray) -> int:
    """Row with the smallest sum of objectives, each in units of its range.

    Of the valid rows where there are any, else of those nearest to the target.
    """
    gap = objectives[:, 0]
    rows = np.flatnonzero(gap <= max(gap.min(), 0))
    width = np.ptp(objectives[rows], axis=0)
    cost = objectives[rows] / np.where(width > 0, width, np.inf)
    return int(rows[cost.sum(axis=1).argmin()])


def decode(genotypes: NDArray, directions: NDArray) -> NDArray:
    """Mix directions, and keep the genes that would change most.

    Parameters
    ----------
    genotypes : ndarray of shape (n_candidates, n_directions + 1)
        Coefficients, and kappa in [0, 1].
    directions : ndarray of shape (n_directions, n_features)
        What is mixed.

    Returns
    -------
    ndarray of shape (n_candidates, n_features)
        The changes.
    """
    changes = genotypes[:, :-1] @ directions
    n_features = changes.shape[1]
    kept = np.rint(n_features ** genotypes[:, -1]).astype(int).clip(1, n_features)
    size = np.sort(np.abs(changes), axis=1)
    threshold = size[np.arange(len(changes)), n_features - kept]
    return np.where(np.abs(changes) >= threshold[:, None], changes, 0.0)


def search_front(
    original: NDArray,
    directions: NDArray,
    *,
    gap: Callable[[NDArray], NDArray],
    distance: Callable[[NDArray], NDArray],
    implausibility: Callable[[NDArray], NDArray],
    constrain: Callable[[NDArray], NDArray] = lambda rows: rows,
    rng: np.random.Generator,
    n_population: int = 30,
    n_generations: int = 9,
    tolerance: NDArray | float = 1e-3,
) -> Front:
    """Front of one patient's counterfactuals.

    Calls ``gap`` once per generation, with ``n_population`` rows.

    Parameters
    ----------
    original : ndarray of shape (n_features,)
        The patient.
    directions : ndarray of shape (n_directions, n_features)
        Changes to mix; a coefficient of 1 is the whole of one.
    gap : callable
        Takes rows, returns how far each prediction is from the target; 0 is valid.
    distance : callable
        Takes changes, returns the length of each.
    implausibility : callable
        Takes rows, returns the distance of each to real patients.
    constrain : callable, default=identity
        Takes rows, returns them within the constraints.
    rng : numpy.random.Generator
        Drives the evolution.
    n_population : int, default=30
        Candidates per generation.
    n_generations : int, default=9
        Generations after the first.
    tolerance : float or ndarray of shape (n_features,), default=0.001
        Changes up to which a gene counts as unchanged.

    Returns
    -------
    front : Front
        Of all candidates that were evaluated, sorted by prediction gap, then number of
        genes.

    References
    ----------
    Dandl, Molnar, Binder, Bischl (2020). Multi-objective counterfactual explanations.
    PPSN (Sec. 4: objectives; invalid candidates are sorted behind valid ones).

    Deb, Pratap, Agarwal, Meyarivan (2002). A fast and elitist multiobjective genetic
    algorithm: NSGA-II. IEEE Trans. Evolutionary Computation 6:182.
    """

    def evaluate(genotypes):
        rows = constrain(original + decode(genotypes, directions))
        change = rows - original
        return rows, np.column_stack(
            [
                np.maximum(gap(rows), 0.0),
                distance(change),
                (np.abs(change) > tolerance).sum(axis=1),
                implausibility(rows),
            ]
        )

    population = _first_generation(len(directions), n_population, rng)
    rows, objectives = evaluate(population)
    evaluated = [(rows, objectives)]
    for generation in range(n_generations):
        spread = 0.3 * (1 - generation / n_generations) + 0.03
        order = _fitness_order(objectives)
        parents = population[order[rng.integers(len(order), size=(2, n_population)).min(
            axis=0)]]  # fmt: skip
        partners = population[rng.integers(len(population), size=n_population)]
        children = _vary(parents, partners, spread, rng)
        rows, of_children = evaluate(children)
        evaluated.append((rows, of_children))
        population = np.concatenate([population, children])
        objectives = np.concatenate([objectives, of_children])
        kept = _fitness_order(objectives)[:n_population]
        population, objectives = population[kept], objectives[kept]
    rows, objectives = (np.concatenate(parts) for parts in zip(*evaluated, strict=True))
    front = np.flatnonzero(~domination(objectives).any(axis=0))
    front = front[np.unique(objectives[front], axis=0, return_index=True)[1]]
    front = front[np.lexsort((objectives[front, 2], objectives[front, 0]))]
    return Front(rows[front], objectives[front])


def _fitness_order(objectives):
    """Best first: valid candidates, then by front, then the least crowded."""
    valid = objectives[:, 0] <= 0
    order = []
    for group in (np.flatnonzero(valid), np.flatnonzero(~valid)):
        if len(group) == 0:
            continue
        # Of invalid candidates only those near the target are worth keeping.
        of_group = objectives[group]
        ranks = non_dominated_ranks(of_group)
        first = ranks if valid[group[0]] else of_group[:, 0]
        crowding = np.empty(len(group))
        for rank in np.unique(ranks):
            crowding[ranks == rank] = crowding_distances(of_group[ranks == rank])
        order.append(group[np.lexsort((-crowding, first))])
    return np.concatenate(order)


def _first_generation(n_directions, n_population, rng):
    """Each direction alone at several lengths and sparsities; the rest mixed."""
    genotypes = np.zeros((n_population, n_directions + 1))
    strata = (rng.permuted(
        np.tile(np.arange(n_population)[:, None], (1, 2)), axis=0
    ) + rng.random((n_population, 2))) / n_population  # fmt: skip
    lone = np.arange(n_population) % n_directions
    genotypes[np.arange(n_population), lone] = HIGHEST * strata[:, 0]
    genotypes[:, -1] = strata[:, 1]
    mixed = np.arange(n_population) >= n_population // 2
    weights = rng.dirichlet(np.ones(n_directions), mixed.sum())
    genotypes[mixed, :-1] = weights * HIGHEST * strata[mixed, :1]
    genotypes[:n_directions, -1] = 1.0  # the whole of each direction
    genotypes[np.arange(min(n_directions, n_population)),
              lone[: min(n_directions, n_population)]] = 1.0  # fmt: skip
    return genotypes


def _vary(parents, partners, spread, rng):
    """Blend with a partner, then add noise to some coefficients."""
    blend = rng.uniform(-0.25, 1.25, parents.shape)
    crossed = np.where(
        rng.random((len(parents), 1)) < 0.7,
        partners + blend * (parents - partners),
        parents,
    )
    noise = spread * rng.standard_normal(parents.shape)
    children = crossed + noise * (rng.random(parents.shape) < 0.5)
    children[:, :-1] = children[:, :-1].clip(LOWEST, HIGHEST)
    children[:, -1] = children[:, -1].clip(0, 1)
    return children
