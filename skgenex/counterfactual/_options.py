"""What options of the explainer go together, and with which models."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .searches import NEED_GRADIENTS


def check_options(explainer: Any) -> None:
    """Raise where one option contradicts another."""
    wanted = {
        "max_genes": ("sparse",),
        "n_drivers": ("natural",),
        "diverse": ("pareto",),
        "prior": ("diffusion",),
    }
    for name, methods in wanted.items():
        if getattr(explainer, name) is not None and explainer.method not in methods:
            raise ValueError(
                f'{name} needs method="{methods[0]}"; got method="{explainer.method}".'
            )
    if explainer.method == "diffusion" and explainer.prior is None:
        raise ValueError(
            'method="diffusion" needs a prior, e.g. functools.partial('
            "skgenex.generation.edit, sampler, keep=[]) of a DiffusionSampler "
            "fitted on the training rows; got None."
        )
    if explainer.followers is not None and explainer.n_drivers is None:
        raise ValueError("followers needs n_drivers, the number of genes to follow.")


def check_gradients(explainer: Any, model: Any) -> None:
    """Raise where the search needs gradients that the model does not give."""
    if explainer.method in NEED_GRADIENTS and not model.differentiable:
        raise ValueError(
            f'method="{explainer.method}" needs gradients, which '
            f"{type(explainer.estimator_).__name__} does not give. Use "
            '"natural", "prototype" or "pareto".'
        )


def classes_of(estimator: Any, n_classes: int, y: Any) -> NDArray:
    """Labels in the order of the model's outputs."""
    try:
        classes = np.asarray(estimator.classes_)
    except AttributeError:
        classes = np.arange(n_classes) if y is None else np.unique(np.asarray(y))
    if len(classes) != n_classes:
        raise ValueError(
            f"The model has {n_classes} outputs, but there are {len(classes)} classes: "
            f"{classes[:10].tolist()}."
        )
    return classes
