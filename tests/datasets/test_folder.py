"""Reading a folder: matching, labels, and errors that say what is wrong."""

import builtins

import numpy as np
import pandas as pd
import pytest

from skgenex.datasets import load_dataset

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def folder(tmp_path):
    expression = pd.DataFrame(
        np.arange(18, dtype=np.float32).reshape(6, 3) / 4,
        columns=["CD19", "CD3E", "MME"],
    )
    expression.insert(0, "sample_id", ["007", "b", "c", "d", "e", "f"])
    expression.to_parquet(tmp_path / "expression.parquet")
    write_samples(
        tmp_path,
        sample_id=["f", "e", "d", "c", "b", "007", "no_expression"],
        label=["T", "", "NA", "B", "B", "B", "X"],
        dose=[1.5, 2.5, 3.5, "", 0.5, 0.25, 9.0],
        grade=[1, 2, 3, 1, 2, 3, 1],
    )
    return tmp_path


def write_samples(folder, **columns):
    pd.DataFrame(columns).to_csv(folder / "samples.csv", index=False)


def rewrite(folder, **changes):
    table = pd.read_parquet(folder / "expression.parquet").assign(**changes)
    table.to_parquet(folder / "expression.parquet")


def test_rows_are_matched_by_id_and_unlabelled_dropped(folder):
    data = load_dataset(folder)
    np.testing.assert_array_equal(data.target, ["B", "B", "B", "NA", "T"])
    np.testing.assert_array_equal(data.data[:, 0], [0, 0.75, 1.5, 2.25, 3.75])
    assert data.data.dtype == np.float32
    assert data.data.flags.c_contiguous
    assert data.target_names == ["B", "NA", "T"]  # only an empty field is missing
    assert data.feature_names == ["CD19", "CD3E", "MME"]
    assert data.samples.index.tolist() == ["007", "b", "c", "d", "f"]
    assert data.samples["grade"].tolist() == [3, 2, 1, 3, 1]


def test_unlabelled_rows_can_be_kept(folder):
    data = load_dataset(folder, unlabelled="keep")
    np.testing.assert_array_equal(data.target, ["B", "B", "B", "NA", "", "T"])
    assert data.target_names == ["B", "NA", "T"]
    kept = load_dataset(folder, unlabelled="keep", min_class_size=2)
    np.testing.assert_array_equal(kept.target, ["B", "B", "B", ""])


def test_small_classes_are_left_out(folder):
    X, y = load_dataset(folder, min_class_size=3, return_X_y=True)
    np.testing.assert_array_equal(y, ["B", "B", "B"])
    np.testing.assert_array_equal(X[:, 0], [0, 0.75, 1.5])


def test_floats_are_a_continuous_target(folder):
    data = load_dataset(folder, label="dose")
    np.testing.assert_array_equal(data.target, [0.25, 0.5, 3.5, 2.5, 1.5])
    assert data.target_names is None
    kept = load_dataset(folder, label="dose", unlabelled="keep")
    assert np.isnan(kept.target[2])
    with pytest.raises(ValueError, match="'dose' holds floats, a continuous target"):
        load_dataset(folder, label="dose", min_class_size=2)


def test_integers_are_classes(folder):
    data = load_dataset(folder, label="grade")
    np.testing.assert_array_equal(data.target, [3, 2, 1, 3, 2, 1])
    assert data.target_names == [1, 2, 3]
    assert data.target.dtype.kind == "i"


def test_frames_carry_names_and_ids(folder):
    data = load_dataset(folder, as_frame=True)
    assert data.frame.columns.tolist() == ["CD19", "CD3E", "MME", "label"]
    assert data.frame.index.tolist() == ["007", "b", "c", "d", "f"]
    pd.testing.assert_series_equal(data.frame["label"], data.target)
    X, y = load_dataset(folder, as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, data.data)
    pd.testing.assert_series_equal(y, data.target)


def test_another_matrix_may_hold_a_subset(folder):
    table = pd.read_parquet(folder / "expression.parquet").iloc[[3, 0]]
    table.to_parquet(folder / "other.parquet")
    data = load_dataset(folder, expression="other.parquet", as_frame=True)
    assert data.target.to_dict() == {"d": "NA", "007": "B"}


def test_source_becomes_the_description(folder):
    assert load_dataset(folder).DESCR.endswith("5 samples, 3 genes.")
    (folder / "SOURCE.md").write_text("# Origin\n")
    assert load_dataset(folder).DESCR == "# Origin\n"


def test_missing_files_are_named(folder):
    with pytest.raises(FileNotFoundError, match="must be an existing directory"):
        load_dataset(folder / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"'x.parquet'; it has \['expression"):
        load_dataset(folder, expression="x.parquet")
    (folder / "samples.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file 'samples\.csv'"):
        load_dataset(folder)


def test_ids_without_samples_are_named(folder):
    rewrite(folder, sample_id=["007", "b", "c", "d", "e", "stranger"])
    with pytest.raises(ValueError, match=r"1 of 6, e.g. \['stranger'\]"):
        load_dataset(folder)


def test_repeated_ids_are_named(folder):
    rewrite(folder, sample_id=["007", "b", "c", "d", "e", "e"])
    with pytest.raises(ValueError, match=r"ids of expression.parquet .* \['e'\]"):
        load_dataset(folder)
    rewrite(folder, sample_id=["007", "b", "c", "d", "e", "f"])
    write_samples(folder, sample_id=["b", "b"], label=["B", "T"])
    with pytest.raises(ValueError, match=r"ids of samples.csv .* \['b'\]"):
        load_dataset(folder)


def test_repeated_genes_are_named(folder):
    table = pa.table(
        [["007", "b"], [1.0, 2.0], [3.0, 4.0]], names=["sample_id", "CD19", "CD19"]
    )
    pq.write_table(table, folder / "expression.parquet")
    with pytest.raises(ValueError, match=r"must be unique; \['CD19'\]"):
        load_dataset(folder)


def test_genes_must_be_numeric(folder):
    rewrite(folder, MME=list("uvwxyz"))
    with pytest.raises(ValueError, match=r"must be numeric; \['MME'\]"):
        load_dataset(folder)


def test_key_column_is_needed(folder):
    table = pd.read_parquet(folder / "expression.parquet")
    table.drop(columns="sample_id").to_parquet(folder / "expression.parquet")
    with pytest.raises(ValueError, match="must start with a column 'sample_id'"):
        load_dataset(folder)
    table.to_parquet(folder / "expression.parquet")
    write_samples(folder, name=["007"], label=["B"])
    with pytest.raises(
        ValueError, match=r"column 'sample_id'; got \['name', 'label'\]"
    ):
        load_dataset(folder)


def test_missing_label_column_lists_the_others(folder):
    with pytest.raises(ValueError, match=r"\['label', 'dose', 'grade'\]; got 'tissue'"):
        load_dataset(folder, label="tissue")


def test_nothing_left_is_an_error(folder):
    with pytest.raises(ValueError, match="min_class_size=4"):
        load_dataset(folder, min_class_size=4)


def test_bad_unlabelled_names_the_choice(folder):
    with pytest.raises(ValueError, match='"drop" or "keep"; got True'):
        load_dataset(folder, unlabelled=True)


def test_missing_pyarrow_names_the_extra(folder, monkeypatch):
    plain_import = builtins.__import__

    def without_pyarrow(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return plain_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(ImportError, match=r"skgenex\[parquet\]"):
        load_dataset(folder)
