"""Pure torch blocks shared by the rooms; knows no scikit-learn."""

from .networks import ConditionalMLP

__all__ = ["ConditionalMLP"]
