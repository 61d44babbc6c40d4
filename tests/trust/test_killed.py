"""A process killed at any moment leaves files that can be read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("_killed.py")


def complaints(what, folder, n_kills):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), what, str(folder), str(n_kills)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    *found, last = done.stdout.splitlines()
    assert last == "done"
    return found


is_thorough = os.environ.get("SKGENEX_SLOW_TESTS") == "1"
slow = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_thorough, reason="minutes: SKGENEX_SLOW_TESTS=1 runs it"),
]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@needs_fork
@pytest.mark.parametrize(
    ("what", "n_kills"),
    [
        ("save", 12),
        ("fit", 2),
        pytest.param("save", 100, marks=slow),
        pytest.param("fit", 20, marks=slow),
    ],
)
def test_a_kill_at_any_moment_costs_nothing_that_was_done(what, n_kills, tmp_path):
    assert complaints(what, tmp_path, n_kills) == []
