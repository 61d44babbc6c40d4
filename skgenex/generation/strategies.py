"""How many rows: `sampling_strategy` callables which grow every class.

imbalanced-learn's own words can balance classes but not enlarge a balanced set, and a
dict of absolute counts fails in cross-validation, where folds are smaller than the
whole. These callables compute the counts from the rows at hand; they can be pickled,
compared and used as grid values.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class multiply:
    """Grow every class to ``factor`` times its size.

    Parameters
    ----------
    factor : float
        At least 1.

    Raises
    ------
    ValueError
        If ``factor`` is below 1.

    Examples
    --------
    >>> from skgenex.generation import multiply
    >>> multiply(3)(["A", "A", "B"])
    {'A': 6, 'B': 3}
    """

    factor: float

    def __post_init__(self) -> None:
        if not self.factor >= 1:
            raise ValueError(
                f"factor must be at least 1 (rows are only added); got {self.factor!r}."
            )

    def __call__(self, y: Iterable[Hashable]) -> dict[Hashable, int]:
        """Return the wanted total of each class in ``y``, as imbalanced-learn asks."""
        return {label: round(self.factor * n) for label, n in _count(y).items()}


@dataclass(frozen=True)
class augment_to:
    """Grow every class to ``n_samples`` rows; larger ones stay as they are.

    Parameters
    ----------
    n_samples : int
        Rows per class.

    Raises
    ------
    ValueError
        If ``n_samples`` is below 1.

    Examples
    --------
    >>> from skgenex.generation import augment_to
    >>> augment_to(2)(["A", "A", "A", "B"])
    {'A': 3, 'B': 2}
    """

    n_samples: int

    def __post_init__(self) -> None:
        if not self.n_samples >= 1:
            raise ValueError(f"n_samples must be at least 1; got {self.n_samples!r}.")

    def __call__(self, y: Iterable[Hashable]) -> dict[Hashable, int]:
        """Return the wanted total of each class in ``y``, as imbalanced-learn asks."""
        return {label: max(self.n_samples, n) for label, n in _count(y).items()}


def _count(y: Iterable[Hashable]) -> dict[Hashable, int]:
    return dict(Counter(y.tolist() if hasattr(y, "tolist") else y))
