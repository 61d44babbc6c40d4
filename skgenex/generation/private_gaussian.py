"""A Gaussian from a few noisy sums, in a space which no private row has shaped."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .._covariance import count_factors, factorise, shrink_matched
from .dp import PrivacyLedger, clip_rows, private_quantile

LARGEST_MATRIX = 2_000  # genes
CLIP_QUANTILE = 0.75  # of the norms of public rows
# Of the budget's mu squared; a quantile is paid for only where none is public.
SHARES = {"counts": 0.05, "norms": 0.05, "means": 0.5, "covariance": 0.35}
SMALLEST_VARIANCE = 0.05  # of the mean variance: noisy ones may be negative
MAX_FACTORS = 20
CERTAINTY = 2.0  # standard deviations of noise that public rows are not moved by


@dataclass
class PublicSpace:
    """Standardised genes, the factors in them, and what rows are outside of these.

    Attributes
    ----------
    centre_, common_sds_ : ndarray of shape (n_features,)
        z = (x - centre) / sd; an sd of 0 marks a constant gene.
    vectors_ : ndarray of shape (n_vectors, n_features)
        Orthonormal directions in z.
    eigenvalues_ : ndarray of shape (n_vectors,)
        Variance along each.
    noise_ : ndarray of shape (n_features,)
        Variance of z beside the vectors.
    n_factors_ : int
        Leading vectors, whose coordinates are learned from private rows.
    clip_norm_ : float or None
        Norm to which these coordinates are clipped; None: learned, privately.
    variance_ : float or None
        Public guess of the variance of these coordinates.
    means_, sds_ : ndarray of shape (n_classes, n_features)
        Of the genes, by class; set by `learn`.
    """

    centre_: NDArray
    common_sds_: NDArray
    vectors_: NDArray
    eigenvalues_: NDArray
    noise_: NDArray
    n_factors_: int
    clip_norm_: float | None
    variance_: float | None
    means_: NDArray = field(default_factory=lambda: np.empty((0, 0)))
    sds_: NDArray = field(default_factory=lambda: np.empty((0, 0)))
    has_scale_: bool = False

    def encode(self, X: NDArray) -> NDArray:
        """Coordinates along the leading vectors, each over its public spread."""
        leading = self.vectors_[: self.n_factors_]
        roots = np.sqrt(self.eigenvalues_[: self.n_factors_])
        return self._divide(X - self.centre_) @ leading.T / roots

    def to_genes(self, latents: NDArray) -> NDArray:
        """Change of the genes by coordinates; the way back of `encode`."""
        roots = np.sqrt(self.eigenvalues_[: self.n_factors_])
        shift = latents * roots @ self.vectors_[: self.n_factors_]
        return self.common_sds_ * shift

    def set_means(self, means: NDArray) -> None:
        """Set the class means of the coordinates, (n_classes, n_factors)."""
        self.means_ = self.centre_ + self.to_genes(means)
        self.sds_ = np.tile(self.common_sds_, (len(means), 1))

    def standardise(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Rows less their class's mean, in standard deviations."""
        return self._divide(X - self.means_[codes])

    def decode(
        self, latents: NDArray, codes: NDArray, rng: np.random.Generator
    ) -> NDArray:
        """Rows from centred coordinates; what these do not tell is drawn."""
        n, q = latents.shape
        rest = rng.standard_normal((n, len(self.vectors_) - q))
        scores = np.hstack([latents, rest]) * np.sqrt(self.eigenvalues_)
        z = scores @ self.vectors_
        z += np.sqrt(self.noise_) * rng.standard_normal(z.shape)
        return self.means_[codes] + self.common_sds_ * z

    def _divide(self, differences: NDArray) -> NDArray:
        sds = self.common_sds_
        return np.divide(
            differences, sds, out=np.zeros_like(differences), where=sds > 0
        )


def space_of_public_rows(
    X: NDArray, n_factors: int | str, rng: np.random.Generator
) -> PublicSpace:
    """Space of the leading factors of public rows.

    Parameters
    ----------
    X : ndarray of shape (n_public, n_features)
        Public rows.
    n_factors : int or "auto"
        Leading factors; "auto" counts those that stand out from noise, up to 20.
    rng : numpy.random.Generator
        See `factorise`.

    Returns
    -------
    PublicSpace
        Without class means.
    """
    centre, sds = X.mean(axis=0), X.std(axis=0)
    sds[np.ptp(X, axis=0) == 0] = 0.0
    none = np.empty(0)
    space = PublicSpace(centre, sds, none, none, none, 0, None, 1.0)
    z = space._divide(X - centre)
    values, space.vectors_, _ = factorise(z, rng, with_scores=False)
    shrunk = shrink_matched(values, z, rng)
    if not (shrunk > 0).all():  # the rows are nothing but noise
        shrunk = np.full_like(values, 1e-3 * values.mean())
    space.eigenvalues_ = shrunk
    carried = (space.eigenvalues_[:, None] * space.vectors_**2).sum(axis=0)
    space.noise_ = np.where(sds > 0, (1 - carried).clip(min=0), 0.0)
    if n_factors == "auto":
        n_factors = min(max(count_factors(z, rng), 1), MAX_FACTORS)
    space.n_factors_ = min(int(n_factors), len(values))
    norms = np.linalg.norm(space.encode(X), axis=1)
    space.clip_norm_ = float(np.quantile(norms, CLIP_QUANTILE))
    return space


