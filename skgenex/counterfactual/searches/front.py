"""A front of compromises for each patient; works on any model."""

import numpy as np
import pandas as pd
import torch

from ..pareto import OBJECTIVES, compromise, farthest_points, search_front
from ..problem import Problem
from ..settings import Settings
from .natural import class_shift, follow_natural_gradient
from .prototype import nearest_prototypes

N_POPULATION = 30
N_NEIGHBOURS = 5


def pareto(
    problem: Problem, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor, list[pd.DataFrame], list[np.ndarray]]:
    """Search the front of each patient and take its best compromise.

    Candidates mix the ways to the nearest prototypes, the class shift and, of
    differentiable models, the natural change.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``max_predictions`` and ``seed`` are used.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        The compromises.
    reached : Tensor of bool of shape (n_patients,)
        Whether they arrive.
    fronts : list of DataFrame
        Objectives of each patient's candidates.
    profiles : list of ndarray of shape (n_candidates, n_features)
        The candidates.
    """
    near = nearest_prototypes(problem) - problem.start[:, None]
    ways = [near.mean(dim=1), *near.unbind(dim=1)[:2], class_shift(problem)]
    if problem.model.differentiable:
        ways.append(follow_natural_gradient(problem, settings)[0] - problem.start)
    directions = torch.stack(ways, dim=1).numpy()
    reference = problem.reference
    covariance = reference.covariance
    # The fronts, fallbacks and the final check share the allowance.
    n_generations = max(settings.max_predictions // N_POPULATION - 2, 1)
    rows, fronts, profiles = problem.start.clone(), [], []
    for i in range(len(problem)):
        one = problem.of(torch.tensor([i]))
        theirs = reference.rows[problem.target_rows(i)]

        def many(candidates, one=one):
            return one.of(torch.zeros(len(candidates), dtype=torch.long))

        def gap(candidates, many=many):
            return -many(candidates).margin(torch.from_numpy(candidates)).numpy()

        def distance(changes):
            lengths = covariance.squared_length(torch.from_numpy(changes))
            return lengths.clamp_min(0).sqrt().numpy()

        def implausibility(candidates, theirs=theirs):
            if len(theirs) == 0:
                return np.zeros(len(candidates))
            far = torch.cdist(torch.from_numpy(candidates), theirs)
            k = min(N_NEIGHBOURS, len(theirs))
            return far.topk(k, dim=1, largest=False).values.mean(dim=1).numpy()

        def constrain(candidates, one=one):
            return one.project(torch.from_numpy(candidates)).numpy()

        front = search_front(
            one.start[0].numpy(),
            directions[i],
            gap=gap,
            distance=distance,
            implausibility=implausibility,
            constrain=constrain,
            rng=np.random.default_rng(settings.seed),
            n_population=N_POPULATION,
            n_generations=n_generations,
        )
        rows[i] = torch.from_numpy(front.profiles[compromise(front.objectives)])
        fronts.append(pd.DataFrame(front.objectives, columns=list(OBJECTIVES)))
        profiles.append(front.profiles)
    return rows, problem.margin(rows) >= 0, fronts, profiles


def spread(front: pd.DataFrame, profiles: np.ndarray, n_members: int) -> np.ndarray:
    """Positions of valid members of a front, far apart, the compromise first."""
    objectives = front.to_numpy()
    first = compromise(objectives)
    valid = np.flatnonzero(objectives[:, 0] <= 0)
    if len(valid) == 0:
        return np.array([first])
    start = int(np.flatnonzero(valid == first)[0])
    return valid[farthest_points(profiles[valid], start, n_members)]
