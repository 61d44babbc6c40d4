"""From landmark genes to the others: their columns, and the network's loss."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class CorrectionObjective(nn.Module):
    """Squared error of a network that predicts what a linear model leaves over.

    The last layer starts at zero: untrained, it corrects nothing.

    Parameters
    ----------
    n_inputs : int
        Landmark genes.
    n_outputs : int
        Leading factors of the residuals.
    n_hidden : int, default=256
        Units of the hidden layer.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, n_hidden: int = 256, dropout: float = 0.3
    ) -> None:
        super().__init__()
        last = nn.Linear(n_hidden, n_outputs)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(
            nn.Linear(n_inputs, n_hidden), nn.Tanh(), nn.Dropout(dropout), last
        )

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Return the squared error per row.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_inputs)
            Standardised landmark genes.
        residual : Tensor of shape (n_samples, n_outputs)
            Factor scores of what the linear model leaves over.

        Returns
        -------
        Tensor of shape (n_samples,)
            Sums of squares.
        """
        return (self.network(x) - residual).square().sum(1)


def landmark_positions(landmarks: Any, columns: list | None, n_genes: int) -> NDArray:
    """Columns of landmarks given by mask, name or position.

    Parameters
    ----------
    landmarks : sequence of names or of positions, or mask of bool
        Which columns are landmarks.
    columns : list or None
        Names of all columns, if they have some.
    n_genes : int
        Number of columns.

    Returns
    -------
    ndarray of shape (n_landmarks,)
        Positions, in the order given.

    Raises
    ------
    ValueError
        If one is not a column, is named twice, or none is named.
    TypeError
        If names are given for columns without.
    """
    given = np.asarray(list(landmarks))
    if given.dtype == bool:
        if len(given) != n_genes:
            raise ValueError(
                f"A mask of landmarks must have {n_genes} values; got {len(given)}."
            )
        positions = np.flatnonzero(given)
    elif columns is not None:
        place = {name: i for i, name in enumerate(columns)}
        unknown = [name for name in given.tolist() if name not in place]
        if unknown:
            raise ValueError(
                f"{len(unknown)} of {len(given)} landmarks are not in X: "
                f"{unknown[:5]}. Leave these out, such as by "
                "X.columns.intersection(landmarks)."
            )
        positions = np.array([place[name] for name in given.tolist()], dtype=int)
    else:
        if given.dtype.kind not in "iu":
            raise TypeError("X has no column names: landmarks must be positions.")
        positions = given
        if len(given) and not (given.min() >= 0 and given.max() < n_genes):
            raise ValueError(f"Positions of landmarks must be in [0, {n_genes}).")
    if not len(positions) or len(np.unique(positions)) < len(positions):
        raise ValueError("landmarks must be one gene or more, each named once.")
    return positions
