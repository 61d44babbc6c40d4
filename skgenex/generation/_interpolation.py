"""Profiles between two patients, and of patients under other conditions."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._patients import Patients, flow, from_network, to_network, uses_network
from ._transport import decode
from .intervention import class_transport


@dataclass(frozen=True)
class _Parts:
    """A patient as the decoder sees them: noise of the network, latents, the rest."""

    unit: NDArray
    latents: NDArray
    noise: NDArray | None

    @classmethod
    def of(cls, patients: Patients) -> "_Parts":
        model, codes = patients.sampler.model_, patients.codes
        latents = model.encode(patients.X, codes, patients.covariates)
        unit = patients.residuals()
        if model.has_scale_:
            log_scale = model.scale_mean_[codes] + model.scale_sd_ * latents[:, -1]
            unit *= np.exp(-log_scale)[:, None]
        noise = None
        if uses_network(patients.sampler):
            start = to_network(patients.sampler, latents, codes)
            noise = flow(patients, start, codes, up=True)
        return cls(unit, latents, noise)


def path(a: Patients, b: Patients, steps: int) -> NDArray:
    """Profiles from patients to others, at equal steps.

    Parameters
    ----------
    a, b : Patients
        Both ends, of the same sampler and as many.
    steps : int
        Profiles per pair, with both ends.

    Returns
    -------
    ndarray of shape (n_pairs, steps, n_features)
        Profiles.
    """
    of_a, of_b = _Parts.of(a), _Parts.of(b)
    shares = np.linspace(0, 1, steps)
    return np.stack([_between(a, b, of_a, of_b, t) for t in shares], axis=1)


def _between(a: Patients, b: Patients, of_a: _Parts, of_b: _Parts, t: float) -> NDArray:
    """Profiles a share t of the way from a to b."""
    sampler, model = a.sampler, a.sampler.model_
    near, far = np.cos(t * np.pi / 2), np.sin(t * np.pi / 2)

    def line(at_a, at_b):
        return (1 - t) * at_a + t * at_b

    unit = near * of_a.unit + far * of_b.unit
    latents = after = near * of_a.latents + far * of_b.latents
    covariates = line(a.covariates, b.covariates)
    if of_a.noise is not None and of_b.noise is not None:
        noise = near * of_a.noise + far * of_b.noise
        here = replace(a, covariates=covariates)
        # The noise as each end's class would decode it, blended.
        after = line(
            *(
                from_network(sampler, flow(here, noise, c, up=False), c)
                for c in (a.codes, b.codes)
            )
        )
    q = model.n_factors_
    scaled = np.sqrt(model.eigenvalues_[:q])[:, None] * model.vectors_[:q]
    unit = unit + (after - latents)[:, :q] @ scaled
    if model.has_scale_:
        log_scale = line(model.scale_mean_[a.codes], model.scale_mean_[b.codes])
        unit *= np.exp(log_scale + model.scale_sd_ * after[:, -1])[:, None]
    rows = unit * line(model.sds_[a.codes], model.sds_[b.codes])
    rows += line(model.means_[a.codes], model.means_[b.codes])
    rows += covariates @ model.slopes_
    constant = model.constant_
    rows = replace(a, X=line(a.X, b.X)).within_range(rows)
    rows[:, constant] = line(a.X, b.X)[:, constant]
    return rows


def carry(old: Patients, new: Patients) -> NDArray:
    """Profiles of the same patients under other classes and covariates.

    Parameters
    ----------
    old : Patients
        As they are; all of one class.
    new : Patients
        The same rows, with the class and covariates to carry them to.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Carried patients, not yet limited to the training range.
    """
    sampler, codes, target = old.sampler, old.codes, new.codes
    latents = sampler.model_.encode(old.X, codes, old.covariates)
    if uses_network(sampler):
        start = to_network(sampler, latents, codes)
        noise = flow(old, start, codes, up=True)
        moved = from_network(sampler, flow(new, noise, target, up=False), target)
    else:
        pair = sampler.class_covariances_[[codes[0], target[0]]]
        moved = latents @ class_transport(*pair)
    carried = replace(old, covariates=new.covariates)
    return decode(carried, old.residuals(), latents, moved, target)
