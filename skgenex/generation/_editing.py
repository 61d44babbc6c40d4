"""Profiles of which some genes are known: regenerate the rest, fill what is missing."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from .._seeding import draw_seed
from ._patients import (
    Patients,
    check_patients,
    gene_positions,
    network_change,
    rest_given,
    uses_network,
)


def edit(
    sampler: Any,
    X: ArrayLike,
    *,
    keep: Sequence | NDArray,
    y: ArrayLike | None = None,
    conditions: Any = None,
    strength: float = 1.0,
    random_state: int | np.random.RandomState | None = None,
) -> pd.DataFrame:
    """Keep some genes of patients exactly and draw the others anew, given these.

    With mu the conditional mean of the other genes and xi a draw from their conditional
    covariance, they become mu + sqrt(1 - t^2) (x - mu) + t xi, t the strength: rows
    from the model stay rows from the model at every strength. With a diffusion network
    the leading latents follow its probability flow given the kept genes, their noise
    mixed with fresh noise alike, and the rest is the Gaussian's given these. Replacing
    the known part at each step (RePaint) is not possible in latents: each gene is a
    mixture of all of them.

    Parameters
    ----------
    sampler : GaussianSampler or DiffusionSampler
        A fitted sampler.
    X : array-like of shape (n_samples, n_features)
        Patients, on the scale of the fit, for example log2(CPM + 1).
    keep : sequence of genes, or array of bool of shape (n_features,)
        Genes that stay exactly as they are.
    y : array-like of shape (n_samples,), default=None
        Classes under which the rest is drawn, which may differ from the patients';
        by default those likeliest under the sampler.
    conditions : DataFrame of shape (n_samples, n_conditions), default=None
        Covariates, if the fit had some.
    strength : float, default=1.0
        From 0, the patient as they are, to 1, which forgets all that is not kept.
    random_state : int, RandomState instance or None, default=None
        Source of randomness; None takes the sampler's.

    Returns
    -------
    DataFrame of shape (n_samples, n_features)
        Edited patients.

    Raises
    ------
    ValueError
        If ``keep`` has genes that were not in the fit, or ``strength`` is not within 0
        and 1.

    References
    ----------
    Bishop (2006), Pattern Recognition and Machine Learning, Eq. 2.81; Lugmayr et al.
    (2022), RePaint, CVPR; Meng et al. (2022), SDEdit, ICLR.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import GaussianSampler, edit
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> edited = edit(sampler, X[:2], keep=[0, 1], y=y[:2])
    >>> bool((edited[[0, 1]] == X[:2, [0, 1]]).all(axis=None))
    True
    """
    if not isinstance(strength, Real) or not 0 <= strength <= 1:
        raise ValueError(f"strength must be between 0 and 1; got {strength!r}.")
    patients = check_patients(sampler, X, y, conditions)
    kept = _kept_columns(sampler, keep)
    model, codes = sampler.model_, patients.codes
    varying = model.common_sds_ > 0
    known = kept[varying[kept]]
    seed = draw_seed(sampler.random_state if random_state is None else random_state)
    rng = np.random.default_rng([seed, 6])
    residuals = patients.residuals()
    # The scale of what is drawn anew is that of what is known.
    of_known = known if len(known) > 1 else np.flatnonzero(varying)
    scales = patients.scales(residuals, of_known)
    t = float(strength)
    stays = np.sqrt(1 - t**2)
    latent_change = None
    if uses_network(sampler) and t:
        same = residuals[:, known]
        latent_change = network_change(patients, known, same, same, scales, t, rng)
    rows = np.empty_like(residuals)
    for c in np.unique(codes):
        own = codes == c
        fresh = t * scales[own, None]
        if latent_change is None:
            gaussian = patients.gaussian(c)
            mean = gaussian.expect(residuals[own][:, known], known)
            new = gaussian.draw_given_zero(own.sum(), known, rng)
            rows[own] = mean + stays * (residuals[own] - mean) + fresh * new
            continue
        # The network moved the leading part; the rest follows, then is mixed alike.
        rest = patients.gaussian(c, leading=False)
        zero = np.zeros((own.sum(), len(known)))
        moved = rest_given(patients, c, known, zero, latent_change[own], scales[own])
        leading = _leading_part(patients, own, scales)
        others = residuals[own] - leading
        mean = rest.expect(others[:, known], known)
        new = rest.draw_given_zero(own.sum(), known, rng)
        rows[own] = leading + moved + mean + stays * (others - mean) + fresh * new
    out = rows * model.sds_[codes] + model.means_[codes]
    out += patients.covariates @ model.slopes_
    out = patients.within_range(out)
    out[:, kept] = patients.X[:, kept]
    return patients.frame(out)


def _leading_part(patients: Patients, own: NDArray, scales: NDArray) -> NDArray:
    """Return what the patients' own leading latents contribute to their residuals."""
    model = patients.sampler.model_
    q = model.n_factors_
    latents = model.encode(
        patients.X[own], patients.codes[own], patients.covariates[own]
    )
    scaled = np.sqrt(model.eigenvalues_[:q])[:, None] * model.vectors_[:q]
    return (latents[:, :q] @ scaled) * scales[own, None]


