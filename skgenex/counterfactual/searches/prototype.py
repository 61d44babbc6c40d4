"""Towards real patients who are predicted as the target.

First only in the space that the factors of the training rows span: what is particular
to a patient stays, or the way would end at the mean of five others, a patient with
less variance than any real one. Who does not arrive so goes the whole way.
"""

import torch

from ..problem import Problem, nearest_step, target_score
from ..settings import Settings
from .texture import renew

N_PROTOTYPES = 5
N_LATENT = 30  # leading factors in which patients are compared


def prototype(
    problem: Problem, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move patients towards the mean of their nearest target patients, or the nearest.

    Near means near in the leading factors, each in units of its own variance. The mean
    may be predicted otherwise; then each patient it is made of is tried, the nearest
    first. Works on any model, and cannot fail but for constraints.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``roughness`` and ``deadline`` are used.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        Where they arrive, or best get to.
    reached : Tensor of bool of shape (n_patients,)
        Whether they arrive.

    References
    ----------
    Van Looveren, Klaise (2021). Interpretable counterfactual explanations guided by
    prototypes. ECML PKDD (Sec. 3.4: the prototype is the mean of the K nearest latent
    encodings of the class).
    """
    near = nearest_prototypes(problem)
    means = near.mean(dim=1)
    covariance = problem.reference.covariance
    way = means - problem.start
    rows, reached = _along(problem, way - covariance.outside(way))
    rows, reached = renew(problem, settings, rows, reached)
    for k in range(near.shape[1]):
        if reached.all() or settings.out_of_time():
            break
        left = (~reached).nonzero()[:, 0]
        part = problem.of(left)
        again, arrived = _along(part, near[left, k] - part.start)
        better = arrived | (part.margin(again) > part.margin(rows[left]))
        rows[left] = torch.where(better[:, None], again, rows[left])
        reached[left] = arrived
    return rows, reached


def nearest_prototypes(problem: Problem) -> torch.Tensor:
    """Training rows nearest to each patient that are predicted as the target.

    Those that reach the goal come first, however far. A patient whose target nobody
    has is its own prototype.

    Returns
    -------
    Tensor of shape (n_patients, n_prototypes, n_features)
        Nearest first; the last is repeated where there are too few.
    """
    reference = problem.reference
    covariance = reference.within
    weights = (covariance.vectors / covariance.variances.sqrt()[:, None])[:N_LATENT]
    theirs = reference.rows @ weights.T
    ours = problem.start @ weights.T
    near = problem.start[:, None].repeat(1, N_PROTOTYPES, 1)
    n = len(reference.rows)
    for i in range(len(problem)):
        score = target_score(
            reference.outputs,
            None if problem.codes is None else problem.codes[i].expand(n),
            None if problem.interval is None else problem.interval[i].expand(n, 2),
            problem.unit,
        )
        members = (score >= problem.goal[i]).nonzero()[:, 0]
        if len(members) < N_PROTOTYPES:
            members = torch.cat([members, ((score > 0) & (score < problem.goal[i]))
                                 .nonzero()[:, 0]])  # fmt: skip
        if len(members) == 0:
            continue
        order = (theirs[members] - ours[i]).square().sum(dim=1).argsort(stable=True)
        chosen = members[order[:N_PROTOTYPES]]
        near[i, : len(chosen)] = reference.rows[chosen]
        near[i, len(chosen) :] = reference.rows[chosen[-1]]
    return near


def _along(problem, way):
    return nearest_step(
        problem,
        lambda a: problem.project(problem.start + a * way),
        longest=1.0,
        n_steps=6,
    )
