r"""Few genes and a short way: the L1 metric within the range of each gene.

For a linear score and a range per gene, the smallest :math:`\|d\|_1` that flips is a
fractional knapsack, solved exactly by moving the genes of steepest slope to the end of
their range, one after the other. Ordering by slope times range instead takes the
fewest genes. Curved scores repeat this with the mean slope along the way.
"""

import torch

from ..problem import Problem, nearest_step
from ..settings import Settings

BALANCES = (0.0, 0.5, 1.0)  # from the smallest sum of changes to the fewest genes


def sparse(problem: Problem, settings: Settings) -> tuple[torch.Tensor, torch.Tensor]:
    """Change as few genes by as little as possible; needs a differentiable model.

    Of several orders of the genes, each patient gets that with the least product of
    number of genes and sum of changes.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``max_genes``, ``max_steps`` and ``deadline`` are used.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        Where they arrive, or best get to.
    reached : Tensor of bool of shape (n_patients,)
        Whether they arrive.
    """
    reference, start = problem.reference, problem.start
    lowest, highest = (
        reference.standardise(ends[None])
        for ends in (reference.lowest, reference.highest)
    )
    # Without bounds one gene would do, far outside of what any patient has.
    lower = torch.maximum(problem.lower, torch.minimum(lowest, start))
    upper = torch.minimum(problem.upper, torch.maximum(highest, start))
    best, reached = start.clone(), torch.zeros(len(problem), dtype=torch.bool)
    cost = torch.full((len(problem),), torch.inf, dtype=torch.float64)
    nearest = problem.margin(start)
    for balance in BALANCES:
        slope = problem.gradient(start)
        for _ in range(settings.max_steps):
            rows, arrived = _fill(problem, slope, lower, upper, balance, settings)
            rows = torch.where(arrived[:, None], _prune(problem, slope, rows), rows)
            change = rows - start
            size = (change != 0).sum(dim=1) * change.abs().sum(dim=1)
            size = torch.where(arrived, size, torch.inf)
            margin = problem.margin(rows)
            better = (size < cost) | (~reached & ~arrived & (margin > nearest))
            best = torch.where(better[:, None], rows, best)
            nearest = torch.where(better, margin, nearest)
            cost = torch.minimum(cost, size)
            reached = reached | arrived
            if settings.out_of_time():
                return best, reached
            update = problem.gradient(rows)
            if torch.allclose(update, slope, rtol=1e-9, atol=0):
                break
            slope = (slope + update) / 2
    return best, reached


def _fill(problem, slope, lower, upper, balance, settings):
    """Move genes to the end of their range, the steepest first; the last partway."""
    start, p = problem.start, problem.start.shape[1]
    end = torch.where(slope > 0, upper, lower)
    room = (end - start).abs()
    priority = torch.where(room > 0, slope.abs() * room**balance, -1.0)
    rank = priority.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    most = p if settings.max_genes is None else min(settings.max_genes, p)
    high = torch.full((len(problem), 1), most)
    low = torch.zeros_like(high)

    def first(count):
        return torch.where((rank < count) & (room > 0), end, start)

    arrived = problem.margin(first(high)) >= 0
    while (high - low > 1).any():
        middle = (low + high) // 2
        inside = (problem.margin(first(middle)) >= 0)[:, None] & arrived[:, None]
        high = torch.where(inside, middle, high)
        low = torch.where(inside | ~arrived[:, None], low, middle)
        low = torch.where(arrived[:, None], low, high - 1)
    without, full = first(high - 1), first(high)
    rows, partway = nearest_step(
        problem, lambda a: without + a * (full - without), longest=1.0
    )
    rows = torch.where(partway[:, None], rows, full)
    return rows, arrived


def _prune(problem, slope, rows):
    """Take back as many of the least useful changes as the goal allows."""
    start = problem.start
    use = (slope * (rows - start)).abs()
    use = torch.where(rows != start, use, torch.inf)
    rank = use.argsort(dim=1, stable=True).argsort(dim=1)
    high = (rows != start).sum(dim=1, keepdim=True)
    low = torch.zeros_like(high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        held = (problem.margin(torch.where(rank < middle, start, rows)) >= 0)[:, None]
        active = high - low > 1
        low = torch.where(held & active, middle, low)
        high = torch.where(~held & active, middle, high)
    return torch.where(rank < low, start, rows)
