"""Reproducible torch code which leaves the user's random generators alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state

# torch's generators belong to the process, not to the thread: two fits in two
# threads would draw from one another's stream, and restore the wrong state.
_GENERATOR_LOCK = threading.RLock()


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Draw one integer seed from a scikit-learn ``random_state``.

    Call it once per fit and derive everything random from the result: each call
    advances a `numpy.random.RandomState`, so two calls give two seeds.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        An integer always gives the same seed. None draws from NumPy's global
        generator, as everywhere in scikit-learn.

    Returns
    -------
    int
        A seed in [0, 2**31 - 1).

    Examples
    --------
    >>> from skgenex._seeding import draw_seed
    >>> draw_seed(0) == draw_seed(0)
    True
    """
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


@contextmanager
def seeded(seed: int, device: str | torch.device = "cpu") -> Iterator[None]:
    """Run a block with torch seeded, then restore torch's generators.

    The CPU generator and, for a CUDA ``device``, that device's generator are seeded
    and restored; those of other devices are not touched. Threads take turns: the
    block holds a lock of the whole process (re-entrant, so blocks may nest). For fits
    in parallel use processes.

    Parameters
    ----------
    seed : int
        Seed of the generators within the block.
    device : str or torch.device, default="cpu"
        The device on which the block computes.

    Examples
    --------
    >>> import torch
    >>> from skgenex._seeding import seeded
    >>> with seeded(0):
    ...     first = torch.rand(3)
    >>> with seeded(0):
    ...     second = torch.rand(3)
    >>> torch.equal(first, second)
    True
    """
    device = torch.device(device)
    cuda = []
    if device.type == "cuda":
        index = device.index
        cuda = [torch.cuda.current_device() if index is None else index]
    with _GENERATOR_LOCK, torch.random.fork_rng(devices=cuda):
        # torch.manual_seed would reseed every CUDA device, restored here or not.
        torch.random.default_generator.manual_seed(seed)
        for index in cuda:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
