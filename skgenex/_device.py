"""Which device a ``device`` parameter means."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device that a ``device`` parameter means.

    Parameters
    ----------
    device : str or torch.device
        "auto" (CUDA if there is one, else the CPU) or any torch device.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.

    Examples
    --------
    >>> from skgenex._device import resolve_device
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            "device must be 'auto' or a torch device such as 'cpu' or 'cuda:0'; got "
            f"{device!r}."
        ) from error
    backends = {"cuda": torch.cuda, "mps": torch.backends.mps}
    if device.type in backends and not backends[device.type].is_available():
        raise ValueError(
            f"device={str(device)!r} needs {device.type.upper()}, which torch does not "
            "find here. Use device='auto' or device='cpu'."
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device={str(device)!r} does not exist: torch finds "
            f"{torch.cuda.device_count()} CUDA device(s), counted from 0."
        )
    return device


@contextmanager
def full_precision(device: str | torch.device) -> Iterator[None]:
    """Compute without gradients and, even within ``torch.autocast``, in full precision.

    A fit may train in less; what it has learned is measured and applied as it is.

    Parameters
    ----------
    device : str or torch.device
        Where the tensors are.
    """
    kind = torch.device(device).type
    is_real = kind != "meta"  # which computes nothing, and has no autocast
    plain = torch.autocast(kind, enabled=False) if is_real else nullcontext()
    with torch.no_grad(), plain:
        yield
