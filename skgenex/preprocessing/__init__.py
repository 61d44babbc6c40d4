"""From counts to the log scale on which the estimators learn, and back."""

from ._log_cpm import LogCPM

__all__ = ["LogCPM"]
