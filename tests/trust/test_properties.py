"""Laws that hold for every public estimator, tried on data that hypothesis makes up."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

import skgenex
from skgenex._persistence import load
from skgenex.datasets import load_dataset
from tests.trust._public_estimators import (
    VARIANTS,
    WITHOUT_VARIANT,
    fit,
    outputs,
    patients,
)

# The same examples in every run: a failure is one that anybody can repeat.
BOUNDED = settings(
    max_examples=3,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FUZZ = settings(BOUNDED, max_examples=40)

by_name = {variant.name: variant for variant in VARIANTS}
FAST = [
    by_name[name]
    for name in (
        "GaussianSampler",
        "DiffusionSampler-network",
        "VAESampler",
        "GANSampler",
        "PhenotypeClassifier-network",
        "PhenotypeRegressor-network",
        "CounterfactualExplainer-natural",
        "DANNClassifier-network",
        "DANNRegressor-network",
        "CyCADAClassifier-linear",
        "StyleTransfer-moments",
        "StyleTransferSampler",
        "DomainScaler-zscore",
        "VIMEPretrainer",
        "SubTabPretrainer",
        "VIMEClassifier",
        "LogCPM",
    )
]
each_estimator = pytest.mark.parametrize("variant", FAST, ids=lambda v: v.name)
sizes = st.tuples(st.integers(60, 75), st.integers(2, 9), st.integers(0, 99))


# Parts or relatives of estimators above, with contracts of their own.
OF_OTHER_KIND = {
    "HierarchicalDiffusionSampler",
    "KLAutoencoder",
    "PrivateDiffusionSampler",
    "PrivateGaussianSampler",
    "TranscriptomeUpsampler",
}


def test_every_public_estimator_obeys():
    tried = {type(variant.estimator).__name__ for variant in FAST}
    assert tried == set(skgenex._ROOM_OF) - WITHOUT_VARIANT - OF_OTHER_KIND


def fitted(variant, X, y=None):
    """Fit; notes on few rows or repeated genes are no concern here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return fit(clone(variant.estimator), variant.target, X, y)