def _kept_columns(sampler: Any, keep: Any) -> NDArray:
    mask = np.asarray(keep)
    if mask.dtype == bool:
        if mask.shape != (sampler.n_features_in_,):
            raise ValueError(
                f"A mask to keep must have shape ({sampler.n_features_in_},); got "
                f"{mask.shape}."
            )
        return np.flatnonzero(mask)
    return gene_positions(sampler, list(keep))


def impute(
    sampler: Any,
    X: ArrayLike,
    *,
    y: ArrayLike | None = None,
    conditions: Any = None,
) -> pd.DataFrame:
    """Fill missing values with their expectation given the patient's known genes.

    In closed form, E[missing | known, class] under the Gaussian part of the sampler;
    without ``y``, the average over classes by how likely the known genes make them. A
    Only the leading factors are used: given hundreds of genes, weaker ones, estimated
    from few rows, fit chance. A network is not asked: the expectation, which least
    squares wants, is what the Gaussian is best at. To draw instead of expect,
    see `edit`.

    Parameters
    ----------
    sampler : GaussianSampler or DiffusionSampler
        Sampler fitted on complete rows.
    X : array-like of shape (n_samples, n_features)
        Patients with NaN where a gene is missing, on the scale of the fit.
    y : array-like of shape (n_samples,), default=None
        Their classes.
    conditions : DataFrame of shape (n_samples, n_conditions), default=None
        Covariates, if the fit had some.

    Returns
    -------
    DataFrame of shape (n_samples, n_features)
        X with missing values filled.

    References
    ----------
    Little & Rubin (2019), Statistical Analysis with Missing Data, Ch. 11.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import GaussianSampler, impute
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> gappy = X[:3].copy()
    >>> gappy[0, :20] = np.nan
    >>> bool(impute(sampler, gappy, y=y[:3]).isna().any(axis=None))
    False
    """
    patients = check_patients(
        sampler, X, y, conditions, missing=True, known_class=False
    )
    unknown = np.isnan(patients.X)
    out = patients.X.copy()
    model = sampler.model_
    varying = model.common_sds_ > 0
    mixes = sampler.target_type_ == "class" and y is None
    n_classes = len(sampler.classes_)
    shares = sampler.class_counts_ / sampler.class_counts_.sum()
    candidates = np.arange(n_classes) if mixes else np.unique(patients.codes)
    residuals = {}
    for c in candidates:
        codes = np.full(len(out), c)
        residuals[c] = model.standardise(patients.X, codes, patients.covariates)
    # Rows with the same genes missing share their equations.
    patterns, group = np.unique(unknown, axis=0, return_inverse=True)
    for g, pattern in enumerate(patterns):
        if not pattern.any():
            continue
        members = np.flatnonzero(group.ravel() == g)
        known = np.flatnonzero(~pattern & varying)
        filled = np.zeros((n_classes, len(members), int(pattern.sum())))
        scores = np.full((n_classes, len(members)), -np.inf)
        for c in map(int, candidates):
            own = members if mixes else members[patients.codes[members] == c]
            at = np.isin(members, own)
            gaussian = patients.gaussian(c, rest=False)
            seen = residuals[c][np.ix_(own, known)]
            mean = gaussian.expect_factors(seen, known) @ gaussian.loadings[:, pattern]
            filled[c, at] = mean * model.sds_[c, pattern] + model.means_[c, pattern]
            scores[c, at] = 0.0
            if mixes:
                log_sds = np.log(model.sds_[c, known]).sum()
                scores[c] = gaussian.log_density(
                    seen, known, free_scale=model.has_scale_
                )
                scores[c] -= log_sds
                scores[c] += np.log(shares[c])
        weights = softmax(scores, axis=0)
        mixed = np.einsum("cn,cnj->nj", weights, filled)
        mixed += patients.covariates[members] @ model.slopes_[:, pattern]
        out[np.ix_(members, pattern)] = mixed
    low = np.where(sampler.lowest_ >= 0, 0.0, -np.inf)
    out[unknown] = np.maximum(out, low)[unknown]
    return patients.frame(out)
