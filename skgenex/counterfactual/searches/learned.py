"""A generator of counterfactuals, trained against the frozen model.

One network for all target classes reads a patient's scores on the leading factors and
the target, and returns the change as scores w on the same factors, each in units of
its standard deviation: so |w|^2 is the change's squared Mahalanobis length.
"""

from typing import Any

import torch

from ..problem import Problem, nearest_step, target_score
from ..settings import Settings
from .natural import class_shift, line, mix, unit_rows
from .texture import rough_path

PENALTY = 0.1  # of the squared Mahalanobis length
N_STEPS = 5  # of the line search


class GeneratorObjective(torch.nn.Module):
    """Loss of the generator: a missed goal, and the length of the change.

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
    n_classes : int
        Number of target classes.
    n_hidden, n_layers, dropout
        Size of the network.
    """

    def __init__(
        self,
        model: Any,
        vectors: torch.Tensor,
        deviations: torch.Tensor,
        location: torch.Tensor,
        scale: torch.Tensor,
        n_classes: int,
        n_hidden: int,
        n_layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        # In a tuple, so that the frozen model's weights are not the generator's.
        self._frozen = (model, vectors.float(), deviations.float(), location.float(),
                        scale.float())  # fmt: skip
        self.n_classes = n_classes
        n_factors = len(vectors)
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
        # The untrained generator changes nothing.
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
        self.network = torch.nn.Sequential(*layers, last)

    def generate(self, rows: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return changes in standard deviations.

        Parameters
        ----------
        rows : Tensor of shape (n_samples, n_features)
            Standardised patients.
        codes : Tensor of int of shape (n_samples,)
            Their target classes.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Changes.
        """
        return self._to_genes(self._weights(rows, codes))

    def _weights(self, rows, codes):
        _, vectors, deviations, *_ = self._frozen
        dtype = next(self.parameters()).dtype
        scores = rows.to(dtype) @ vectors.to(rows.device, dtype).T
        scores = scores / deviations.to(rows.device, dtype)
        wanted = torch.nn.functional.one_hot(codes, self.n_classes).to(dtype)
        return self.network(torch.cat([scores, wanted], dim=1))

    def _to_genes(self, weights):
        _, vectors, deviations, *_ = self._frozen
        vectors = vectors.to(weights.device, weights.dtype)
        return (weights * deviations.to(weights.device, weights.dtype)) @ vectors

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
        model, _, _, location, scale = self._frozen
        away = torch.randint(1, self.n_classes, codes.shape, device=codes.device)
        target = (codes + away) % self.n_classes
        weights = self._weights(rows, target)
        moved = (rows + self._to_genes(weights)) * scale.to(rows.device)
        outputs = model.scores(moved + location.to(rows.device))
        score = target_score(outputs, target, None, 1.0)
        goal = goals.gather(1, target[:, None])[:, 0]
        # A tenth more than asked for: what the training just misses, others miss.
        missed = torch.relu(1.1 * goal + 0.1 - score) / (1 + goal)
        return missed.to(rows.dtype) + PENALTY * weights.square().mean(dim=1)


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
