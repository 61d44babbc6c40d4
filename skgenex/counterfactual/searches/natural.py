r"""The smallest change in the metric of the data, batched over patients.

Minimising :math:`d^\top S^{-1} d` subject to :math:`f(x + d) \ge c` moves along
:math:`S \nabla f`, the activation pattern of Haufe et al. (2014): correlated genes move
together, and genes that only suppress noise do not move. S comes from few patients, so
the direction is shrunk towards what is known best of it, the difference between the
mean patients whom the model predicts as target and as origin.
"""

import torch

from ..problem import Problem, nearest_step
from ..settings import Settings
from .black_box import estimated_gradient
from .texture import renew


def natural(problem: Problem, settings: Settings) -> tuple[torch.Tensor, torch.Tensor]:
    """Move patients along the natural gradient until they arrive.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``tempering``, ``class_shift``, ``roughness`` and ``max_steps`` are used.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        Where they arrive, or best get to.
    reached : Tensor of bool of shape (n_patients,)
        Whether they arrive.

    References
    ----------
    Haufe et al. (2014). On the interpretation of weight vectors of linear models in
    multivariate neuroimaging. NeuroImage 87:96 (Eq. 6).
    """
    rows, reached = follow_natural_gradient(problem, settings)
    return renew(problem, settings, rows, reached)


def follow_natural_gradient(
    problem: Problem, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Do what `natural` does, without new texture."""
    start, free = problem.start, problem.free()
    differentiable = problem.model.differentiable
    # Each step of a black box costs predictions, which are capped.
    n_steps = settings.max_steps if differentiable else 2
    shift = unit_rows(class_shift(problem) * free)
    rows = start
    reached = torch.zeros(len(problem), dtype=torch.bool)
    direction = torch.zeros_like(start)
    for step in range(n_steps):
        if step and settings.out_of_time():
            break
        gradient = (
            problem.gradient(rows)
            if differentiable
            else estimated_gradient(problem, settings, rows, step)
        )
        pattern = problem.reference.covariance.multiply(
            gradient * free, settings.tempering
        )
        pattern = unit_rows(pattern * free)
        mixed = mix(pattern, shift, settings.class_shift)
        # The mean of two steps: alone, the gradient beyond a bend may point back.
        mixed = unit_rows(mixed + direction)
        moved = (mixed - direction).abs().max()
        direction = mixed
        far, arrived = nearest_step(
            problem,
            line(problem, direction),
            n_steps=8,
        )
        improved = arrived | ~reached
        rows = torch.where(improved[:, None], far, rows)
        reached = reached | arrived
        if moved < 1e-10:
            break
    return rows, reached


def mix(pattern: torch.Tensor, shift: torch.Tensor, weight: float) -> torch.Tensor:
    """Average two directions where both exist, else take the one that does."""
    has_shift = (shift.abs().amax(dim=1) > 0)[:, None]
    has_pattern = (pattern.abs().amax(dim=1) > 0)[:, None]
    share = torch.where(has_shift, weight, 0.0)
    share = torch.where(has_pattern, share, 1.0)
    return (1 - share) * pattern + share * shift


def line(problem: Problem, direction: torch.Tensor):
    """Path along a direction, within the constraints, a quarter deviation per unit."""
    length = direction.shape[1] ** 0.5 / 4
    return lambda a: problem.project(
        torch.addcmul(problem.start, a * length, direction)
    )


def class_shift(problem: Problem) -> torch.Tensor:
    """Difference of the mean patients predicted as target and like each patient.

    With intervals, patients like each one are the tenth of the training rows with the
    nearest prediction. Zero where the target has no patients.
    """
    reference = problem.reference
    outputs = problem.known_outputs()
    if problem.codes is not None:
        origin = outputs.argmax(dim=1)
        counts = torch.bincount(reference.groups, minlength=len(reference.means))
        known = (counts[problem.codes] > 0) & (counts[origin] > 0)
        shift = reference.means[problem.codes] - reference.means[origin]
        return shift * known[:, None]
    shift = torch.zeros_like(problem.start)
    values = reference.outputs[:, 0]
    n_near = max(len(values) // 10, min(len(values), 5))
    for i in range(len(problem)):
        members = problem.target_rows(i)
        if members.any():
            near = (values - outputs[i, 0]).abs().argsort(stable=True)[:n_near]
            target_mean = reference.rows[members].mean(dim=0)
            shift[i] = target_mean - reference.rows[near].mean(dim=0)
    return shift


def unit_rows(rows: torch.Tensor) -> torch.Tensor:
    """Divide rows by their length; zero rows stay."""
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
