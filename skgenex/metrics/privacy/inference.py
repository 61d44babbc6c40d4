"""What synthetic rows tell of a patient of whom some genes are known.

Each figure stands beside the same figure for held-out patients: what works as well on
these is what the population tells, not a leak (Giomi et al. 2023).
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .._distances import centred, squared_distance_blocks
from .._rows import checked_rows
from .._standardised import one_label_per_row

N_REPEATS = 5  # draws of the genes that the attacker knows
Z = 1.959964  # 95 %


def attribute_inference(
    X_synthetic: ArrayLike,
    X_train: ArrayLike,
    X_holdout: ArrayLike,
    *,
    y_synthetic: ArrayLike | None = None,
    y_train: ArrayLike | None = None,
    y_holdout: ArrayLike | None = None,
    n_known: int = 50,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Guess hidden genes, and the class, of patients from their nearest synthetic row.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    X_train : array-like of shape (n_train, n_features)
        Rows the generator was fitted on.
    X_holdout : array-like of shape (n_holdout, n_features)
        Real rows it never saw.
    y_synthetic, y_train, y_holdout : array-like of shape (n_rows,), default=None
        Classes; without them only genes are guessed.
    n_known : int, default=50
        Genes the attacker knows, at most half of all; drawn anew five times.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of these draws.

    Returns
    -------
    DataFrame of shape (n_targets, 5)
        Rows ``hidden_genes`` (share of the hidden genes' squares around the synthetic
        mean that the guess explains; negative if the mean is the better guess) and
        ``class`` (share guessed right). Columns ``train``, ``holdout``, ``advantage``
        (their difference; 0 is no leak), ``advantage_low``, ``advantage_high`` (95 %).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import attribute_inference
    >>> train, holdout = np.random.default_rng(0).standard_normal((2, 50, 20))
    >>> found = attribute_inference(train, train, holdout, random_state=0)
    >>> float(found.loc["hidden_genes", "train"])
    1.0
    """
    sets = checked_rows(
        2, X_synthetic=X_synthetic, X_train=X_train, X_holdout=X_holdout
    )
    synthetic, *targets = sets
    rng = np.random.default_rng(random_state)
    given = (y_synthetic, y_train, y_holdout)
    with_class = all(y is not None for y in given)
    labels: list[NDArray] = []
    if with_class:
        names = ("y_synthetic", "y_train", "y_holdout")
        labels = [
            one_label_per_row(name, y, len(rows))
            for name, y, rows in zip(names, given, sets, strict=True)
        ]
    n_known = _check_known(n_known, synthetic)
    centre = synthetic.mean(axis=0)
    explained = [np.zeros(len(rows)) for rows in targets]
    right = [np.zeros(len(rows)) for rows in targets]
    for _ in range(N_REPEATS):
        order = rng.permutation(synthetic.shape[1])
        known, hidden = order[:n_known], order[n_known:]
        for k, rows in enumerate(targets):
            guess = _nearest(rows[:, known], synthetic[:, known], 1)[:, 0]
            error = np.square(rows[:, hidden] - synthetic[guess][:, hidden]).sum(axis=1)
            total = np.square(rows[:, hidden] - centre[hidden]).sum(axis=1)
            explained[k] += (1 - error / np.maximum(total, 1e-12)) / N_REPEATS
            if with_class:
                right[k] += (labels[0][guess] == labels[k + 1]) / N_REPEATS
    out = {"hidden_genes": _advantage(*explained)}
    if with_class:
        out["class"] = _advantage(*right)
    return _table(out)


