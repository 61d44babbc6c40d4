"""Refuse what cannot fit into memory before any of it is allocated."""

import os
from importlib import import_module


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping; None where unknown.

    Returns
    -------
    int or None
        From psutil, else from ``sysconf`` (free pages alone: the cache counts as used).

    Examples
    --------
    >>> from skgenex._memory import available_memory
    >>> available_memory() != 0
    True
    """
    try:
        psutil = import_module("psutil")
    except ImportError:
        pass
    else:
        return int(psutil.virtual_memory().available)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, macOS
        return None


def require_memory(n_bytes: int, what: str, remedy: str) -> None:
    """Raise if ``n_bytes`` are more than are available.

    An operating system that overcommits grants any request and kills the process when
    it writes to the memory: no exception would ever be seen.

    Parameters
    ----------
    n_bytes : int
        Bytes about to be allocated.
    what, remedy : str
        What needs them, and what would do instead; parts of the message.

    Raises
    ------
    MemoryError
        If they are not available.

    Examples
    --------
    >>> from skgenex._memory import require_memory
    >>> require_memory(10**18, "a table of 10**9 patients", "Ask for fewer.")
    Traceback (most recent call last):
    MemoryError: Not enough memory for a table of 10**9 patients: ...
    """
    available = available_memory()
    if available is not None and n_bytes > available:
        raise MemoryError(
            f"Not enough memory for {what}: {n_bytes / 1e9:,.1f} GB are needed, "
            f"{available / 1e9:,.1f} GB are available. {remedy}"
        )
