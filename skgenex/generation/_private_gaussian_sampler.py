"""A Gaussian sampler with a promise of differential privacy."""

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from ._base import GeneratorMixin
from ._conditions import as_table
from ._gaussian_sampler import GaussianSampler, draw_gaussian
from .density import log_density
from .dp import PrivacyLedger
from .private_gaussian import (
    LARGEST_MATRIX,
    NoisyMoments,
    PublicSpace,
    learn,
    rotate,
    space_of_bounds,
    space_of_public_rows,
)
from .public_rows import label_public_rows, move_to_private

FEW_ROWS = 1_000
LARGEST_VALUE = 1e9  # far beyond any expression on a log scale


class PrivateGaussianSampler(GeneratorMixin, BaseOverSampler):
    """Simulate profiles from a Gaussian that is differentially private.

    What it learns of the patients it learns from three noisy sums: rows by class,
    clipped coordinates by class, products of clipped coordinates. The coordinates are
    factors of a public table (``public_data``) or, for few genes, the genes themselves
    between public bounds (``bounds``). So all that is fitted, and any number of rows
    that `sample` draws from it, is (``dp_epsilon``, ``dp_delta``)-private for adding
    or removing one patient; ``privacy_ledger_`` lists every step and its cost.

    Public rows need no labels: they get those of the private Gaussian. A
    `GaussianSampler` of the public rows and these labels then adds, at no cost to
    privacy, what three sums cannot tell (row scales, all factors, spread by class,
    distributions of genes), and its rows are moved along the leading factors to the
    private means and covariance, as far as these stand out from the noise.

    Parameters
    ----------
    sampling_strategy : str, dict, float or callable, default="auto"
        How many rows `fit_resample` adds; see `GaussianSampler`. What `fit_resample`
        returns begins with the given rows, so it is *not* private: for a release use
        `fit` and `sample`.
    dp_epsilon : float, default=3.0
        Privacy budget; infinity adds no noise and clips nothing.
    dp_delta : float, default=1e-5
        Probability of failure; should be well below 1 / n_samples.
    bounds : tuple of (float or array-like, float or array-like), default=None
        Lowest and highest value of genes, known without looking at the data, for
        example (0, 16) for log2(CPM + 1). Values beyond are clipped, in the fit and in
        what is drawn. Needed without ``public_data``.
    public_data : DataFrame or array-like of shape (n_public, n_features), default=None
        Rows of the same genes, on the same scale, that need no protection and hold
        patients of the same classes, labelled or not. A DataFrame is matched by gene
        name (and can't be saved by skops: for that pass an array).
    n_factors : int or "auto", default="auto"
        Leading factors of the public rows whose class means and covariance are learned
        from the private ones; "auto" counts those that stand out from noise, up to 20.
        Fewer factors: less noise. Without ``public_data``: principal components kept
        of the noisy covariance matrix, all with "auto".
    clip_norm : float or "auto", default="auto"
        Norm to which coordinates are clipped. "auto" is the upper quartile of those of
        the public rows; without these, that of the private rows, from a noisy
        histogram, which takes a tenth of the budget.
    classes : array-like, default=None
        All labels, known without looking at the data. None takes those found as public
        knowledge.
    random_state : int, RandomState instance or None, default=None
        Source of randomness. Who knows the seed of the fit can take the noise off:
        keep it secret, or leave None, which seeds the noise from the operating system.

    Attributes
    ----------
    epsilon_spent_ : float
        What the fit cost, at ``dp_delta``.
    delta_spent_ : float
        ``dp_delta`` of the fit.
    privacy_ledger_ : DataFrame
        A row per step: what it is, its source, its sensitivity, the standard
        deviation of its noise, and its cost as ``mu`` (Gaussian privacy), ``rho``
        (zero-concentrated) and ``epsilon`` (alone, at ``dp_delta``).
    classes_ : ndarray of shape (n_classes,)
        Labels.
    class_counts_ : ndarray of shape (n_classes,)
        Noisy number of rows of each.
    space_ : PublicSpace
        Coordinates of rows, and the private Gaussian in them.
    covariance_ : ndarray of shape (n_factors, n_factors)
        Common covariance of the coordinates, with ``public_data``.
    public_sampler_ : GaussianSampler or None
        Sampler of the public rows, moved to the private means and covariance; None
        with ``bounds`` alone.
    public_codes_ : ndarray of shape (n_public,)
        Class that each public row got, as an index of ``classes_``.
    sampling_strategy_ : dict
        Rows added per class, after `fit_resample`. These are exact, not private.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    GaussianSampler : Without privacy.

    Notes
    -----
    The number of rows is private too: neighbouring tables differ by one row. What
    `score` returns, and errors and warnings of a fit, are for the holder of the data
    and not private. The noise is drawn in floating point, which in theory tells more
    than real numbers would (Mironov 2012).

    With ``bounds`` alone the model is simpler than that of `GaussianSampler`: no row
    scale, and no map per gene to its real distribution.

    References
    ----------
    Balle & Wang (2018), Improving the Gaussian Mechanism for Differential Privacy,
    ICML, Theorem 8; Dong, Roth & Su (2022), Gaussian Differential Privacy, JRSS B 84:3;
    Dwork, Talwar, Thakurta & Zhang (2014), Analyze Gauss, STOC; Mironov (2012), On
    Significance of the Least Significant Bits for Differential Privacy, CCS; Papernot
    et al. (2017), Semi-supervised Knowledge Transfer for Deep Learning from Private
    Training Data, ICLR (public rows labelled by a private model).

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import PrivateGaussianSampler
    >>> X, y = make_expression(n_samples=2400, random_state=0, return_X_y=True)
    >>> sampler = PrivateGaussianSampler(
    ...     dp_epsilon=3.0, public_data=X[:600], random_state=0
    ... )
    >>> X_new, y_new = sampler.fit(X[600:], y[600:]).sample(10)
    >>> X_new.shape
    (10, 200)
    >>> bool(sampler.epsilon_spent_ <= 3.0)
    True
    """

    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        "dp_epsilon": [Interval(Real, 0, None, closed="right")],
        "dp_delta": [Interval(Real, 0, 1, closed="neither")],
        "bounds": [tuple, list, None],
        "public_data": ["array-like", None],
        "n_factors": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "classes": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        dp_epsilon=3.0,
        dp_delta=1e-5,
        bounds=None,
        public_data=None,
        n_factors="auto",
        clip_norm="auto",
        classes=None,
        random_state=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.dp_epsilon = dp_epsilon
        self.dp_delta = dp_delta
        self.bounds = bounds
        self.public_data = public_data
        self.n_factors = n_factors
        self.clip_norm = clip_norm
        self.classes = classes
        self.random_state = random_state

    def _fit_checked(self, X: NDArray, y, conditions, seed: int) -> None:
        if conditions is not None and pd.DataFrame(conditions).shape[1]:
            raise ValueError(
                "conditions would be kept as they are, which is not private. Fit "
                "without them, or code one as the classes y."
            )
        super()._fit_checked(X, y, None, seed)
        self._condition_rows = ({}, np.empty(0, dtype=int))  # not a trace of the rows

    def _fit_rows(
        self, X: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> None:
        if self.target_type_ == "continuous":
            raise ValueError(
                "A continuous y would be kept as it is, which is not private. Cut it "
                "into classes at bounds chosen without looking at it."
            )
        # Entropy of the operating system: 31 bits of seed could be tried out.
        entropy = None if self.random_state is None else [seed, 0]
        rng = np.random.default_rng(entropy)
        ledger = PrivacyLedger(self.dp_epsilon, self.dp_delta, rng)
        codes = self._publish_labels(codes, ledger)
        self._bounds = self._check_bounds(X.shape[1])
        # A row so extreme that it overflows would show by what is not finite.
        rows = X.astype(np.float64).clip(-LARGEST_VALUE, LARGEST_VALUE)
        if self._bounds is not None:
            np.clip(rows, *self._bounds, out=rows)
            ledger.note("bounds", "given")
        self.space_ = self._new_space(X.shape[1], ledger, rng)
        moments = learn(
            self.space_, rows, codes, len(self.classes_), ledger, self._moments_share()
        )
        counts = moments.counts
        self.public_sampler_: Any = None
        self.public_codes_: NDArray = np.empty(0, dtype=int)
        public = None
        if self.public_data is None:
            rotate(self.space_, moments.covariance(), self.n_factors)
            self.covariance_ = np.empty((0, 0))
        else:
            self.covariance_ = moments.covariance()
            public = self._check_public(X.shape[1])
            self._learn_public_rows(public, moments, ledger, rng)
        self._refine(rows, codes, public, counts, ledger)
        self.class_counts_ = np.rint(counts).astype(int)
        self._ledger = ledger.table.to_dict("list")  # skops keeps no DataFrame
        self.epsilon_spent_, self.delta_spent_ = ledger.epsilon, self.dp_delta
        warn_if_few(self.class_counts_.sum(), self.dp_epsilon)

    def _learn_public_rows(
        self,
        public: NDArray,
        moments: NoisyMoments,
        ledger: PrivacyLedger,
        rng: np.random.Generator,
    ) -> None:
        """Label the public rows, learn from them, and move to the private moments."""
        latents = self.space_.encode(public)
        codes = label_public_rows(latents, moments)
        if np.bincount(codes).max() < 2:
            raise ValueError(
                f"public_data has too few rows, {len(public)}, for "
                f"{len(self.classes_)} classes: each got one. Give more rows."
            )
        ledger.note("classes of public rows", "steps above")
        sampler = self._fit_public_sampler(public, codes, rng)
        ledger.note("all else of the public rows", "public_data")
        move_to_private(sampler, self.space_, moments, latents, codes)
        self.public_sampler_, self.public_codes_ = sampler, codes

    def _fit_public_sampler(
        self, X: NDArray, codes: NDArray, rng: np.random.Generator
    ) -> Any:
        sampler = self._new_public_sampler()
        sampler.classes_, sampler.target_type_ = self.classes_, "class"
        sampler.n_features_in_ = X.shape[1]
        seed = int(rng.integers(2**31 - 1))
        sampler._fit_coded(X, codes, as_table(None, len(X)), seed)
        return sampler

    def _new_public_sampler(self) -> Any:
        """Return the unfitted sampler of the public rows."""
        return GaussianSampler()

    def _moments_share(self) -> float:
        """Share of the budget that the three sums take."""
        return 1.0

    def _refine(
        self,
        X: NDArray,
        codes: NDArray,
        public: NDArray | None,
        counts: NDArray,
        ledger: PrivacyLedger,
    ) -> None:
        """Spend what the sums left of the budget."""

    @property
    def privacy_ledger_(self) -> pd.DataFrame:
        """What each step took from the rows, and what it cost."""
        check_is_fitted(self, "_ledger")
        return pd.DataFrame(self._ledger)

    def _publish_labels(self, codes: NDArray, ledger: PrivacyLedger) -> NDArray:
        """Take the labels from the user, or note that those found are public."""
        if self.classes is None or self.target_type_ == "none":
            ledger.note("labels", "assumed public")
            return codes
        classes = np.unique(np.asarray(self.classes))
        unknown = np.setdiff1d(self.classes_, classes)
        if len(unknown):
            raise ValueError(
                f"y has labels that are not in classes={classes.tolist()!r}: "
                f"{unknown.tolist()!r}. Add them, or leave these rows out."
            )
        ledger.note("labels", "given")
        codes = np.searchsorted(classes, self.classes_)[codes]
        self.classes_ = classes
        return codes

    def _check_bounds(self, n_features: int) -> tuple[NDArray, NDArray] | None:
        if self.bounds is None:
            return None
        if len(self.bounds) != 2:
            raise ValueError(
                f"bounds must hold a lowest and a highest value; got {self.bounds!r}."
            )
        low, high = (np.asarray(b, dtype=np.float64) for b in self.bounds)
        for bound in (low, high):
            if bound.shape not in ((), (n_features,)):
                raise ValueError(
                    f"bounds must be numbers or hold a value per gene, {n_features}; "
                    f"got shape {bound.shape}."
                )
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise ValueError("bounds must be finite.")
        if not (low < high).all():
            raise ValueError("Each lower bound must be below the upper one.")
        return np.broadcast_to(low, n_features), np.broadcast_to(high, n_features)

    def _new_space(
        self, n_features: int, ledger: PrivacyLedger, rng: np.random.Generator
    ) -> PublicSpace:
        """Make the space of the coordinates, from public rows or from bounds."""
        if self.public_data is not None:
            public = self._check_public(n_features)
            space = space_of_public_rows(public, self.n_factors, rng)
            ledger.note("centre, scale, factors, noise of genes", "public_data")
        elif self._bounds is None:
            raise ValueError(
                "Without bounds or public rows there is no private way to scale the "
                "genes. Pass bounds=(low, high), known without looking at the data, "
                "such as (0, 16) for log2(CPM + 1), or public_data=, rows of the same "
                "genes from another study."
            )
        elif n_features > LARGEST_MATRIX:
            raise ValueError(
                f"With bounds alone, factors come from a noisy covariance matrix of "
                f"all genes: at most {LARGEST_MATRIX:,}, got {n_features:,}. Pass "
                "public_data=, rows of the same genes from another study, or fewer "
                "genes, chosen without looking at the data."
            )
        else:
            space = space_of_bounds(*self._bounds)
            ledger.note("centre, scale", "bounds")
        if self.clip_norm != "auto":
            space.clip_norm_ = float(self.clip_norm)
            ledger.note("clip norm", "given")
        elif self.public_data is not None:
            ledger.note("clip norm", "public_data")
        return space

    def _check_public(self, n_features: int) -> NDArray:
        public = self.public_data
        names = getattr(self, "feature_names_in_", None)
        if isinstance(public, pd.DataFrame) and names is not None:
            missing = [name for name in names if name not in public.columns]
            if missing:
                raise ValueError(
                    f"public_data lacks {len(missing)} of the {n_features} genes of "
                    f"X, such as {missing[:3]}. Fit on genes that both have."
                )
            public = public[list(names)]
        public = check_array(public, dtype=np.float64, ensure_min_samples=3)
        if public.shape[1] != n_features:
            raise ValueError(
                f"public_data must have the genes of X, {n_features}; got "
                f"{public.shape[1]} columns."
            )
        if not np.ptp(public, axis=0).any():
            raise ValueError("All genes of public_data are constant.")
        return public

    def _sample_rows(
        self, codes: NDArray, covariates: NDArray, rng: np.random.Generator
    ) -> NDArray:
        if self.public_sampler_ is not None:
            rows = self.public_sampler_._sample_rows(codes, covariates, rng)
        else:
            latents = draw_gaussian(self._class_covariances(), codes, rng)
            rows = self.space_.decode(latents, codes, rng)
        return rows if self._bounds is None else np.clip(rows, *self._bounds)

    def _class_covariances(self) -> NDArray:
        shape = (len(self.classes_) + 1, *self.covariance_.shape)
        return np.broadcast_to(self.covariance_, shape)

    def _score_rows(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        sampler = self.public_sampler_
        if sampler is not None:
            log_volume = getattr(sampler.model_, "log_volume_", 0.0)
            return sampler._score_rows(X, codes, covariates) - log_volume
        model: Any = self.space_  # has what the density reads of a FactorModel
        return log_density(model, self._class_covariances(), X, codes, covariates)


def warn_if_few(n_samples: int, epsilon: float) -> None:
    """Warn where the noise of a private fit is likely to drown what is learned.

    Parameters
    ----------
    n_samples : int
        Noisy number of rows.
    epsilon : float
        The budget; an infinite one needs no warning.
    """
    if n_samples < FEW_ROWS and np.isfinite(epsilon):
        warnings.warn(
            f"About {n_samples} rows: below {FEW_ROWS:,} the noise of differential "
            "privacy is often larger than what can be learned. Compare the simulated "
            "rows with a fit of dp_epsilon=inf before using them.",
            UserWarning,
            stacklevel=2,
        )
