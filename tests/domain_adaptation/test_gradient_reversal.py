import numpy as np
import pytest
import torch

from skgenex.domain_adaptation.gradient_reversal import ramp, reverse_gradient


@pytest.mark.parametrize("strength", [0.0, 0.3, 2.0])
def test_gradient_is_minus_strength_times_the_plain_one(strength):
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    plain, reversed_ = x.clone().requires_grad_(), x.clone().requires_grad_()
    plain.sin().sum().backward()
    out = reverse_gradient(reversed_, strength)
    assert torch.equal(out, x)
    out.sin().sum().backward()
    torch.testing.assert_close(reversed_.grad, -strength * plain.grad)


def test_one_step_moves_critic_and_encoder_against_each_other():
    # Critic loss w * u * x: dL/dw = u x goes down for the critic, dL/du = w x goes up
    # for the encoder.
    u, w = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    (w * reverse_gradient(u * 5.0, 0.1)).backward()
    assert w.grad.item() == 10.0
    assert u.grad.item() == pytest.approx(-0.1 * 15.0)


def test_ramp_is_ganins():
    progress = np.array([0.0, 0.25, 1.0])
    expected = 2 / (1 + np.exp(-10 * progress)) - 1
    np.testing.assert_allclose([ramp(p) for p in progress], expected)
