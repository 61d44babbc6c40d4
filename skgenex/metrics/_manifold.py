"""Precision, recall, density, coverage: the overlap of two sets (Naeem et al. 2020)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._distances import centred, kth_neighbour_squared, squared_distance_blocks
from ._rows import checked_rows


class ManifoldScores(NamedTuple):
    """Overlap of a synthetic set with a real one.

    Parameters
    ----------
    precision : float
        Share of synthetic rows inside a ball of a real row, in [0, 1].
    recall : float
        Share of real rows inside a ball of a synthetic row, in [0, 1].
    density : float
        Mean number of real balls around a synthetic row over ``n_neighbors``; expected
        1 for a second real sample, can exceed 1.
    coverage : float
        Share of real rows whose ball holds a synthetic row, in [0, 1].
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(
    X_real: ArrayLike, X_synthetic: ArrayLike, *, n_neighbors: int = 5
) -> ManifoldScores:
    r"""Precision, recall, density and coverage of synthetic rows.

    With N real rows :math:`X_i`, M synthetic rows :math:`Y_j`, and the ball :math:`B`
    around each row that reaches to its k-th nearest neighbour in its own set:

    .. math::
        \text{precision} &= \tfrac1M \sum_j 1[Y_j \in \cup_i B(X_i)], \qquad
        \text{recall} = \tfrac1N \sum_i 1[X_i \in \cup_j B(Y_j)], \\
        \text{density} &= \tfrac1{kM} \sum_j \sum_i 1[Y_j \in B(X_i)], \qquad
        \text{coverage} = \tfrac1N \sum_i 1[\exists j: Y_j \in B(X_i)].

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_features)
        Real rows, best held out from the generator.
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows, on the same scale.
    n_neighbors : int, default=5
        The k of the balls; both sets need more rows than that.

    Returns
    -------
    scores : ManifoldScores
        Named tuple ``(precision, recall, density, coverage)``.

    Raises
    ------
    ValueError
        If a set has ``n_neighbors`` rows or fewer, or the features differ.

    Notes
    -----
    Balls are open, and ties within rounding lie outside: a set compared with itself
    has density exactly 1. A ball of radius 0 (more than k equal rows) holds nothing.

    Distances are taken in the full gene space. In a PCA fitted on few training rows
    (fewer than genes), held-out rows shrink towards the centre, and even exact copies
    of training rows then lie outside every ball.

    Coverage rises with the number of synthetic rows; compare at equal sizes.

    References
    ----------
    Naeem, Oh, Uh, Choi, Yoo (2020). Reliable fidelity and diversity metrics for
    generative models. ICML (density and coverage).

    Kynkäänniemi, Karras, Laine, Lehtinen, Aila (2019). Improved precision and recall
    metric for assessing generative models. NeurIPS (precision and recall).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import precision_recall_density_coverage
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 10))
    >>> collapsed = X.mean(axis=0) + 0.1 * rng.standard_normal((200, 10))
    >>> scores = precision_recall_density_coverage(X, collapsed)
    >>> scores.precision, scores.recall
    (1.0, 0.0)
    """
    if not isinstance(n_neighbors, (int, np.integer)) or n_neighbors < 1:
        raise ValueError(
            f"n_neighbors must be a positive integer; got {n_neighbors!r}."
        )
    real, synthetic = checked_rows(X_real=X_real, X_synthetic=X_synthetic)
    for name, rows in (("X_real", real), ("X_synthetic", synthetic)):
        if len(rows) <= n_neighbors:
            raise ValueError(
                f"{name} must have more than n_neighbors={n_neighbors} rows; got "
                f"{len(rows)}. Add rows or lower n_neighbors."
            )
    real, synthetic = centred(real, synthetic)
    inside = 1 - 64 * np.finfo(real.dtype).eps  # what rounding cannot tell is a tie
    real_radii = kth_neighbour_squared(real, n_neighbors) * inside
    synthetic_radii = kth_neighbour_squared(synthetic, n_neighbors) * inside

    balls_around = np.zeros(len(synthetic), dtype=np.int64)  # real balls
    recalled = covered = 0
    for start, block in squared_distance_blocks(real, synthetic):
        in_real_ball = block < real_radii[start : start + len(block), None]
        balls_around += np.count_nonzero(in_real_ball, axis=0)
        covered += int(np.count_nonzero(in_real_ball.any(axis=1)))
        recalled += int(np.count_nonzero((block < synthetic_radii).any(axis=1)))
    return ManifoldScores(
        precision=float(np.mean(balls_around > 0)),
        recall=recalled / len(real),
        density=float(balls_around.mean() / n_neighbors),
        coverage=covered / len(real),
    )
