"""Which device a ``device`` parameter means."""

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
        If torch does not know the device, or it is CUDA and there is none.

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
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device={str(device)!r} needs CUDA, which torch does not find here. Use "
            "device='auto' or device='cpu'."
        )
    return device
