"""A generator of counterfactuals, trained against the frozen model.

One network for all target classes reads a patient's scores on the leading factors and
the target, and returns the change as scores w on the same factors, each in units of
its standard deviation: so |w|^2 is the change's squared Mahalanobis length. It adds to
the natural change of a typical patient, and so contains it.
"""

from typing import Any, NamedTuple

import torch

from ..problem import Problem, nearest_step, target_score
from ..reference import FactorCovariance
from ..settings import Settings
from .natural import class_shift, line, mix, unit_rows
from .texture import rough_path

PENALTY = 0.1  # of the squared Mahalanobis length
N_STEPS = 5  # of the line search


class Frozen(NamedTuple):
    """What the generator is trained against; none of it is the generator's own.

    Parameters
    ----------
    model : DifferentiableModel
        The frozen model.
    vectors : Tensor of shape (n_factors, n_features)
        Leading eigenvectors of the covariance.
    deviations : Tensor of shape (n_factors,)
        Standard deviations along them.
    location, scale : Tensor of shape (n_features,)
        Mean and standard deviation of the genes.
    typical : Tensor of shape (n_classes, n_factors)
        Scores of the natural change of a typical patient, by target class.
    """

    model: Any
    vectors: torch.Tensor
    deviations: torch.Tensor
    location: torch.Tensor
    scale: torch.Tensor
    typical: torch.Tensor


class GeneratorObjective(torch.nn.Module):
    """Loss of the generator: a missed goal, and the length of the change.

    Parameters
    ----------
    n_factors : int
        Number of leading factors it moves along.
    n_classes : int
        Number of target classes.
    n_hidden, n_layers, dropout
        Size of the network.
    frozen : Frozen, default=None
        What the loss needs besides; None for a generator that is trained.
    """

    typical: torch.Tensor

    def __init__(
        self,
        n_factors: int,
        n_classes: int,
        n_hidden: int,
        n_layers: int,
        dropout: float,
        frozen: Frozen | None = None,
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.n_factors = n_factors
        self.n_classes = n_classes
        layers: list[torch.nn.Module] = []
        width = n_factors + n_classes
        for _ in range(n_layers):
            layers += [
                torch.nn.Linear(width, n_hidden),
                torch.nn.SiLU(),
                torch.nn.Dropout(dropout),
            ]
            width = n_hidden
        last = torch.nn.Linear(width, n_factors)
        # The untrained generator knows the natural change, and no patient.
        self.register_buffer(
            "typical",
            torch.zeros(n_classes, n_factors) if frozen is None else frozen.typical,
        )
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
        self.network = torch.nn.Sequential(*layers, last)

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        # Generators that earlier versions stored started from no change.
        state_dict.setdefault(prefix + "typical", torch.zeros_like(self.typical))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def weights(self, scores: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return changes as scores on the factors.

        Parameters
        ----------
        scores : Tensor of shape (n_samples, n_factors)
            The patients' scores, in standard deviations of each factor.
        codes : Tensor of int of shape (n_samples,)
            Their target classes.

        Returns
        -------
        Tensor of shape (n_samples, n_factors)
            Changes of the scores.
        """
        wanted = torch.nn.functional.one_hot(codes, self.n_classes).to(scores.dtype)
        return wanted @ self.typical + self.network(torch.cat([scores, wanted], dim=1))

    def forward(
        self, rows: torch.Tensor, codes: torch.Tensor, goals: torch.Tensor
    ) -> torch.Tensor:
        """Return one loss per row.

        Parameters
        ----------
        rows : Tensor of shape (n_samples, n_features)
            Standardised training rows.
        codes : Tensor of int of shape (n_samples,)
            The model's classes of them; targets are drawn among the others.
        goals : Tensor of shape (n_samples, n_classes)
            Score to reach, by target class.

        Returns
        -------
        Tensor of shape (n_samples,)
            The losses.
        """
        assert self.frozen is not None
        model, *tensors, _ = self.frozen
        vectors, deviations, location, scale = (
            tensor.to(rows.device, rows.dtype) for tensor in tensors
        )
        away = torch.randint(1, self.n_classes, codes.shape, device=codes.device)
        target = (codes + away) % self.n_classes
        weights = self.weights(rows @ vectors.T / deviations, target)
        moved = (rows + (weights * deviations) @ vectors) * scale
        score = target_score(model.scores(moved + location), target, None, 1.0)
        goal = goals.gather(1, target[:, None])[:, 0]
        # A tenth more than asked for: what the training just misses, others miss.
        missed = torch.relu(1.1 * goal + 0.1 - score) / (1 + goal)
        return missed.to(rows.dtype) + PENALTY * weights.square().mean(dim=1)


def generate(
    objective: GeneratorObjective,
    covariance: FactorCovariance,
    rows: torch.Tensor,
    codes: torch.Tensor,
) -> torch.Tensor:
    """Ask a trained generator for changes.

    Parameters
    ----------
    objective : GeneratorObjective
        Trained.
    covariance : FactorCovariance
        Whose leading factors it moves along.
    rows : Tensor of shape (n_samples, n_features)
        Standardised patients.
    codes : Tensor of int of shape (n_samples,)
        Their target classes.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
        Changes in standard deviations, in float32.
    """
    k = objective.n_factors
    vectors = covariance.vectors[:k].float()
    deviations = covariance.variances[:k].sqrt().float()
    device = next(objective.parameters()).device
    scores = rows.float() @ vectors.T / deviations
    weights = objective.weights(scores.to(device), codes.to(device)).cpu()
    return (weights * deviations) @ vectors


def learned(problem: Problem, settings: Settings) -> tuple[torch.Tensor, torch.Tensor]:
    """Ask the generator for a direction, and search along it.

    Parameters
    ----------
    problem : Problem
        The patients; their targets are classes.
    settings : Settings
        ``generator``, ``class_shift`` and ``roughness`` are used.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        Where they arrive, or best get to.
    reached : Tensor of bool of shape (n_patients,)
        Whether they arrive.
    """
    free = problem.free()
    with torch.no_grad():
        change = settings.generator(problem.start, problem.codes)
    pattern = unit_rows(change.to(torch.float64) * free)
    shift = unit_rows(class_shift(problem) * free)
    direction = unit_rows(mix(pattern, shift, settings.class_shift))
    plain = line(problem, direction)
    rough = rough_path(problem, settings, plain(torch.ones(1, 1)) - problem.start)
    rows, reached = nearest_step(problem, rough or plain, n_steps=N_STEPS)
    if rough is not None and not reached.all():
        again, arrived = nearest_step(problem, plain, n_steps=N_STEPS)
        rows = torch.where(reached[:, None], rows, again)
        reached = reached | arrived
    return rows, reached
