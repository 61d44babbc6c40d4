"""Synthetic rows to set beside given real rows."""

import numpy as np


def sample_like(estimator, X, y=None, random_state=None):
    """As many rows of a fitted generator as ``X`` has, of the labels ``y`` if given.

    A generator's ``sample`` returns rows, or (rows, labels) if it was fitted with
    labels; the labels are left off here.
    """
    if not hasattr(estimator, "sample"):
        raise TypeError(
            "estimator must be a fitted generator with a method sample(n_samples=None, "
            f"*, y=None, random_state=None); got {type(estimator).__name__}. Of a "
            "pipeline, take the generator and transform the rows before."
        )
    wanted = {"n_samples": len(X)} if y is None else {"y": np.asarray(y)}
    drawn = estimator.sample(**wanted, random_state=random_state)
    return drawn[0] if isinstance(drawn, tuple) else drawn
