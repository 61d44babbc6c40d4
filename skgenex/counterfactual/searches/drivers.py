r"""A few driver genes are moved, the others follow.

Sparse changes break the correlations of genes, smooth ones have no short list. Here k
drivers K are chosen by :math:`|S \nabla f|_j / \sqrt{S_{jj}}`, the covariance of gene
and score in standard deviations of the gene, and all other genes R move to what is
expected of them, :math:`E[d_R \mid d_K] = S_{RK} S_{KK}^{-1} d_K`.
"""

import torch

from ..problem import Problem, nearest_step
from ..settings import Settings
from .natural import follow_natural_gradient, line, unit_rows
from .texture import renew


def drivers(
    problem: Problem, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Move each patient's ``n_drivers`` drivers, and what follows them.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``n_drivers``, ``followers`` and what `natural` uses.

    Returns
    -------
    rows : Tensor of shape (n_patients, n_features)
        Where they arrive, or best get to.
    reached : Tensor of bool of shape (n_patients,)
        Whether they arrive.
    chosen : Tensor of int of shape (n_patients, n_drivers)
        Positions of the drivers, the most important first.
    """
    full, _ = follow_natural_gradient(problem, settings)
    change = full - problem.start
    deviations = problem.reference.covariance.diagonal().sqrt()
    n_drivers = min(settings.n_drivers or 1, change.shape[1])
    importance = change.abs() / deviations
    chosen = importance.argsort(dim=1, descending=True, stable=True)[:, :n_drivers]
    direction = torch.stack(
        [
            followed(problem.reference.covariance, genes, values[genes],
                     settings.followers)
            for genes, values in zip(chosen, change, strict=True)
        ]
    )  # fmt: skip
    rows, reached = nearest_step(problem, line(problem, unit_rows(direction)))
    if settings.followers is None:
        rows, reached = renew(problem, settings, rows, reached)
    return rows, reached, chosen


def followed(covariance, genes, values, followers=None) -> torch.Tensor:
    """Return the expected change of all genes, given that of some.

    Parameters
    ----------
    covariance : FactorCovariance
        Of all genes.
    genes : Tensor of int of shape (n_drivers,)
        Positions of the drivers.
    values : Tensor of shape (n_drivers,)
        Their changes.
    followers : dict of int to Tensor of int, default=None
        Genes that may follow each driver; None lets all follow.

    Returns
    -------
    Tensor of shape (n_features,)
        The change; that of the drivers is ``values``.
    """
    loadings = covariance.vectors[:, genes]
    weights = (covariance.variances - covariance.rest)[:, None] * loadings
    identity = torch.eye(len(genes), dtype=values.dtype)
    own = loadings.T @ weights + covariance.rest * identity
    change = covariance.vectors.T @ (weights @ torch.linalg.solve(own, values))
    if followers is not None:
        allowed = torch.zeros(change.shape, dtype=torch.bool)
        for gene in genes.tolist():
            if gene in followers:
                allowed[followers[gene]] = True
        change = change * allowed
    change[genes] = values
    return change
