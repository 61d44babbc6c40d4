"""What operations on given patients share: checks, genes by name, latents, frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from .._frames import check_same_order
from ..nn.diffusion import guided
from ._base import TARGET_COLUMN, GeneratorMixin, _as_target, _dense
from ._conditions import as_table
from ._drawing import codes_of
from .intervention import RowGaussian
from .inversion import generate, invert, observed, recentre
from .marginals import keep_sign

FLOW_STEPS = 32  # Heun steps between latents and noise


@dataclass
class Patients:
    """Checked rows of a fitted sampler, standardised by their class."""

    sampler: Any
    X: NDArray
    codes: NDArray
    covariates: NDArray
    index: Any

    @property
    def genes(self) -> NDArray:
        """Names of the genes; numbers if the fit had none."""
        return genes_of(self.sampler)

    def frame(self, values: NDArray) -> pd.DataFrame:
        """Table in the patients' and genes' names."""
        return pd.DataFrame(values, index=self.index, columns=self.genes)

    def residuals(self) -> NDArray:
        """(x - m(c) - b u) / d(c); missing values stay so."""
        return self.sampler.model_.standardise(self.X, self.codes, self.covariates)

    def scales(self, residuals: NDArray, genes: NDArray) -> NDArray:
        """Row scales s, from some genes."""
        model = self.sampler.model_
        if not model.has_scale_ or not len(genes):
            return np.ones(len(residuals))
        squares = np.square(residuals[:, genes]).mean(axis=1)
        log_size = np.array(
            [
                0.5 * np.log(self.gaussian(c).variances[genes].mean())
                for c in range(len(self.sampler.classes_))
            ]
        )
        return np.exp(0.5 * np.log(squares.clip(min=1e-12)) - log_size[self.codes])

    def gaussian(
        self, c: int, *, leading: bool = True, rest: bool = True
    ) -> RowGaussian:
        """Rows of class ``c``, made once."""
        made = self.__dict__.setdefault("_gaussians", {})
        if (c, leading, rest) not in made:
            made[c, leading, rest] = RowGaussian(
                self.sampler.model_,
                self.sampler.class_covariances_[c],
                leading=leading,
                rest=rest,
            )
        return made[c, leading, rest]

    def within_range(self, values: NDArray) -> NDArray:
        """Rows whose values are not below what expression can be, as simulated rows."""
        out = np.array(values, dtype=np.float64)
        # What the patient has is real, even below the lowest of the fit.
        low = np.minimum(self.sampler.lowest_, self.X.min(axis=0))
        keep_sign(out, np.where(self.sampler.lowest_ >= 0, low.clip(min=0), low))
        constant = self.sampler.model_.constant_
        out[:, constant] = self.X[:, constant]
        return out


def genes_of(sampler: Any) -> NDArray:
    """Names of the genes of the fit, or their numbers."""
    names = getattr(sampler, "feature_names_in_", None)
    return np.arange(sampler.n_features_in_) if names is None else names


def check_patients(
    sampler: Any,
    X: Any,
    y: Any = None,
    conditions: Any = None,
    *,
    missing: bool = False,
    known_class: bool = True,
) -> Patients:
    """Check rows against a fitted sampler; classes not given are the likeliest ones."""
    if not isinstance(sampler, GeneratorMixin):
        raise TypeError(
            "sampler must be a fitted GaussianSampler or DiffusionSampler; got "
            f"{type(sampler).__name__}."
        )
    check_is_fitted(sampler, "class_counts_")
    if getattr(sampler, "backend_", "gaussian") not in ("gaussian", "diffusion"):
        raise TypeError(
            f"The network of {type(sampler).__name__} can't be inverted: fit it with "
            "backend='gaussian', or use DiffusionSampler."
        )
    space: str = getattr(sampler, "space_", "factors")
    if space != "factors":
        raise TypeError(
            f"The latents of this {type(sampler).__name__} are {space}, which "
            "genes can't be observed in: fit it with space='factors'."
        )
    check_same_order(X, y, "y")
    check_same_order(X, conditions, "conditions")
    index = X.index if isinstance(X, pd.DataFrame) else None
    rows = validate_data(
        sampler,
        X,
        accept_sparse=["csr", "csc"],
        reset=False,
        ensure_all_finite="allow-nan" if missing else True,
    )
    rows = _dense(rows).astype(np.float64)
    table = as_table(conditions, len(rows))
    codes = np.zeros(len(rows), dtype=int)
    if isinstance(y, str):
        raise ValueError(f"y must hold a class per row of X; got {y!r}.")
    if y is not None:
        y = _as_target(y, len(rows))
        if sampler.target_type_ == "none":
            raise ValueError("The sampler was fitted without y: leave y out.")
    if sampler.target_type_ == "continuous":
        if y is None:
            raise ValueError("The fit had continuous y: give y here too.")
        table = table.assign(**{TARGET_COLUMN: np.asarray(y, dtype=float)})
    covariates = sampler._encoder.transform(table)
    if sampler.target_type_ == "class":
        if y is not None:
            codes = codes_of(y, sampler.classes_)
        elif known_class:
            shares = sampler.class_counts_ / sampler.class_counts_.sum()
            scores = [
                np.log(share) + sampler._score_rows(rows, codes + c, covariates)
                for c, share in enumerate(shares)
            ]
            codes = np.argmax(scores, axis=0)
    return Patients(sampler, rows, codes, covariates, index)


def gene_positions(sampler: Any, genes: Sequence) -> NDArray:
    """Columns of genes by name, or by number after a fit without names."""
    names = list(genes_of(sampler))
    place = {name: i for i, name in enumerate(names)}
    unknown = [gene for gene in genes if gene not in place]
    if unknown:
        raise ValueError(
            f"{unknown[:5]} were not in the fit; its genes are {names[:3]}, ... "
            f"({len(names)})."
        )
    positions = np.array([place[gene] for gene in genes], dtype=int)
    if len(np.unique(positions)) < len(positions):
        raise ValueError(f"Genes must be named once each; got {list(genes)[:10]}.")
    return positions


def uses_network(sampler: Any) -> bool:
    """Whether the latents are those of a network."""
    return getattr(sampler, "backend_", "gaussian") == "diffusion"


def flow(patients: Patients, start: NDArray, codes: NDArray, *, up: bool) -> NDArray:
    """Carry latents to noise (``up``) or noise to latents under some classes."""
    objective = patients.sampler._network()
    carry = invert if up else generate

    def solve(x, label, u):
        denoise = guided(objective.denoiser, label, u, objective.n_classes)
        return carry(denoise, x, FLOW_STEPS)

    return patients.sampler._apply(
        solve,
        start.astype(np.float32),
        codes,
        patients.covariates.astype(np.float32),
    ).astype(np.float64)


def to_network(sampler: Any, latents: NDArray, codes: NDArray) -> NDArray:
    """Latents of the model as the network's, before its moments are matched."""
    return latents / sampler.latent_stretch_ + sampler.latent_shift_[codes]


