"""One network trained by several processes, on Accelerate."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from ._batching import Batch, count_rows

_accelerator: ContextVar[Any] = ContextVar("accelerator", default=None)


@contextmanager
def data_parallel(accelerator: Any = None) -> Iterator[Any]:
    """Share the rows of each batch among the processes of a launch.

    Start the script by ``accelerate launch`` or ``torchrun``: each process runs it
    whole, with the same data. Fits of estimators with a network within the block take
    the batches of one process, and each computes the gradient of its part of the rows;
    torch's DistributedDataParallel averages the gradients, so that all processes have
    the same weights after each step. ``batch_size`` stays the size of the whole batch.

    Parameters
    ----------
    accelerator : accelerate.Accelerator, default=None
        None makes one, for the CPU if there is no CUDA. Set the estimators' ``device``
        to ``accelerator.device``.

    Yields
    ------
    accelerate.Accelerator
        For example to write files in one process only (``is_main_process``).

    Raises
    ------
    ImportError
        Without accelerate: ``pip install skgenex[parallel]``.

    Notes
    -----
    Estimators need an integer ``random_state``, as all processes must draw the same.
    Losses between the rows of a batch (contrastive ones, and the batch statistics of
    `DANNClassifier`) are those between the rows of a process. Only the main process
    writes checkpoints.

    References
    ----------
    Li et al. (2020), PyTorch Distributed: experiences on accelerating data parallel
    training, VLDB 13:3005.

    Examples
    --------
    Without a launch there is one process:

    >>> from skgenex import VIMEPretrainer, data_parallel
    >>> from skgenex.datasets import make_expression
    >>> X, _ = make_expression(60, 30, random_state=0, return_X_y=True)
    >>> pretrainer = VIMEPretrainer(max_epochs=2, random_state=0)
    >>> with data_parallel() as accelerator:  # doctest: +SKIP
    ...     pretrainer.set_params(device=accelerator.device).fit(X)
    """
    if accelerator is None:
        accelerator = _new_accelerator()
    token = _accelerator.set(accelerator)
    try:
        yield accelerator
    finally:
        _accelerator.reset(token)


def current_shards() -> "Shards | None":
    """Return how to share batches within `data_parallel`; None outside."""
    accelerator = _accelerator.get()
    return None if accelerator is None else Shards(accelerator)


class Shards:
    """The part of each batch that is this process's.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        Knows the processes.
    """

    def __init__(self, accelerator: Any) -> None:
        self.accelerator = accelerator
        self.n_processes = accelerator.num_processes
        self.rank = accelerator.process_index

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.accelerator.is_main_process

    def seed(self) -> torch.Generator:
        """Return the generator of the rows' order; noise differs between processes."""
        seed = int(torch.randint(2**31 - 1, ()))  # alike in all processes
        torch.manual_seed(seed + 1 + self.rank)
        return torch.Generator().manual_seed(seed)

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        """Return what averages the gradients of all processes."""
        if self.n_processes == 1:
            return module
        return self.accelerator.prepare_model(module)

    def take(self, batch: Batch) -> tuple[Batch, float]:
        """Return this process's rows, and what their mean loss is multiplied by.

        Parameters
        ----------
        batch : dict of str to Tensor of shape (n_rows, ...)
            The whole batch.

        Returns
        -------
        own : dict of str to Tensor
            Every so-manieth row; the first one if the batch has too few for all.
        factor : float
            With it, the mean of the processes' gradients is that of the batch's mean
            loss; 0 for a process without rows of its own.
        """
        n_rows = count_rows(batch)
        n_own = len(range(self.rank, n_rows, self.n_processes))
        factor = n_own * self.n_processes / n_rows
        rows = slice(self.rank, None, self.n_processes) if n_own else slice(0, 1)
        return {name: tensor[rows] for name, tensor in batch.items()}, factor

    def total(self, *numbers: float) -> list[float]:
        """Add numbers over the processes."""
        values = torch.tensor(
            numbers, dtype=torch.float32, device=self.accelerator.device
        )
        return self.accelerator.reduce(values, reduction="sum").tolist()

    def wait(self) -> None:
        """Wait for all processes."""
        self.accelerator.wait_for_everyone()


def _new_accelerator():
    try:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs
    except ImportError as error:
        raise ImportError(
            "data_parallel needs accelerate: pip install skgenex[parallel]"
        ) from error
    # Some losses leave a head without gradient, such as the decoder of "scarf".
    how = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=not torch.cuda.is_available(), kwargs_handlers=[how])
