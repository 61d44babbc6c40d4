"""Gradients of models that can only be asked, in the leading eigenspace."""

import numpy as np
import torch

from ..problem import Problem
from ..settings import Settings

N_DIRECTIONS = 30  # leading eigenvectors that are searched
WIDTH = 1.0  # standard deviations along each: trees are flat on smaller scales
RESERVED = 108  # predictions kept for line searches, fallbacks and the final check


def estimated_gradient(
    problem: Problem, settings: Settings, rows: torch.Tensor, step: int
) -> torch.Tensor:
    r"""Estimate the gradient of the smoothed score by antithetic draws.

    With :math:`B = V \Lambda^{1/2}` of the leading factors, the score is asked at
    :math:`x \pm \sigma u B`; the returned g has
    :math:`S g = B^\top \widehat{\nabla_u}`.

    Parameters
    ----------
    problem : Problem
        The patients.
    settings : Settings
        ``max_predictions`` and ``seed`` are used.
    rows : Tensor of shape (n_patients, n_features)
        Where to ask.
    step : int
        Number of the step; each draws anew.

    Returns
    -------
    Tensor of shape (n_patients, n_features)
        The gradient.

    References
    ----------
    Nesterov, Spokoiny (2017). Random gradient-free minimization of convex functions.
    Foundations of Computational Mathematics 17:527 (Eq. 26, the symmetric oracle).
    """
    covariance = problem.reference.within
    q = min(N_DIRECTIONS, len(covariance.vectors))
    deviations = covariance.variances[:q].sqrt()
    vectors = covariance.vectors[:q]
    n_pairs = max((settings.max_predictions - RESERVED) // 4, 1)
    rng = np.random.default_rng([settings.seed, step])
    draws = torch.from_numpy(rng.standard_normal((n_pairs, q)))
    offsets = (WIDTH * draws * deviations) @ vectors
    slope = torch.zeros(len(rows), q, dtype=torch.float64)
    n_at_once = max(int(4e6 // rows.numel()), 1)
    for part, drawn in zip(
        offsets.split(n_at_once), draws.split(n_at_once), strict=True
    ):
        ends = torch.cat([rows + sign * offset for offset in part for sign in (1, -1)])
        many = problem.of(torch.arange(len(problem)).repeat(2 * len(part)))
        scores = many.margin(ends).reshape(len(part), 2, len(rows))
        slope += (scores[:, 0] - scores[:, 1]).T @ drawn / (2 * WIDTH * n_pairs)
    return (slope / deviations) @ vectors
