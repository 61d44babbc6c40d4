"""A file larger than what is held of it: learned from chunk by chunk."""

import os
import subprocess
import sys

import numpy as np
import pytest

STREAM = """
import resource
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
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
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


@pytest.mark.parametrize("name", ["VIMEPretrainer", "SubTabPretrainer"])
def test_resident_memory_is_that_of_a_chunk(tmp_path, name):
    path = tmp_path / "profiles.npy"
    write_profiles(path, 28_000, 400)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", STREAM.format(name=name), str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    first, last, early, late = map(float, done.stdout.split())
    megabytes = path.stat().st_size / 2**20
    assert late - early < megabytes / 3  # five chunks later, of 43 MB in all
    assert last < first  # the later chunks go on from what the earlier ones taught
