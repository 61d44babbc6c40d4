"""The linear model of expression all samplers share: x = m(c) + d(c) s (V z + e)."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma

from .._blocks import blocks
from .._covariance import (
    SHRINKAGES,
    count_factors,
    factorise,
    second_moments,
    times,
)
from .._mapped import release
from .._residuals import Residuals, class_sums, column_range
from .marginals import MarginalMap

MAX_FACTORS = 48
CLASS_SD_STRENGTH = 10.0  # rows' worth of weight of the common standard deviation
CLASS_SCALE_STRENGTH = 5.0  # and of the common mean of log s
MIN_ROWS_SCALE = 12
FEW_GENES = 10  # of which a difference in scale must be significant
MIN_REST = 0.2  # of the variance beyond the leading factors: how little may be left
MIN_SCALE_SHARE = 0.1  # of the variance of log norms, beyond chance


class FactorModel:
    """A row is its class's mean plus factors, its own noise and its own scale.

    x = m(c) + b u + d(c) s (V z + e), with m(c) the class mean, shrunk towards the
    mean of all rows; u standardised covariates and b their ridge regression; d(c) the
    class's standard deviations, shrunk towards those of all classes; s the row's scale
    (rows differ in quality, purity and depth: a Gaussian in many dimensions puts all
    rows at the same distance from its mean); V orthonormal factors with scores z and
    e independent noise, which carries the variance that shrinkage takes off the
    factors. The *latents* of a row are the q leading scores, whitened, and the
    standardised log s.

    Parameters
    ----------
    n_factors : int or "auto", default="auto"
        The q leading factors; "auto" counts those above noise, within 4 and
        clip(n_samples / 8, 4, 48).
    shrinkage : str or float, default="matched"
        A key of `skgenex._covariance.SHRINKAGES`, or a linear intensity.
    mean_shrinkage : float, default=1.0
        Weight of the mean of all rows in a class's mean, in rows.
    of_genes : bool, default=True
        Whether columns are genes, each with a standard deviation of its own, in rows
        of a scale of their own. False is for the few codes of a space: then factors
        are those of the covariance, not of the correlation, and there is no scale,
        which of few columns would be a polar coordinate.

    Attributes
    ----------
    means_ : ndarray of shape (n_classes, n_features)
    sds_ : ndarray of shape (n_classes, n_features)
        d(c); zero for constant genes.
    vectors_ : ndarray of shape (n_all_factors, n_features)
    eigenvalues_ : ndarray of shape (n_all_factors,)
        Shrunk variances of the factors.
    noise_ : ndarray of shape (n_features,)
        Variances of e.
    n_factors_ : int
        q.
    has_scale_ : bool
        Whether rows differ in scale by more than chance.
    """

    def __init__(
        self,
        n_factors: int | str = "auto",
        shrinkage: str | float = "matched",
        mean_shrinkage: float = 1.0,
        of_genes: bool = True,
    ) -> None:
        self.n_factors = n_factors
        self.shrinkage = shrinkage
        self.mean_shrinkage = mean_shrinkage
        self.of_genes = of_genes

    def fit_encode(
        self,
        X: Any,
        codes: NDArray,
        n_classes: int,
        covariates: NDArray,
        rng: np.random.Generator,
    ) -> NDArray:
        """Fit the model and return the latents of its rows.

        Parameters
        ----------
        X : ndarray or SomeRows of shape (n_samples, n_features)
            Expression on a log scale; read by blocks, so it may be mapped from a file.
        codes : ndarray of shape (n_samples,)
            Classes, 0 to n_classes - 1.
        n_classes : int
            Number of classes; those without rows get the mean of all rows.
        covariates : ndarray of shape (n_samples, n_covariates)
            Standardised covariates, possibly none.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        ndarray of shape (n_samples, n_factors_ + has_scale_)
            Latents, of unit variance.

        Raises
        ------
        ValueError
            If no class has two rows.
        """
        n = len(X)
        self.counts_ = np.bincount(codes, minlength=n_classes)
        dof = n - int(np.count_nonzero(self.counts_))
        if dof < 1:
            raise ValueError(
                f"At least one class needs two rows; got {n} rows of {n} classes."
            )
        low, high = column_range(X)
        self.constant_ = low == high
        self.constants_ = low[self.constant_].astype(np.float64)
        centres = self._fit_means(X, codes, covariates)
        known = (covariates, self.slopes_) if covariates.shape[1] else ()
        residuals = Residuals(X, codes, centres, *known)
        self._fit_sds(residuals, codes, dof)
        residuals.sds = self._divisors()
        # Residuals are closer to their own mean than rows are.
        residuals.factors = np.full(n, np.sqrt(n / dof))
        log_scale = self._fit_scale(residuals, codes, rng)
        residuals.factors = residuals.factors * np.exp(-log_scale)
        scores = self._fit_factors(residuals, rng)
        return self._latents(scores, log_scale, codes)

    def _fit_means(self, X: Any, codes: NDArray, covariates: NDArray) -> NDArray:
        """Set means_ and slopes_; return the plain class means."""
        counts = self.counts_[:, None]
        sums = class_sums(X, codes, len(counts))
        overall = sums.sum(axis=0) / len(X)
        centres = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
        weight = self.counts_ / np.maximum(self.counts_ + self.mean_shrinkage, 1e-12)
        self.means_ = overall + weight[:, None] * (centres - overall)
        self.slopes_ = np.zeros((covariates.shape[1], X.shape[1]))
        if covariates.shape[1]:
            within = covariates.astype(np.float64, copy=True)
            for c in np.flatnonzero(self.counts_):
                within[codes == c] -= within[codes == c].mean(axis=0)
            gram = within.T @ within + np.eye(within.shape[1])
            # Covariates centred within classes: no need to subtract class means here.
            products = np.zeros_like(self.slopes_)
            for rows in blocks(*X.shape):
                products += within[rows].T @ X[rows]
                release(X)
            self.slopes_ = np.linalg.solve(gram, products)
            for c in np.flatnonzero(self.counts_):
                offset = covariates[codes == c].mean(axis=0) @ self.slopes_
                self.means_[c] -= offset
                centres[c] -= offset
        return centres

    def _fit_sds(self, residuals: Residuals, codes: NDArray, dof: int) -> None:
        squares = class_sums(residuals, codes, len(self.counts_), squared=True)
        common = squares.sum(axis=0) / dof
        # Genes that vary between classes alone leave rounding errors, or nothing.
        rounding = (
            32 * float(np.finfo(residuals.dtype).eps) * np.abs(self.means_).max(axis=0)
        )
        common[self.constant_ | (common <= rounding**2)] = 0.0
        varying = common > 0
        if not self.of_genes and varying.any():
            common[varying] = common[varying].mean()
        ratios = np.ones((len(self.counts_), residuals.shape[1]))
        floor = max(common.max() * 1e-20, np.finfo(np.float64).tiny)
        for c in np.flatnonzero(self.counts_ > 1):
            own = squares[c] / (self.counts_[c] - 1)
            weight = (self.counts_[c] - 1) / (self.counts_[c] - 1 + CLASS_SD_STRENGTH)
            if not self.of_genes and varying.any():
                own[varying] = own[varying].mean()
            ratios[c] = weight * own / np.maximum(common, floor) + 1 - weight
        # Over all rows the variances stay what they are.
        shares = self.counts_ / self.counts_.sum()
        ratios /= (shares @ ratios)[None, :]
        self.common_sds_ = np.sqrt(common)
        self.sds_ = self.common_sds_ * np.sqrt(ratios)

    def _fit_scale(
        self, residuals: Residuals, codes: NDArray, rng: np.random.Generator
    ) -> NDArray:
        """Estimate each row's log s, the part of its norm which is not chance."""
        norms = np.empty(len(residuals))
        for rows in blocks(*residuals.shape):
            norms[rows] = np.linalg.norm(residuals[rows], axis=1)
        usable = (self.counts_[codes] > 1) & (norms > 0)
        self.scale_mean_ = np.zeros(len(self.counts_))
        self.scale_sd_ = 0.0
        self.norm_map_: MarginalMap | None = None
        self.has_scale_ = False
        log_scale = np.zeros(len(residuals))
        if usable.sum() < MIN_ROWS_SCALE or not self.of_genes:
            return log_scale
        log_norm = np.log(norms[usable])
        # A Gaussian's log norm is about half a log chi^2 of tr(S)^2 / tr(S^2) degrees
        # of freedom; of many, its variance is one over twice their number.
        dispersion, _ = second_moments(residuals, rng, np.flatnonzero(usable))
        freedom = np.mean(norms[usable] ** 2) ** 2 / max(dispersion, 1e-12)
        freedom = max(freedom, 1.0)
        chance = polygamma(1, freedom / 2) / 4
        least = chance / (1 - MIN_SCALE_SHARE)
        if np.count_nonzero(self.common_sds_) < FEW_GENES:
            # Twice the sampling error of that variance. Profiles of many genes are
            # known to differ in scale: there the estimate decides.
            fourth = polygamma(3, freedom / 2) / 16 + 2 * chance**2
            least = max(least, chance + 2 * np.sqrt(fourth / len(log_norm)))
        if log_norm.var() <= least:
            return log_scale
        self.has_scale_ = True
        self.scale_origin_ = 0.5 * np.log(np.mean(norms[usable] ** 2))
        log_scale[usable] = log_norm - self.scale_origin_
        overall = log_scale[usable].mean()
        for c in range(len(self.counts_)):
            own = log_scale[usable & (codes == c)]
            weight = len(own) / (len(own) + CLASS_SCALE_STRENGTH)
            mean = own.mean() if len(own) else overall
            self.scale_mean_[c] = overall + weight * (mean - overall)
        centred = (log_scale - self.scale_mean_[codes])[usable]
        self.scale_sd_ = float(np.sqrt(np.mean(centred**2)))
        return log_scale

    def _fit_factors(self, residuals: Residuals, rng: np.random.Generator) -> NDArray:
        """Fit the factors; return the scores of the leading ones."""
        everything = np.zeros(len(residuals), dtype=int)
        variances = class_sums(residuals, everything, 1, squared=True)[0]
        variances /= len(residuals)
        values, self.vectors_, _ = factorise(residuals, rng, with_scores=False)
        if isinstance(self.shrinkage, str):
            shrunk = SHRINKAGES[self.shrinkage](values, residuals, rng)
        else:
            shrunk = (1 - self.shrinkage) * values
        self.raw_eigenvalues_, self.eigenvalues_ = values, shrunk
        carried = np.empty_like(variances)
        for genes in blocks(residuals.shape[1], len(shrunk), 100_000):
            squares = np.square(self.vectors_[:, genes])
            carried[genes] = (shrunk[:, None] * squares).sum(axis=0)
        self.noise_ = np.maximum(variances - carried, 0.0)
        if isinstance(self.n_factors, Integral):
            wanted = int(self.n_factors)
        else:
            highest = int(np.clip(len(residuals) / 8, 4, MAX_FACTORS))
            wanted = int(np.clip(count_factors(residuals, rng), 4, highest))
        q = self.n_factors_ = min(wanted, len(values))
        scores = times(residuals, self.vectors_[:q].T)
        scores /= np.sqrt(values[:q])
        return scores

    @property
    def n_latents_(self) -> int:
        """Number of latents of a row."""
        return self.n_factors_ + self.has_scale_

    def encode(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Return the latents of rows not seen in the fit.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Expression on the scale of the fit.
        codes : ndarray of shape (n_samples,)
            Classes.
        covariates : ndarray of shape (n_samples, n_covariates)
            Standardised covariates.

        Returns
        -------
        ndarray of shape (n_samples, n_factors_ + has_scale_)
            Latents.
        """
        q = self.n_factors_
        scores, log_scale = np.empty((len(X), q)), np.zeros(len(X))
        for rows in blocks(*X.shape):
            residuals = self.standardise(X[rows], codes[rows], covariates[rows])
            scores[rows] = residuals @ self.vectors_[:q].T
            if self.has_scale_:
                norms = np.linalg.norm(residuals, axis=1).clip(min=1e-12)
                log_scale[rows] = np.log(norms) - self.scale_origin_
                scores[rows] *= np.exp(-log_scale[rows])[:, None]
        scores /= np.sqrt(self.raw_eigenvalues_[:q])
        return self._latents(scores, log_scale, codes)

    def leading(self, latents: NDArray) -> NDArray:
        """Return the latents of the factors and of the scale: here, all."""
        return latents

    def standardise(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Return (x - m(c) - b u) / d(c), zero for constant genes."""
        centred = X - self.means_[codes]
        if covariates.shape[1]:
            centred -= covariates @ self.slopes_
        centred /= self._divisors()[codes]
        return centred

    def _divisors(self) -> NDArray:
        """d(c), infinite for genes which do not vary."""
        return np.where(self.sds_ > 0, self.sds_, np.inf)

    def _latents(self, scores: NDArray, log_scale: NDArray, codes: NDArray) -> NDArray:
        if not self.has_scale_:
            return scores
        z = (log_scale - self.scale_mean_[codes]) / self.scale_sd_
        return np.column_stack([scores, z.astype(scores.dtype)])

    def decode(
        self,
        latents: NDArray,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        genes: NDArray | slice = slice(None),
    ) -> NDArray:
        """Complete latents with the remaining factors and noise, and return rows.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, n_factors_ + has_scale_)
            Latents.
        codes : ndarray of shape (n_samples,)
            Classes.
        covariates : ndarray of shape (n_samples, n_covariates)
            Standardised covariates.
        rng : numpy.random.Generator
            Source of randomness.
        genes : index, default=all
            Genes to return.

        Returns
        -------
        ndarray of shape (n_samples, n_genes)
            Rows on the scale of the fit.
        """
        scores = rng.standard_normal((len(codes), len(self.eigenvalues_)))
        scores[:, : self.n_factors_] = latents[:, : self.n_factors_]
        scores *= np.sqrt(self.eigenvalues_)
        spread = self._spread_of_rest(scores)[:, None]
        scores[:, self.n_factors_ :] *= spread
        rows = scores @ self.vectors_[:, genes]
        noise = rng.standard_normal(rows.shape, dtype=np.float32)
        noise *= np.sqrt(self.noise_[genes])
        noise *= spread
        rows += noise
        return self._unstandardise(rows, latents, codes, covariates, genes)

    def _spread_of_rest(self, scores: NDArray) -> NDArray:
        """Factor of all but the leading factors which gives rows of scale one a length.

        In the fit they have the same: a row far out along the leading factors has
        little left for the rest.
        """
        if not self.has_scale_:
            return np.ones(len(scores))
        squares = np.square(scores)
        leading = squares[:, : self.n_factors_].sum(axis=1)
        noise = self.noise_.sum()
        wanted = self.eigenvalues_.sum() + noise - leading
        least = MIN_REST * (self.eigenvalues_[self.n_factors_ :].sum() + noise)
        drawn = squares[:, self.n_factors_ :].sum(axis=1) + noise
        return np.sqrt(wanted.clip(min=least) / drawn.clip(min=1e-24))

    def _unstandardise(
        self,
        rows: NDArray,
        latents: NDArray,
        codes: NDArray,
        covariates: NDArray,
        genes: NDArray | slice,
    ) -> NDArray:
        """Give rows of scale one their scale, sds and means; in place."""
        if self.has_scale_:
            log_scale = self.scale_mean_[codes] + self.scale_sd_ * latents[:, -1]
            rows *= np.exp(log_scale)[:, None]
        for c in np.unique(codes):
            rows[codes == c] *= self.sds_[c, genes]
        return self._around_means(rows, codes, covariates, genes)

    def _around_means(
        self, rows: NDArray, codes: NDArray, covariates: NDArray, genes: NDArray | slice
    ) -> NDArray:
        """Give centred rows the norms of real ones, and their means; in place."""
        if self.norm_map_ is not None:
            norms = self._log_norms(rows, codes, genes)
            rows *= np.exp(self.norm_map_.transform(norms[:, None])[:, 0] - norms)[
                :, None
            ]
        for c in np.unique(codes):
            rows[codes == c] += self.means_[c, genes]
        if covariates.shape[1]:
            rows += covariates @ self.slopes_[:, genes]
        return rows

    def log_norms(
        self, X: NDArray, codes: NDArray, covariates: NDArray, genes: NDArray
    ) -> NDArray:
        """Log root mean square distance of rows from m(c), in common sds.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_genes)
            Rows of the chosen genes.
        codes : ndarray of shape (n_samples,)
            Classes.
        covariates : ndarray of shape (n_samples, n_covariates)
            Standardised covariates.
        genes : ndarray of shape (n_genes,)
            Indices of the genes.

        Returns
        -------
        ndarray of shape (n_samples,)
            Log distances, less the class's mean log scale.
        """
        means, slopes = self.means_[:, genes], self.slopes_[:, genes]
        norms = np.empty(len(X))
        for rows in blocks(*X.shape):
            centred = X[rows] - means[codes[rows]] - covariates[rows] @ slopes
            norms[rows] = self._log_norms(centred, codes[rows], genes)
        return norms

    def _log_norms(self, centred: NDArray, codes: NDArray, genes) -> NDArray:
        sds = self.common_sds_[genes]
        weights = np.divide(1.0, sds**2, out=np.zeros_like(sds), where=sds > 0)
        squares = np.square(centred) @ weights / max(np.count_nonzero(sds), 1)
        return 0.5 * np.log(squares.clip(min=1e-24)) - self.scale_mean_[codes]
