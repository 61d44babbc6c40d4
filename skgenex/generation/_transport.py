"""A patient of one class as they would be in another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ._drawing import codes_of
from ._patients import (
    Patients,
    check_patients,
    flow,
    from_network,
    to_network,
    uses_network,
)
from .intervention import class_transport


@dataclass
class TransportResult:
    """Patients carried to another class, as `transport` returns them.

    Parameters
    ----------
    profiles : DataFrame of shape (n_samples, n_features)
        Carried patients, in the unit of X.
    change : DataFrame of shape (n_samples, n_features)
        ``profiles`` less the patients' own.
    mean_shift : DataFrame of shape (n_samples, n_features)
        Baseline: patients plus the difference of the class means.
    table : DataFrame
        Candidate targets, indexed by gene: ``change`` (mean over patients, unit of X),
        ``effect`` (in within-class standard deviations) and ``agreement`` (share of
        patients who change with that sign), by falling ``abs(effect)``.
    round_trip_error : float
        Root mean square difference between patients and what comes back after going to
        noise and back in their own class, in within-class standard deviations: the
        error of solving the flow. 0 for the Gaussian, whose map is in closed form.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import GaussianSampler, transport
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> result = transport(sampler, X[y == y[0]], to=y[y != y[0]][0])
    >>> result.round_trip_error
    0.0
    """

    profiles: pd.DataFrame
    change: pd.DataFrame
    mean_shift: pd.DataFrame
    table: pd.DataFrame
    round_trip_error: float


def transport(
    sampler: Any,
    X: ArrayLike,
    *,
    to: Any,
    y: ArrayLike | None = None,
    conditions: Any = None,
) -> TransportResult:
    """Carry patients of one class to another, as the same patients.

    Deterministic: a patient is encoded under their class and decoded under the other.
    The Gaussian's map is exact for its latents: whitened by the covariance of the one
    class, coloured by that of the other, with the means, gene standard deviations and
    mean row scale of the other; what the factors don't explain stays. The network
    follows its probability flow to noise and back, which is that map if the network
    adds nothing to the Gaussian.

    Parameters
    ----------
    sampler : GaussianSampler or DiffusionSampler
        Sampler fitted with classes.
    X : array-like of shape (n_samples, n_features)
        Patients, on the scale of the fit, for example log2(CPM + 1).
    to : label
        Class to carry them to.
    y : array-like of shape (n_samples,), default=None
        Their classes; by default those likeliest under the sampler.
    conditions : DataFrame of shape (n_samples, n_conditions), default=None
        Their covariates, if the fit had some; they keep them.

    Returns
    -------
    TransportResult
        Profiles, changes and genes by their change.

    Raises
    ------
    ValueError
        If the fit had no classes, or ``to`` is not one of them.

    References
    ----------
    Su, Song, Meng & Ermon (2023), Dual Diffusion Implicit Bridges for Image-to-Image
    Translation, ICLR.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import GaussianSampler, transport
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> a, b = sampler.classes_[:2]
    >>> result = transport(sampler, X[y == a], to=b, y=y[y == a])
    >>> result.table.shape
    (200, 3)
    """
    patients = check_patients(sampler, X, y, conditions)
    if sampler.target_type_ != "class":
        raise ValueError("transport needs a sampler fitted with classes as y.")
    target = codes_of([to] * len(patients.X), sampler.classes_)
    model, codes = sampler.model_, patients.codes
    latents = model.encode(patients.X, codes, patients.covariates)
    moved, round_trip = _move_latents(patients, latents, target)
    residuals = patients.residuals()
    varying = np.flatnonzero(model.common_sds_ > 0)
    profiles = decode(patients, residuals, latents, moved, target)
    error = 0.0
    if round_trip is not None:
        back = decode(patients, residuals, latents, round_trip, codes)
        sds = model.sds_[codes]
        gap = (back - patients.X)[:, varying] / sds[:, varying]
        error = float(np.sqrt(np.mean(gap**2)))
    shifted = patients.X + model.means_[target] - model.means_[codes]
    profiles = patients.within_range(profiles)
    # Genes constant in the whole fit can't differ between classes.
    change = profiles - patients.X
    sds = np.where(model.common_sds_ > 0, model.common_sds_, np.inf)
    mean = change.mean(axis=0)
    table = pd.DataFrame(
        {
            "change": mean,
            "effect": mean / sds,
            "agreement": np.mean(np.sign(change) == np.sign(mean), axis=0),
        },
        index=pd.Index(patients.genes, name="gene"),
    )
    return TransportResult(
        profiles=patients.frame(profiles),
        change=patients.frame(change),
        mean_shift=patients.frame(patients.within_range(shifted)),
        table=table.sort_values("effect", key=np.abs, ascending=False, kind="stable"),
        round_trip_error=error,
    )


def _move_latents(
    patients: Patients, latents: NDArray, target: NDArray
) -> tuple[NDArray, NDArray | None]:
    """Latents under the other class and, from a network, back in their own."""
    sampler, codes = patients.sampler, patients.codes
    if uses_network(sampler):
        noise = flow(patients, to_network(sampler, latents, codes), codes, up=True)
        moved, back = (
            from_network(sampler, flow(patients, noise, c, up=False), c)
            for c in (target, codes)
        )
        return moved, back
    moved = np.empty_like(latents)
    for c in np.unique(codes):
        covariances = sampler.class_covariances_[[c, target[0]]]
        moved[codes == c] = latents[codes == c] @ class_transport(*covariances)
    return moved, None


def decode(
    patients: Patients,
    residuals: NDArray,
    before: NDArray,
    after: NDArray,
    target: NDArray,
) -> NDArray:
    """Rows whose latents went from ``before`` to ``after``, all else kept."""
    model, codes = patients.sampler.model_, patients.codes
    q = model.n_factors_
    log_before = log_after = np.zeros(len(before))
    if model.has_scale_:
        log_before = model.scale_mean_[codes] + model.scale_sd_ * before[:, -1]
        log_after = model.scale_mean_[target] + model.scale_sd_ * after[:, -1]
    scaled = np.sqrt(model.eigenvalues_[:q])[:, None] * model.vectors_[:q]
    unit = residuals * np.exp(-log_before)[:, None]
    unit += (after[:, :q] - before[:, :q]) @ scaled
    rows = unit * np.exp(log_after)[:, None] * model.sds_[target]
    rows += model.means_[target]
    return rows + patients.covariates @ model.slopes_
