"""A table of synthetic rows for others, with a card that says what it is."""

import json
import os
import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ..metrics import fidelity_scores
from ..metrics.privacy import PrivacyReport

PACKAGES = ("skgenex", "numpy", "pandas", "scikit-learn", "torch")
KEPT_OUT = ("callbacks", "checkpoint_dir", "device", "verbose")  # of the machine
SECRET = "random_state"  # of a private fit: who knows it can take the noise off
FITTED = (
    "backend_",
    "heldout_gain_",
    "n_iter_",
    "epsilon_spent_",
    "delta_spent_",
)
NO_PRIVACY = (
    "Not measured. Synthetic rows are not anonymous by being synthetic: attack them "
    "with skgenex.metrics.privacy.privacy_report before they leave the house."
)


def release(
    sampler: Any,
    n_samples: int,
    path: str | os.PathLike[str],
    *,
    label: str = "label",
    card: str | os.PathLike[str] | None = None,
    X_holdout: ArrayLike | None = None,
    privacy: PrivacyReport | None = None,
    description: str = "",
    random_state: int | None = None,
) -> dict[str, Any]:
    """Write synthetic rows to a file, and a data card beside it.

    Both files appear whole or not at all: they are written under temporary names in the
    same folder and then renamed; if that fails, what was there before stays.

    Parameters
    ----------
    sampler : estimator
        A fitted sampler.
    n_samples : int
        Rows to simulate, in the classes' training proportions.
    path : path-like
        The file: ``.csv``, ``.csv.gz``, ``.parquet`` (needs ``skgenex[parquet]``) or
        ``.h5ad`` (AnnData, needs ``skgenex[anndata]``).
    label : str, default="label"
        Column of the labels, if the sampler was fitted with some.
    card : path-like, default=None
        The card, ``.md`` or ``.json``. None writes Markdown to the name of ``path``
        followed by ``.card.md``.
    X_holdout : array-like of shape (n_holdout, n_features), default=None
        Real rows that the sampler never saw; the card then has fidelity scores, in
        standard deviations of these rows.
    privacy : PrivacyReport, default=None
        Of :func:`skgenex.metrics.privacy.privacy_report` on this sampler. Without it
        the card says that privacy was not measured.
    description : str, default=""
        What the rows are, in which unit, and where the real ones come from.
    random_state : int, default=None
        Seed of the rows; None uses the sampler's own.

    Returns
    -------
    dict
        The contents of the card.

    Raises
    ------
    ValueError
        If the ending of a path is not known, or a gene is called as ``label``.
    ImportError
        If the format needs a package that is not installed.

    Notes
    -----
    The card of a differentially private sampler leaves out its ``random_state``, which
    could take the noise off, and its counts of training rows are the noisy ones. What
    ``X_holdout`` and ``privacy`` add to the card is computed from real rows and is not
    covered by the sampler's guarantee.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgenex import GaussianSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import release
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     card = release(sampler, 20, Path(folder) / "synthetic.csv")
    ...     sorted(file.name for file in Path(folder).iterdir())
    ['synthetic.csv', 'synthetic.csv.card.md']
    >>> card["training"]["rows"]
    60
    """
    check_is_fitted(sampler)
    path = Path(path)
    card_path = Path(f"{path}.card.md") if card is None else Path(card)
    write = _by_ending(path, WRITERS)
    write_card = _by_ending(card_path, CARD_WRITERS)
    if card_path == path:
        raise ValueError(f"The card needs a path of its own; got {str(path)!r} twice.")
    sampled = sampler.sample(n_samples, random_state=random_state)
    X, y = sampled if isinstance(sampled, tuple) else (sampled, None)
    if not isinstance(X, pd.DataFrame):
        X = pd.DataFrame(X, columns=[f"gene_{j}" for j in range(X.shape[1])])
    if y is not None and label in X.columns:
        raise ValueError(f"A gene is called {label!r}: give another label.")
    contents = _card_of(sampler, X, y, X_holdout, privacy, description)
    _write_together(
        {
            card_path: lambda file: write_card(contents, file),
            path: lambda file: write(X, y, label, file),
        }
    )
    return contents


def _by_ending(path: Path, writers: dict[str, Callable]) -> Callable:
    for ending, writer in writers.items():
        if path.name.lower().endswith(ending):
            return writer
    raise ValueError(
        f"The file name must end with {', '.join(writers)}; got {path.name!r}."
    )


def _write_together(writers: dict[Path, Callable[[Path], None]]) -> None:
    """Write all files, then rename all; undo the first renames if one fails."""
    made: dict[Path, Path] = {}
    old: dict[Path, Path | None] = {}
    try:
        for path, write in writers.items():
            # The ending stays: it tells pandas whether to compress.
            handle, name = tempfile.mkstemp(
                prefix=".writing-", suffix=path.name, dir=path.parent
            )
            os.close(handle)
            made[path] = Path(name)
            write(made[path])
            made[path].chmod(0o666 & ~_umask())  # mkstemp's are private
        for path, temporary in made.items():
            if path.exists():
                previous = temporary.with_name(f"{temporary.name}.old")
                os.link(path, previous)
                old[path] = previous
            else:
                old[path] = None
            try:
                os.replace(temporary, path)
            except BaseException:
                if old[path] is None:
                    del old[path]  # nothing came of it, nothing to take away
                raise
    except BaseException:
        for path, kept in old.items():
            if kept is None:
                path.unlink(missing_ok=True)
            else:
                kept.replace(path)
        raise
    finally:
        kept_files = [kept for kept in old.values() if kept is not None]
        for leftover in [*made.values(), *kept_files]:
            leftover.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _as_table(X: pd.DataFrame, y: Any, label: str) -> pd.DataFrame:
    if y is None:
        return X
    return pd.concat([pd.Series(y, name=label, index=X.index), X], axis=1)


