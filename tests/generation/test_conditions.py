"""Covariates become standardised numbers."""

import numpy as np
import pandas as pd
import pytest

from skgenex.generation._conditions import ConditionEncoder, as_table


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "age": [20.0, 40.0, np.nan, 60.0],
            "sex": ["F", "M", "F", None],
            "smoker": [True, False, False, True],
            "batch": pd.Categorical(["a", "b", "b", "a"]),
            "count": [1, 2, 3, 4],
        }
    )


def test_columns_are_standardised(table):
    encoded = ConditionEncoder().fit(table).transform(table)
    # age and whether missing, sex (F, M, missing), smoker, batch (a, b), count
    assert encoded.shape == (4, 2 + 3 + 1 + 2 + 1)
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(encoded.std(axis=0), 1)


def test_missing_numbers_are_the_mean_and_say_so():
    table = pd.DataFrame({"age": [20.0, np.nan, 60.0]})
    encoded = ConditionEncoder().fit(table).transform(table)
    assert encoded[1, 0] == pytest.approx(0)
    assert encoded[1, 1] > 0 > encoded[0, 1]


def test_order_of_columns_does_not_matter(table):
    encoder = ConditionEncoder().fit(table)
    np.testing.assert_array_equal(
        encoder.transform(table), encoder.transform(table[table.columns[::-1]])
    )


def test_no_table_gives_no_numbers():
    empty = as_table(None, 3)
    assert ConditionEncoder().fit(empty).transform(empty).shape == (3, 0)


def test_table_without_rows_gives_no_rows(table):
    assert ConditionEncoder().fit(table).transform(table[:0]).shape == (0, 9)


def test_array_is_a_table_without_names():
    values = np.arange(6.0).reshape(3, 2)
    table = as_table(values, 3)
    named = table.assign(extra=[1.0, 5.0, 2.0])  # names 0, 1 and "extra"
    assert ConditionEncoder().fit(named).transform(named).shape == (3, 3)


@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_other_columns_are_refused(table, change):
    encoder = ConditionEncoder().fit(table)
    other = table.drop(columns="sex") if change == "missing" else table.assign(new=1)
    with pytest.raises(ValueError, match="must have the columns of the fit"):
        encoder.transform(other)


def test_conditions_nobody_knows_are_refused():
    encoder = ConditionEncoder().fit(as_table(None, 3))
    with pytest.raises(ValueError, match=r"columns of the fit, \[\]; got \['age'\]"):
        encoder.transform(pd.DataFrame({"age": [1.0]}))


def test_unknown_category_is_refused(table):
    encoder = ConditionEncoder().fit(table)
    with pytest.raises(
        ValueError, match=r"not in the fit: \['X'\]; known are \['F', 'M'\]"
    ):
        encoder.transform(table.assign(sex="X"))


def test_missing_value_where_the_fit_had_none():
    encoder = ConditionEncoder().fit(pd.DataFrame({"sex": ["F", "M"]}))
    encoded = encoder.transform(pd.DataFrame({"sex": ["F", None, "M"]}))
    assert np.isfinite(encoded).all()
    assert (encoded[1] == encoded.min()).all()  # neither one nor the other


def test_rows_must_agree():
    with pytest.raises(ValueError, match="a row per sample, 3; got 2"):
        as_table(pd.DataFrame({"age": [1.0, 2.0]}), 3)
    with pytest.raises(ValueError, match="different names"):
        as_table(pd.DataFrame([[1.0, 2.0]], columns=["age", "age"]), 1)


def test_table_keeps_its_dtypes_and_loses_its_index(table):
    table.index = [7, 7, 8, 9]
    got = as_table(table, 4)
    assert list(got.index) == [0, 1, 2, 3]
    assert list(got.dtypes) == list(table.dtypes)
