"""Train the generator of ``method="learned"`` for an explainer."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .problem import target_score
from .searches.learned import Frozen, GeneratorObjective

N_FACTORS = 50  # along which changes are generated


def fit_generator(explainer: Any, model: Any, groups: NDArray) -> None:
    """Train the generator; sets ``net_``, ``history_`` and ``n_iter_``.

    Parameters
    ----------
    explainer : CounterfactualExplainer
        With its reference and goals.
    model : DifferentiableModel
        The frozen model.
    groups : ndarray of int of shape (n_samples,)
        The model's class of each training row.
    """
    reference = explainer.reference_
    covariance = reference.covariance
    k = min(N_FACTORS, len(covariance.vectors))
    sizes = {
        "n_factors": k,
        "n_classes": len(explainer.classes_),
        "n_hidden": explainer.n_hidden,
        "n_layers": explainer.n_layers,
        "dropout": explainer.dropout,
    }
    frozen = Frozen(
        model,
        covariance.vectors[:k].float(),
        covariance.variances[:k].sqrt().float(),
        torch.from_numpy(reference.location).float(),
        torch.from_numpy(reference.scale).float(),
        typical_changes(explainer, model, groups, k),
    )
    explainer._train(
        (GeneratorObjective, {**sizes, "frozen": frozen}),
        {
            "rows": reference.rows.float(),
            "codes": torch.from_numpy(groups),
            "goals": torch.from_numpy(np.tile(explainer._goals, (len(groups), 1))),
        },
        seed=explainer._seed,
        lr_schedule="cosine",
    )
    # A trained generator is made of its sizes and weights alone.
    explainer._objective = (GeneratorObjective, sizes)


def typical_changes(
    explainer: Any, model: Any, groups: NDArray, n_factors: int
) -> torch.Tensor:
    """Return the shortest changes, as if the model were linear, averaged over rows.

    What the training rows share is better known than what is particular to each: the
    generator starts from it, and learns where patients differ.

    Parameters
    ----------
    explainer, model, groups
        As in `fit_generator`.
    n_factors : int
        Leading factors to move along.

    Returns
    -------
    Tensor of shape (n_classes, n_factors)
        Scores on the factors, in standard deviations of each, by target class; 0 for
        a class that all rows are predicted as.
    """
    reference = explainer.reference_
    covariance = reference.covariance
    factors = covariance.vectors[:n_factors].T
    factors = factors * covariance.variances[:n_factors].sqrt()
    typical = torch.zeros(len(explainer._goals), n_factors)
    for target, goal in enumerate(explainer._goals):
        others = torch.from_numpy(groups != target)
        if not others.any():
            continue
        rows = reference.rows[others].requires_grad_(True)
        codes = torch.full((len(rows),), target)
        with torch.enable_grad():
            outputs = model.scores(reference.to_units(rows))
            score = target_score(outputs, codes, None, 1.0)
            (gradient,) = torch.autograd.grad(score.sum(), rows)
        slope = gradient.nan_to_num(0.0, 0.0, 0.0) @ factors
        missing = (goal - score.detach())[:, None].clamp_min(0)
        squares = slope.square().sum(dim=1, keepdim=True).clamp_min(1e-12)
        typical[target] = (slope * missing / squares).mean(dim=0).float()
    return typical