def _write_csv(X: pd.DataFrame, y: Any, label: str, path: Path) -> None:
    _as_table(X, y, label).to_csv(path, index=False)


def _write_parquet(X: pd.DataFrame, y: Any, label: str, path: Path) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'Parquet needs pyarrow; install it with pip install "skgenex[parquet]".'
        ) from error
    table = _as_table(X, y, label)
    table.columns = table.columns.astype(str)
    table.to_parquet(path, index=False, engine="pyarrow")


def _write_anndata(X: pd.DataFrame, y: Any, label: str, path: Path) -> None:
    try:
        import anndata  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImportError(
            'AnnData needs anndata; install it with pip install "skgenex[anndata]".'
        ) from error
    names = [f"synthetic_{i}" for i in range(len(X))]
    obs = pd.DataFrame({} if y is None else {label: y}, index=names)
    var = pd.DataFrame(index=X.columns.astype(str))
    anndata.AnnData(X.to_numpy(), obs=obs, var=var).write_h5ad(path)


def _write_json(contents: dict, path: Path) -> None:
    text = json.dumps(contents, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _write_markdown(contents: dict, path: Path) -> None:
    path.write_text(_markdown(contents), encoding="utf-8")


WRITERS: dict[str, Callable] = {
    ".csv": _write_csv,
    ".csv.gz": _write_csv,
    ".parquet": _write_parquet,
    ".h5ad": _write_anndata,
}
CARD_WRITERS: dict[str, Callable] = {".md": _write_markdown, ".json": _write_json}


def _plain(value: Any) -> Any:
    """Value as JSON has it: numbers, strings, lists; no NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if hasattr(value, "shape"):
        return f"{type(value).__name__} of shape {value.shape}"
    return repr(value)


def _card_of(
    sampler: Any,
    X: pd.DataFrame,
    y: Any,
    X_holdout: Any,
    privacy: PrivacyReport | None,
    description: str,
) -> dict[str, Any]:
    counts = getattr(sampler, "class_counts_", None)
    classes = getattr(sampler, "classes_", None)
    training: dict[str, Any] = {"genes": X.shape[1]}
    if counts is not None:
        training["rows"] = int(np.sum(counts))
    if y is not None and counts is not None and classes is not None and len(counts) > 1:
        training["rows_by_class"] = {
            str(c): int(n) for c, n in zip(classes, counts, strict=True)
        }
    is_private = hasattr(sampler, "epsilon_spent_")
    fidelity = None
    if X_holdout is not None:
        real = np.asarray(X_holdout, dtype=np.float64)
        sd = real.std(axis=0)
        live = sd > 0
        scaled = [
            (rows[:, live] - real[:, live].mean(axis=0)) / sd[live]
            for rows in (real, X.to_numpy(dtype=np.float64))
        ]
        scores = fidelity_scores(*scaled, random_state=0)
        fidelity = {name: float(score) for name, score in scores.items()}
    return {
        "description": description,
        "rows": len(X),
        "training": training,
        "method": {
            "sampler": type(sampler).__name__,
            "parameters": {
                name: _plain(value)
                for name, value in sampler.get_params(deep=False).items()
                if name not in KEPT_OUT and not (is_private and name == SECRET)
            },
            "fitted": {
                name: _plain(getattr(sampler, name))
                for name in FITTED
                if hasattr(sampler, name)
            },
        },
        "fidelity": fidelity,
        "privacy": NO_PRIVACY if privacy is None else privacy.to_dict(),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
    }


def _markdown(contents: dict[str, Any]) -> str:
    out = ["# Synthetic expression data", ""]
    if contents["description"]:
        out += [contents["description"], ""]
    out += [f"{contents['rows']} simulated rows; none is a measured patient.", ""]
    method = contents["method"]
    out += ["## Training data", "", *_bullets(contents["training"])]
    out += ["## Method", "", f"{method['sampler']}, with", ""]
    out += _bullets(method["parameters"])
    if method["fitted"]:
        out += ["After the fit:", "", *_bullets(method["fitted"])]
    out += ["## Fidelity", ""]
    if contents["fidelity"] is None:
        out += ["Not measured.", ""]
    else:
        out += ["Against held-out rows:", "", *_bullets(contents["fidelity"])]
    out += ["## Privacy", ""]
    privacy = contents["privacy"]
    if isinstance(privacy, str):
        out += [privacy, ""]
    else:
        out += _bullets(privacy["sizes"])
        for name in ("attacks", "inference", "distances"):
            out += [f"### {name.capitalize()}", "", *_table(privacy[name])]
        out += [f"{note}\n" for note in privacy["notes"]]
    out += ["## Versions", "", *_bullets(contents["versions"])]
    return "\n".join(out)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _bullets(values: dict[str, Any]) -> list[str]:
    shown = {k: "unknown" if v is None else _text(v) for k, v in values.items()}
    return [*(f"- {name}: {value}" for name, value in shown.items()), ""]


def _table(rows: dict[str, dict[str, Any]]) -> list[str]:
    columns = list(next(iter(rows.values())))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *map(_text, row.values())] for name, row in rows.items()]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]