def from_network(sampler: Any, latents: NDArray, codes: NDArray) -> NDArray:
    """Inverse of `to_network`."""
    return (latents - sampler.latent_shift_[codes]) * sampler.latent_stretch_


def network_change(
    patients: Patients,
    genes: NDArray,
    before: NDArray,
    after: NDArray,
    scales: NDArray,
    fresh: float = 0.0,
    rng: np.random.Generator | None = None,
) -> NDArray:
    """Change of the leading latents when observed genes go from one value to another.

    A patient's noise is that which the flow given ``before`` carries their latents to;
    the flow given ``after`` carries it back. With Gaussian latents the change is the
    conditional mean's, exactly.

    Parameters
    ----------
    patients : Patients
        Who.
    genes : ndarray of shape (n_genes,)
        Observed genes.
    before, after : ndarray of shape (n_samples, n_genes)
        Their standardised values.
    scales : ndarray of shape (n_samples,)
        Row scales.
    fresh : float
        Share of the noise's standard deviation that is drawn anew.
    rng : numpy.random.Generator
        Its source.

    Returns
    -------
    ndarray of shape (n_samples, n_factors_)
        Of the model's latents, less the row scale.
    """
    sampler, model = patients.sampler, patients.sampler.model_
    q, d = model.n_factors_, sampler.class_covariances_.shape[1]
    objective = sampler._network()
    latents = model.encode(patients.X, patients.codes, patients.covariates)
    start = to_network(sampler, latents, patients.codes)
    out = np.zeros((len(start), q))
    for c in np.unique(patients.codes):
        own = patients.codes == c
        # The factors that the network leaves alone, and noise, disturb the observation.
        rest = patients.gaussian(c, leading=False)
        scaled = np.sqrt(model.eigenvalues_[:q])[:, None] * model.vectors_[:q]
        design = np.zeros((len(genes), d))
        design[:, :q] = scaled[:, genes].T * sampler.latent_stretch_[:q]
        weighted = _solve_low_rank(rest, genes, design)
        precision = design.T @ weighted
        shift = sampler.latent_shift_[c]
        given = [
            (values[own] / scales[own, None]) @ weighted + shift @ precision
            for values in (before, after)
        ]
        noise: NDArray = np.zeros((own.sum(), d))
        if rng is not None:
            noise = rng.standard_normal(noise.shape)

        def solve(x, b_before, b_after, xi, label, u, precision=precision):
            p = torch.as_tensor(precision, dtype=x.dtype, device=x.device)
            denoise = guided(objective.denoiser, label, u, objective.n_classes)
            old, new = observed(denoise, p, b_before), observed(denoise, p, b_after)
            high = invert(old, x, FLOW_STEPS)
            high = recentre(high, old, new, FLOW_STEPS, fresh, xi)
            return generate(new, high, FLOW_STEPS)

        moved = sampler._apply(
            solve,
            start[own].astype(np.float32),
            *(b.astype(np.float32) for b in given),
            noise.astype(np.float32),
            patients.codes[own],
            patients.covariates[own].astype(np.float32),
        )
        change = (moved - start[own]) * sampler.latent_stretch_
        out[own] = change[:, :q]
    return out


def _solve_low_rank(gaussian: RowGaussian, genes: NDArray, right: NDArray) -> NDArray:
    """(W' W + N)^-1 right, over some genes."""
    w, noise = gaussian.loadings[:, genes], gaussian.noise[genes]
    scaled = right / noise[:, None]
    inner = np.eye(len(w)) + (w / noise) @ w.T
    return scaled - (w / noise).T @ np.linalg.solve(inner, w @ scaled)


def rest_given(
    patients: Patients,
    c: int,
    genes: NDArray,
    change: NDArray,
    latent_change: NDArray,
    scales: NDArray,
) -> NDArray:
    """Standardised change of all genes from that of the latents and of some genes."""
    model = patients.sampler.model_
    q = model.n_factors_
    scaled = np.sqrt(model.eigenvalues_[:q])[:, None] * model.vectors_[:q]
    by_network = (latent_change * scales[:, None]) @ scaled
    left = change - by_network[:, genes]
    out = by_network + patients.gaussian(c, leading=False).expect(left, genes)
    out[:, genes] = change
    return out
