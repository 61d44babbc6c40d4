"""Schedules of the learning rate: functions from progress to a factor."""

import math


def cosine_schedule(progress: float, warm_up: float = 0.05) -> float:
    """Rise linearly for a moment, then fall along half a cosine to zero.

    Parameters
    ----------
    progress : float
        Share of all steps which are done, in [0, 1].
    warm_up : float, default=0.05
        Share of the steps over which a linear ramp multiplies the curve.

    Returns
    -------
    float
        Factor of the learning rate, in [0, 1].

    References
    ----------
    Loshchilov and Hutter (2017), SGDR: Stochastic gradient descent with warm
    restarts, Eq. 5 (here without restarts).

    Examples
    --------
    >>> from skgenex._learning_rate import cosine_schedule
    >>> [round(cosine_schedule(progress), 2) for progress in (0.0, 0.5, 1.0)]
    [0.0, 0.5, 0.0]
    """
    return min(1.0, progress / warm_up) * 0.5 * (1 + math.cos(math.pi * progress))


LR_SCHEDULES = {"cosine": cosine_schedule}
