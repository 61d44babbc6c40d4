"""Differential privacy by Gaussian noise: calibration, composition, a ledger.

Two tables are neighbours if one has a row, of any values, that the other has not.
Noise N(0, sd^2) on a statistic which a row moves by at most ``sensitivity`` (Euclidean)
is mu-GDP with mu = sensitivity / sd; such steps, even if one looks at the results of
those before, compose to sqrt(sum of mu^2), exactly (Dong, Roth & Su 2022). In terms of
zero-concentrated privacy a step costs rho = mu^2 / 2.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

LARGEST_MU = 1e6
COLUMNS = ["step", "source", "sensitivity", "noise_sd", "mu", "rho", "epsilon"]


def gaussian_delta(mu: float, epsilon: float) -> float:
    """Smallest delta for which mu-GDP is (epsilon, delta)-private.

    Parameters
    ----------
    mu : float
        Sensitivity over the standard deviation of the noise.
    epsilon : float
        At least 0.

    Returns
    -------
    float
        Phi(mu/2 - epsilon/mu) - exp(epsilon) Phi(-mu/2 - epsilon/mu).

    References
    ----------
    Balle & Wang (2018), Improving the Gaussian Mechanism for Differential Privacy,
    ICML, Theorem 8.

    Examples
    --------
    >>> from skgenex.generation.dp import gaussian_delta
    >>> round(gaussian_delta(1.0, 1.0), 4)
    0.1269
    """
    if mu == 0:
        return 0.0
    first = ndtr(mu / 2 - epsilon / mu)
    return float(first - np.exp(epsilon + log_ndtr(-mu / 2 - epsilon / mu)))


def gaussian_epsilon(mu: float, delta: float) -> float:
    """Smallest epsilon for which mu-GDP is (epsilon, delta)-private.

    Parameters
    ----------
    mu : float
        Sensitivity over the standard deviation of the noise; may be infinite.
    delta : float
        In (0, 1).

    Returns
    -------
    float
        The inverse of `gaussian_delta` in epsilon.

    Examples
    --------
    >>> from skgenex.generation.dp import gaussian_epsilon
    >>> round(gaussian_epsilon(1.0, 1e-5), 2)
    4.38
    """
    if np.isinf(mu):
        return np.inf
    if gaussian_delta(mu, 0.0) <= delta:
        return 0.0
    # delta <= Phi(mu/2 - epsilon/mu), which gives an epsilon that surely suffices.
    enough = mu**2 / 2 + mu * np.sqrt(2 * np.log(1 / delta)) + 1.0
    return float(brentq(lambda e: gaussian_delta(mu, e) - delta, 0.0, enough))


def gaussian_mu(epsilon: float, delta: float) -> float:
    """Largest mu which is (epsilon, delta)-private: the least noise.

    Parameters
    ----------
    epsilon : float
        More than 0; may be infinite.
    delta : float
        In (0, 1).

    Returns
    -------
    float
        The analytic Gaussian mechanism's sensitivity over noise, rounded down.

    References
    ----------
    Balle & Wang (2018), Algorithm 1.

    Examples
    --------
    >>> from skgenex.generation.dp import gaussian_mu
    >>> round(gaussian_mu(1.0, 1e-5), 3)
    0.268
    """
    if np.isinf(epsilon):
        return np.inf
    low, high = 0.0, 1.0
    while gaussian_delta(high, epsilon) <= delta and high < LARGEST_MU:
        low, high = high, 2 * high
    for _ in range(100):  # bisection that keeps ``low`` private
        middle = (low + high) / 2
        if gaussian_delta(middle, epsilon) <= delta:
            low = middle
        else:
            high = middle
    return low


def clip_rows(rows: NDArray, norm: float) -> NDArray:
    """Shorten rows that are longer than a norm; no row then moves a sum by more.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Any finite rows.
    norm : float
        Largest Euclidean norm; infinity leaves the rows as they are.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        The rows, none longer than ``norm``.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.generation.dp import clip_rows
    >>> clip_rows(np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0)
    array([[0.6, 0.8],
           [0.3, 0.4]])
    """
    if np.isinf(norm):
        return rows
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows * np.minimum(1.0, norm / np.maximum(norms, 1e-300))


def private_quantile(
    values: NDArray,
    largest: float,
    quantile: float,
    ledger: "PrivacyLedger",
    step: str,
    share: float,
) -> float:
    """Quantile of positive values, from a noisy histogram on a fixed logarithmic grid.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        One value per row.
    largest : float
        Upper end of the grid, 20 half octaves long; known without looking at values.
    quantile : float
        In (0, 1).
    ledger : PrivacyLedger
        Pays, and draws the noise.
    step, share : str, float
        See `PrivacyLedger.charge`.

    Returns
    -------
    float
        Upper edge of the bin that holds the quantile.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.generation.dp import PrivacyLedger, private_quantile
    >>> ledger = PrivacyLedger(np.inf, 1e-5, np.random.default_rng(0))
    >>> private_quantile(np.array([0.9, 1.8, 1.9]), 8.0, 0.5, ledger, "norms", 1.0)
    2.0
    """
    edges = largest * 2.0 ** np.arange(-9.5, 0.5, 0.5)
    bins = np.searchsorted(edges, values).clip(max=len(edges) - 1)
    counts = np.bincount(bins, minlength=len(edges))
    # A row is in one bin: it moves the histogram by 1.
    cumulative = ledger.release(step, counts, 1.0, share).cumsum()
    reached = cumulative >= quantile * cumulative[-1]
    return float(edges[reached.argmax()]) if cumulative[-1] > 0 else float(largest)


class PrivacyLedger:
    """A budget, the releases paid from it, and what is left.

    Parameters
    ----------
    epsilon, delta : float
        The budget; with an infinite epsilon nothing is noised.
    rng : numpy.random.Generator
        Source of the noise.

    Attributes
    ----------
    budget : float
        The given epsilon.
    mu : float
        The budget in terms of Gaussian privacy.
    spent : float
        Share of ``mu`` squared that is spent.

    References
    ----------
    Dong, Roth & Su (2022), Gaussian Differential Privacy, JRSS B 84:3, Corollary 3.3
    (composition); Bun & Steinke (2016), Concentrated Differential Privacy, TCC.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.generation.dp import PrivacyLedger
    >>> ledger = PrivacyLedger(1.0, 1e-5, np.random.default_rng(0))
    >>> noisy = ledger.release("counts", np.array([50.0, 70.0]), 1.0, share=1.0)
    >>> round(ledger.epsilon, 6)
    1.0
    """

    def __init__(self, epsilon: float, delta: float, rng: np.random.Generator) -> None:
        self.budget = epsilon
        self.mu = gaussian_mu(epsilon, delta)
        self.delta = delta
        self.rng = rng
        self.spent = 0.0
        self._rows: list[dict] = []

    @property
    def epsilon(self) -> float:
        """What all releases so far cost, at the budget's delta."""
        # The budget is kept exactly; the search for its epsilon has rounding errors.
        return min(gaussian_epsilon(self._mu_of(self.spent), self.delta), self.budget)

    @property
    def table(self) -> pd.DataFrame:
        """A row per step, in order; ``epsilon`` is the cost of this step alone."""
        return pd.DataFrame(self._rows, columns=COLUMNS)

    def note(self, step: str, source: str) -> None:
        """Write down a step that costs nothing, and what it is made from."""
        self._rows.append(
            {"step": step, "source": source}
            | dict.fromkeys(("sensitivity", "noise_sd"), np.nan)
            | dict.fromkeys(("mu", "rho", "epsilon"), 0.0)
        )

    def charge(self, step: str, sensitivity: float, share: float) -> float:
        """Pay for a release; return the standard deviation its noise must have.

        Parameters
        ----------
        step : str
            What is released.
        sensitivity : float
            How far a row moves it at most, in Euclidean (Frobenius) norm.
        share : float
            Share of the budget's mu squared, in (0, 1].

        Returns
        -------
        float
            Standard deviation; 0 if the budget is infinite.

        Raises
        ------
        ValueError
            If the budget does not suffice.
        """
        if not 0 < share <= 1 or self.spent + share > 1 + 1e-9:
            raise ValueError(
                f"The release of {step} would take {share:.3g} of the privacy budget; "
                f"{self.spent:.3g} of it is spent. Shares must be positive and sum "
                "to 1 at most."
            )
        self.spent = min(self.spent + share, 1.0)
        mu = self._mu_of(share)
        sd = 0.0 if np.isinf(mu) else sensitivity / mu
        self._rows.append(
            {
                "step": step,
                "source": "private",
                "sensitivity": sensitivity,
                "noise_sd": sd,
                "mu": mu,
                "rho": mu**2 / 2,
                "epsilon": gaussian_epsilon(mu, self.delta),
            }
        )
        return sd

    def release(
        self, step: str, value: ArrayLike, sensitivity: float, share: float
    ) -> NDArray:
        """Return a statistic with noise, and pay for it; see `charge`."""
        value = np.asarray(value, dtype=np.float64)
        sd = self.charge(step, sensitivity, share)
        return value + sd * self.rng.standard_normal(value.shape)

    def release_symmetric(
        self, step: str, value: NDArray, sensitivity: float, share: float
    ) -> NDArray:
        """Return a symmetric matrix with symmetric noise, and pay for it.

        The noise is isotropic in Frobenius norm: off the diagonal its variance is half
        that on it. (Analyze Gauss, Dwork et al. 2014, has the same on and off.)
        """
        sd = self.charge(step, sensitivity, share)
        noise = self.rng.standard_normal(value.shape)
        noise += noise.T  # in place; the diagonal has variance 4, the rest 2
        return value + sd / 2 * noise

    def _mu_of(self, share: float) -> float:
        return self.mu * np.sqrt(share) if share else 0.0
