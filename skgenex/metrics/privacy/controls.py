"""What attacks achieve where the answer is known: on copies, and on real rows."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from .attacks import Evidence

COPY_NOISE = 0.1  # standard deviations of each gene


class NoisyCopies(BaseEstimator):
    """A sampler that leaks: training rows, drawn with replacement, a little noisy.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy.controls import NoisyCopies
    >>> rows = np.repeat([[0.0, 5.0], [10.0, 0.0]], 20, axis=0)
    >>> copies = NoisyCopies().fit(rows).sample(200, random_state=0)
    >>> sorted({(float(a), float(b)) for a, b in (copies / 5).round().clip(0)})
    [(0.0, 1.0), (2.0, 0.0)]
    """

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Keep the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted sampler.
        """
        self.rows_ = check_array(X, dtype=(np.float64, np.float32))
        self.labels_ = None if y is None else np.asarray(y)
        return self

    def sample(self, n_samples: int, *, random_state: int) -> Any:
        """Return noisy copies.

        Parameters
        ----------
        n_samples : int
            How many.
        random_state : int
            Seed.

        Returns
        -------
        ndarray of shape (n_samples, n_features), or tuple with labels
            Copies, and their labels if the fit had some.
        """
        rng = np.random.default_rng(random_state)
        drawn = rng.integers(len(self.rows_), size=n_samples)
        sd = self.rows_.std(axis=0, dtype=np.float64)
        rows = self.rows_[drawn].astype(np.float64)
        rows += COPY_NOISE * sd * rng.standard_normal(rows.shape)
        return rows if self.labels_ is None else (rows, self.labels_[drawn])


def second_sample(evidence: Evidence, seed: int) -> Evidence:
    """Return evidence in which one half of the reference poses as synthetic rows.

    Parameters
    ----------
    evidence : Evidence
        With reference rows.
    seed : int
        Of the halves.

    Returns
    -------
    Evidence
        Rows that know nothing of any training row.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence
    >>> from skgenex.metrics.privacy.controls import second_sample
    >>> evidence = Evidence(synthetic=np.zeros((9, 4)), reference=np.eye(4))
    >>> control = second_sample(evidence, seed=0)
    >>> control.synthetic.shape, control.reference.shape
    ((2, 4), (2, 4))
    """
    order = np.random.default_rng(seed).permutation(len(evidence.reference))
    first, second = np.array_split(order, 2)
    labels = evidence.reference_labels
    return replace(
        evidence,
        synthetic=evidence.reference[first],
        reference=evidence.reference[second],
        synthetic_labels=None if labels is None else labels[first],
        reference_labels=None if labels is None else labels[second],
    )
