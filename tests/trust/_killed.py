"""Kill a process at random moments, again and again; print what was wrong.

Run as a script: it imports once and forks, so that each kill costs milliseconds, and
has a single thread, without which a fork may hang.
"""

import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

import skgenex
from skgenex import _checkpoint, _persistence

ROWS = np.random.default_rng(0).normal(size=(30, 300)) + 6
LABELS = np.arange(30) % 2


def in_child(function, *arguments):
    """Fork a process which calls ``function``; return its id."""
    child = os.fork()
    if child:
        return child
    try:
        function(*arguments)
    finally:
        os._exit(1)


def killed_after(seconds, function, *arguments):
    """Call ``function`` in a child and kill it."""
    child = in_child(function, *arguments)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def save_for_ever(samplers, path):
    """Save one and the other in turn."""
    while True:
        for each in samplers:
            _persistence.save(each, path)


def check_saves(folder, n_kills, rng):
    """Yield what is wrong with the file after each kill."""
    path = folder / "sampler.skops"
    fit = skgenex.GaussianSampler
    samplers = [fit(random_state=s).fit(ROWS, LABELS) for s in (0, 1)]
    _persistence.save(samplers[0], path)
    expected = [each.sample(3)[0] for each in samplers]
    n_halfway = 0
    for _ in range(n_kills):
        killed_after(rng.uniform(0, 0.2), save_for_ever, samplers, path)
        rows = _persistence.load(path).sample(3)[0]
        if not any(np.array_equal(rows, other) for other in expected):
            yield "the file holds neither of the two samplers"
        left = [other for other in folder.iterdir() if other != path]
        n_halfway += bool(left)
        for other in left:
            other.unlink()
    if not n_halfway:
        yield "no save was hit halfway: this test has shown nothing"


def sampler(folder=None):
    """A network whose fit takes long enough to be hit."""
    return skgenex.VAESampler(
        backend="vae", validation_fraction=0.0, max_epochs=60, n_hidden=64, lr=1e-3,
        device="cpu", random_state=0, checkpoint_dir=folder,
    )  # fmt: skip


def check_fits(folder, n_kills, rng):
    """Yield what is wrong with a fit that was killed and called again."""
    _checkpoint.Checkpoint.is_due = lambda self: True  # after each epoch
    start = time.perf_counter()
    expected = sampler().fit(ROWS, LABELS).sample(3)[0]
    took = time.perf_counter() - start
    n_found = 0
    for k in range(n_kills):
        own = folder / str(k)
        own.mkdir()
        # Twice in a row: the second fit goes on from the first one's checkpoint.
        for _ in range(2):
            killed_after(rng.uniform(0.2, 0.9) * took, sampler(own).fit, ROWS, LABELS)
            n_found += (own / "checkpoint.pt").exists()
        rows = sampler(own).fit(ROWS, LABELS).sample(3)[0]
        if not np.array_equal(rows, expected):
            yield f"fit {k} gives other rows after it was killed"
        if list(own.iterdir()):
            yield f"fit {k} leaves {list(own.iterdir())}"
    if not n_found:
        yield "no fit was killed after its first epoch: this test has shown nothing"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    what, where, kills = sys.argv[1:]
    check = {"save": check_saves, "fit": check_fits}[what]
    for complaint in check(Path(where), int(kills), random.Random(0)):
        print(complaint)
    print("done")