def given_by(estimator, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return outputs(estimator, X)


CONTAINERS = {
    "fortran": np.asfortranarray,
    "read-only": lambda X: np.frombuffer(X.tobytes(), X.dtype).reshape(X.shape),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "list": lambda X: X.tolist(),
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
}


@each_estimator
@BOUNDED
@given(sizes, st.sampled_from(sorted(CONTAINERS)))
def test_the_container_of_the_rows_plays_no_part(variant, size, container):
    X = patients(*size)[0].to_numpy()
    expected = given_by(fitted(variant, X), X)
    if container == "list" and variant.target == "value":
        container = "fortran"
    other = CONTAINERS[container](X)
    found = given_by(fitted(variant, other), X)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@each_estimator
@BOUNDED
@given(sizes, st.sampled_from([np.float32, np.int64, "int32"]))
def test_whole_numbers_mean_the_same_in_every_type(variant, size, dtype):
    X = patients(*size)[0].round()
    try:
        found = given_by(fitted(variant, X.astype(dtype)), X)
    except ValueError as error:
        # Rows are added to X: they would be truncated in its type.
        assert "integer" in str(error)  # noqa: PT017
        assert isinstance(variant.estimator, skgenex.StyleTransferSampler)
        return
    expected = given_by(fitted(variant, X), X)
    for name, array in expected.items():
        assert found[name].shape == array.shape
        if array.dtype.kind == "f" and name not in ("sample", "profiles"):
            # Sampled and searched rows may take another turn after a rounding.
            np.testing.assert_allclose(found[name], array, rtol=0.05, atol=0.05)


@each_estimator
@BOUNDED
@given(sizes, st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_a_value_that_is_no_number_is_refused_and_nothing_is_lost(
    variant, size, value, data
):
    X = patients(*size)[0]
    estimator = fitted(variant, X)
    expected = given_by(estimator, X)
    spoilt = X.to_numpy(copy=True)
    row = data.draw(st.integers(0, spoilt.shape[0] - 1))
    spoilt[row, data.draw(st.integers(1, spoilt.shape[1] - 1))] = value
    with pytest.raises(ValueError, match=r"(?i)nan|infin|missing"):
        fit(estimator, variant.target, pd.DataFrame(spoilt, columns=X.columns))
    found = given_by(estimator, X)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@each_estimator
@BOUNDED
@given(sizes, st.sampled_from([0.0, 5.0, 15.0]))
def test_constant_and_repeated_genes_give_finite_results(variant, size, constant):
    X = patients(*size)[0]
    X = X.assign(flat=constant, again=X["G0"])
    for name, array in given_by(fitted(variant, X), X).items():
        if array.dtype.kind == "f":
            assert np.isfinite(array).all(), name
        if name == "sample":
            np.testing.assert_allclose(array[:, -2], constant, rtol=1e-5)
        if name == "profiles":
            np.testing.assert_array_equal(array[:, -2], constant)


CLASSIFIERS = [v for v in FAST if hasattr(type(v.estimator), "predict_proba")]
LABELS = [["no", "yes"], [0, 1], [7, 30], [False, True]]  # "" means unlabelled


@pytest.mark.parametrize("variant", CLASSIFIERS, ids=lambda v: v.name)
@BOUNDED
@given(st.sampled_from(LABELS))
def test_names_of_classes_play_no_part(variant, labels):
    X, y = patients()
    code = (y == "AML").astype(int)
    estimator = fitted(variant, X, np.array(labels)[code])
    expected = given_by(fitted(variant, X, y), X)["predict_proba"]
    np.testing.assert_array_equal(given_by(estimator, X)["predict_proba"], expected)
    assert set(given_by(estimator, X)["predict"].tolist()) <= set(labels)


@pytest.mark.parametrize("variant", CLASSIFIERS, ids=lambda v: v.name)
@BOUNDED
@given(st.integers(3, 5), st.integers(0, 9))
def test_probabilities_of_any_number_of_classes_sum_to_one(variant, n_classes, seed):
    X, _ = patients(90, 6, seed)
    y = np.arange(90) % n_classes
    proba = given_by(fitted(variant, X, y), X)["predict_proba"]
    assert proba.shape == (90, n_classes)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert (proba >= 0).all()


SAMPLED = {}  # fitted once
SAMPLERS = [v for v in FAST if hasattr(type(v.estimator), "sample")]


@pytest.mark.parametrize("variant", SAMPLERS, ids=lambda v: v.name)
@BOUNDED
@given(sizes, st.sampled_from(["csr", "csc"]))
def test_sparse_rows_are_as_dense_ones(variant, size, kind):
    X, y = patients(*size)
    X = X.to_numpy() * (X > 5).to_numpy()
    expected = fitted(variant, X).sample(4)[0]
    found = fitted(variant, sparse.csr_matrix(X).asformat(kind), y).sample(4)[0]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("variant", SAMPLERS, ids=lambda v: v.name)
@FUZZ
@given(st.lists(st.sampled_from(["ALL", "AML"]), min_size=1, max_size=9))
def test_samples_have_the_wanted_labels_in_order(variant, labels):
    sampler = SAMPLED.setdefault(variant.name, fitted(variant, patients()[0]))
    X, y = sampler.sample(y=labels)
    assert y.tolist() == labels
    assert X.shape == (len(labels), 12)


# --- Files of chance ----------------------------------------------------------------


@FUZZ
@given(content=st.binary(max_size=300))
def test_load_refuses_any_other_bytes(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=r"truncated|pickle|not loaded"):
        load(tmp_path / "file")


@FUZZ
@given(matrix=st.binary(max_size=200), table=st.binary(max_size=200))
def test_load_dataset_refuses_any_other_bytes(matrix, table, tmp_path):
    (tmp_path / "expression.parquet").write_bytes(matrix)
    (tmp_path / "samples.csv").write_bytes(table)
    with pytest.raises(ValueError, match=r"expression\.parquet"):
        load_dataset(tmp_path)


@FUZZ
@given(table=st.binary(max_size=200))
def test_load_dataset_refuses_any_other_table(table, tmp_path):
    frame = pd.DataFrame({"sample_id": ["a", "b"], "CD19": [9.1, 4.2]})
    frame.to_parquet(tmp_path / "expression.parquet")
    (tmp_path / "samples.csv").write_bytes(table)
    with pytest.raises(ValueError, match=r"samples\.csv"):
        load_dataset(tmp_path)
