"""Summary figures of what every public estimator gives: kept, and compared later.

Run as a script to write them anew, after a change of results that is wanted:

    python tests/golden/figures.py
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.json"
FILES = HERE / "persistence"


def summarise(results):
    """Figures of arrays by name: numbers that any change of the array changes."""
    figures = {}
    for name, array in results.items():
        if array.dtype.kind not in "fiu":  # labels: the share of each
            labels, counts = np.unique(array.astype(str), return_counts=True)
            figures[name] = dict(zip(labels.tolist(), counts.tolist(), strict=True))
            continue
        values = array.astype(float).ravel()
        figures[name] = {
            "mean": float(values.mean()),
            "deviation": float(values.std()),
            "first": float(values[0]),
            "last": float(values[-1]),
        }
    return figures


def write():
    """Fit every variant, write its figures, and its file where skops can hold it."""
    from skgenex._persistence import save
    from tests.trust._public_estimators import VARIANTS, outputs, patients

    X, y = patients()
    FILES.mkdir(exist_ok=True)
    for old in FILES.glob("*.skops"):
        old.unlink()
    figures = {}
    for variant in VARIANTS:
        fitted = variant.fitted(X, y)
        figures[variant.name] = summarise(outputs(fitted, X))
        if variant.in_skops:
            save(fitted, FILES / f"{variant.name}.skops")
    text = json.dumps(figures, indent=1, sort_keys=True)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    import torch

    sys.path.insert(0, str(ROOT))
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    write()
