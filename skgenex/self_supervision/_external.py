"""Things a classifier is given from outside: a pretrained encoder, unlabelled rows."""

import os
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from ._vime_pretrainer import VIMEPretrainer


def read_pretrainer(source: Any) -> VIMEPretrainer:
    """Return a fitted pretrainer.

    Parameters
    ----------
    source : VIMEPretrainer, FrozenEstimator or path-like
        Fitted, or a file that `joblib.dump` wrote; open only files you trust.

    Returns
    -------
    VIMEPretrainer
        The pretrainer.
    """
    if isinstance(source, (str, os.PathLike)):
        import joblib

        source = joblib.load(source)
    if isinstance(source, FrozenEstimator):
        source = source.estimator
    if not isinstance(source, VIMEPretrainer):
        raise TypeError(
            "warm_start_from must be a fitted VIMEPretrainer, that in a "
            f"FrozenEstimator, or a path to one; got {type(source).__name__}."
        )
    if not hasattr(source, "net_"):
        raise NotFittedError(
            "warm_start_from is a VIMEPretrainer that is not fitted. If it was, it has "
            "been cloned since, as cross-validation does: pass "
            "sklearn.frozen.FrozenEstimator(pretrainer), or a path."
        )
    return source


def read_table(source: Any) -> Any:
    """Return a table as it is, or read it from a Parquet or CSV file.

    Parameters
    ----------
    source : array-like, DataFrame or path-like
        Of a file, the first column holds the ids of the samples.

    Returns
    -------
    array-like or DataFrame
        The table.
    """
    if not isinstance(source, (str, os.PathLike)):
        return source
    path = os.fspath(source)
    table = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
    return table.set_index(table.columns[0])


def shared_ids(first: Any, second: Any) -> list[str]:
    """Return ids of samples in both tables; numbered rows have none.

    Parameters
    ----------
    first, second : array-like or DataFrame
        Tables; the index of a DataFrame holds ids if it is of strings.

    Returns
    -------
    list of str
        Sorted.
    """
    ids = [
        set(table.index)
        for table in (first, second)
        if isinstance(table, pd.DataFrame)
        and all(isinstance(name, str) for name in table.index)
    ]
    return sorted(ids[0] & ids[1]) if len(ids) == 2 else []


def scaled_alone(rows: np.ndarray, moments: Any) -> np.ndarray:
    """Standardise rows by their own moments, clipped at 10."""
    mean, inverse = moments(rows)
    return np.clip((rows - mean) * inverse, -10, 10).astype(np.float32)
