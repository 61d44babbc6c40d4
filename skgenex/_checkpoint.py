"""Checkpoints of a running fit: written atomically, read without executing code."""

import os
import time
from pathlib import Path
from types import FunctionType

import joblib
import numpy as np
import torch


def fingerprint(*parts: object) -> str:
    """Hash of everything that determines a fit; the same in every process.

    Parameters
    ----------
    *parts : object
        Tensors, modules, classes, functions and anything picklable, also within dicts,
        lists and tuples.

    Returns
    -------
    str
        Hexadecimal digits.

    Examples
    --------
    >>> from skgenex._checkpoint import fingerprint
    >>> fingerprint({"lr": 0.1}) == fingerprint({"lr": 0.1})
    True
    >>> fingerprint({"lr": 0.1}) == fingerprint({"lr": 0.2})
    False
    """
    return joblib.hash(_without_torch(parts))


def _without_torch(part: object) -> object:
    """Replace tensors, whose pickles differ from run to run, by arrays."""
    if isinstance(part, torch.Tensor):
        return part.detach().cpu().numpy()
    if isinstance(part, torch.nn.Module):
        return repr(part), _without_torch(dict(part.state_dict()))
    if isinstance(part, (type, FunctionType)):
        return f"{part.__module__}.{part.__qualname__}"
    if isinstance(part, dict):
        return {key: _without_torch(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_without_torch(value) for value in part]
    return part


class Checkpoint:
    """One file from which a killed fit goes on.

    Parameters
    ----------
    folder : str or path-like
        Where the file lives; created if missing. One fit at a time may use it.
    fingerprint : str
        Of the fit (see `fingerprint`): a file of another fit is refused.
    device : str or torch.device, default="cpu"
        Device whose random generator belongs to the state, besides the CPU's.
    interval : float, default=5.0
        Least number of seconds between two files.
    """

    file_name = "checkpoint.pt"

    def __init__(
        self,
        folder: str | os.PathLike,
        fingerprint: str,
        device: str | torch.device = "cpu",
        interval: float = 5.0,
    ) -> None:
        self.path = Path(folder) / self.file_name
        self._temporary = self.path.with_name(self.file_name + ".tmp")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.fingerprint = fingerprint
        self.device = torch.device(device)
        self.interval = interval
        self._is_own = False
        self._last_time = time.monotonic()

    def resume(self, parts: dict) -> list[dict]:
        """Load the file, if there is one, into ``parts`` and the random generators.

        Parameters
        ----------
        parts : dict
            Objects with ``load_state_dict``, by the names given to `save`.

        Returns
        -------
        list of dict
            The history of the epochs done; empty without a file.

        Raises
        ------
        ValueError
            If the file cannot be read or belongs to another fit.
        """
        if not self.path.exists():
            return []
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            found = state["fingerprint"]
        except Exception as error:  # torch raises many kinds for a damaged file
            raise ValueError(
                f"The checkpoint {str(self.path)!r} cannot be read; it is damaged or "
                "no checkpoint. Delete it to train from the beginning."
            ) from error
        if found != self.fingerprint:
            raise ValueError(
                f"The checkpoint {str(self.path)!r} belongs to another fit: the data, "
                "the parameters or random_state differ. Fit with those to resume, or "
                "delete the file, or choose another checkpoint_dir (each fit needs "
                "its own)."
            )
        for name, part in parts.items():
            part.load_state_dict(state["parts"][name])
        torch.set_rng_state(state["rng"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["rng_cuda"], self.device)
        self._is_own = True
        return state["history"]

    def is_due(self) -> bool:
        """Whether `interval` seconds have passed since the last file."""
        return time.monotonic() - self._last_time >= self.interval

    def save(self, parts: dict, history: list[dict]) -> None:
        """Write the state of ``parts``, the history and the random generators.

        A reader finds the old file or the new one, never a part of one: the bytes go
        to a temporary file, which then takes the name.

        Parameters
        ----------
        parts : dict
            Objects with ``state_dict``.
        history : list of dict
            One per epoch done; values that are not numbers or strings are dropped.

        Raises
        ------
        ValueError
            If another fit has put its checkpoint into the folder meanwhile.
        """
        if not self._is_own and self.path.exists():
            raise ValueError(
                f"Another fit writes to {str(self.path)!r}. Give each fit a "
                "checkpoint_dir of its own."
            )
        state = {
            "fingerprint": self.fingerprint,
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "history": [_plain_row(row) for row in history],
            "rng": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            state["rng_cuda"] = torch.cuda.get_rng_state(self.device)
        with open(self._temporary, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._temporary, self.path)
        self._is_own = True
        self._last_time = time.monotonic()

    def remove(self) -> None:
        """Delete what this fit has written."""
        if self._is_own:
            self.path.unlink(missing_ok=True)
            self._temporary.unlink(missing_ok=True)  # of a run killed while writing


def _plain_row(row: dict) -> dict:
    """Keep what a file read without executing code can hold."""
    row = {k: v.item() if isinstance(v, np.generic) else v for k, v in row.items()}
    return {k: v for k, v in row.items() if isinstance(v, (bool, int, float, str))}