def linkability(
    X_synthetic: ArrayLike,
    X_train: ArrayLike,
    X_holdout: ArrayLike,
    *,
    n_known: int = 50,
    n_neighbors: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Link two parts of a patient's profile through the synthetic rows.

    The attacker has some genes of a patient from one source and other genes from
    another, and takes them for one person if both have a nearest synthetic row in
    common (Giomi et al. 2023).

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    X_train : array-like of shape (n_train, n_features)
        Rows the generator was fitted on.
    X_holdout : array-like of shape (n_holdout, n_features)
        Real rows it never saw.
    n_known : int, default=50
        Genes in each part, at most half of all; drawn anew five times.
    n_neighbors : int, default=1
        Synthetic rows that count as near.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of these draws.

    Returns
    -------
    DataFrame of shape (1, 5)
        Share of patients linked, in the columns of `attribute_inference`.

    References
    ----------
    Giomi, Boenisch, Wehmeyer & Tasnádi (2023), A unified framework for quantifying
    privacy risk in synthetic data, PoPETs 2023(2):312.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import linkability
    >>> train, holdout = np.random.default_rng(0).standard_normal((2, 50, 20))
    >>> found = linkability(train, train, holdout, random_state=0)
    >>> float(found.loc["linkability", "train"])
    1.0
    """
    synthetic, *targets = checked_rows(
        2, X_synthetic=X_synthetic, X_train=X_train, X_holdout=X_holdout
    )
    rng = np.random.default_rng(random_state)
    n_known = _check_known(n_known, synthetic)
    linked = [np.zeros(len(rows)) for rows in targets]
    for _ in range(N_REPEATS):
        order = rng.permutation(synthetic.shape[1])
        parts = order[:n_known], order[n_known : 2 * n_known]
        for k, rows in enumerate(targets):
            first, second = (
                _nearest(rows[:, genes], synthetic[:, genes], n_neighbors)
                for genes in parts
            )
            common = (first[:, :, None] == second[:, None, :]).any(axis=(1, 2))
            linked[k] += common / N_REPEATS
    return _table({"linkability": _advantage(*linked)})


def singling_out(
    X_synthetic: ArrayLike,
    X_train: ArrayLike,
    X_holdout: ArrayLike,
    *,
    n_guesses: int = 1000,
    n_genes: int = 6,
    tolerance: float = 0.3,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Guess descriptions that fit exactly one patient.

    A guess says of a few genes that the patient's values are near those of a synthetic
    row (after Giomi et al. 2023, multivariate, with intervals for half-lines:
    expression is continuous). The same guesses are judged on as many held-out patients.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    X_train : array-like of shape (n_train, n_features)
        Rows the generator was fitted on.
    X_holdout : array-like of shape (n_holdout, n_features)
        Real rows it never saw. The larger set is reduced at random to the size of the
        smaller: how many fit depends on it.
    n_guesses : int, default=1000
        Descriptions tried.
    n_genes : int, default=6
        Genes in each.
    tolerance : float, default=0.3
        What counts as near, in standard deviations of the synthetic gene.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of rows and genes.

    Returns
    -------
    DataFrame of shape (1, 5)
        Share of guesses that fit exactly one patient, in the columns of
        `attribute_inference`. The interval is over guesses, not over patients.

    References
    ----------
    Giomi, Boenisch, Wehmeyer & Tasnádi (2023), A unified framework for quantifying
    privacy risk in synthetic data, PoPETs 2023(2):312.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import singling_out
    >>> train, holdout = np.random.default_rng(0).standard_normal((2, 50, 20))
    >>> found = singling_out(train, train, holdout, random_state=0)
    >>> bool(found.loc["singling_out", "advantage"] > 0.1)
    True
    """
    synthetic, train, holdout = checked_rows(
        2, X_synthetic=X_synthetic, X_train=X_train, X_holdout=X_holdout
    )
    if n_guesses < 2 or n_genes < 1 or tolerance < 0:
        raise ValueError(
            "n_guesses must be at least 2, n_genes 1 and tolerance 0; got "
            f"{n_guesses}, {n_genes}, {tolerance}."
        )
    rng = np.random.default_rng(random_state)
    n = min(len(train), len(holdout))
    targets = [rows[rng.permutation(len(rows))[:n]] for rows in (train, holdout)]
    width = tolerance * synthetic.std(axis=0)
    hits = np.zeros((2, n_guesses))
    n_genes = min(n_genes, synthetic.shape[1])
    for guess in range(n_guesses):
        value = synthetic[rng.integers(len(synthetic))]
        genes = rng.choice(len(value), n_genes, replace=False)
        for k, rows in enumerate(targets):
            gap = np.abs(rows[:, genes] - value[genes])
            fits = (gap <= width[genes]).all(axis=1)
            hits[k, guess] = fits.sum() == 1
    return _table({"singling_out": _advantage(*hits)})


def _check_known(n_known: int, synthetic: NDArray) -> int:
    """Genes that the attacker knows, at most half of all."""
    if n_known < 1 or synthetic.shape[1] < 2:
        raise ValueError(
            f"n_known must be at least 1, of 2 genes or more; got {n_known} of "
            f"{synthetic.shape[1]}."
        )
    return min(n_known, synthetic.shape[1] // 2)


def _nearest(rows: NDArray, synthetic: NDArray, n_neighbors: int) -> NDArray:
    """Numbers of the nearest synthetic rows, (n_rows, n_neighbors)."""
    n_neighbors = min(n_neighbors, len(synthetic))
    return np.concatenate(
        [
            np.argpartition(block, n_neighbors - 1, axis=1)[:, :n_neighbors]
            for _, block in squared_distance_blocks(*centred(rows, synthetic))
        ]
    )


def _advantage(train: NDArray, holdout: NDArray) -> tuple[float, ...]:
    """Means, and their difference with its interval (Welch).

    Shares of 0 or 1 have no spread, so each group's variance is at least that of
    Wilson's interval there, 1 / n^2.
    """
    means = train.mean(), holdout.mean()
    variances = [
        max(part.var(ddof=1) / len(part), 1 / len(part) ** 2)
        for part in (train, holdout)
    ]
    gap = means[0] - means[1]
    half = Z * np.sqrt(sum(variances))
    return (*means, gap, gap - half, gap + half)


def _table(rows: dict[str, tuple[float, ...]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(
        rows,
        orient="index",
        columns=["train", "holdout", "advantage", "advantage_low", "advantage_high"],
    )
