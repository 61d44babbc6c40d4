r"""Changes as rough as real differences between patients.

The smallest change in the metric of the data is smooth: it moves a few factors and
leaves untouched what is particular to the patient, whereas two real patients also
differ in that. `renew` turns the part of the patient that no factor of the training
rows describes, its length kept, by the angle at which the change's stiffness
:math:`d^\top S^{-1} d / d^\top d` is a wanted multiple of real differences'. This part
is noise to the reference: the turn says nothing about biology, and ``roughness=0``
leaves it out.
"""

import torch

from ..problem import Problem, nearest_step
from ..settings import Settings

N_PASSES = 2
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
    reference = problem.reference
    wanted = settings.roughness * reference.stiffness
    if wanted == 0 or not reached.any():
        return rows, reached
    members = reached.nonzero()[:, 0]
    part = problem.of(members)
    change = rows[members] - part.start
    # Around the mean of the patient's own group: what differs between groups is no
    # noise.
    particular = reference.within.outside(part.start - part.origin_means())
    other = reference.within.outside(particular * reference.signs)
    # The half of the genes that change most is left alone: it is what the change says.
    quiet = change.abs() <= change.abs().median(dim=1, keepdim=True).values
    allowed = quiet * part.free()
    particular, other = particular * allowed, other * allowed
    length = particular.norm(dim=1, keepdim=True)
    other = other * length / other.norm(dim=1, keepdim=True).clamp_min(1e-12)
    own_stiff, own_squares = reference.stiffness_parts(particular)
    given = (own_stiff - wanted * own_squares).clamp_min(0)
    renewed, arrived = part.start, torch.zeros(len(part), dtype=torch.bool)
    whole = change
    for _ in range(N_PASSES):
        # With both parts of length L and at right angles, a turn whose cosine is
        # 1 - t / 2 changes the patient by t L^2.
        stiff, squares = reference.stiffness_parts(whole)
        lacking = (wanted * squares - stiff).clamp_min(0)
        turn = torch.where(given > 0, lacking / given.clamp_min(1e-12), 0.0)
        cosine = (1 - turn.clamp(0, 2) / 2)[:, None]
        extra = (cosine - 1) * particular + (1 - cosine.square()).sqrt() * other
        extra = extra * (length > 1e-6)
        renewed, arrived = nearest_step(
            part,
            _path(part, change, extra),
            longest=LONGEST,
            n_steps=3,
        )
        # The change may have had to grow to make up for the turn.
        whole = renewed - part.start - extra
    rows = rows.clone()
    rows[members] = torch.where(arrived[:, None], renewed, rows[members])
    return rows, reached


def _path(problem, change, extra):
    """Return the change and more of it, with new texture."""
    return lambda a: problem.project(problem.start + extra + (1 + a) * change)
