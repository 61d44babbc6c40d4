"""Wachter, Mittelstadt & Russell (2017): a distance, and a growing weight."""

import torch

from ..problem import Problem
from ..settings import Settings

LR = 0.05
N_WEIGHTS = 6  # the weight grows tenfold, up to so often
STEPS_PER_ITERATION = 20


def gradient(problem: Problem, settings: Settings) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Minimise a distance and the missed score by Adam, raising the weight as needed.

    .. math:: \min_d \; \tfrac{1}{p}\|d\|_2^2 + \tfrac{1}{p}\|d\|_1
        + \lambda \max(0, c - f(x + d))

    for :math:`\lambda` from 0.01, tenfold until the patient arrives; the smallest
    change that arrives is kept. Needs a differentiable model.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``max_steps`` and ``deadline`` are used.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        Where they arrive, or best get to.
    reached : Tensor of bool of shape (n_patients,)
        Whether they arrive.

    References
    ----------
    Wachter, Mittelstadt, Russell (2017). Counterfactual explanations without opening
    the black box. Harvard Journal of Law & Technology 31:841 (Eq. 1-4).
    """
    start, p = problem.start, problem.start.shape[1]
    best, reached = start.clone(), torch.zeros(len(problem), dtype=torch.bool)
    shortest = torch.full((len(problem),), torch.inf, dtype=torch.float64)
    weight = torch.full((len(problem), 1), 0.01, dtype=torch.float64)
    change = torch.zeros_like(start)
    for _ in range(N_WEIGHTS):
        first, second = torch.zeros_like(start), torch.zeros_like(start)
        for step in range(1, STEPS_PER_ITERATION * settings.max_steps + 1):
            if settings.out_of_time():
                return best, reached
            rows = problem.project(start + change)
            missed = problem.margin(rows) < 0
            slope = (2 * change + change.sign()) / p
            slope = slope - weight * missed[:, None] * problem.gradient(rows)
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope.square()
            scale = (second / (1 - 0.999**step)).sqrt() + 1e-8
            change = change - LR * (first / (1 - 0.9**step)) / scale
            change = problem.project(start + change) - start
            rows = start + change
            size = change.square().sum(dim=1) + change.abs().sum(dim=1)
            better = (problem.margin(rows) >= 0) & (size < shortest)
            best = torch.where(better[:, None], rows, best)
            shortest = torch.where(better, size, shortest)
            reached = reached | better
        if reached.all():
            break
        best = torch.where(reached[:, None], best, start + change)
        weight = torch.where(reached[:, None], weight, 10 * weight)
    return best, reached
