"""Gradient reversal: one loss whose critic learns what its encoder unlearns."""

import math

import torch


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, *grad_outputs):
        return -ctx.strength * grad_outputs[0], None


def reverse_gradient(x: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    """Return ``x``; backward, multiply the gradient by ``-strength``.

    Parameters
    ----------
    x : Tensor
        Input of the critic.
    strength : float, default=1.0
        How much the encoder is pushed against the critic.

    Returns
    -------
    Tensor
        The same values.

    References
    ----------
    Ganin et al. (2016), Domain-Adversarial Training of Neural Networks, JMLR 17:59,
    Section 4.2.

    Examples
    --------
    >>> import torch
    >>> from skgenex.domain_adaptation.gradient_reversal import reverse_gradient
    >>> x = torch.ones(2, requires_grad=True)
    >>> (3 * reverse_gradient(x, 0.5)).sum().backward()
    >>> x.grad
    tensor([-1.5000, -1.5000])
    """
    return _ReverseGradient.apply(x, strength)


def ramp(progress: float) -> float:
    """Growth of the adversarial weight from 0 to 1 over the training.

    Parameters
    ----------
    progress : float
        Share of the training that is done, in [0, 1].

    Returns
    -------
    float
        2 / (1 + exp(-10 progress)) - 1.

    References
    ----------
    Ganin et al. (2016), Section 5.2.2.

    Examples
    --------
    >>> from skgenex.domain_adaptation.gradient_reversal import ramp
    >>> ramp(0.0), round(ramp(1.0), 4)
    (0.0, 0.9999)
    """
    return 2 / (1 + math.exp(-10 * progress)) - 1
