"""What public rows add to a private Gaussian: labels, and all that a Gaussian lacks.

Public rows are labelled by the private Gaussian, at no cost: these labels follow from
what was released. So another sampler can learn from them, by class, what the private
sums do not tell: row scales, standard deviations by class, distributions of genes, the
covariance of all factors. Its rows are then moved, along the leading factors, to the
private means and covariance.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular, sqrtm

from .dp import clip_rows
from .factors import FactorModel
from .private_gaussian import NoisyMoments, PublicSpace


def label_public_rows(latents: NDArray, moments: NoisyMoments) -> NDArray:
    """Likeliest class of each public row under the private Gaussian.

    The Gaussian is first moved so that its overall mean is that of the public rows:
    another study may lie elsewhere.

    Parameters
    ----------
    latents : ndarray of shape (n_public, n_factors)
        Coordinates of the public rows.
    moments : NoisyMoments
        What was released of the private ones.

    Returns
    -------
    ndarray of shape (n_public,)
        Codes of the classes.
    """
    counts, means = moments.counts, moments.means()
    centred = latents - latents.mean(axis=0) + counts @ means / counts.sum()
    root = np.linalg.cholesky(moments.covariance())
    white = solve_triangular(root, centred.T, lower=True).T
    centres = solve_triangular(root, means.T, lower=True).T
    distances = np.square(white[:, None] - centres).sum(axis=2)
    return np.argmax(np.log(counts) - distances / 2, axis=1)


class MovedModel(FactorModel):
    """A model of public rows, moved along leading factors to private moments.

    x' = x + d V' (z' - z), with z the coordinates of x along the space's leading
    factors, d V' the way back to genes, and z' = b(c) + A (z - a(c)): a(c) and b(c) are
    class means of public and of private rows, and A is the map of least squares that
    takes the public covariance to the private one (optimal transport of Gaussians).

    Parameters
    ----------
    model : FactorModel
        Of the public rows; its arrays are shared.
    space : PublicSpace
        Of the coordinates.
    public_means, private_means : ndarray of shape (n_classes, n_factors)
        Of the coordinates.
    stretch : ndarray of shape (n_factors, n_factors)
        A; symmetric and positive definite.
    """

    def __init__(
        self,
        model: FactorModel,
        space: PublicSpace,
        public_means: NDArray,
        private_means: NDArray,
        stretch: NDArray,
    ) -> None:
        self.__dict__.update(vars(model))
        self.space_ = space
        self.public_means_ = public_means
        self.private_means_ = private_means
        self.stretch_ = stretch

    @property
    def log_volume_(self) -> float:
        """Log of the factor by which the move changes volumes."""
        return float(np.linalg.slogdet(self.stretch_)[1])

    def move(self, X: NDArray, codes: NDArray) -> NDArray:
        """Give rows of public moments private ones, (n_samples, n_features)."""
        z = self.space_.encode(X)
        away = z - self.public_means_[codes]
        wanted = self.private_means_[codes] + away @ self.stretch_.T
        return X + self.space_.to_genes(wanted - z)

    def move_back(self, X: NDArray, codes: NDArray) -> NDArray:
        """Undo `move`."""
        z = self.space_.encode(X)
        away = np.linalg.solve(self.stretch_, (z - self.private_means_[codes]).T).T
        return X + self.space_.to_genes(self.public_means_[codes] + away - z)

    def standardise(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Return genes of rows moved back, over their spread; see `FactorModel`."""
        return super().standardise(self.move_back(X, codes), codes, covariates)

    def decode(
        self,
        latents: NDArray,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        genes: NDArray | slice = slice(None),
    ) -> NDArray:
        """Complete latents, and move the rows; see `FactorModel.decode`."""
        rows = super().decode(latents, codes, covariates, rng)
        return self.move(rows, codes)[:, genes]


def move_to_private(
    sampler: Any,
    space: PublicSpace,
    moments: NoisyMoments,
    latents: NDArray,
    codes: NDArray,
) -> None:
    """Make a sampler of labelled public rows one of the private moments, in place.

    What differs between the two is shrunk by the noise in it: towards the public rows
    where that noise is large.

    Parameters
    ----------
    sampler : estimator
        Fitted on the public rows; gets a `MovedModel`.
    space : PublicSpace
        Of the coordinates.
    moments : NoisyMoments
        What was released of the private rows.
    latents : ndarray of shape (n_public, n_factors)
        Coordinates of the public rows.
    codes : ndarray of shape (n_public,)
        Their labels.
    """
    n_classes = len(moments.counts)
    public = _class_means(latents, codes, n_classes)
    clipped = _class_means(clip_rows(latents, moments.clip_norm), codes, n_classes)
    residuals = latents - public[codes]
    about = clip_rows(residuals, moments.clip_norm_about_means)
    freedom = max(len(codes) - len(np.unique(codes)), 1)
    covariance = residuals.T @ residuals / freedom
    private = moments.covariance_near(covariance, about.T @ about / freedom)
    sampler.model_ = MovedModel(
        sampler.model_,
        space,
        public,
        public + moments.means(clipped),
        _transport(covariance, private),
    )


def _class_means(rows: NDArray, codes: NDArray, n_classes: int) -> NDArray:
    """Class means, shrunk by a row as in `FactorModel`."""
    counts = np.bincount(codes, minlength=n_classes)
    sums = np.zeros((n_classes, rows.shape[1]))
    np.add.at(sums, codes, rows)
    return (sums + rows.mean(axis=0)) / (counts[:, None] + 1)


def _transport(start: NDArray, end: NDArray) -> NDArray:
    """Symmetric A with A start A = end (Olkin & Pukelsheim 1982)."""
    values, vectors = np.linalg.eigh(start)
    # Of fewer rows than factors the covariance is singular.
    values = values.clip(min=1e-6 * values.max())
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    return inverse @ np.real(sqrtm(root @ end @ root)) @ inverse
