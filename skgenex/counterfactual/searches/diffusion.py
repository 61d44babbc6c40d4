r"""Noise patients partway and denoise them under the target class, guided by the model.

A fitted prior, told the target class, draws each patient anew to a growing strength t;
the same noise serves all strengths, so the draws of one patient lie on a path. After
each draw the model guides it as Dhariwal & Nichol guide a denoising step, whose
covariance here is :math:`t^2 S`, S within classes:

.. math:: x \leftarrow x + t^2 S \, \nabla \log \sigma(f(x) - c)
"""

import torch

from ..problem import Problem, nearest_step
from ..settings import Settings
from .texture import renew

STRENGTHS = (0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
N_GUIDING = 3  # steps of the guidance, as its gradient changes on the way


def diffusion(
    problem: Problem, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw patients anew under their target class, no more strongly than needed.

    Black boxes are not guided, only asked.

    Parameters
    ----------
    problem : Problem
        The patients; their targets are classes.
    settings : Settings
        ``redraw``, ``roughness`` and ``deadline`` are used.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        Where they arrive, or best get to.
    reached : Tensor of bool of shape (n_patients,)
        Whether they arrive.

    References
    ----------
    Meng et al. (2022). SDEdit: guided image synthesis and editing with stochastic
    differential equations. ICLR.

    Dhariwal, Nichol (2021). Diffusion models beat GANs on image synthesis. NeurIPS
    (Eq. 10).

    Jeanneret, Simon, Jurie (2022). Diffusion models for counterfactual explanations.
    ACCV.
    """
    rows = problem.start.clone()
    left = torch.arange(len(problem))
    for strength in STRENGTHS:
        if len(left) == 0 or settings.out_of_time():
            break
        part = problem.of(left)
        drawn = part.project(settings.redraw(part.start, part.codes, strength))
        drawn = _guide(part, drawn, strength)
        before = rows[left]
        way = drawn - before
        nearest, arrived = nearest_step(
            part,
            _line(before, way),
            longest=1.0,
            n_steps=4,
            first_margin=part.margin(before),
        )
        rows[left] = nearest
        left = left[~arrived]
    reached = torch.ones(len(problem), dtype=torch.bool)
    reached[left] = False
    return renew(problem, settings, rows, reached)


def _line(start, way):
    return lambda a: torch.addcmul(start, a, way)


def _guide(problem, rows, strength):
    """Move draws towards the target, as far as their noise makes plausible."""
    if not problem.model.differentiable:
        return rows
    free = problem.free()
    for _ in range(N_GUIDING):
        slope = problem.gradient(rows) * torch.sigmoid(-problem.margin(rows))[:, None]
        step = problem.reference.within.multiply(slope * free) * free
        rows = problem.project(rows + strength**2 / N_GUIDING * step)
    return rows
