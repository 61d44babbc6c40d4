"""Reader of a folder with one expression matrix and its samples."""

from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

KEY = "sample_id"


def load_dataset(
    folder: str | PathLike[str],
    *,
    label: str = "label",
    expression: str = "expression.parquet",
    min_class_size: int = 1,
    unlabelled: Literal["drop", "keep"] = "drop",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load expression and labels from a folder.

    The folder holds ``expression.parquet`` (samples x genes, numbers; the first column
    is ``sample_id``) and ``samples.csv`` (one row per sample; ``sample_id``, ``label``
    and any other columns; an empty field is missing). Rows are matched by
    ``sample_id`` and come in the order of the expression matrix; samples without
    expression are left out. A ``SOURCE.md``, if there, becomes the description.

    Parameters
    ----------
    folder : path-like
        The folder.
    label : str, default="label"
        Column of ``samples.csv`` to use as target. A column of floats is a continuous
        target; any other column holds classes.
    expression : str, default="expression.parquet"
        File name of the expression matrix in the folder.
    min_class_size : int, default=1
        Leave out the samples of classes with fewer samples.
    unlabelled : {"drop", "keep"}, default="drop"
        What becomes of samples with an empty label. Kept ones have the target ``""``
        (classes) or NaN (continuous) and are never counted as a class.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects, indexed by ``sample_id``.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray or DataFrame of shape (n_samples, n_genes)
            Expression in the unit, and the data type, of the file.
        target : ndarray or Series of shape (n_samples,)
            Labels: strings (or the integers or booleans of the column), or floats.
        target_names : list or None
            The classes, sorted; None for a continuous target.
        feature_names : list of str
            Gene names.
        frame : DataFrame of shape (n_samples, n_genes + 1) or None
            Data and target, only with ``as_frame=True``.
        samples : DataFrame
            All columns of ``samples.csv`` for these samples, indexed by ``sample_id``.
        DESCR : str
            Text of ``SOURCE.md``, or a line with name and size.
    (data, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    FileNotFoundError
        If the folder or one of the two files is missing.
    ValueError
        If ids or genes repeat, ids have no row in ``samples.csv``, the label column
        does not exist, a gene is not numeric, or nothing is left.
    ImportError
        If pyarrow is not installed (``pip install "skgenex[parquet]"``).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import pandas as pd
    >>> from skgenex.datasets import load_dataset
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = pathlib.Path(name)
    ...     pd.DataFrame({"sample_id": ["a", "b"], "CD19": [9.1, 4.2]}).to_parquet(
    ...         folder / "expression.parquet")
    ...     pd.DataFrame({"sample_id": ["a", "b"], "label": ["B", "T"]}).to_csv(
    ...         folder / "samples.csv", index=False)
    ...     data = load_dataset(folder)
    >>> data.feature_names, data.target_names
    (['CD19'], ['B', 'T'])
    """
    if unlabelled not in ("drop", "keep"):
        raise ValueError(f'unlabelled must be "drop" or "keep"; got {unlabelled!r}.')
    folder = Path(folder)
    X = _read_expression(_existing(folder, expression))
    samples = _read_samples(_existing(folder, "samples.csv"))
    unknown = X.index.difference(samples.index, sort=False)
    if len(unknown):
        raise ValueError(
            f"samples.csv must have a row for every sample of {expression}; none for "
            f"{len(unknown)} of {len(X)}, e.g. {unknown[:5].tolist()}."
        )
    samples = samples.loc[X.index]
    if label not in samples.columns:
        raise ValueError(
            f"label must be a column of samples.csv, one of {list(samples.columns)}; "
            f"got {label!r}."
        )
    target = samples[label]
    continuous = target.dtype.kind == "f" and target.notna().any()
    if continuous and min_class_size > 1:
        raise ValueError(
            f"min_class_size is for classes, but column {label!r} holds floats, a "
            "continuous target; leave min_class_size=1."
        )
    keep = target.notna() | (unlabelled == "keep")
    if not continuous:
        size = target.map(target.value_counts())
        keep &= target.isna() | (size >= min_class_size)
        if target.dtype.kind not in "biu":
            target = target.astype(object).where(target.notna(), "").astype(str)
    if not keep.any():
        raise ValueError(
            f"No sample is left with a {label!r} label of at least "
            f"min_class_size={min_class_size} samples."
        )
    X, target, samples = X[keep], target[keep].rename(label), samples[keep]
    frame = pd.concat([X, target], axis=1) if as_frame else None
    classes = None
    if not continuous:
        classes = [name for name in np.unique(target).tolist() if name != ""]
    data: Any = X if as_frame else np.ascontiguousarray(X.to_numpy())
    y: Any = target if as_frame else _as_array(target)
    if return_X_y:
        return data, y
    source = folder / "SOURCE.md"
    return Bunch(
        data=data,
        target=y,
        target_names=classes,
        feature_names=X.columns.tolist(),
        frame=frame,
        samples=samples,
        DESCR=(
            source.read_text(encoding="utf-8")
            if source.is_file()
            else f"{folder.name}: {len(X)} samples, {X.shape[1]} genes."
        ),
    )


def _as_array(target):
    """Labels as a plain array: fixed-width strings, integers, booleans or floats."""
    return target.to_numpy(dtype=str if target.dtype.kind not in "biuf" else None)


def _existing(folder, name):
    """Path of a file of the folder, or an error that lists what is there."""
    if not folder.is_dir():
        raise FileNotFoundError(f"folder must be an existing directory; got {folder}.")
    path = folder / name
    if not path.is_file():
        there = sorted(entry.name for entry in folder.iterdir())
        raise FileNotFoundError(f"{folder} has no file {name!r}; it has {there}.")
    return path


def _refuse_repeated(names, what):
    """Raise if an index holds duplicates."""
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()[:5].tolist()
        raise ValueError(f"{what} must be unique; {repeated} repeat.")


def _read_expression(path):
    """Expression matrix with sample ids as index."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            "Reading parquet files needs pyarrow; install it with "
            'pip install "skgenex[parquet]".'
        ) from error
    try:
        genes = pd.Index(parquet.read_schema(path).names)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path.name} is no whole parquet file: {error}") from error
    _refuse_repeated(genes, f"The columns of {path.name}")
    table = pd.read_parquet(path, engine="pyarrow")
    if table.shape[1] < 2 or table.columns[0] != KEY:
        raise ValueError(
            f"{path.name} must start with a column {KEY!r} followed by the genes; "
            f"got {table.columns[:3].tolist()}."
        )
    table[KEY] = table[KEY].astype(str)
    table = table.set_index(KEY)
    _refuse_repeated(table.index, f"The sample ids of {path.name}")
    other = [name for name, kind in table.dtypes.items() if kind.kind not in "biuf"]
    if other:
        raise ValueError(
            f"Every gene of {path.name} must be numeric; {other[:5]} are not."
        )
    return table


def _read_samples(path):
    """Sample table with sample ids as index; only an empty field is missing."""
    how = {"dtype": {KEY: str}, "keep_default_na": False, "na_values": [""]}
    try:
        table = pd.read_csv(path, low_memory=False, **how)
    except ValueError as error:  # also what is no UTF-8, or has no columns
        raise ValueError(f"{path.name} cannot be read as CSV: {error}") from error
    if KEY not in table.columns:
        raise ValueError(
            f"{path.name} must have a column {KEY!r}; got {table.columns.tolist()}."
        )
    table = table.set_index(KEY)
    _refuse_repeated(table.index, f"The sample ids of {path.name}")
    return table
