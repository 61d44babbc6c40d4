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
    columns: one indicator per value, "missing" being one if the fit had it. An empty
    table gives no columns.

    Attributes
    ----------
    columns_ : list
        Names of the conditions.
    n_covariates_ : int
        How many numbers they become.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgenex.generation._conditions import ConditionEncoder
    >>> table = pd.DataFrame({"age": [40.0, 60.0], "sex": ["F", "M"]})
    >>> ConditionEncoder().fit(table).transform(table)
    array([[-1.,  1., -1.],
           [ 1., -1.,  1.]])
    """

    def fit(self, table: pd.DataFrame) -> "ConditionEncoder":
        """Learn values, means and spreads."""
        table = _plain(table)
        self.columns_ = list(table.columns)
        self.known_values_: dict[str, set] = {}
        self.n_covariates_ = 0
        if not self.columns_:
            return self
        numeric = make_pipeline(
            SimpleImputer(add_indicator=True, keep_empty_features=True),
            StandardScaler(),
        )
        categorical = make_pipeline(
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            StandardScaler(),
        )
        self.transformer_ = make_column_transformer(
            (numeric, make_column_selector(dtype_include="number")),
            (categorical, make_column_selector(dtype_exclude="number")),
        )
        self.known_values_ |= {
            name: set(table[name].dropna())
            for name in table.select_dtypes(exclude="number")
        }
        self.n_covariates_ = self.transformer_.fit_transform(table).shape[1]
        return self

    def transform(self, table: pd.DataFrame) -> NDArray:
        """Return standardised numbers, (n_samples, n_covariates)."""
        table = _plain(table)
        if set(table.columns) != set(self.columns_):
            raise ValueError(
                f"conditions must have the columns of the fit, {self.columns_}; got "
                f"{list(table.columns)}."
            )
        for name, known in self.known_values_.items():
            unknown = set(table[name].dropna()) - known
            if unknown:
                raise ValueError(
                    f"conditions have values in {name!r} that were not in the fit: "
                    f"{sorted(map(str, unknown))}; known are {sorted(map(str, known))}."
                )
        if table.empty:  # scikit-learn refuses tables without rows
            return np.zeros((len(table), self.n_covariates_))
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
    if not table.columns.is_unique:
        raise ValueError(
            "conditions must have columns of different names; got "
            f"{list(table.columns)}."
        )
    return table


def as_arrays(table: pd.DataFrame) -> dict[Any, NDArray]:
    """Columns as arrays of floats (truth values too), or of objects and None.

    Parameters
    ----------
    table : DataFrame
        Any table.

    Returns
    -------
    dict of ndarray
        One array per column, with no trace of pandas.
    """
    columns = {}
    for name, column in table.items():
        if pd.api.types.is_numeric_dtype(column):
            columns[name] = column.to_numpy(float, na_value=np.nan)
        else:
            known = column.notna().to_numpy()
            columns[name] = np.where(known, column.to_numpy(object), None)
    return columns


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """With names that are strings and columns of two kinds, numbers and objects."""
    columns = as_arrays(table)
    return pd.DataFrame(columns, index=table.index).rename(columns=str)
