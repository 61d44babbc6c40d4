"""Effective library sizes: how many counts a sample would have of equal composition."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

TRIM_RATIOS, TRIM_LEVELS = 0.3, 0.05  # shares of genes that TMM leaves out, each side
BLOCK_VALUES = 2_000_000


def totals(X) -> NDArray:
    """Sum of each row in float64, for dense or sparse counts."""
    return np.asarray(X.sum(axis=1, dtype=np.float64)).ravel()


def _dense_blocks(X):
    """Dense float64 blocks of rows, and where they are."""
    size = max(1, BLOCK_VALUES // max(X.shape[1], 1))
    for start in range(0, X.shape[0], size):
        rows = slice(start, min(start + size, X.shape[0]))
        block = X[rows]
        dense = block.toarray() if sparse.issparse(block) else np.asarray(block)
        yield rows, dense.astype(np.float64)


def fit_total(X) -> None:
    """Nothing to learn."""


def apply_total(X, reference: None) -> NDArray:
    """Library sizes."""
    return totals(X)


def _upper_quartiles(X) -> NDArray:
    out = np.zeros(X.shape[0])
    for rows, block in _dense_blocks(X):
        for i, row in enumerate(block):
            expressed = row[row > 0]
            out[rows.start + i] = np.quantile(expressed, 0.75) if len(expressed) else 0
    return out


def fit_upper_quartile(X) -> float:
    """Learn what a library of typical size has as upper quartile, per count."""
    size, quartile = totals(X), _upper_quartiles(X)
    usable = (size > 0) & (quartile > 0)
    if not usable.any():
        return 1.0
    return float(np.exp(np.mean(np.log(quartile[usable] / size[usable]))))


def apply_upper_quartile(X, reference: float) -> NDArray:
    """Library sizes by the upper quartile of expressed genes (Bullard et al. 2010)."""
    return _upper_quartiles(X) / reference


def fit_median_of_ratios(X) -> tuple[NDArray, float]:
    """Learn log geometric means of the genes expressed in all rows, and of sizes."""
    logs, everywhere = np.zeros(X.shape[1]), np.ones(X.shape[1], dtype=bool)
    for _, block in _dense_blocks(X):
        everywhere &= (block > 0).all(axis=0)
        logs += np.log(np.where(block > 0, block, 1.0)).sum(axis=0)
    if not everywhere.any():
        raise ValueError(
            "size_factors='median_of_ratios' needs a gene with counts in every row; "
            "none has. Use 'total', or remove rows of low depth."
        )
    size = totals(X)
    means = np.where(everywhere, logs / X.shape[0], np.nan)
    return means, float(np.mean(np.log(size[size > 0])))


def apply_median_of_ratios(X, reference: tuple[NDArray, float]) -> NDArray:
    """Library sizes by the median ratio to a reference (Anders & Huber 2010, Eq. 5)."""
    means, log_size = reference
    usable = np.isfinite(means)
    out = np.zeros(X.shape[0])
    for rows, block in _dense_blocks(X):
        for i, row in enumerate(block[:, usable]):
            seen = row > 0
            if seen.any():
                ratios = np.log(row[seen]) - means[usable][seen]
                out[rows.start + i] = np.exp(np.median(ratios) + log_size)
    return out


def fit_tmm(X) -> tuple[NDArray, float, float]:
    """Learn the reference row, the one whose upper quartile is nearest the mean."""
    size, quartile = totals(X), _upper_quartiles(X)
    relative = np.divide(quartile, size, out=np.zeros_like(size), where=size > 0)
    chosen = int(np.argmin(np.abs(relative - relative[size > 0].mean())))
    row = X[[chosen]]
    row = row.toarray() if sparse.issparse(row) else np.asarray(row)
    row = row[0].astype(np.float64)
    factors = _tmm(X, row, row.sum())
    return row, float(row.sum()), float(np.exp(np.mean(np.log(factors))))


def apply_tmm(X, reference: tuple[NDArray, float, float]) -> NDArray:
    """Library sizes times trimmed means of M-values (Robinson & Oshlack 2010)."""
    row, size, mean_factor = reference
    return totals(X) * _tmm(X, row, size) / mean_factor


def _tmm(X, reference: NDArray, reference_size: float) -> NDArray:
    factors = np.ones(X.shape[0])
    for rows, block in _dense_blocks(X):
        for i, row in enumerate(block):
            size = row.sum()
            both = (row > 0) & (reference > 0)
            if size == 0 or not both.any():
                continue
            own, other = row[both] / size, reference[both] / reference_size
            m, a = np.log2(own / other), np.log2(own * other) / 2
            if np.abs(m).max() < 1e-6:
                continue
            # The inverse of the asymptotic variance of m, by the delta method.
            weight = 1 / (
                (size - row[both]) / (size * row[both])
                + (reference_size - reference[both])
                / (reference_size * reference[both])
            )
            kept = _within(m, TRIM_RATIOS) & _within(a, TRIM_LEVELS)
            if kept.any():
                mean = np.average(m[kept], weights=weight[kept])
                factors[rows.start + i] = 2.0**mean
    return factors


def _within(values: NDArray, trim: float) -> NDArray:
    """Whether a value's rank is not among the trimmed ones of either side."""
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    n = len(values)
    low = int(np.floor(n * trim))
    return (rank >= low) & (rank < n - low)


# By name: what is learned from the training rows, and effective library sizes by it.
SIZE_FACTORS: dict[str, tuple[Callable, Callable]] = {
    "total": (fit_total, apply_total),
    "upper_quartile": (fit_upper_quartile, apply_upper_quartile),
    "median_of_ratios": (fit_median_of_ratios, apply_median_of_ratios),
    "tmm": (fit_tmm, apply_tmm),
}
