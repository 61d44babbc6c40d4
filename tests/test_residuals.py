"""Rows made when they are read: the same as a table made at once."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler

from skgenex import SubTabPretrainer, VIMEClassifier, VIMEPretrainer, _residuals
from skgenex._batching import RowReader, TensorBatches
from skgenex._residuals import (
    Residuals,
    SomeRows,
    gene_units,
    in_units,
    weighted_mean,
    weighted_squares,
)
from skgenex._seeding import seeded
from skgenex.domain_adaptation import DANNClassifier
from skgenex.nn import Standardise


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.standard_normal((40, 6)) * [1, 2, 3, 4, 5, 0] + 7


def test_residuals_are_those_of_the_whole_table(table):
    rng = np.random.default_rng(1)
    codes, centres = rng.integers(0, 3, 40), rng.standard_normal((3, 6))
    sds, factors = 1 + rng.random((3, 6)), rng.random(40)
    covariates, slopes = rng.standard_normal((40, 2)), rng.standard_normal((2, 6))
    rows = Residuals(table, codes, centres, covariates, slopes)
    rows.sds, rows.factors, rows.limit = sds, factors, 1.5
    wanted = (table - centres[codes] - covariates @ slopes) / sds[codes]
    wanted = np.clip(wanted * factors[:, None], -1.5, 1.5)
    chosen, genes = np.array([5, 0, 5, 39]), np.array([4, 1])
    assert_allclose(rows[:], wanted)
    assert_allclose(rows[chosen], wanted[chosen])
    assert_allclose(rows[3:9, 1:4], wanted[3:9, 1:4])
    assert_allclose(rows[np.ix_(chosen, genes)], wanted[np.ix_(chosen, genes)])
    some = SomeRows(SomeRows(rows, np.arange(40)[::-1]), chosen)
    assert_allclose(some[1:], wanted[::-1][chosen][1:])
    assert_allclose(
        Residuals(some, np.zeros(4, int), centres[:1])[:], some[:] - centres[:1]
    )


def test_weighted_moments(table):
    weight = np.random.default_rng(1).random(40)
    mean = np.average(table, axis=0, weights=weight)
    assert_allclose(weighted_mean(table, weight), mean)
    squares = weight @ (table - mean) ** 2
    assert_allclose(weighted_squares(table, mean, weight), squares, atol=1e-12)


def test_units_are_those_of_the_network(table):
    table[3] = 1e4  # an error of measurement, which is clipped
    units = gene_units(table)
    scaler = StandardScaler().fit(table)
    assert_allclose(units[0], scaler.mean_, rtol=1e-6)
    assert_allclose(units[1][:5], 1 / scaler.scale_[:5], rtol=1e-6)
    table[:, 5] = 7.0
    units = gene_units(table)
    assert units[1][5] == 0  # a constant gene is muted
    module = Standardise(6, clip=_residuals.LIMIT)
    module.mean.copy_(torch.from_numpy(units[0]))
    module.inverse_scale.copy_(torch.from_numpy(units[1]))
    wanted = module(torch.from_numpy(table.astype(np.float32))).numpy()
    assert_allclose(in_units(table, *units)[:], wanted, rtol=1e-5, atol=1e-5)


def test_single_precision_is_for_large_tables_and_what_is_taken_of_them(monkeypatch):
    monkeypatch.setattr(_residuals, "SINGLE_FROM", 100)
    large, small = np.ones((50, 2)), np.ones((49, 2))
    codes, centres = np.zeros(50, int), np.zeros((1, 2))
    assert Residuals(small, codes[:49], centres).dtype == np.float64
    of_large = Residuals(large, codes, centres)
    assert of_large.dtype == np.float32
    for part in (SomeRows(large, np.arange(3)), SomeRows(of_large, np.arange(3))):
        assert Residuals(SomeRows(part, np.arange(2)), codes[:2], centres).dtype == (
            np.float32
        )


@pytest.mark.parametrize("steps", [None, 7])
def test_batches_that_are_read_are_those_of_a_tensor(steps):
    rows = np.random.default_rng(0).standard_normal((13, 4)).astype(np.float32)
    found = []
    for x in (torch.from_numpy(rows), RowReader(rows)):
        with seeded(0):
            batches = TensorBatches({"x": x}, 4, steps_per_epoch=steps)
            found.append(torch.cat([batch["x"] for batch in batches]))
    assert_array_equal(*found)


def test_rows_of_a_mapped_file_are_transformed_alike(tmp_path):
    rows = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    pretrainer = VIMEPretrainer(max_epochs=2, random_state=0).fit(rows)
    assert_array_equal(pretrainer.transform(mapped), pretrainer.transform(rows))


def test_read_only_rows_are_copied():
    rows = np.ones((3, 2), dtype=np.float32)
    rows.flags.writeable = False
    RowReader(rows)[:2].zero_()  # torch would warn of a tensor that shares them
    assert_array_equal(rows, 1)


def test_a_reader_puts_batches_on_its_device():
    reader = RowReader(np.ones((3, 2))).to("meta")
    assert reader[1:].device.type == reader.device.type == "meta"
    assert reader[1:].shape == (2, 2)
    assert len(reader) == 3


ESTIMATORS = {
    "vime": VIMEPretrainer(max_epochs=3, n_components=4, n_hidden=8, random_state=0),
    "subtab": SubTabPretrainer(
        max_epochs=3, n_components=4, n_hidden=8, random_state=0
    ),
    "classifier": VIMEClassifier(max_epochs=3, backend="network", random_state=0),
    "dann": DANNClassifier(max_epochs=3, fallback=None, random_state=0),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_table_too_large_to_copy_teaches_the_same(name, monkeypatch):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 2
    X = (rng.standard_normal((90, 12)) + y[:, None]).astype(np.float32)
    domain = np.where(np.arange(90) < 50, "a", "b")
    outputs, readers = [], []
    plain = RowReader.index_select
    monkeypatch.setattr(
        RowReader, "index_select", lambda *a: readers.append(1) or plain(*a)
    )
    for limit in (10**9, 1):
        monkeypatch.setattr(_residuals, "SINGLE_FROM", limit)
        monkeypatch.setattr(
            "skgenex.domain_adaptation.adaptation_rows.SINGLE_FROM", limit
        )
        assert bool(readers) is False
        estimator = ESTIMATORS[name]
        if name == "dann":
            labels = np.where(domain == "a", y, -1)
            outputs.append(
                estimator.fit(X, labels, sample_domain=domain).decision_function(X)
            )
        elif name == "classifier":
            labels = np.where(np.arange(90) < 20, y, -1)
            outputs.append(estimator.fit(X, labels).decision_function(X))
        else:
            outputs.append(estimator.fit(X).transform(X))
    assert readers  # the second fit has read its batches
    # Single against double precision; signs of factors are left free.
    assert_allclose(np.abs(outputs[1]), np.abs(outputs[0]), rtol=1e-2, atol=2e-3)
