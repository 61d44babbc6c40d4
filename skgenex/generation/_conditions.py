"""Covariates of patients as numbers: age, sex, batch, a continuous target."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


class ConditionEncoder:
    """Standardised numbers from a table of numeric, categorical and missing values.

    Numeric columns: missing values become the mean, with an indicator. All other
    columns: one indicator per value, "missing" being one. An empty table gives no
    columns.
    """

    def fit(self, table: pd.DataFrame) -> "ConditionEncoder":
        """Learn values, means and spreads."""
        self.columns_ = list(table.columns)
        if not self.columns_:
            return self
        numeric = make_pipeline(
            SimpleImputer(add_indicator=True, keep_empty_features=True),
            StandardScaler(),
        )
        categorical = make_pipeline(
            OneHotEncoder(handle_unknown="error", sparse_output=False),
            StandardScaler(),
        )
        self.transformer_ = make_column_transformer(
            (numeric, make_column_selector(dtype_include="number")),
            (categorical, make_column_selector(dtype_exclude="number")),
        ).fit(table)
        return self

    def transform(self, table: pd.DataFrame) -> NDArray:
        """Return standardised numbers, (n_samples, n_covariates)."""
        if not self.columns_:
            return np.zeros((len(table), 0))
        missing = [c for c in self.columns_ if c not in table.columns]
        if missing:
            raise ValueError(
                f"conditions must have the columns of the fit; {missing!r} are missing."
            )
        return np.asarray(self.transformer_.transform(table[self.columns_]), float)


def as_table(conditions: Any, n_samples: int) -> pd.DataFrame:
    """Check conditions and return them as a DataFrame with its own row index.

    Parameters
    ----------
    conditions : DataFrame, or ndarray of shape (n_samples, n_conditions), or None
        Covariates; None gives no columns.
    n_samples : int
        Rows there must be.

    Returns
    -------
    DataFrame of shape (n_samples, n_conditions)
        The table.

    Raises
    ------
    ValueError
        If the number of rows differs.
    """
    if conditions is None:
        return pd.DataFrame(index=pd.RangeIndex(n_samples))
    table = pd.DataFrame(conditions).reset_index(drop=True)
    if len(table) != n_samples:
        raise ValueError(
            f"conditions must have a row per sample, {n_samples}; got {len(table)}."
        )
    boolean = table.select_dtypes("bool").columns
    return table.astype(dict.fromkeys(boolean, float))
