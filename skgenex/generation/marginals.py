"""Per-gene maps which give simulated genes the distribution of the real ones."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .._blocks import blocks

MAX_KNOTS = 512
ATOM_SHARE = 0.02  # an extreme value shared by more rows is a floor or a ceiling


class MarginalMap:
    """Monotone map per gene: the model's quantiles to the data's.

    x' = Q_data(F_model(x)), piecewise linear between quantiles. Unlike a normal-score
    transform before the model, it leaves the model in the units of the data and
    corrects only what the model gets wrong: floors, zeros, skew. Beyond the outermost
    quantiles it goes on with the slope of the tail, so that no values pile up there,
    except where the data themselves do (a floor). Data without negative values stay
    so, and strictly positive data strictly positive.

    Attributes
    ----------
    model_quantiles_, data_quantiles_ : ndarray of shape (n_knots, n_features)
        The map's knots.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.generation.marginals import MarginalMap
    >>> rng = np.random.default_rng(0)
    >>> model, data = rng.normal(size=(5000, 1)), rng.exponential(size=(300, 1))
    >>> mapped = MarginalMap().fit(model, data).transform(model)
    >>> bool(mapped.min() >= 0), bool(abs(np.median(mapped) - np.median(data)) < 0.02)
    (True, True)
    """

    def fit(self, model: NDArray, data: NDArray) -> "MarginalMap":
        """Learn the map.

        Parameters
        ----------
        model : ndarray of shape (n_simulated, n_features)
            Rows simulated by the model, as many as can be had.
        data : ndarray of shape (n_samples, n_features)
            Real rows.

        Returns
        -------
        MarginalMap
            Itself.
        """
        n_knots = min(len(data), MAX_KNOTS)
        levels = (np.arange(n_knots) + 0.5) / n_knots
        self.data_quantiles_ = _quantiles(data, levels)
        self.model_quantiles_ = _quantiles(model, levels)
        low, high = data.min(axis=0), data.max(axis=0)
        self.is_floor_ = np.mean(data == low, axis=0) > max(ATOM_SHARE, 2 / len(data))
        self.is_ceiling_ = np.mean(data == high, axis=0) > max(
            ATOM_SHARE, 2 / len(data)
        )
        self.low_ = low
        self.lower_slope_, self.upper_slope_ = self._tail_slopes(levels)
        return self

    def _tail_slopes(self, levels: NDArray) -> tuple[NDArray, NDArray]:
        """Ratio of the data's to the model's spread in the outer tenth of each side."""
        inner = int(np.searchsorted(ndtri(levels), ndtri(levels[0]) * 0.5))
        inner = min(max(inner, 1), len(levels) - 1)
        slopes = []
        for end, inside in ((0, inner), (-1, -1 - inner)):
            data = np.abs(self.data_quantiles_[end] - self.data_quantiles_[inside])
            model = np.abs(self.model_quantiles_[end] - self.model_quantiles_[inside])
            ratio = np.divide(data, model, out=np.ones_like(data), where=model > 0)
            slopes.append(np.clip(ratio, 0.0, 2.0))
        return slopes[0], slopes[1]

    def transform(self, X: NDArray) -> NDArray:
        """Map simulated rows, shape (n_samples, n_features)."""
        out = np.empty_like(X, dtype=np.float64)
        n_knots = len(self.model_quantiles_)
        for genes in blocks(X.shape[1], max(len(X), n_knots)):
            # In order, values are found among the knots in a third of the time.
            values = np.array(X[:, genes].T, dtype=np.float64, order="C")
            order = np.argsort(values, axis=1)
            values = np.take_along_axis(values, order, axis=1)
            model, data = (
                np.ascontiguousarray(knots[:, genes].T)
                for knots in (self.model_quantiles_, self.data_quantiles_)
            )
            mapped = np.empty_like(values)
            for j, knots in enumerate(zip(model, data, strict=True)):
                mapped[j] = np.interp(values[j], *knots)
            for end, is_outside, slope, is_flat in (
                (0, np.less, self.lower_slope_, self.is_floor_),
                (-1, np.greater, self.upper_slope_, self.is_ceiling_),
            ):
                edge, slope = model[:, end], np.where(is_flat, 0.0, slope)[genes]
                gene, row = np.nonzero(is_outside(values, edge[:, None]))
                mapped[gene, row] += slope[gene] * (values[gene, row] - edge[gene])
            np.put_along_axis(out[:, genes].T, order, mapped, axis=1)
        keep_sign(out, self.low_)
        return out


def join_maps(maps: list[MarginalMap]) -> MarginalMap:
    """Map of all genes from maps of consecutive ones, which are emptied."""
    joined = MarginalMap()
    for name in list(vars(maps[0])):
        parts = [vars(part).pop(name) for part in maps]
        setattr(joined, name, np.concatenate(parts, axis=-1))
    return joined


def keep_sign(X: NDArray, low: NDArray) -> None:
    """Keep simulated values non-negative, in place, where the data are.

    Where the data have zeros, negative values become zero. Where they are strictly
    positive that would make a value of its own out of zero; there, values below the
    data's lowest, l, approach zero without reaching it: l^2 / (2 l - x), of slope one
    at l.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Simulated rows.
    low : ndarray of shape (n_features,)
        Lowest values of the data.
    """
    np.maximum(X, 0.0, out=X, where=low == 0)
    below, gene = np.nonzero(np.where(low > 0, low, -np.inf) > X)
    lowest = low[gene]
    X[below, gene] = lowest / (2 - X[below, gene] / lowest)


def _quantiles(values: NDArray, levels: NDArray) -> NDArray:
    """Quantiles of each column; row i of n sorted values is that of (i + 1/2) / n."""
    n, p = values.shape
    position = (levels * n - 0.5).clip(0, n - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, n - 1)
    part = position - below
    # Knots of a gene lie side by side, as the map reads them.
    out = np.empty((len(levels), p), np.result_type(values, np.float32), order="F")
    for columns in blocks(p, n):
        # Sorting rows of the transpose is several times faster than sorting columns.
        ordered = np.array(values[:, columns].T, dtype=np.float64, order="C")
        ordered.sort(axis=1)
        mixed = (1 - part) * ordered[:, below] + part * ordered[:, above]
        out[:, columns] = mixed.T
    return out


def cramer_distance(a: NDArray, b: NDArray) -> NDArray:
    """Integrated squared difference of the distribution functions, gene by gene.

    Parameters
    ----------
    a : ndarray of shape (n_a, n_features)
        Values.
    b : ndarray of shape (n_b, n_features)
        Values.

    Returns
    -------
    ndarray of shape (n_features,)
        Cramer's distance in the unit of the values, zero for equal distributions.
    """
    out = np.empty(a.shape[1])
    for j in range(a.shape[1]):
        x, y = np.sort(a[:, j]), np.sort(b[:, j])
        grid = np.sort(np.concatenate([x, y]))
        difference = np.searchsorted(x, grid, side="right") / len(x)
        difference = difference - np.searchsorted(y, grid, side="right") / len(y)
        out[j] = (difference[:-1] ** 2 * np.diff(grid)).sum()
    return out
