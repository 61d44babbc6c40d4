"""The one trainer: minimise an objective over a batch of tensors."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ._batching import Batch
from ._checkpoint import Checkpoint, fingerprint
from ._learning_rate import LR_SCHEDULES
from ._objective_net import ObjectiveNet, clone_callbacks


def train(
    objective: tuple[type[torch.nn.Module], Mapping[str, Any]],
    batch: Batch,
    *,
    max_epochs: int,
    lr: float,
    batch_size: int,
    valid_batch: Batch | None = None,
    patience: int | None = None,
    steps_per_epoch: int | None = None,
    weight_decay: float = 0.0,
    optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
    param_groups: Sequence[tuple[str, Mapping[str, Any]]] = (),
    lr_schedule: str | Callable[[float], float] | None = None,
    ema_decay: float | None = None,
    clip_norm: float | None = None,
    callbacks: Sequence | None = None,
    device: str | torch.device = "cpu",
    verbose: int = 0,
    compile: bool = False,
    checkpoint_dir: str | os.PathLike | None = None,
    checkpoint_interval: float = 5.0,
    initial_weights: Mapping[str, torch.Tensor] | None = None,
) -> ObjectiveNet:
    """Minimise the mean of an objective over the rows of a batch of tensors.

    Initial weights, order of the rows and the objective's own noise come from torch's
    global generators: call within `skgenex._seeding.seeded`.

    Parameters
    ----------
    objective : tuple of (Module class, dict)
        The class and its keyword arguments. ``forward(**batch)`` returns one loss per
        row, shape (n_rows,).
    batch : dict of str to Tensor of shape (n_samples, ...)
        The training rows, on ``device``.
    max_epochs, lr, batch_size : int, float, int
        Epochs, learning rate and rows per optimisation step.
    valid_batch : dict of str to Tensor of shape (n_valid, ...), default=None
        Held-out rows. After each epoch the objective is evaluated on them, in
        evaluation mode. If it needs noise, let the batch carry it: then the losses of
        the epochs are comparable.
    patience : int, default=None
        Stop after so many epochs without a lower loss on ``valid_batch``, and end
        with the weights of the best epoch. None trains for ``max_epochs`` and keeps
        the last weights.
    steps_per_epoch : int, default=None
        Optimisation steps per epoch; None makes one pass over the rows. See
        `skgenex._batching.TensorBatches`.
    weight_decay : float, default=0.0
        Handed to the optimiser.
    optimizer : type, default=torch.optim.AdamW
        Class of a first-order optimiser.
    param_groups : sequence of (str, dict), default=()
        Parameters whose names match a pattern, such as "critic.*", and what the
        optimiser is told of these alone, such as another ``lr`` (which an
        ``lr_schedule`` would overrule).
    lr_schedule : {"cosine"} or callable, default=None
        Factor of ``lr`` as a function of progress in (0, 1), set at every step. None
        keeps ``lr`` constant (or leaves it to a callback).
    ema_decay : float, default=None
        Decay of a moving average of the weights (`skgenex._weights.WeightAverage`),
        with which the epochs are validated and the fit ends.
    clip_norm : float, default=None
        Upper bound of the gradient's Euclidean norm.
    callbacks : list of skorch callbacks or (name, callback), default=None
        Cloned first, so what they learn belongs in attributes with a trailing
        underscore. A `skorch.callbacks.EarlyStopping` may end the training.
    device : str or torch.device, default="cpu"
        Device of the network.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar with the losses, 2 prints a line per epoch.
    compile : bool, default=False
        Train through `torch.compile`.
    checkpoint_dir : str or path-like, default=None
        Folder for a file from which the same call, in a new process, goes on as if
        it had never been killed. Deleted after success. The state of callbacks is
        not part of it.
    checkpoint_interval : float, default=5.0
        Least number of seconds between two writes of that file.
    initial_weights : mapping of str to Tensor, default=None
        State dict of an objective trained before, to go on from.

    Returns
    -------
    ObjectiveNet
        The trained net: ``module_`` is the objective and ``history`` has, per epoch,
        ``epoch``, ``train_loss``, ``valid_loss`` (if validated) and ``dur`` (seconds).

    Raises
    ------
    NonFiniteLossError
        If training diverges.
    ValueError
        If ``initial_weights`` do not fit the objective, a checkpoint is damaged or of
        another fit, or tensors differ in their number of rows.

    Examples
    --------
    >>> import torch
    >>> from skgenex._seeding import seeded
    >>> from skgenex._training import train
    >>> class SquaredDistance(torch.nn.Module):
    ...     def __init__(self, n_features):
    ...         super().__init__()
    ...         self.centre = torch.nn.Parameter(torch.zeros(n_features))
    ...     def forward(self, x):
    ...         return (x - self.centre).square().sum(dim=1)
    >>> x = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    >>> with seeded(0):
    ...     net = train(
    ...         (SquaredDistance, {"n_features": 2}),
    ...         {"x": x},
    ...         max_epochs=200, lr=0.1, batch_size=2, lr_schedule="cosine",
    ...     )
    >>> net.module_.centre.detach().round(decimals=2)
    tensor([1., 2.])
    """
    if isinstance(lr_schedule, str):
        if lr_schedule not in LR_SCHEDULES:
            raise ValueError(
                f"lr_schedule must be one of {sorted(LR_SCHEDULES)}, a callable or "
                f"None; got {lr_schedule!r}."
            )
        lr_schedule = LR_SCHEDULES[lr_schedule]
    how = {
        "max_epochs": max_epochs,
        "lr": lr,
        "batch_size": batch_size,
        "patience": patience,
        "steps_per_epoch": steps_per_epoch,
        "optimizer": optimizer,
        "optimizer__weight_decay": weight_decay,
        "optimizer__param_groups": [(name, dict(own)) for name, own in param_groups],
        "lr_schedule": lr_schedule,
        "ema_decay": ema_decay,
        "clip_norm": clip_norm,
        "device": str(device),
    }
    checkpoint = None
    if checkpoint_dir is not None:
        rng = torch.get_rng_state()  # stands for the seed
        what = fingerprint(objective, batch, valid_batch, how, initial_weights, rng)
        checkpoint = Checkpoint(checkpoint_dir, what, device, checkpoint_interval)
    net = ObjectiveNet.of(
        objective,
        **how,
        callbacks=clone_callbacks(callbacks),
        verbose=int(verbose),
        compile=compile,
    )
    if initial_weights is not None:
        try:
            net.module_.load_state_dict(initial_weights)
        except RuntimeError as error:
            raise ValueError(
                "The weights learned so far do not fit the network of this fit (has "
                "the number of features, classes or units changed?). Use the same "
                f"parameters and columns, or warm_start=False. {error}"
            ) from error
    net.partial_fit(batch, valid_batch=valid_batch, checkpoint=checkpoint)
    if checkpoint is not None:
        checkpoint.remove()
    return net


def restore_net(
    objective: tuple[type[torch.nn.Module], Mapping[str, Any]],
    weights: Mapping[str, torch.Tensor],
    device: str | torch.device = "cpu",
) -> ObjectiveNet:
    """Rebuild a trained net, ready for prediction only, from its weights.

    Parameters
    ----------
    objective : tuple of (Module class, dict)
        As in `train`.
    weights : mapping of str to Tensor
        State dict of the objective.
    device : str or torch.device, default="cpu"
        Where the network shall live.

    Returns
    -------
    ObjectiveNet
        The net, trimmed for prediction.
    """
    net = ObjectiveNet.of(objective, device=str(device), callbacks="disable")
    # assign: copying would silently cast float64 weights to the module's float32.
    net.module_.load_state_dict(weights, assign=True)
    net.module_.to(device)
    net.trim_for_prediction()
    return net
