"""How far probabilities can be trusted, by rows that were held out."""

import numpy as np
from numpy.typing import NDArray

from .solvers import softmax

LARGEST = 10.0
N_HALVINGS = 40


def fit_temperature(logits: NDArray, codes: NDArray, weight: NDArray) -> float:
    r"""Fit the number by which held-out logits are to be divided; never below 1.

    Minimises the log-loss of ``logits / temperature`` against targets smoothed by
    Laplace's rule of succession: after n rows the true class gets :math:`(n + 1) /
    (n + 2)`, the others share the rest. So few rows, even if all were predicted right,
    do not vouch for a probability near 1. The order of the classes stays.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
        Of models that did not see the row.
    codes : ndarray of int of shape (n_samples,)
        True classes.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    float
        From 1 to 10.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks,
    ICML (temperature scaling); Platt (1999), Probabilistic outputs for support vector
    machines, Sec. 2.2 (smoothed targets).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.prediction.calibration import fit_temperature
    >>> logits = np.array([[2.0, -2.0], [-2.0, 2.0]])  # both right
    >>> round(fit_temperature(logits, np.array([0, 1]), np.ones(2)), 2)
    3.64
    """
    n, n_classes = logits.shape
    target = np.full((n, n_classes), 1 / (n + 2) / (n_classes - 1))
    target[np.arange(n), codes] = (n + 1) / (n + 2)

    def slope(inverse: float) -> float:
        """Return the derivative of the convex loss by 1 / temperature."""
        excess = softmax(inverse * logits) - target
        return float(weight @ (excess * logits).sum(axis=1))

    low, high = 1 / LARGEST, 1.0
    if slope(high) <= 0:
        return 1.0
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return 1 / high
