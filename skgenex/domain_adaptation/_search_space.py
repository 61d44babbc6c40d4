"""Ranges of parameters worth a search with Optuna."""

from typing import Any


def log_uniform(low: float, high: float) -> Any:
    """Return the Optuna distribution of a scale."""
    from optuna.distributions import FloatDistribution

    return FloatDistribution(low, high, log=True)


def search_space() -> dict[str, Any]:
    """Return what classifier and regressor share of `optuna_space`."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    return {
        "adversarial_weight": log_uniform(0.01, 3.0),
        "lr": log_uniform(1e-4, 1e-2),
        "n_hidden": IntDistribution(8, 128, log=True),
        "batch_norm": CategoricalDistribution([True, False]),
        "scaling": CategoricalDistribution(["zscore", "quantile", "combat"]),
    }
