"""Train the generator of ``method="learned"`` for an explainer."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

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
