"""Spaces beside the factors: codes of a transformer, and all genes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from .._blocks import blocks
from .._residuals import Residuals
from .density import log_density
from .factors import MAX_FACTORS, FactorModel

MIN_LOSS = 1e-10  # of a gene's variance: below, a space loses rounding errors alone
MIN_NOISE = 1e-3  # of a gene's variance: keeps the denoiser finite


class CodeModel(FactorModel):
    """Rows are what a transformer makes of codes, and what it loses.

    x = T^-1(w) + e. The codes w = T(x) follow a `FactorModel` (class means, factors),
    and so do the residuals e = x - T^-1(T(x)), all of whose factors are Gaussian:
    without them, rows would be smoother than real ones, and resemble the
    training rows more than real ones do. The residuals' standard deviations are set so
    that the variances of the decoded codes and of the residuals add up to those of the
    genes. The *latents* of a row are those of its codes and, where residuals differ in
    scale by more than chance, their standardised log scale.

    Parameters
    ----------
    transformer : transformer with inverse_transform
        Cloned, and fitted on the rows.
    n_factors : int or "auto", default="auto"
        Leading factors of the codes; "auto" takes all, within clip(n_samples / 8, 4,
        48): a space was chosen for its codes.
    shrinkage : str or float, default="matched"
        Of the residuals' covariance, see `FactorModel`. That of the codes is not
        shrunk: take fewer codes than rows.
    mean_shrinkage : float, default=1.0
        See `FactorModel`.

    Attributes
    ----------
    transformer_ : transformer
        The fitted clone.
    code_model_, residual_model_ : FactorModel
        The models of the codes and of the residuals.
    means_, sds_, has_scale_, scale_mean_, scale_sd_
        Of the rows, as of `FactorModel`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from skgenex.generation.spaces import CodeModel
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 20))
    >>> X += rng.standard_normal((200, 20))
    >>> model, y, u = CodeModel(PCA(3)), np.zeros(200, int), np.empty((200, 0))
    >>> latents = model.fit_encode(X, y, 1, u, rng)
    >>> Z = model.decode(latents, y, u, rng)
    >>> bool(np.abs(Z.var(axis=0) / X.var(axis=0) - 1).mean() < 0.15)
    True
    """

    def __init__(
        self,
        transformer: Any,
        n_factors: int | str = "auto",
        shrinkage: str | float = "matched",
        mean_shrinkage: float = 1.0,
    ) -> None:
        super().__init__(n_factors, shrinkage, mean_shrinkage)
        self.transformer = transformer

    def fit_encode(
        self,
        X: NDArray,
        codes: NDArray,
        n_classes: int,
        covariates: NDArray,
        rng: np.random.Generator,
    ) -> NDArray:
        """Fit the transformer and both models; return the latents of the rows.

        Parameters and errors are those of `FactorModel.fit_encode`; also, the
        transformer's own, and a ValueError if what it returns are not finite codes, or
        its inverse does not return rows.
        """
        rows = X[:].astype(np.float64)
        super().fit_encode(X, codes, n_classes, covariates, rng)
        self.transformer_ = clone(self.transformer)
        _fix_random_states(self.transformer_, rng)
        self.transformer_.fit(rows)
        values = self._codes_of(rows)
        decoded = self._rows_of(values, rows.shape[1])
        wanted = self._variances(rows, codes, covariates)
        residuals = rows - decoded
        lost = self._variances(residuals, codes, covariates)
        residuals[:, self.constant_ | (lost <= MIN_LOSS * wanted)] = 0.0
        n_factors = self.n_factors
        if n_factors == "auto":
            n_factors = int(np.clip(len(rows) / 8, 4, MAX_FACTORS))
        how = (codes, n_classes, covariates, rng)
        # Codes of most spaces are uncorrelated: shrinkage would see nothing in them
        # but noise, and take it from the factors.
        self.code_model_ = FactorModel(
            n_factors, 0.0, self.mean_shrinkage, of_genes=False
        )
        latents = self.code_model_.fit_encode(values, *how)
        self.n_factors_ = self.code_model_.n_factors_
        self.residual_model_ = FactorModel(4, self.shrinkage, self.mean_shrinkage)
        of_residuals = self.residual_model_.fit_encode(residuals, *how)
        # A space whose decoded rows and residuals are correlated, as those of a
        # regularised one, would give rows of too little or too much variance.
        missing = wanted - self._variances(decoded, codes, covariates)
        ratio = np.divide(missing, lost, out=np.ones_like(lost), where=lost > 0)
        self.residual_model_.sds_ *= np.sqrt(ratio.clip(MIN_NOISE))
        return self._join(latents, of_residuals)

    @property
    def n_latents_(self) -> int:
        """Number of latents of a row."""
        return self.code_model_.n_latents_ + self.residual_model_.has_scale_

    def _fit_factors(self, residuals: Residuals, rng: np.random.Generator) -> NDArray:
        self.n_factors_ = 0  # of rows there are none: codes have them
        return np.empty((len(residuals), 0))

    def _variances(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Variance of each column within classes, less what covariates explain."""
        centred = X - X.mean(axis=0)
        for c in np.unique(codes):
            centred[codes == c] -= centred[codes == c].mean(axis=0)
        if covariates.shape[1]:
            within = covariates.astype(np.float64)
            for c in np.unique(codes):
                within[codes == c] -= within[codes == c].mean(axis=0)
            centred -= within @ np.linalg.lstsq(within, centred)[0]
        return np.square(centred).mean(axis=0)

    def _codes_of(self, X: NDArray) -> NDArray:
        values = _as_table(self.transformer_.transform(X))
        if values.ndim != 2 or len(values) != len(X) or not np.isfinite(values).all():
            raise ValueError(
                "space must transform rows to finite codes, a row each; "
                f"{self.transformer_} gave {values.shape} of {X.shape}"
                f"{'' if np.isfinite(values).all() else ', not finite'}."
            )
        return values

    def _rows_of(self, values: NDArray, n_features: int) -> NDArray:
        X = _as_table(self.transformer_.inverse_transform(values))
        if X.shape != (len(values), n_features) or not np.isfinite(X).all():
            raise ValueError(
                "space must transform codes back to finite rows of "
                f"{n_features} genes; {self.transformer_} gave {X.shape} of "
                f"{values.shape}{'' if np.isfinite(X).all() else ', not finite'}."
            )
        return X

    def _join(self, latents: NDArray, of_residuals: NDArray) -> NDArray:
        if not self.residual_model_.has_scale_:
            return latents
        return np.column_stack([latents, of_residuals[:, -1]])

    def encode(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Return the latents of rows not seen in the fit, as `FactorModel.encode`."""
        values, residuals = self._split(X)
        latents = self.code_model_.encode(values, codes, covariates)
        if not self.residual_model_.has_scale_:
            return latents
        return self._join(
            latents, self.residual_model_.encode(residuals, codes, covariates)
        )

    def _split(self, X: NDArray) -> tuple[NDArray, NDArray]:
        """Codes and residuals of rows."""
        rows = X.astype(np.float64)
        values = self._codes_of(rows)
        return values, rows - self._rows_of(values, rows.shape[1])

    def decode(
        self,
        latents: NDArray,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        genes: NDArray | slice = slice(None),
    ) -> NDArray:
        """Decode latents and add the residual, drawn; as `FactorModel.decode`."""
        n_of_codes = self.code_model_.n_latents_
        values = self.code_model_.decode(
            latents[:, :n_of_codes], codes, covariates, rng
        )
        rows = self._rows_of(values, len(self.constant_))[:, genes]
        of_residuals = rng.standard_normal(
            (len(codes), self.residual_model_.n_factors_)
        )
        if self.residual_model_.has_scale_:
            of_residuals = np.column_stack([of_residuals, latents[:, -1]])
        rows = rows + self.residual_model_.decode(
            of_residuals, codes, covariates, rng, genes
        )
        rows -= self.means_[codes][:, genes] + covariates @ self.slopes_[:, genes]
        return self._around_means(rows, codes, covariates, genes)

    def log_density(
        self, covariances: NDArray, X: NDArray, codes: NDArray, covariates: NDArray
    ) -> NDArray:
        """Log density of each row's codes and of its residual, (n_samples,), in nats.

        The two are taken as independent. It compares rows, classes and settings within
        one space, not spaces, as it depends on the units of the codes.
        """
        values, residuals = self._split(X)
        q = self.code_model_.n_factors_
        out = log_density(
            self.code_model_, covariances[:, :q, :q], values, codes, covariates
        )
        q = self.residual_model_.n_factors_
        independent = np.tile(np.eye(q), (len(covariances), 1, 1))
        return out + log_density(
            self.residual_model_, independent, residuals, codes, covariates
        )


class GeneModel(FactorModel):
    """The same rows with all genes as latents, instead of the factors alone.

    The latents of a row are its standardised genes (x - m(c)) / (d(c) s), of those
    that vary, and its standardised log scale.

    Attributes
    ----------
    varying_ : ndarray of int
        Genes that vary.
    factors_ : dict
        Arguments of a `skgenex.nn.diffusion.subspace.FactorDenoiser`: the Gaussian of
        the latents, with the genes' own variances replaced by their mean. (Linear
        shrinkage of all factors gives each gene the same.)
    """

    @classmethod
    def of(cls, model: FactorModel) -> "GeneModel":
        """Make the gene model of a fitted factor model, whose arrays it shares."""
        made = cls(model.n_factors, model.shrinkage, model.mean_shrinkage)
        made.__dict__.update(vars(model))
        made._set_factors()
        return made

    def fit_encode(
        self,
        X: NDArray,
        codes: NDArray,
        n_classes: int,
        covariates: NDArray,
        rng: np.random.Generator,
    ) -> NDArray:
        """Fit the model and return the latents, (n_samples, n_genes + has_scale_)."""
        super().fit_encode(X, codes, n_classes, covariates, rng)
        self._set_factors()
        return self.encode(X, codes, covariates)

    def _set_factors(self) -> None:
        self.varying_ = np.flatnonzero(self.common_sds_ > 0)
        noise = self.noise_[self.varying_]
        self.factors_ = {
            "vectors": self.vectors_[:, self.varying_],
            "eigenvalues": self.eigenvalues_,
            "noise": float(np.maximum(noise.mean(), MIN_NOISE)),
            "has_scale": self.has_scale_,
        }

    @property
    def n_latents_(self) -> int:
        """Number of latents of a row."""
        return len(self.varying_) + self.has_scale_

    def leading(self, latents: NDArray) -> NDArray:
        """Return the latents of the factors and of the scale, as a `FactorModel`'s."""
        p, q = len(self.varying_), self.n_factors_
        scores = latents[:, :p] @ self.vectors_[:q, self.varying_].T
        return np.hstack([scores / np.sqrt(self.raw_eigenvalues_[:q]), latents[:, p:]])

    def encode(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Return the latents of rows, (n_samples, n_genes + has_scale_)."""
        latents = np.empty((len(X), self.n_latents_))
        for rows in blocks(*X.shape):
            residuals = self.standardise(X[rows], codes[rows], covariates[rows])
            if self.has_scale_:
                norms = np.linalg.norm(residuals, axis=1).clip(min=1e-12)
                log_scale = np.log(norms) - self.scale_origin_
                residuals *= np.exp(-log_scale)[:, None]
                centred = log_scale - self.scale_mean_[codes[rows]]
                latents[rows, -1] = centred / self.scale_sd_
            latents[rows, : len(self.varying_)] = residuals[:, self.varying_]
        return latents

    def decode(
        self,
        latents: NDArray,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        genes: NDArray | slice = slice(None),
    ) -> NDArray:
        """Return the rows of latents, as `FactorModel.decode`; nothing is drawn."""
        rows = np.zeros((len(latents), len(self.constant_)))
        rows[:, self.varying_] = latents[:, : len(self.varying_)]
        if self.has_scale_:  # as in the fit: rows of one length, times their scale
            length = self.eigenvalues_.sum() + self.noise_.sum()
            squares = np.square(rows).sum(axis=1, keepdims=True).clip(min=1e-24)
            rows *= np.sqrt(length / squares)
        return self._unstandardise(rows[:, genes], latents, codes, covariates, genes)


def _as_table(values: ArrayLike) -> NDArray:
    values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    return np.array(values, dtype=np.float64)


def _fix_random_states(estimator: Any, rng: np.random.Generator) -> None:
    """Seed what is unseeded, also inside, so that a fit can be repeated."""
    unset = sorted(
        name
        for name, value in estimator.get_params(deep=True).items()
        if value is None and name.rpartition("__")[2] == "random_state"
    )
    estimator.set_params(**{name: int(rng.integers(2**31 - 1)) for name in unset})
