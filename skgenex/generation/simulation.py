"""Choices made on held-out rows, and the model of rows that follows from them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .._blocks import blocks
from .._covariance import class_covariances, gaussian_log_density
from .._mapped import take
from .._residuals import SomeRows
from .factors import FactorModel
from .marginals import MarginalMap, cramer_distance, join_maps

N_REFERENCE = 1_500  # simulated rows behind the calibration
MAX_REAL_ROWS = 10_000  # they are compared with
N_CALIBRATION_GENES = 1_000
BLOCK_GENES = 1_000  # mapped at a time: bounds the simulated values held
MIN_ROWS_NORM_MAP = 12
STRENGTHS = (np.inf, 100.0, 30.0, 10.0, 3.0)

DrawLatents = Callable[[NDArray, NDArray, np.random.Generator], NDArray]


def assign_folds(codes: NDArray, n_folds: int, rng: np.random.Generator) -> NDArray:
    """Spread the rows of each class over folds as evenly as can be.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Classes.
    n_folds : int
        Number of folds.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_samples,)
        Fold of each row. Rows of classes with a single row get -1: they are always
        trained on.
    """
    folds = np.full(len(codes), -1)
    start = 0
    for c in np.unique(codes):
        own = rng.permutation(np.flatnonzero(codes == c))
        if len(own) > 1:
            folds[own] = (start + np.arange(len(own))) % n_folds
            start += len(own)
    return folds


def choose_by_holdout(
    new_model: Callable[[], FactorModel],
    X: NDArray,
    codes: NDArray,
    n_classes: int,
    covariates: NDArray,
    rng: np.random.Generator,
    *,
    n_folds: int = 4,
    max_rows: int = 2_000,
) -> tuple[float, bool]:
    """Choose the strength of the common covariance, and whether to map the marginals.

    Parameters
    ----------
    new_model : callable
        Returns an unfitted `FactorModel`.
    X, codes, n_classes, covariates
        As in `FactorModel.fit_encode`.
    rng : numpy.random.Generator
        Source of randomness.
    n_folds : int, default=4
        Folds of the cross-validation.
    max_rows : int, default=2000
        Rows used at most.

    Returns
    -------
    strength : float
        The one of `STRENGTHS` with the highest density of held-out latents.
    map_marginals : bool
        Whether the training rows predict held-out genes' distributions better, by
        Cramer's distance, than the model does.
    """
    if len(X) > max_rows:
        rows = rng.choice(len(X), max_rows, replace=False)
        X, codes, covariates = take(X, rows), codes[rows], covariates[rows]
    folds = assign_folds(codes, n_folds, rng)
    densities = np.zeros(len(STRENGTHS))
    improvement = 0.0
    for fold in range(n_folds):
        valid, train = folds == fold, folds != fold
        seen = np.isin(codes[valid], codes[train])
        valid[np.flatnonzero(valid)[~seen]] = False
        enough = train.sum() - len(np.unique(codes[train])) >= 3
        if not enough or valid.sum() < 2:
            return np.inf, len(X) >= 20
        model = new_model()
        latents = model.fit_encode(
            X[train], codes[train], n_classes, covariates[train], rng
        )
        held_out = model.encode(X[valid], codes[valid], covariates[valid])
        for i, strength in enumerate(STRENGTHS):
            covariances = class_covariances(latents, codes[train], n_classes, strength)
            densities[i] += gaussian_log_density(
                held_out, codes[valid], covariances
            ).sum()
        if fold == 0 and not model.constant_.all():
            genes = _some_genes(model, rng, N_CALIBRATION_GENES // 4)
            drawn = rng.choice(np.flatnonzero(train), N_REFERENCE // 2)
            simulated = model.decode(
                rng.standard_normal((len(drawn), latents.shape[1])),
                codes[drawn],
                covariates[drawn],
                rng,
                genes,
            )
            scale = np.maximum(model.common_sds_[genes], 1e-12)
            real, seen_before = X[valid][:, genes], X[train][:, genes]
            by_model = cramer_distance(simulated / scale, real / scale)
            by_data = cramer_distance(seen_before / scale, real / scale)
            improvement = float(np.mean(by_model - by_data))
    return STRENGTHS[int(np.argmax(densities))], improvement > 0


def reference_rows(
    codes: NDArray, rng: np.random.Generator, n_rows: int = N_REFERENCE
) -> NDArray:
    """Choose about ``n_rows`` rows with exactly the class shares of all rows.

    Where a gene differs much between classes, a few rows too many of one class would
    map some of its values to those of another.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Classes.
    rng : numpy.random.Generator
        Source of randomness.
    n_rows : int, default=1500
        Wanted number of rows.

    Returns
    -------
    ndarray of int
        Each row equally often if there are fewer than wanted; otherwise some rows,
        with class shares as equal as whole rows can be.
    """
    if len(codes) <= n_rows:
        return np.tile(np.arange(len(codes)), round(n_rows / len(codes)))
    # Rows in the order of their class, at even distances from a random start.
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    step = len(codes) / n_rows
    return order[((np.arange(n_rows) + rng.random()) * step).astype(int)]


def calibrate(
    model: FactorModel,
    draw_latents: DrawLatents,
    X: NDArray,
    codes: NDArray,
    covariates: NDArray,
    rng: np.random.Generator,
    *,
    map_marginals: bool,
    n_rounds: int = 3,
) -> MarginalMap | None:
    """Give simulated rows the spread of norms and the marginals of the real ones.

    The norms of the rows, which decide how near neighbours are, are a property of
    whole rows, and a map gene by gene narrows them; so they get a map of their own,
    adjusted in a few rounds until their spread is right after the map of the genes.

    Parameters
    ----------
    model : FactorModel
        Its ``norm_map_`` is set.
    draw_latents : callable
        ``draw_latents(codes, covariates, rng)`` simulates latents.
    X, codes, covariates
        The rows of the fit.
    rng : numpy.random.Generator
        Source of randomness.
    map_marginals : bool
        Whether to map the marginals.
    n_rounds : int, default=3
        Rounds of adjustment.

    Returns
    -------
    MarginalMap or None
        The map, if wanted.
    """
    model.norm_map_ = None
    drawn = reference_rows(codes, rng)
    judged = np.arange(len(X))
    if len(X) > MAX_REAL_ROWS:
        judged = np.sort(reference_rows(codes, rng, MAX_REAL_ROWS))
    codes_drawn, covariates_drawn = codes[drawn], covariates[drawn]
    latents = draw_latents(codes_drawn, covariates_drawn, rng)
    seed = int(rng.integers(2**31 - 1))

    def simulate(genes, salt):
        fresh = np.random.default_rng([seed, salt])
        simulated = np.empty((len(drawn), len(genes)), dtype=X.dtype)
        for rows in blocks(*simulated.shape, 250_000):
            simulated[rows] = model.decode(
                latents[rows], codes_drawn[rows], covariates_drawn[rows], fresh, genes
            )
        return simulated

    usable = model.counts_[codes[judged]] > 1
    if model.has_scale_ and usable.sum() >= MIN_ROWS_NORM_MAP:
        genes = _some_genes(model, rng, N_CALIBRATION_GENES)
        real = SomeRows(X, judged)[:, genes]
        wanted = model.log_norms(real, codes[judged], covariates[judged], genes)
        wanted = wanted[usable]
        rows = simulate(genes, 0)
        plain = model.log_norms(rows, codes_drawn, covariates_drawn, genes)
        target = wanted
        for _ in range(n_rounds):
            model.norm_map_ = MarginalMap().fit(plain[:, None], target[:, None])
            if not map_marginals:
                break
            rows = simulate(genes, 0)
            genes_map = MarginalMap().fit(rows, real)
            for block in blocks(*rows.shape):
                rows[block] = genes_map.transform(rows[block])
            got = model.log_norms(rows, codes_drawn, covariates_drawn, genes)
            # Ask for as much more spread, and level, as the map takes away.
            ratio = float(np.clip(wanted.std() / got.std(), 0.6, 1.6))
            level = target.mean() + wanted.mean() - got.mean()
            target = level + ratio * (target - target.mean())
        del real, rows
    if not map_marginals:
        return None
    # Rows of part of the genes have the scale that these alone give them, which for
    # so many is that of the whole row.
    maps = []
    for start in range(0, X.shape[1], BLOCK_GENES):
        genes = np.arange(start, min(start + BLOCK_GENES, X.shape[1]))
        real = SomeRows(X, judged)[:, slice(start, start + BLOCK_GENES)]
        maps.append(MarginalMap().fit(simulate(genes, 1 + start), real))
    return join_maps(maps)


def _some_genes(model: FactorModel, rng: np.random.Generator, n: int) -> NDArray:
    varying = np.flatnonzero(~model.constant_)
    return np.sort(rng.choice(varying, min(n, len(varying)), replace=False))