def space_of_bounds(low: NDArray, high: NDArray) -> PublicSpace:
    """Space of all genes, in units of half the width of their bounds."""
    p = len(low)
    half = (high - low) / 2
    eye, one = np.eye(p), np.ones(p)
    centre = (low + high) / 2
    return PublicSpace(centre, half, eye, one, np.zeros(p), p, None, None)


@dataclass
class NoisyMoments:
    """What private rows tell of the coordinates: three sums with noise.

    Attributes
    ----------
    counts : ndarray of shape (n_classes,)
        Rows by class, at least 1.
    sums : ndarray of shape (n_classes, n_factors)
        Of clipped coordinates, by class.
    sums_sd : float
        Standard deviation of the noise in each.
    products : ndarray of shape (n_factors, n_factors)
        Sum of products of clipped coordinates, about the means.
    products_sd : float
        Standard deviation of the noise on their diagonal.
    clip_norm, clip_norm_about_means : float
        Norms the coordinates were clipped to, before and after the means were taken
        off.
    expected : float or None
        Public guess of the variances.
    """

    counts: NDArray
    sums: NDArray
    sums_sd: float
    clip_norm: float
    products: NDArray = field(default_factory=lambda: np.empty((0, 0)))
    products_sd: float = 0.0
    clip_norm_about_means: float = np.inf
    expected: float | None = None

    def means(self, clipped: NDArray | float = 0.0) -> NDArray:
        """Return class means, shrunk by a row (see `GaussianSampler`) and by the noise.

        ``clipped`` are other means, of rows clipped alike, (n_classes, n_factors): then
        what these must be moved by, which is nothing unless noise can't explain it.
        """
        is_move = np.ndim(clipped) > 0
        sums = self.sums - self.counts[:, None] * clipped
        n_sds = CERTAINTY if is_move else 0.0
        return _shrink_means(sums, self.counts, self.sums_sd, n_sds)

    def covariance(self) -> NDArray:
        """Return the common covariance, shrunk by the noise; positive definite."""
        n = self.counts.sum()
        return _shrink_covariance(self.products, n, self.products_sd, self.expected)

    def covariance_near(self, other: NDArray, clipped: NDArray) -> NDArray:
        """Return the common covariance, shrunk towards another one by the noise.

        ``clipped`` is that other one of rows clipped as the private ones were: so
        clipping changes neither.
        """
        n, k = self.counts.sum(), len(other)
        difference = self.products / n - clipped
        # Of Gaussian rows, E |S - C|^2 = (tr(C^2) + tr(C)^2) / n.
        sampling = ((clipped**2).sum() + np.trace(clipped) ** 2) / n
        privacy = k * (k + 1) / 2 * (self.products_sd / n) ** 2
        weight = float(_signal_share(difference.ravel(), sampling + privacy, CERTAINTY))
        values, vectors = np.linalg.eigh(other + weight * difference)
        floor = SMALLEST_VARIANCE * np.trace(other) / k
        return (vectors * np.maximum(values, floor)) @ vectors.T


