r"""Changes as rough as real differences between patients.

The smallest change in the metric of the data is smooth: it moves a few factors and
leaves untouched what is particular to the patient, whereas two real patients also
differ in that. `renew` turns the part of the patient that no factor of the training
rows describes, its length kept, by the angle at which the change's stiffness
:math:`d^\top S^{-1} d / d^\top d` is a wanted multiple of real differences'. This part
is noise to the reference: the turn says nothing about biology, and ``roughness=0``
leaves it out.
"""

from collections.abc import Callable

import torch

from ..problem import Problem, nearest_step
from ..settings import Settings

N_STEPS = 4
LONGEST = 2.0  # by how much of itself a change may grow to make up for the turn


def renew(
    problem: Problem, settings: Settings, rows: torch.Tensor, reached: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn the undescribed part of patients that have arrived.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``roughness`` is used.
    rows : Tensor of shape (n_patients, n_features)
        Where they have got to.
    reached : Tensor of bool of shape (n_patients,)
        Whether they have arrived.

    Returns
    -------
    rows, reached
        The same for patients that have not arrived, or would not with new texture.
    """
    if not reached.any():
        return rows, reached
    members = reached.nonzero()[:, 0]
    part = problem.of(members)
    path = rough_path(part, settings, rows[members] - part.start)
    if path is None:
        return rows, reached
    # The change may have to grow to make up for the turn.
    renewed, arrived = nearest_step(
        part,
        lambda a: path(1 + a),
        longest=LONGEST,
        n_steps=N_STEPS,
        first_margin=part.margin(path(torch.ones(len(part), 1, dtype=rows.dtype))),
    )
    rows = rows.clone()
    rows[members] = torch.where(arrived[:, None], renewed, rows[members])
    return rows, reached


def rough_path(
    problem: Problem, settings: Settings, change: torch.Tensor
) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Return the way along a change, at each length as rough as real differences.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``roughness`` is used.
    change : Tensor of shape (n_patients, n_features)
        Changes at length 1.

    Returns
    -------
    callable or None
        Takes lengths (n_patients, 1), returns rows within the constraints; None where
        no roughness is wanted.
    """
    reference = problem.reference
    wanted = settings.roughness * reference.stiffness
    if wanted == 0:
        return None
    # Around the mean of the patient's own group: what differs between groups is no
    # noise.
    within = reference.within.single
    particular = within.outside((problem.start - problem.origin_means()).float())
    other = within.outside(particular * reference.signs.float())
    # The half of the genes that change most is left alone: it is what the change says.
    single = change.float()
    size = single.abs()
    quiet = size <= size.median(dim=1, keepdim=True).values
    allowed = quiet & (problem.upper > problem.lower)
    particular, other = particular * allowed, other * allowed
    length = particular.norm(dim=1, keepdim=True)
    other = other * (length / other.norm(dim=1, keepdim=True).clamp_min(1e-12))
    given = within.squared_length(particular) - wanted * length[:, 0].square()
    squares = single.square().sum(dim=1)
    lacking = (wanted * squares - within.squared_length(single)).clamp_min(0)
    # With both parts of length L and at right angles, a turn whose cosine is 1 - t / 2
    # changes the patient by t L^2. Of training rows only rounding errors are left.
    can_turn = (given > 0) & (length[:, 0] > 1e-3)
    turn = torch.where(can_turn, lacking / given.clamp_min(1e-12), 0.0)[:, None]
    turn, particular, other = turn.double(), particular.double(), other.double()

    def path(a: torch.Tensor) -> torch.Tensor:
        cosine = 1 - (a.square() * turn).clamp(0, 2) / 2
        sine = (1 - cosine.square()).sqrt()
        rows = torch.addcmul(problem.start, a, change)
        rows.addcmul_(cosine - 1, particular).addcmul_(sine, other)
        return problem.project(rows)

    return path
