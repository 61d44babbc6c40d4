"""The training loop as a skorch net. The only file which knows skorch.

An *objective* is a `torch.nn.Module` whose ``forward(**batch)`` returns one loss per
row of the batch, shape (n_rows,).
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from sklearn.base import clone
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, PrintLog
from skorch.dataset import Dataset
from tqdm import tqdm

from ._batching import Batch, TensorBatches, slices
from ._checkpoint import Checkpoint
from ._parallel import current_shards
from ._weights import BestWeights, WeightAverage

VALIDATION_BATCH_SIZE = 1024


class NonFiniteLossError(ValueError):
    """A loss, or a weight at the end of a fit, is infinite or not a number."""

    def __init__(self, what: str, epoch: int, step: int) -> None:
        super().__init__(what, epoch, step)
        self.what, self.epoch, self.step = what, epoch, step

    def __str__(self) -> str:
        return (
            f"{self.what} in epoch {self.epoch}, step {self.step}: training has "
            "diverged. Standardise X (for example with StandardScaler) and lower lr."
        )


class ObjectiveNet(NeuralNet):
    """A skorch net whose module returns its own loss per row.

    `skgenex._training.train` prepares it and explains the parameters.

    A family with several modules or optimisers overrides ``initialize_module``,
    ``initialize_optimizer`` and `train_step`.
    """

    def __init__(
        self,
        *args: Any,
        steps_per_epoch: int | None = None,
        patience: int | None = None,
        lr_schedule: Callable[[float], float] | None = None,
        ema_decay: float | None = None,
        clip_norm: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, criterion=torch.nn.Identity, **kwargs)
        self.steps_per_epoch = steps_per_epoch
        self.patience = patience
        self.lr_schedule = lr_schedule
        self.ema_decay = ema_decay
        self.clip_norm = clip_norm

    @classmethod
    def of(
        cls, objective: tuple[type[torch.nn.Module], Mapping[str, Any]], **kwargs: Any
    ) -> "ObjectiveNet":
        """Make an initialised net of (Module class, keyword arguments)."""
        objective_class, arguments = objective
        arguments = {f"module__{name}": value for name, value in arguments.items()}
        return cls(
            objective_class, **{"verbose": 0, **kwargs}, train_split=None, **arguments
        ).initialize()

    def get_default_callbacks(self) -> list:
        """Only the line per epoch; the net itself records losses and times."""
        return [("print_log", PrintLog())] if self.verbose >= 2 else []

    def torch_compile(self, module, name):
        """Leave ``module_`` plain: only its calls during a fit are compiled."""
        return module

    def get_loss(self, y_pred, y_true=None, X=None, training=False) -> torch.Tensor:
        """Average the losses of a batch, ``y_pred``."""
        if y_pred.ndim != 1:
            raise ValueError(
                "An objective must return one loss per row, shape (n_rows,); got "
                f"shape {tuple(y_pred.shape)}."
            )
        return y_pred.mean()

    def partial_fit(
        self,
        X: Batch,
        y: None = None,
        classes: None = None,
        *,
        valid_batch: Batch | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> "ObjectiveNet":
        """Train for ``max_epochs``; unlike skorch, let a KeyboardInterrupt through."""
        module = self.module_
        batches = TensorBatches(X, self.batch_size, self.steps_per_epoch)
        shards = self._shards = current_shards()
        if shards is not None:
            batches.generator = shards.seed()
        average = best = None
        parts = {"module": module, "optimizer": self.optimizer_, "batches": batches}
        if self.ema_decay is not None:
            average = WeightAverage(module.parameters(), self.ema_decay)
            parts["average"] = average
        if self.patience is not None and valid_batch is not None:
            best = parts["best"] = BestWeights(module, self.patience)
        if checkpoint is not None:
            for row in checkpoint.resume(parts):
                self.history.append({"batches": [], **row})
        called = module if shards is None else shards.wrap(module)
        if self.compile:
            called = torch.compile(called, **self.get_params_for("compile"))
        self._objective = called.__call__

        self.notify("on_train_begin", X=X, y=y)
        with tqdm(
            desc="all rows" if valid_batch is None else "some rows held out",
            total=self.max_epochs,
            initial=len(self.history),
            unit="epoch",
            disable=self.verbose != 1 or not (shards is None or shards.is_main),
        ) as bar:
            while (n_done := len(self.history)) < self.max_epochs:
                if best is not None and best.should_stop(n_done):
                    break
                wants_stop = self._run_epoch(batches, valid_batch, average, best)
                row = self.history[-1]
                bar.set_postfix({k: row[k] for k in row if k.endswith("_loss")})
                bar.update()
                if wants_stop:
                    break
                writes = shards is None or shards.is_main
                if checkpoint is not None and writes and checkpoint.is_due():
                    checkpoint.save(parts, self.history.to_list())
        if average is not None:
            average.swap()
        if best is not None:
            best.restore()
        if not all(bool(p.isfinite().all()) for p in module.parameters()):
            # The last step's gradient: no loss has been computed since.
            epoch = len(self.history)
            raise NonFiniteLossError("Not all weights are finite", epoch, len(batches))
        self.notify("on_train_end", X=X, y=y)
        self._objective = self._shards = None
        return self

    def train_step(self, batch: Batch, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Take one optimisation step on ``batch``."""
        self.optimizer_.zero_grad()
        factor = 1.0
        if self._shards is not None:
            batch, factor = self._shards.take(batch)
        losses = self._objective(**batch)
        loss = self.get_loss(losses)
        (factor * loss).backward()
        for hook in self._overridden_hooks("on_grad_computed"):
            named_parameters = list(self.module_.named_parameters())
            hook(self, named_parameters, batch=(batch, None), training=True)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.module_.parameters(), self.clip_norm)
        self.optimizer_.step()
        # A process without rows of its own has computed a row that is not its own.
        return {"loss": loss, "y_pred": losses if factor else losses[:0]}

    def validation_step(
        self, batch: Batch, **fit_params: Any
    ) -> dict[str, torch.Tensor]:
        """Compute the losses of ``batch`` without gradients."""
        with torch.no_grad():
            # Each process validates all rows, and so comes to the same decisions.
            called = self._objective if self._shards is None else self.module_
            losses = called(**batch)
            return {"loss": self.get_loss(losses), "y_pred": losses}

    def _run_epoch(
        self,
        batches: TensorBatches,
        valid_batch: Batch | None,
        average: WeightAverage | None,
        best: BestWeights | None,
    ) -> bool:
        """Train and validate for an epoch; return whether a callback asks to stop."""
        start = time.perf_counter()
        datasets = {
            "dataset_train": Dataset(batches.batch, length=batches.n_rows),
            "dataset_valid": None if valid_batch is None else Dataset(valid_batch),
        }
        self.notify("on_epoch_begin", **datasets)
        self.module_.train()
        self._run_batches(self._scheduled(batches), average)
        # From here to the end of the epoch the module has the weights with which the
        # fit would end now: they are validated, kept if best, shown to callbacks.
        if average is not None:
            average.swap()
        if valid_batch is not None:
            self.module_.eval()
            size = max(self.batch_size, VALIDATION_BATCH_SIZE)
            self._run_batches(slices(valid_batch, size), training=False)
            if best is not None:
                best.update(self.history[-1]["valid_loss"], len(self.history))
        self.history.record("dur", time.perf_counter() - start)
        wants_stop = False
        for _, callback in self.callbacks_:
            try:
                callback.on_epoch_end(self, **datasets)
            except KeyboardInterrupt:
                # How skorch's EarlyStopping ends a fit; any other is the user's.
                if not isinstance(callback, EarlyStopping):
                    raise
                wants_stop = True
        if average is not None:
            average.swap()
        return wants_stop

    def _scheduled(self, batches: TensorBatches) -> Iterable[Batch]:
        """Set the learning rate of each step before its batch is used."""
        if self.lr_schedule is None:
            yield from batches
            return
        n_steps = self.max_epochs * len(batches)
        first = (len(self.history) - 1) * len(batches)
        for step, batch in enumerate(batches, start=first):
            # The middle of a step: neither the first nor the last has rate zero.
            lr = self.lr * self.lr_schedule((step + 0.5) / n_steps)
            for group in self.optimizer_.param_groups:
                group["lr"] = lr
            yield batch

    def _run_batches(
        self,
        batches: Iterable[Batch],
        average: WeightAverage | None = None,
        training: bool = True,
    ) -> None:
        """Train or validate on each batch; record the losses and their mean."""
        prefix = "train" if training else "valid"
        step_fn = self.train_step if training else self.validation_step
        begin_hooks = self._overridden_hooks("on_batch_begin")
        end_hooks = self._overridden_hooks("on_batch_end")
        records = self.history[-1]["batches"]
        total, n_rows, n_batches = 0.0, 0, 0
        for batch in batches:
            records.append({})
            for hook in begin_hooks:
                hook(self, batch=(batch, None), training=training)
            step = step_fn(batch)
            if average is not None:
                average.update()
            size, loss = len(step["y_pred"]), step["loss"].item()
            n_batches += 1
            if not math.isfinite(loss):
                what = f"The {prefix} loss is {loss}"
                raise NonFiniteLossError(what, len(self.history), n_batches)
            total += size * loss
            n_rows += size
            records[-1].update({f"{prefix}_loss": loss, f"{prefix}_batch_size": size})
            for hook in end_hooks:
                hook(self, batch=(batch, None), training=training, **step)
        sums = [total, n_rows]
        if training and self._shards is not None:
            sums = self._shards.total(*sums)
        name, mean = f"{prefix}_loss", sums[0] / sums[1]
        previous = [row[name] for row in self.history[:-1]]
        self.history.record(name, mean)
        self.history.record(f"{name}_best", mean < min(previous, default=math.inf))
        self.history.record(f"{prefix}_batch_count", n_batches)

    def _overridden_hooks(self, name: str) -> list[Callable]:
        """Find the callbacks which do something at ``name``; most do not."""
        return [
            getattr(callback, name)
            for _, callback in self.callbacks_
            if getattr(type(callback), name) is not getattr(Callback, name)
        ]


def clone_callbacks(callbacks: Sequence | None) -> list:
    """Copy the user's callbacks, so that no state leaks from one fit to the next."""
    callbacks = list(callbacks or [])
    for item in callbacks:
        callback = item[1] if isinstance(item, tuple) and len(item) == 2 else item
        if not isinstance(callback, Callback):
            raise TypeError(
                "callbacks must hold skorch callbacks or (name, callback) pairs; got "
                f"{item!r}."
            )
    return clone(callbacks, safe=False)
