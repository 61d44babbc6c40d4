"""A file larger than what is held of it: learned from chunk by chunk."""

import os
import subprocess
import sys

import numpy as np
import pytest

from skgenex import GaussianSampler, VIMEPretrainer
from skgenex._mapped import mapped_file, release, take

# Of this program alone: getrusage counts the process that it was started from, too.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
"""
ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="reads /proc; pages are given back on Linux"
)

STREAM = """
import sys
import numpy as np
from skgenex import {name}

path, size = sys.argv[1], 4_000
pretrainer = {name}(max_epochs=1, n_components=8, n_hidden=16, random_state=0)
n_rows = len(np.load(path, mmap_mode="r"))
losses, peaks = [], []
for start in range(0, n_rows, size):
    # Mapped anew for each chunk: pages that were read do not stay.
    rows = np.array(np.load(path, mmap_mode="r")[start : start + size])
    pretrainer.partial_fit(rows)
    losses.append(pretrainer.history_[-1]["train_loss"])
    peaks.append(peak())
print(losses[0], losses[-1], peaks[1], peaks[-1])
"""


def write_profiles(path, n_rows, n_genes):
    rng = np.random.default_rng(0)
    loadings = rng.standard_normal((6, n_genes), dtype=np.float32)
    table = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, n_genes))
    for start in range(0, n_rows, 4_000):
        rows = table[start : start + 4_000]
        rows[:] = rng.standard_normal((len(rows), 6), dtype=np.float32) @ loadings
        rows += rng.standard_normal(rows.shape, dtype=np.float32)
    table.flush()


@ON_LINUX
@pytest.mark.parametrize("name", ["VIMEPretrainer", "SubTabPretrainer"])
def test_resident_memory_is_that_of_a_chunk(tmp_path, name):
    path = tmp_path / "profiles.npy"
    write_profiles(path, 56_000, 400)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PEAK + STREAM.format(name=name), str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    first, last, early, late = map(float, done.stdout.split())
    megabytes = path.stat().st_size / 2**20
    assert late - early < megabytes / 2  # twelve chunks later, of 73 MB
    assert last < first  # the later chunks go on from what the earlier ones taught


FIT = """
import sys
import numpy as np
from skgenex import {name}

def fit(X):
    estimator = {name}({parameters})
    y = np.arange(len(X)) % 2
    if "{name}" == "DomainScaler":
        return estimator.fit(X, sample_domain=y)
    return estimator.fit(X, y)

fit(np.random.default_rng(0).standard_normal((3_000, 1_000), dtype=np.float32))
before = peak()
X = np.load(sys.argv[1], mmap_mode="r")
if sys.argv[2] == "array":
    X = np.array(X)
estimator = fit(X)
print(peak() - before, {learned})
"""
NETWORK = "max_epochs=1, batch_size=500, n_components=4, n_hidden=8, random_state=0"
HEAD = "estimator.net_.module_.{}.weight.detach().square().sum().item()"
MAPPED = {
    "DiffusionSampler": (
        "max_epochs=1, n_factors=4, random_state=0",
        "estimator.model_.eigenvalues_[0]",
    ),
    "VIMEPretrainer": (NETWORK, HEAD.format("feature_head")),
    "SubTabPretrainer": (
        NETWORK + ", validation_fraction=0.005",
        HEAD.format("decoder[2]"),
    ),
    "DomainScaler": ("target_domain=0", "estimator.maps_[1].spread.sum()"),
}


@ON_LINUX
@pytest.mark.parametrize("name", MAPPED)
def test_fit_of_a_mapped_file_does_not_hold_it(tmp_path, name):
    path = tmp_path / "profiles.npy"
    write_profiles(path, 60_000, 1_000)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    parameters, learned = MAPPED[name]
    program = PEAK + FIT.format(name=name, parameters=parameters, learned=learned)
    grown, values = {}, {}
    for kind in ("map", "array"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(path), kind],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        grown[kind], values[kind] = map(float, done.stdout.split())
    megabytes = path.stat().st_size / 2**20
    assert grown["map"] < 0.5 * megabytes
    assert grown["array"] > megabytes
    assert values["map"] == pytest.approx(values["array"], rel=1e-6)


def test_missing_values_of_a_mapped_file_are_found(tmp_path):
    rows = np.random.default_rng(0).standard_normal((40, 5))
    rows[31, 2] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    with pytest.raises(ValueError, match="Input X contains NaN"):
        GaussianSampler().fit(mapped)


def test_pages_of_writable_maps_are_not_dropped(tmp_path):
    np.save(tmp_path / "rows.npy", np.ones((4, 3)))
    for mode, is_dropped in (("r", True), ("r+", False), ("c", False)):
        mapped = np.load(tmp_path / "rows.npy", mmap_mode=mode)
        assert (mapped_file(mapped) is not None) is is_dropped
        assert (mapped_file(np.asarray(mapped)[1:]) is not None) is is_dropped
        if mode == "c":
            mapped[0] = 5.0
            release(mapped)
            assert mapped[0, 0] == 5.0
    assert mapped_file(np.ones(3)) is None


def test_rows_taken_from_a_map_are_the_rows(tmp_path):
    table = np.arange(60.0).reshape(12, 5)
    np.save(tmp_path / "rows.npy", table)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    rows = np.array([7, 0, 7, 3])
    for genes in (slice(None), slice(1, 4), np.array([4, 0])):
        wanted = table[rows][:, genes]
        np.testing.assert_array_equal(take(mapped, rows, genes), wanted)
        np.testing.assert_array_equal(take(table, rows, genes), wanted)


@pytest.mark.filterwarnings("default")  # of anndata and what it imports
def test_chunks_of_a_backed_anndata_are_learned_from(tmp_path):
    anndata = pytest.importorskip("anndata")
    rows = np.random.default_rng(0).standard_normal((600, 30)).astype(np.float32)
    anndata.AnnData(rows).write_h5ad(tmp_path / "cells.h5ad")
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    learned = [VIMEPretrainer(max_epochs=2, random_state=0) for _ in range(2)]
    for chunk, start, _ in backed.chunked_X(200):
        learned[0].partial_fit(chunk)
        learned[1].partial_fit(rows[start : start + 200])
    ours, wanted = (pretrainer.transform(rows[:50]) for pretrainer in learned)
    np.testing.assert_array_equal(ours, wanted)