def learn(
    space: PublicSpace,
    X: NDArray,
    codes: NDArray,
    n_classes: int,
    ledger: PrivacyLedger,
    total_share: float = 1.0,
) -> NoisyMoments:
    """Learn counts, class means and the common covariance of the coordinates.

    Three sums are released: of ones and of clipped coordinates by class, and, about
    the released means, of products of coordinates. All else is computed from these and
    so costs nothing: means are shrunk towards that of all rows, as by a row (as in
    `GaussianSampler`) and by the noise (James & Stein 1961); variances, by the noise,
    towards the public ones or each other; the rest of the covariance towards zero, by
    the share of noise, sampling's and privacy's, in it.

    Parameters
    ----------
    space : PublicSpace
        Gets its class means.
    X, codes : ndarray
        Private rows, within bounds, and their classes.
    n_classes : int
        Number of classes.
    ledger : PrivacyLedger
        Pays.
    total_share : float, default=1.0
        Share of the budget for all three.

    Returns
    -------
    NoisyMoments
        What was released.
    """
    latents = space.encode(X)
    n_factors = latents.shape[1]
    share = dict(SHARES)
    if space.clip_norm_ is not None:
        share.pop("norms")
    parts = sum(share.values()) + share.get("norms", 0.0)  # norms are asked for twice
    share = {name: total_share * value / parts for name, value in share.items()}

    def clip_norm(rows: NDArray, step: str) -> float:
        if np.isinf(ledger.mu):
            return np.inf
        if space.clip_norm_ is not None:
            return space.clip_norm_
        norms = np.linalg.norm(rows, axis=1)
        # In units of half widths no row leaves a ball of this radius.
        largest = float(np.sqrt(n_factors))
        return private_quantile(
            norms, largest, CLIP_QUANTILE, ledger, step, share["norms"]
        )

    counts = ledger.release(
        "class counts", np.bincount(codes, minlength=n_classes), 1.0, share["counts"]
    ).clip(min=1.0)
    clip = clip_norm(latents, "norms of rows")
    sums = np.zeros((n_classes, n_factors))
    np.add.at(sums, codes, clip_rows(latents, clip))
    noisy = ledger.release("class means", sums, clip, share["means"])
    found = NoisyMoments(counts, noisy, ledger.table.noise_sd.iloc[-1], clip)
    means = found.means()
    residuals = latents - means[codes]
    clip = clip_norm(residuals, "norms of residuals")
    residuals = clip_rows(residuals, clip)
    found.products = ledger.release_symmetric(
        "covariance", residuals.T @ residuals, clip**2, share["covariance"]
    )
    found.products_sd = ledger.table.noise_sd.iloc[-1]
    found.clip_norm_about_means = clip
    found.expected = space.variance_
    space.set_means(means)
    return found


def _shrink_means(
    sums: NDArray, counts: NDArray, noise_sd: float, n_sds: float = 0.0
) -> NDArray:
    means = sums / counts[:, None]
    n_classes, k = sums.shape
    overall = sums.sum(axis=0) / counts.sum()
    noise = k * n_classes * (noise_sd / counts.sum()) ** 2
    overall *= _signal_share(overall, noise, n_sds)
    differences = means - overall
    weight = _signal_share(differences, k * (noise_sd / counts) ** 2, n_sds)
    weight *= counts / (counts + 1)
    return overall + weight[:, None] * differences


def _signal_share(
    noisy: NDArray, noise: NDArray | float, n_sds: float = 0.0
) -> NDArray:
    """Share of the squared norm of noisy rows that is not noise (James & Stein).

    Noise is taken as ``n_sds`` standard deviations of its squared norm, a multiple of
    chi^2, above the mean.
    """
    energy = np.maximum((noisy**2).sum(axis=-1), 1e-300)
    largest = noise * (1 + n_sds * np.sqrt(2 / noisy.shape[-1]))
    return (1 - largest / energy).clip(min=0)


def _shrink_covariance(
    moments: NDArray, n: float, noise_sd: float, expected: float | None
) -> NDArray:
    """Return a covariance from noisy moments; ``expected`` is a public variance."""
    S = moments / n
    k = len(S)
    variances = np.diag(S)
    if expected is None:
        expected = max(float(variances.mean()), 1e-6)
    differences = variances - expected
    weight = _signal_share(differences, k * (noise_sd / n) ** 2)
    floor = (SMALLEST_VARIANCE if noise_sd else 1e-6) * expected
    variances = np.maximum(expected + weight * differences, floor)
    beside = S - np.diag(np.diag(S))
    energy = float((beside**2).sum())
    # Of Gaussian rows, E(s_ij - sigma_ij)^2 = (sigma_ij^2 + sigma_ii sigma_jj) / n.
    sampling = (energy + variances.sum() ** 2 - (variances**2).sum()) / n
    privacy = k * (k - 1) / 2 * (noise_sd / n) ** 2
    weight = _signal_share(beside.ravel(), sampling + privacy)
    values, vectors = np.linalg.eigh(weight * beside + np.diag(variances))
    return (vectors * np.maximum(values, floor)) @ vectors.T


def rotate(space: PublicSpace, covariance: NDArray, n_factors: int | str) -> None:
    """Make principal components of a learned covariance the space's vectors.

    Parameters
    ----------
    space : PublicSpace
        One of `space_of_bounds`, after `learn`; changed in place.
    covariance : ndarray of shape (n_features, n_features)
        Learned covariance of all genes.
    n_factors : int or "auto"
        Components to keep; "auto" keeps all. The others become noise per gene.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = len(values) if n_factors == "auto" else min(int(n_factors), len(values))
    space.eigenvalues_ = values[::-1][:kept]
    space.vectors_ = vectors.T[::-1][:kept]
    carried = (space.eigenvalues_[:, None] * space.vectors_**2).sum(axis=0)
    space.noise_ = (np.diag(covariance) - carried).clip(min=0)
    space.n_factors_ = 0
