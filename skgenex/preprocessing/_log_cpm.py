"""Counts to log-CPM, and back to counts."""

import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    check_is_fitted,
    check_non_negative,
    column_or_1d,
    validate_data,
)

from .._seeding import draw_seed
from .dispersion import dispersions
from .size_factors import SIZE_FACTORS, totals

LARGEST_LOG = 50.0  # counts of any experiment exceed it, logarithms of counts do not


class LogCPM(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Counts as log2 of counts per million, with the way back.

    x = log_b(k t / s + c) for counts k of a sample with effective library size s,
    scaled to t counts in all. The library sizes of the training rows are kept, so that
    profiles, generated ones as well, can be turned into counts again.

    Parameters
    ----------
    size_factors : {"total", "upper_quartile", "median_of_ratios", "tmm"}, \
            default="total"
        How s is found: the sum of counts; or what the sum would be of a sample of
        typical composition, by the upper quartile of expressed genes, by the median
        ratio to a reference (DESeq's) or by the trimmed mean of ratios (edgeR's). What
        these compare with is learned from the training rows alone.
    target_sum : float or "median", default=1e6
        Counts t to scale to; "median": the median of s over the training rows.
    base : float, default=2.0
        Base of the logarithm.
    pseudocount : float, default=1.0
        The c of the equation. With 1, zeros stay zeros, and sparse counts stay sparse.
    noise : {"none", "poisson", "negative_binomial"}, default="none"
        What `inverse_transform` adds to expected counts. "none" rounds: right for
        measured profiles and for those of the samplers, which vary as measured ones do.
        The others are for smooth profiles, such as means or reconstructions: draws with
        the noise of counting, or also with each gene's dispersion.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of `inverse_transform`: noise, and library sizes where none
        are given.

    Attributes
    ----------
    size_factors_ : ndarray of shape (n_samples,)
        s of the training rows.
    target_sum_ : float
        t.
    dispersions_ : ndarray of shape (n_features,)
        Excess variance of each gene's counts as a share of its squared mean, by
        moments, within classes if ``y`` was given to `fit`; shrunk towards the median.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    References
    ----------
    Robinson & Oshlack (2010), A scaling normalization method for differential
    expression analysis of RNA-seq data, Genome Biology 11:R25; Anders & Huber (2010),
    Differential expression analysis for sequence count data, Genome Biology 11:R106,
    Eq. 5; Bullard et al. (2010), Evaluation of statistical methods for normalization,
    BMC Bioinformatics 11:94.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.preprocessing import LogCPM
    >>> counts = np.random.default_rng(0).poisson(5.0, size=(20, 50))
    >>> logcpm = LogCPM(target_sum="median")
    >>> X = logcpm.fit_transform(counts)
    >>> back = logcpm.inverse_transform(X, size_factors=logcpm.size_factors_)
    >>> bool((back == counts).all())
    True
    """

    _parameter_constraints: dict[str, list] = {
        "size_factors": [StrOptions(set(SIZE_FACTORS))],
        "target_sum": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"median"}),
        ],
        "base": [Interval(Real, 1, None, closed="neither")],
        "pseudocount": [Interval(Real, 0, None, closed="neither")],
        "noise": [StrOptions({"none", "poisson", "negative_binomial"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        size_factors="total",
        target_sum=1e6,
        base=2.0,
        pseudocount=1.0,
        noise="none",
        random_state=None,
    ):
        self.size_factors = size_factors
        self.target_sum = target_sum
        self.base = base
        self.pseudocount = pseudocount
        self.noise = noise
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: ArrayLike | None = None) -> "LogCPM":
        """Learn library sizes and dispersions.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Counts, or estimated counts: not logarithms.
        y : array-like of shape (n_samples,), default=None
            Classes, whose differences are not dispersion.

        Returns
        -------
        LogCPM
            Itself.

        Raises
        ------
        ValueError
            If there are negative or missing values, or no counts at all.
        """
        X = self._validated(X, reset=True)
        learn, apply = SIZE_FACTORS[self.size_factors]
        if not totals(X).any():
            raise ValueError("X has no counts: all of its values are zero.")
        reference = learn(X)
        sizes = apply(X, reference)
        self._reference, self.size_factors_ = reference, sizes
        self.target_sum_ = (
            float(np.median(sizes[sizes > 0]))
            if self.target_sum == "median"
            else float(self.target_sum)
        )
        labels = np.zeros(X.shape[0], dtype=int)
        if y is not None:
            labels = np.unique(column_or_1d(y), return_inverse=True)[1]
            if labels.max() + 1 > X.shape[0] / 2:  # continuous: no classes to speak of
                labels = np.zeros(X.shape[0], dtype=int)
        self.dispersions_ = dispersions(X, sizes, labels)
        return self

    def transform(self, X: Any) -> Any:
        """Turn counts into log-CPM.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Counts.

        Returns
        -------
        {ndarray, sparse matrix} of shape (n_samples, n_features)
            Logarithms; sparse if X is and ``pseudocount`` is 1. A row without counts is
            one of zero expression.
        """
        check_is_fitted(self, "size_factors_")
        X = self._validated(X, reset=False)
        sizes = self._sizes(X)
        scale = np.divide(
            self.target_sum_, sizes, out=np.zeros_like(sizes), where=sizes > 0
        ).astype(X.dtype)
        if sparse.issparse(X):
            if self.pseudocount == 1:
                out = X.multiply(scale[:, None]).tocsr()
                out.data = np.log1p(out.data) / np.log(self.base).astype(X.dtype)
                return out
            X = X.toarray()
        rows = X * scale[:, None]
        rows += self.pseudocount
        np.log(rows, out=rows)
        rows /= np.log(self.base)
        return rows

    def measure_size_factors(self, X: Any) -> NDArray:
        """Find the effective library sizes of samples.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Counts.

        Returns
        -------
        ndarray of shape (n_samples,)
            Library sizes, in counts.
        """
        check_is_fitted(self, "size_factors_")
        return self._sizes(self._validated(X, reset=False))

    def inverse_transform(
        self, X: Any, size_factors: ArrayLike | None = None
    ) -> NDArray:
        """Turn log-CPM into counts.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Logarithms, measured or generated. Values below that of no counts become
            zero.
        size_factors : array-like of shape (n_samples,) or float, default=None
            Library sizes of the rows; by default drawn from those of the training rows.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Counts, as int64.

        Raises
        ------
        ValueError
            If sizes are negative, or not one per row.
        """
        check_is_fitted(self, "size_factors_")
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        X = X.toarray() if sparse.issparse(X) else X
        rng = np.random.default_rng(draw_seed(self.random_state))
        if size_factors is None:
            sizes = rng.choice(self.size_factors_, len(X))
        else:
            sizes = np.broadcast_to(np.asarray(size_factors, dtype=np.float64), len(X))
            if not np.isfinite(sizes).all() or (sizes < 0).any():
                raise ValueError("size_factors must be finite and non-negative.")
        expected = np.power(float(self.base), X) - self.pseudocount
        expected *= sizes[:, None] / self.target_sum_
        np.maximum(expected, 0.0, out=expected)
        if self.noise == "negative_binomial":
            # A gamma of mean one and variance alpha, then counting.
            varies = np.flatnonzero(self.dispersions_ > 0)
            shape = 1 / self.dispersions_[varies]
            expected[:, varies] *= rng.gamma(shape, 1 / shape, (len(X), len(varies)))
        if self.noise != "none":
            return rng.poisson(expected).astype(np.int64)
        return np.rint(expected).astype(np.int64)

    def _sizes(self, X) -> NDArray:
        return SIZE_FACTORS[self.size_factors][1](X, self._reference)

    def _validated(self, X, reset: bool):
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            reset=reset,
        )
        check_non_negative(X, type(self).__name__)
        values = X.data if sparse.issparse(X) else X
        is_small = reset and values.size and values.max() < LARGEST_LOG
        if is_small and (values != np.rint(values)).any():
            warnings.warn(
                f"X has fractions, and no value above {values.max():.3g}: it looks "
                "like logarithms. LogCPM takes counts.",
                UserWarning,
                stacklevel=3,
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
