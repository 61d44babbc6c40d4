"""Tasks of the self-supervision benchmark: few labels, many rows, other studies."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

MIN_CLASS_SIZE = 25
MAX_LABELLED = 1700  # larger sets are thinned, to spare CPU
TEST_SIZE = 0.3

# Name of the task: set with the labels, set of further rows (None: none).
TASKS = {
    "gdsc_celllines": ("gdsc_celllines", None),
    "scrna_mixology": ("scrna_mixology", None),
    "pbmc_ifnb": ("pbmc_ifnb", None),
    "breast_er": ("breast_er", None),
    "pbmc_large > pbmc": ("pbmc_ifnb", "pbmc_ifnb_large"),
    "gdsc > breast_er": ("breast_er", "gdsc_celllines"),
    "gdsc > leukemia_bt": ("leukemia_bt_pair", "gdsc_celllines"),
    "gdsc > leukemia_golub": ("leukemia_golub", "gdsc_celllines"),
    # Controls: few genes, or further rows of which little can be expected.
    "tcga": ("breast_tcga_subtype", None),
    "gdsc > tcga": ("breast_tcga_subtype", "gdsc_celllines"),
    "gdsc > pbmc": ("pbmc_ifnb", "gdsc_celllines"),
    "golub > leukemia_bt": ("leukemia_bt_pair", "leukemia_golub"),
}
CONTROLS = ("tcga", "gdsc > tcga", "gdsc > pbmc", "golub > leukemia_bt")


class Split(NamedTuple):
    """Rows of one task and seed.

    `pool` and `test` are expression in float32, `codes` and `test_codes` classes (-1
    without), `further` rows of another study with the genes of `pool`, or None.
    """

    pool: np.ndarray
    codes: np.ndarray
    test: np.ndarray
    test_codes: np.ndarray
    further: np.ndarray | None


def read(folder):
    """Expression as a DataFrame, and the table of the samples."""
    X = pd.read_parquet(folder / "expression.parquet").set_index("sample_id")
    samples = pd.read_csv(folder / "samples.csv", dtype={"sample_id": str})
    return X, samples.set_index("sample_id").loc[X.index]


def standardise(X):
    sd = X.std(ddof=0)
    return ((X - X.mean()) / sd.where(sd > 1e-6)).fillna(0.0).clip(-10, 10)


def split(folder, task, seed):
    """Hold 30 % of the labelled rows out; all others are the pool."""
    name, other = TASKS[task]
    X, samples = read(folder / name)
    if name in ("breast_er", "leukemia_bt_pair"):  # platforms, each by itself
        parts = [standardise(X[samples["domain"] == d]) for d in set(samples["domain"])]
        X = pd.concat(parts).loc[X.index]
    counts = samples["label"].value_counts()
    kept = sorted(counts.index[counts >= MIN_CLASS_SIZE])
    codes = pd.Categorical(samples["label"], categories=kept).codes.astype(int)
    known = np.flatnonzero(codes >= 0)
    rng = np.random.default_rng(seed)
    if len(known) > MAX_LABELLED:
        known = np.sort(rng.choice(known, MAX_LABELLED, replace=False))
    rest, test = train_test_split(
        known, test_size=TEST_SIZE, stratify=codes[known], random_state=seed
    )
    # Rows of rare classes and without label are part of the pool.
    pool = np.sort(np.r_[rest, np.flatnonzero(codes < 0)])
    further = None
    if other is not None:
        Y, _ = read(folder / other)
        Y = Y.loc[Y.index.difference(X.index)]  # some cells are in both sets
        Y = Y.loc[:, ~Y.columns.duplicated()]
        further = standardise(Y).reindex(columns=X.columns).fillna(0.0)
        further = further.to_numpy(dtype=np.float32)
    rows = X.to_numpy(dtype=np.float32)
    return Split(rows[pool], codes[pool], rows[test], codes[test], further)


def draw_labels(codes, k, seed):
    """Show k labels of each class that has as many; -1 elsewhere."""
    rng = np.random.default_rng([seed, k])
    few = np.full(len(codes), -1)
    for code in np.unique(codes[codes >= 0]):
        members = np.flatnonzero(codes == code)
        if len(members) >= k:
            few[rng.choice(members, k, replace=False)] = code
    return few


def draw_rows(codes, n, seed):
    """Show n labels in all, classes as frequent as they are; -1 elsewhere.

    Of each class at least two, so that a penalty can be chosen; classes that have fewer
    leave.
    """
    rng = np.random.default_rng([seed, n])
    few = np.full(len(codes), -1)
    order = rng.permutation(np.flatnonzero(codes >= 0))
    few[order[:n]] = codes[order[:n]]
    for code in np.unique(codes[codes >= 0]):
        members = order[codes[order] == code]
        if (few == code).sum() < 2 <= len(members):
            few[members[:2]] = code
    return few
