"""One batch of patients and what is asked for them: targets and constraints."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from .reference import Reference

N_DOUBLINGS, N_STEPS = 12, 8
PRECISION = 1e-3  # of the bracket


@dataclass
class Problem:
    """Patients to be moved until the model's score of their target is high enough.

    Rows are in standard deviations (`Reference`), in float64.

    Parameters
    ----------
    model : DifferentiableModel or BlackBoxModel
        The frozen model.
    reference : Reference
        Real patients.
    start : Tensor of shape (n_patients, n_features)
        The patients.
    goal : Tensor of shape (n_patients,)
        Score of the target at which a patient has arrived.
    codes : Tensor of int of shape (n_patients,), default=None
        Target classes.
    interval : Tensor of shape (n_patients, 2), default=None
        Target intervals, in the model's unit.
    unit : float
        Standard deviation of the predicted values.
    lower, upper : Tensor of shape (n_patients, n_features)
        Range of each gene; equal to ``start`` where it may not move.
    outputs : Tensor of shape (n_patients, n_outputs), default=None
        The model's scores of ``start``; None asks for them.
    """

    model: Any
    reference: Reference
    start: torch.Tensor
    goal: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor
    codes: torch.Tensor | None = None
    interval: torch.Tensor | None = None
    unit: float = 1.0
    outputs: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.outputs is None:
            with torch.no_grad():
                self.outputs = self.model.scores(self.reference.to_units(self.start))

    def __len__(self) -> int:
        return len(self.start)

    def of(self, members: torch.Tensor) -> "Problem":
        """Return the problem of some of the patients."""
        return replace(
            self,
            start=self.start[members],
            goal=self.goal[members],
            lower=self.lower[members],
            upper=self.upper[members],
            codes=None if self.codes is None else self.codes[members],
            interval=None if self.interval is None else self.interval[members],
            outputs=self.known_outputs()[members],
        )

    def score(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the score of each patient's target; above 0 it is predicted."""
        return self.score_of(self.model.scores(self.reference.to_units(rows)))

    def score_of(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the score of each patient's target, given the model's scores."""
        return target_score(outputs, self.codes, self.interval, self.unit)

    def margin(self, rows: torch.Tensor) -> torch.Tensor:
        """Return how far the score is above the goal."""
        with torch.no_grad():
            return self.score(rows) - self.goal

    def known_outputs(self) -> torch.Tensor:
        """Return the model's scores of the patients as they are."""
        assert self.outputs is not None
        return self.outputs

    def start_margin(self) -> torch.Tensor:
        """Return how far each patient's own score is above the goal."""
        return self.score_of(self.known_outputs()) - self.goal

    def gradient(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the score at rows."""
        rows = rows.detach().requires_grad_(True)
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(self.score(rows).sum(), rows)
        return gradient.nan_to_num(0.0, 0.0, 0.0)

    def project(self, rows: torch.Tensor) -> torch.Tensor:
        """Return rows within the constraints."""
        return torch.clamp(rows, self.lower, self.upper)

    def free(self) -> torch.Tensor:
        """Return 1 for genes that may move, 0 for the others."""
        return (self.upper > self.lower).to(self.start.dtype)

    def origin(self) -> torch.Tensor:
        """Return the class the model predicts for each patient; 0 with intervals."""
        return self.known_outputs().argmax(dim=1)

    def origin_means(self) -> torch.Tensor:
        """Return the mean training row predicted like each patient."""
        return self.reference.means[self.origin()]

    def target_rows(self, patient: int) -> torch.Tensor:
        """Return which training rows are predicted as a patient's target."""
        i = slice(patient, patient + 1)
        outputs = self.reference.outputs
        n = len(outputs)
        score = target_score(
            outputs,
            None if self.codes is None else self.codes[i].expand(n),
            None if self.interval is None else self.interval[i].expand(n, 2),
            self.unit,
        )
        return score > 0


def target_score(
    outputs: torch.Tensor,
    codes: torch.Tensor | None,
    interval: torch.Tensor | None,
    unit: float,
) -> torch.Tensor:
    """Log-odds of a class against the best other one, or depth in an interval.

    Parameters
    ----------
    outputs : Tensor of shape (n_samples, n_outputs)
        Scores of a model.
    codes : Tensor of int of shape (n_samples,) or None
        Target classes.
    interval : Tensor of shape (n_samples, 2) or None
        Target intervals, used where ``codes`` is None.
    unit : float
        In which the depth is measured.

    Returns
    -------
    Tensor of shape (n_samples,)
        Above 0 where the target is predicted.
    """
    if codes is None:
        assert interval is not None
        value = outputs[:, 0]
        depth = torch.minimum(value - interval[:, 0], interval[:, 1] - value)
        return depth / unit
    own = outputs.gather(1, codes[:, None])[:, 0]
    is_own = torch.nn.functional.one_hot(codes, outputs.shape[1]).bool()
    return own - outputs.masked_fill(is_own, -torch.inf).amax(dim=1)


def nearest_step(
    problem: Problem,
    path: Callable[[torch.Tensor], torch.Tensor],
    *,
    longest: float | None = None,
    n_steps: int = N_STEPS,
    first_margin: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find, for each patient, the shortest way along a path that reaches the goal.

    Parameters
    ----------
    problem : Problem
        The patients.
    path : callable
        Takes lengths (n_patients, 1), returns rows.
    longest : float, default=None
        Length of the path; None doubles from 1.
    n_steps : int, default=8
        Secants and halvings of the bracket.
    first_margin : Tensor of shape (n_patients,), default=None
        Margin at length 0; None takes that of the patients as they are.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        Where the goal is reached; the far end of the path where it is not.
    reached : Tensor of bool of shape (n_patients,)
        Whether it is reached.
    """
    high = torch.ones(len(problem), 1, dtype=torch.float64)
    if longest is not None:
        high *= longest
    low = torch.zeros_like(high)
    below = problem.start_margin() if first_margin is None else first_margin
    above, below = problem.margin(path(high))[:, None], below[:, None]
    # Who is there from the start need not move.
    there = below >= 0
    for _ in range(N_DOUBLINGS if longest is None else 0):
        reached = there | (above >= 0)
        if reached.all():
            break
        # What has been passed on the way is the lower end of the bracket.
        low, below = torch.where(reached, low, high), torch.where(reached, below, above)
        high = torch.where(reached, high, 2 * high)
        above = problem.margin(path(high))[:, None]
    high, above = torch.where(there, low, high), torch.where(there, below, above)
    reached = above >= 0
    for k in range(n_steps):
        middle = (low + high) / 2
        if k % 3 < 2:  # a secant of a bracket may stall at one end, a half does not
            # A little above the goal, or rounding would miss it on straight margins.
            share = PRECISION - below / (above - below)
            secant = low + share * (high - low)
            middle = torch.where((share > 0) & (share < 1), secant, middle)
        margin = problem.margin(path(middle))[:, None]
        inside = margin >= 0
        # Where nothing is reached the far end stays.
        closer = inside & reached
        high, above = (
            torch.where(closer, new, old)
            for new, old in ((middle, high), (margin, above))
        )
        low, below = (
            torch.where(inside, old, new)
            for new, old in ((middle, low), (margin, below))
        )
    return path(high), reached[:, 0]
