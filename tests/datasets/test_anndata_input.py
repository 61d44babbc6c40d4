"""AnnData by its attributes, and the real thing where it is installed."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skgenex.datasets import from_anndata

VALUES = np.array([[0.0, 1.5, 0.0], [2.5, 0.0, 0.0]], dtype=np.float32)


def anndata_like(X=VALUES, **changes):
    parts = {
        "X": X,
        "layers": {"counts": sparse.csr_array(VALUES * 2)},
        "obs": pd.DataFrame({"cell_type": pd.Categorical(["B", "T"])}),
        "obs_names": pd.Index(["cell_1", "cell_2"]),
        "var_names": pd.Index(["CD19", "CD3E", "MME"]),
    }
    return SimpleNamespace(**{**parts, **changes})


EXPECTED = pd.DataFrame(
    VALUES, index=["cell_1", "cell_2"], columns=["CD19", "CD3E", "MME"]
)


@pytest.mark.parametrize(
    "container", [np.array, sparse.csr_matrix, sparse.csc_array, sparse.csr_array]
)
def test_dense_and_sparse_give_the_same_frame(container):
    X, y = from_anndata(anndata_like(container(VALUES)))
    pd.testing.assert_frame_equal(X, EXPECTED)
    assert y is None


def test_layer_and_labels_by_name():
    X, y = from_anndata(anndata_like(), "cell_type", layer="counts")
    pd.testing.assert_frame_equal(X, EXPECTED * 2)
    assert y.tolist() == ["B", "T"]
    assert isinstance(y, np.ndarray)


def test_labels_as_array():
    _, y = from_anndata(anndata_like(), [3, 4])
    np.testing.assert_array_equal(y, [3, 4])


@pytest.mark.parametrize(
    ("adata", "arguments", "message"),
    [
        (anndata_like(), {"y": "tissue"}, r"\['cell_type'\]; got 'tissue'"),
        (anndata_like(), {"layer": "raw"}, r"\['counts'\]; got 'raw'"),
        (anndata_like(), {"y": [1, 2, 3]}, r"each of 2 rows; got shape \(3,\)"),
        (anndata_like(X=None), {}, "adata.X is None"),
        (anndata_like(isbacked=True), {}, "to_memory"),
        (
            anndata_like(var_names=pd.Index(["A", "A", "B"])),
            {},
            r"\['A'\] repeat.*var_names_make_unique",
        ),
    ],
)
def test_errors_name_the_remedy(adata, arguments, message):
    with pytest.raises(ValueError, match=message):
        from_anndata(adata, **arguments)


def test_other_types_are_refused():
    with pytest.raises(TypeError, match=r"got DataFrame.*need no conversion"):
        from_anndata(EXPECTED)


@pytest.mark.parametrize("container", [np.array, sparse.csr_matrix])
def test_real_anndata(container):
    anndata = pytest.importorskip("anndata")
    adata = anndata.AnnData(
        container(VALUES),
        obs=pd.DataFrame({"cell_type": ["B", "T"]}, index=["cell_1", "cell_2"]),
        var=pd.DataFrame(index=["CD19", "CD3E", "MME"]),
        layers={"double": container(VALUES * 2)},
    )
    X, y = from_anndata(adata, "cell_type")
    np.testing.assert_array_equal(X, EXPECTED)
    assert X.columns.tolist() == EXPECTED.columns.tolist()
    assert X.index.tolist() == EXPECTED.index.tolist()
    assert list(y) == ["B", "T"]
    np.testing.assert_array_equal(from_anndata(adata, layer="double")[0], EXPECTED * 2)
