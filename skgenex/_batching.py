"""Mini-batches as slices of tensors which already sit on the device."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from ._mapped import release

Batch = dict[str, torch.Tensor]


class RowReader:
    """A table of which a batch is read when it is wanted, as a tensor on a device.

    It takes the place of a tensor of all rows where that would be one copy too many.

    Parameters
    ----------
    rows : ndarray, SomeRows or Residuals of shape (n_samples, n_features)
        Read by indices and slices.
    device : str or torch.device, default="cpu"
        Where batches go.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgenex._batching import RowReader
    >>> RowReader(np.eye(3)).index_select(0, torch.tensor([2]))
    tensor([[0., 0., 1.]])
    """

    def __init__(self, rows: Any, device: str | torch.device = "cpu") -> None:
        self.rows, self.device = rows, torch.device(device)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice) -> torch.Tensor:
        return self._tensor(self.rows[rows])

    def index_select(self, dim: int, index: torch.Tensor) -> torch.Tensor:
        """Return the rows of these indices; ``dim`` is 0."""
        return self._tensor(self.rows[index.cpu().numpy()])

    def to(self, device: str | torch.device) -> "RowReader":
        """Return a reader whose batches go to this device."""
        return RowReader(self.rows, device)

    def _tensor(self, rows):
        # A tensor must not share what cannot be written, such as a mapped file.
        batch = torch.from_numpy(np.require(rows, np.float32, "W")).to(self.device)
        release(self.rows)
        return batch


def count_rows(batch: Mapping[str, Any]) -> int:
    """Return the first dimension shared by all tensors of ``batch``.

    Raises
    ------
    ValueError
        If the tensors differ in their number of rows or there are none.
    """
    if not batch:
        raise ValueError("batch must name at least one tensor; got an empty dict.")
    lengths = {name: len(tensor) for name, tensor in batch.items()}
    n_rows = min(lengths.values())
    if n_rows == 0 or n_rows != max(lengths.values()):
        raise ValueError(
            "The tensors of a batch must have the same number of rows, at least "
            f"one; got {lengths}."
        )
    return n_rows


def slices(batch: Mapping[str, Any], size: int) -> Iterator[Batch]:
    """Yield the rows of ``batch`` in order, ``size`` at a time."""
    for start in range(0, count_rows(batch), size):
        rows = slice(start, start + size)
        yield {name: tensor[rows] for name, tensor in batch.items()}


class TensorBatches:
    """Iterate over an epoch of shuffled mini-batches.

    A `torch.utils.data.DataLoader` fetches and collates single rows, which costs more
    than a training step of a small network; here a batch is one ``index_select`` per
    tensor. The order is drawn from torch's global CPU generator (see
    `skgenex._seeding.seeded`).

    Parameters
    ----------
    batch : dict of str to Tensor of shape (n_rows, ...)
        All rows, on the device on which the network computes; large tables may be a
        `RowReader`.
    batch_size : int
        Rows per mini-batch.
    steps_per_epoch : int or None, default=None
        With None an epoch is one pass over the rows; its last batch holds the rest,
        and joins the batch before when it is a single row (batch normalisation cannot
        use one). With an integer an epoch is exactly that many full batches, cut from
        consecutive shuffled passes, so that all rows are used equally often (up to
        one); where a pass ends within a batch, the batch is filled from the next.

    Examples
    --------
    >>> import torch
    >>> from skgenex._batching import TensorBatches
    >>> batches = TensorBatches({"x": torch.arange(5)}, batch_size=2)
    >>> [len(batch["x"]) for batch in batches]
    [2, 3]
    """

    def __init__(
        self,
        batch: Batch,
        batch_size: int,
        steps_per_epoch: int | None = None,
    ) -> None:
        self.batch = batch
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.n_rows = count_rows(batch)
        self.device = next(iter(batch.values())).device
        self._remaining = torch.empty(0, dtype=torch.int64, device=self.device)
        self.generator: torch.Generator | None = None  # None: torch's global one

    def __len__(self) -> int:
        """Return the number of mini-batches of an epoch."""
        if self.steps_per_epoch is not None:
            return self.steps_per_epoch
        n_full, n_rest = divmod(self.n_rows, self.batch_size)
        has_own_tail = n_rest > 1 or (n_rest == 1 and n_full == 0)
        return n_full + has_own_tail

    def __iter__(self) -> Iterator[Batch]:
        """Yield the mini-batches of one epoch."""
        if self.steps_per_epoch is None:
            epoch = self._one_pass()
        else:
            epoch = self._full_batches(self.steps_per_epoch)
        for rows in epoch:
            yield {
                name: tensor.index_select(0, rows)
                for name, tensor in self.batch.items()
            }

    def _shuffled(self) -> torch.Tensor:
        order = torch.randperm(self.n_rows, generator=self.generator)
        return order.to(self.device)

    def _one_pass(self) -> Iterator[torch.Tensor]:
        order, n_batches = self._shuffled(), len(self)
        for start in range(0, (n_batches - 1) * self.batch_size, self.batch_size):
            yield order[start : start + self.batch_size]
        yield order[(n_batches - 1) * self.batch_size :]

    def _full_batches(self, n_batches: int) -> Iterator[torch.Tensor]:
        for _ in range(n_batches):
            while len(self._remaining) < self.batch_size:
                self._remaining = torch.cat([self._remaining, self._shuffled()])
            rows = self._remaining[: self.batch_size]
            self._remaining = self._remaining[self.batch_size :]
            yield rows

    def state_dict(self) -> dict:
        """Where the present pass over the rows stands."""
        return {"remaining": self._remaining.clone()}

    def load_state_dict(self, state: dict) -> None:
        """Go on from the state of an earlier iterator over the same rows."""
        self._remaining = state["remaining"].to(self.device)
