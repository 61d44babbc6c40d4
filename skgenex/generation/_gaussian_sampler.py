"""The simple generator that no deep one may lose to."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._covariance import SHRINKAGES, class_covariances
from .._residuals import column_range
from ._base import GeneratorMixin
from .density import log_density
from .factors import FactorModel
from .marginals import keep_sign
from .simulation import calibrate, choose_by_holdout

MODEL_CONSTRAINTS: dict[str, list] = {
    "n_factors": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    "shrinkage": [StrOptions(set(SHRINKAGES)), Interval(Real, 0, 1, closed="both")],
    "mean_shrinkage": [Interval(Real, 0, None, closed="left")],
    "class_covariance": [StrOptions({"auto"}), Interval(Real, 0, None, closed="both")],
    "marginal": [StrOptions({"auto"}), "boolean"],
    "random_state": ["random_state"],
}


class GaussianSampler(GeneratorMixin, BaseOverSampler):
    """Simulate profiles from class-conditional Gaussians, made for p >> n.

    Class means shrunk towards the mean of all rows; class standard deviations and the
    covariance of the leading factors shrunk towards the common ones; a shrunk
    covariance in factor form, in O(n p) memory; a scale per row; and a monotone map
    per gene for floors, zeros and skew. It fits in milliseconds to seconds, and on few
    patients it beats most deep generators: it is the baseline of `DiffusionSampler`,
    which contains it.

    Parameters
    ----------
    sampling_strategy : str, dict, float or callable, default="auto"
        How many rows `fit_resample` adds, in imbalanced-learn's terms; see also
        `multiply` and `augment_to`.
    n_factors : int or "auto", default="auto"
        Leading factors whose covariance may differ between classes.
    shrinkage : {"matched", "ledoit_wolf", "nonlinear"} or float, default="matched"
        How the covariance is shrunk. "ledoit_wolf" has the least squared error;
        "matched" shrinks less, so that simulated rows resemble each other as much as
        real ones do; "nonlinear" shrinks each eigenvalue by itself; a number in [0, 1]
        is the intensity of linear shrinkage. More shrinkage: more privacy, less
        likeness.
    mean_shrinkage : float, default=1.0
        Weight of the mean of all rows in a class's mean, in rows.
    class_covariance : float or "auto", default="auto"
        Weight of the common covariance in a class's, in rows; infinity gives all
        classes the same. "auto" chooses by held-out likelihood.
    marginal : bool or "auto", default="auto"
        Whether to map each gene to the distribution of the training rows; "auto"
        chooses by held-out Cramer distance.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit and of `sample`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the fit.
    class_counts_ : ndarray of shape (n_classes,)
        Rows of each.
    model_ : FactorModel
        The linear model of rows.
    class_covariances_ : ndarray of shape (n_classes + 1, n_latents, n_latents)
        Of the latents; the last is that of all classes.
    class_covariance_ : float
        The weight used.
    marginal_map_ : MarginalMap or None
        The map used.
    sampling_strategy_ : dict
        Rows added per class, after `fit_resample`.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    DiffusionSampler : Adds what a Gaussian cannot have.

    References
    ----------
    Ledoit & Wolf (2004), Journal of Multivariate Analysis 88:365; Ledoit & Wolf (2020),
    Annals of Statistics 48:3043; Friedman (1989), Regularized Discriminant Analysis,
    JASA 84:165.

    Examples
    --------
    >>> from skgenex import GaussianSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import multiply
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(sampling_strategy=multiply(3), random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> X_resampled.shape
    (180, 200)
    >>> X_new, y_new = sampler.sample(y={y[0]: 5})
    >>> X_new.shape
    (5, 200)
    """

    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        **MODEL_CONSTRAINTS,
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        n_factors="auto",
        shrinkage="matched",
        mean_shrinkage=1.0,
        class_covariance="auto",
        marginal="auto",
        random_state=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.n_factors = n_factors
        self.shrinkage = shrinkage
        self.mean_shrinkage = mean_shrinkage
        self.class_covariance = class_covariance
        self.marginal = marginal
        self.random_state = random_state

    def _fit_rows(
        self, X: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> None:
        rng = np.random.default_rng([seed, 0])
        fit_gaussian(self, X, codes, covariates, rng)
        self.marginal_map_ = calibrate(
            self.model_,
            self._draw_latents,
            X,
            codes,
            covariates,
            rng,
            map_marginals=self.maps_marginals_,
        )

    def _draw_latents(
        self, codes: NDArray, covariates: NDArray, rng: np.random.Generator
    ) -> NDArray:
        return draw_gaussian(self.class_covariances_, codes, rng)

    def _sample_rows(
        self, codes: NDArray, covariates: NDArray, rng: np.random.Generator
    ) -> NDArray:
        latents = self._draw_latents(codes, covariates, rng)
        return finish_rows(self, latents, codes, covariates, rng)

    def _score_rows(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        rows = (X, codes, covariates)
        return log_density(self.model_, self.class_covariances_, *rows)


def fit_gaussian(
    sampler: Any,
    X: NDArray,
    codes: NDArray,
    covariates: NDArray,
    rng: np.random.Generator,
    make_model: Callable[[], FactorModel] | None = None,
) -> NDArray:
    """Fit the Gaussian part of a sampler with the parameters of `MODEL_CONSTRAINTS`.

    Sets ``model_``, ``class_covariance_``, ``class_covariances_`` and
    ``maps_marginals_``.

    Parameters
    ----------
    sampler : estimator
        The sampler.
    X, codes, covariates
        Dense rows.
    rng : numpy.random.Generator
        Source of randomness.
    make_model : callable, default=None
        Returns an unfitted model of rows; None makes the sampler's `FactorModel`.

    Returns
    -------
    ndarray of shape (n_samples, n_latents)
        Latents of the rows.
    """
    n_classes = len(sampler.classes_)
    make_model = make_model or (lambda: new_model(sampler))
    sampler.lowest_, _ = column_range(X)
    sampler.class_covariance_ = sampler.class_covariance
    sampler.maps_marginals_ = sampler.marginal
    if "auto" in (sampler.class_covariance, sampler.marginal):
        strength, maps_marginals = choose_by_holdout(
            make_model, X, codes, n_classes, covariates, rng
        )
        if sampler.class_covariance == "auto":
            sampler.class_covariance_ = strength
        if sampler.marginal == "auto":
            sampler.maps_marginals_ = maps_marginals
    sampler.model_ = make_model()
    latents = sampler.model_.fit_encode(X, codes, n_classes, covariates, rng)
    sampler.class_covariances_ = class_covariances(
        latents, codes, n_classes, sampler.class_covariance_
    )
    return latents


def new_model(sampler: Any) -> FactorModel:
    """Return an unfitted `FactorModel` with a sampler's parameters."""
    return FactorModel(sampler.n_factors, sampler.shrinkage, sampler.mean_shrinkage)


def draw_gaussian(
    covariances: NDArray, codes: NDArray, rng: np.random.Generator
) -> NDArray:
    """Draw a row of N(0, covariances[code]) for each code."""
    z = rng.standard_normal((len(codes), covariances.shape[1]))
    for c in np.unique(codes):
        values, vectors = np.linalg.eigh(covariances[c])
        root = vectors * np.sqrt(values.clip(min=0))
        z[codes == c] = z[codes == c] @ root.T
    return z


def finish_rows(
    sampler: Any,
    latents: NDArray,
    codes: NDArray,
    covariates: NDArray,
    rng: np.random.Generator,
    guidance: float = 1.0,
) -> NDArray:
    """Decode latents, map the marginals, and restore what must be exact."""
    rows = sampler.model_.decode(latents, codes, covariates, rng)
    if guidance != 1:
        # Guidance of Gaussians which differ by their means exaggerates the difference.
        means = sampler.model_.means_
        overall = sampler.class_counts_ @ means / sampler.class_counts_.sum()
        rows += (guidance - 1) * (means[codes] - overall)
    if sampler.marginal_map_ is not None:
        rows = sampler.marginal_map_.transform(rows)
    else:
        keep_sign(rows, sampler.lowest_)
    rows[:, sampler.model_.constant_] = sampler.model_.constants_
    return rows
