"""Read-only memory maps are taken as arrays are, by every estimator."""

import numpy as np
import pytest

from tests.trust._public_estimators import VARIANTS, outputs, patients


@pytest.mark.parametrize(
    "variant", [v for v in VARIANTS if v.target != "counts"], ids=lambda v: v.name
)
def test_a_memory_map_gives_what_the_array_gives(variant, tmp_path):
    X, y = patients()
    rows = X.to_numpy(dtype=np.float32)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    expected = outputs(variant.fitted(rows, y), rows)
    found = outputs(variant.fitted(mapped, y), mapped)
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    np.testing.assert_array_equal(mapped, rows)  # nothing was written
