"""The embedded patients are the published ones, in small and safe form."""

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex.datasets import load_leukemia

T_MARKERS = ["CD3D", "CD3E", "CD7", "LCK"]
B_MARKERS = ["CD19", "CD79A", "CD79B", "BLNK"]


def test_counts_are_those_of_the_publication():
    leukemia = load_leukemia(as_frame=True)
    counts = {
        name: leukemia.patients[name].value_counts().to_dict()
        for name in ("lineage", "molecular", "sex")
    }
    assert counts["lineage"] == {"B": 95, "T": 33}
    assert counts["sex"] == {"M": 83, "F": 42}
    assert counts["molecular"] == {
        "NEG": 74,
        "BCR/ABL": 37,
        "ALL1/AF4": 10,
        "E2A/PBX1": 5,
        "NUP-98": 1,
        "p15/p16": 1,
    }
    assert leukemia.patients["age"].isna().sum() == 5
    assert leukemia.patients["sex"].isna().sum() == 3
    assert (leukemia.patients["stage"].str[0] == leukemia.patients["lineage"]).all()


def test_lineage_markers_point_the_right_way():
    leukemia = load_leukemia(as_frame=True)
    is_T = leukemia.target == "T"
    difference = leukemia.data[is_T].mean() - leukemia.data[~is_T].mean()
    assert (difference[T_MARKERS] > 0.5).all()
    assert (difference[B_MARKERS] < -0.5).all()


def test_some_values_equal_the_source():
    leukemia = load_leukemia(as_frame=True)
    # RMA values of the source, to the 1/1024 they are rounded to.
    assert leukemia.data.loc["01005", "CTGF"] == 7.6943359375
    assert leukemia.data.loc["01010", "CD3D"] == 6.2158203125
    assert leukemia.patients.loc["01005", "age"] == 53
    np.testing.assert_array_equal(leukemia.data * 1024 % 1, 0)


def test_known_markers_are_kept():
    genes = set(load_leukemia().feature_names)
    assert {*T_MARKERS, *B_MARKERS, "BCR", "ABL1", "PBX1", "AFF1", "MME"} <= genes


def test_probe_sets_name_each_gene_once():
    leukemia = load_leukemia(n_genes=300)
    assert len(set(leukemia.probe_sets)) == len(set(leukemia.feature_names)) == 300
    where = leukemia.feature_names.index("CD3D")
    assert leukemia.probe_sets[where] == "38319_at"


@pytest.mark.parametrize("n_genes", [1, 37, 4003])
def test_n_genes_are_exactly_the_most_variable(n_genes):
    every = load_leukemia(as_frame=True).data
    kept = load_leukemia(n_genes=n_genes, as_frame=True).data
    best = every.var().sort_values(ascending=False)
    assert kept.shape[1] == n_genes
    np.testing.assert_allclose(kept.var().sort_values(ascending=False), best[:n_genes])


@pytest.mark.parametrize("target", ["lineage", "molecular"])
def test_all_containers_hold_the_same(target):
    arrays = load_leukemia(n_genes=20, target=target)
    frames = load_leukemia(n_genes=20, target=target, as_frame=True)
    X, y = load_leukemia(n_genes=20, target=target, return_X_y=True)
    np.testing.assert_array_equal(arrays.data, X)
    np.testing.assert_array_equal(arrays.target, y)
    np.testing.assert_array_equal(frames.data, X)
    np.testing.assert_array_equal(frames.target, y)
    assert arrays.frame is None
    pd.testing.assert_frame_equal(frames.frame[frames.feature_names], frames.data)
    pd.testing.assert_series_equal(frames.frame[target], frames.target)
    assert frames.data.index.equals(frames.patients.index)
    assert arrays.target_names == sorted(set(y.tolist()))
    assert X.dtype == np.float64
    assert X.flags.c_contiguous


def test_advice_for_single_patients_works():
    X, y = load_leukemia(n_genes=50, target="molecular", return_X_y=True)
    counts = pd.Series(y).value_counts()
    keep = np.isin(y, counts.index[counts >= 5])
    assert keep.sum() == 126
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(model, X[keep], y[keep], cv=5).mean() > 0.6


def test_lineage_is_learnable():
    X, y = load_leukemia(n_genes=500, return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    assert cross_val_score(model, X, y, cv=5, scoring="balanced_accuracy").mean() > 0.95


def test_file_is_small_and_holds_no_objects():
    path = files("skgenex.datasets") / "data" / "leukemia.npz"
    assert len(path.read_bytes()) < 1.5e6
    with path.open("rb") as file, np.load(file, allow_pickle=False) as packed:
        assert packed["expression"].dtype == np.int16
        assert all(packed[name].dtype != object for name in packed.files)


def test_licence_and_origin_lie_beside_the_file():
    folder = files("skgenex.datasets") / "data"
    licence = (folder / "LICENSE.leukemia").read_text()
    assert "Artistic License" in licence
    assert "r-bioc-all" in (folder / "README.md").read_text()


@pytest.mark.parametrize("n_genes", [0, 4004, 1.5, "all"])
def test_bad_n_genes_names_the_range(n_genes):
    with pytest.raises(ValueError, match="integer from 1 to 4003"):
        load_leukemia(n_genes=n_genes)


def test_bad_target_names_the_choice():
    with pytest.raises(ValueError, match=r"\('lineage', 'molecular'\); got 'sex'"):
        load_leukemia(target="sex")
