"""Run a search on a cohort: in chunks, with fallbacks, and never at a loss."""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from .problem import Problem
from .searches import SEARCHES, drivers
from .searches.front import spread
from .settings import Settings

CHUNK = 200_000  # numbers per tensor of a chunk of patients
LEAST_GOAL = 1e-2  # log-odds asked for where the goal is out of reach
FALLBACKS = {
    "natural": ("prototype",),
    "learned": ("natural", "prototype"),
    "gradient": ("natural", "prototype"),
    "sparse": ("natural", "prototype"),
    "prototype": (),
    "pareto": ("prototype",),
    "diffusion": ("natural", "prototype"),
    "drivers": ("natural", "prototype"),
}


@dataclass
class Solution:
    """Where the patients of a problem were moved.

    Parameters
    ----------
    rows : Tensor of shape (n_patients, n_features)
        Standardised profiles.
    search : ndarray of str of shape (n_patients,)
        The search that found each.
    fronts, profiles, chosen : dict of int to object
        What a search tells of single patients: objectives and members of the front,
        positions of the drivers.
    """

    rows: torch.Tensor
    search: NDArray
    fronts: dict[int, pd.DataFrame] = field(default_factory=dict)
    profiles: dict[int, NDArray] = field(default_factory=dict)
    chosen: dict[int, NDArray] = field(default_factory=dict)


def solve(
    problem: Problem, method: str, settings: Settings, *, verbose: int = 0
) -> Solution:
    """Move all patients, a chunk at a time.

    Parameters
    ----------
    problem : Problem
        The patients.
    method : str
        Key of `FALLBACKS`.
    settings : Settings
        Options; patients whose turn comes after ``deadline`` go to their prototype.
    verbose : int, default=0
        Above 0 shows a progress bar.

    Returns
    -------
    Solution
        Finite everywhere, and within the constraints.
    """
    m, p = problem.start.shape
    solution = Solution(problem.start.clone(), np.full(m, method, dtype=object))
    size = max(CHUNK // p, 1)
    if not problem.model.differentiable or settings.deadline < float("inf"):
        size = min(size, 32)
    failures = []
    with tqdm(total=m, desc="Counterfactuals", disable=not verbose) as bar:
        for start in range(0, m, size):
            members = torch.arange(start, min(start + size, m))
            failures += _solve_members(problem, members, method, settings, solution)
            bar.update(len(members))
    if len(failures) == m:
        raise failures[0]
    if failures:
        warnings.warn(
            f"The search failed for {len(failures)} of {m} patients, who stay as they "
            f"are: {failures[0]}",
            UserWarning,
            stacklevel=4,
        )
    return solution


def _solve_members(problem, members, method, settings, solution):
    """Solve a chunk; if that raises, each patient alone, so that one loses only one."""
    try:
        _solve_chunk(problem.of(members), members, method, settings, solution)
    except (ArithmeticError, RuntimeError, ValueError) as error:
        if len(members) == 1:
            solution.search[members.item()] = "none"
            return [error]
        failures = []
        for member in members:
            failures += _solve_members(
                problem, member[None], method, settings, solution
            )
        return failures
    return []


def _solve_chunk(problem, members, method, settings, solution):
    rows, search = problem.start.clone(), np.full(len(problem), method, dtype=object)
    highest = problem.start_margin()
    left = torch.arange(len(problem))
    attempts = [method, *_fallbacks(method, settings)]
    if settings.out_of_time() and "prototype" in attempts:
        attempts = ["prototype"]
    goals = [problem.goal]
    if problem.codes is not None:  # an interval's goal is as low as can be
        goals.append(problem.goal.clamp(max=LEAST_GOAL))
    for goal in goals:
        for name in attempts:
            if len(left) == 0:
                break
            part = replace(problem.of(left), goal=goal[left])
            found = _search(name, part, settings, solution, members[left])
            found = part.project(found)
            finite = torch.isfinite(found).all(dim=1)
            found = torch.where(finite[:, None], found, part.start)
            margin = part.margin(found)
            # Before anybody arrives, who gets nearest to the goal is the best effort.
            better = (margin >= 0) | (
                margin + part.goal > highest[left] + goals[0][left]
            )
            better = better & finite
            moved = left[better]
            rows[moved] = found[better]
            highest[moved] = (margin + part.goal)[better] - goals[0][moved]
            search[moved.numpy()] = name
            left = left[~(margin >= 0)]
    solution.rows[members] = rows
    solution.search[members.numpy()] = search


def _fallbacks(method, settings):
    # A hard limit on the genes, or on who may follow, is one that dense searches break.
    if settings.max_genes is not None or settings.followers is not None:
        return ()
    return FALLBACKS[method]


def _search(name, problem, settings, solution, members):
    positions = members.tolist()
    if name == "drivers":
        rows, _, chosen = drivers(problem, settings)
        solution.chosen.update(zip(positions, chosen.numpy(), strict=True))
        return rows
    if name == "pareto":
        rows, _, fronts, profiles = SEARCHES[name](problem, settings)
        solution.fronts.update(zip(positions, fronts, strict=True))
        solution.profiles.update(zip(positions, profiles, strict=True))
        return rows
    return SEARCHES[name](problem, settings)[0]


def diverse_profiles(solution: Solution, patient: int, n_members: int) -> NDArray:
    """Return valid members of a patient's front that are far apart, standardised."""
    profiles = solution.profiles[patient]
    return profiles[spread(solution.fronts[patient], profiles, n_members)]
