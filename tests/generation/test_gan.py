"""The adversarial network: its start, its losses, and what training teaches it."""

import numpy as np
import pytest
import torch

from skgenex._seeding import seeded
from skgenex._training import train
from skgenex.generation.gan import AdversarialAdam, LatentGAN


def rows(n=6, d=3):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(0))
    return x, torch.arange(n) % 2


def test_untrained_generator_is_the_gaussian():
    covariances = np.stack([np.diag([4.0, 1.0, 9.0])] * 3)
    gan = LatentGAN(covariances).eval()
    noise, label = rows()
    got = gan.generate(noise, label).detach()
    expected = gan.whitening.colour(noise, label)
    assert torch.equal(got, expected)


@pytest.mark.parametrize("loss", ["non_saturating", "wgan_gp"])
def test_each_player_moves_for_its_own_loss_only(loss):
    x, label = rows()

    def gradients(block):
        """Of the sum of both losses, or of it without one player's part."""
        gan = LatentGAN(np.stack([np.eye(3)] * 3), loss=loss, dropout=0.0)
        if block == "critic_loss":
            gan.critic_loss = lambda *rows: 0.0
        with seeded(3):
            gan(x, label).sum().backward()
        return {name: p.grad for name, p in gan.named_parameters()}

    with seeded(0):
        both = gradients(None)
    with seeded(0):
        generator_only = gradients("critic_loss")
    for name, grad in generator_only.items():
        if name.startswith("critic"):
            assert grad is None  # the generator's loss leaves the critic alone
        elif loss == "non_saturating":  # (the other draws its penalty's rows between)
            torch.testing.assert_close(grad, both[name])
    assert both["critic.head.weight"].abs().sum() > 0
    assert both["generator.last.weight"].abs().sum() > 0


def test_non_saturating_loss_with_its_penalty():
    gan = LatentGAN(np.stack([np.eye(3)] * 3), penalty=2.0).eval()
    real, label = rows()
    fake = real.flip(0)
    got = gan.critic_loss(real, fake, label)
    on_real, on_fake = gan.critic(real, label), gan.critic(fake, label)
    slopes = []
    for row, c in zip(real, label, strict=True):
        row = row[None].requires_grad_()
        (slope,) = torch.autograd.grad(gan.critic(row, c[None]).sum(), row)
        slopes.append(slope.square().sum())
    expected = -torch.sigmoid(on_real).log() - torch.sigmoid(-on_fake).log()
    torch.testing.assert_close(got, expected + torch.stack(slopes))


def test_wasserstein_penalty_is_on_slopes_above_one():
    gan = LatentGAN(np.stack([np.eye(3)] * 3), loss="wgan_gp").eval()
    direction = torch.tensor([0.6, 0.8, 0.0])
    gan.critic = Linear(direction)
    real, label = rows()
    fake = real.flip(0)
    expected = (fake - real) @ direction
    with seeded(0):
        torch.testing.assert_close(gan.critic_loss(real, fake, label), expected)
    gan.critic = Linear(0.2 * direction)  # one-sided
    with seeded(0):
        torch.testing.assert_close(gan.critic_loss(real, fake, label), 0.2 * expected)
    gan.critic = Linear(3 * direction)
    with seeded(0):
        got = gan.critic_loss(real, fake, label) - 3 * expected
    torch.testing.assert_close(got, torch.full((6,), 10.0 * 2**2))


class Linear(torch.nn.Module):
    def __init__(self, direction):
        super().__init__()
        self.direction = torch.nn.Parameter(direction)

    def forward(self, u, label, covariates=None):
        return u @ self.direction


@pytest.mark.parametrize("loss", ["non_saturating", "wgan_gp"])
def test_training_moves_mass_to_two_modes(loss):
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], (500, 1)) + 0.15 * rng.standard_normal((500, 1))
    batch = {
        "x": torch.from_numpy(x / x.std()).float(),
        "label": torch.zeros(500, dtype=torch.long),
    }
    how = {"n_hidden": 32, "dropout": 0.0, "jitter": 0.1, "loss": loss}
    with seeded(0):
        net = train(
            (LatentGAN, {"covariances": np.eye(1)[None], **how}),
            batch,
            max_epochs=100,
            lr=1e-3,
            batch_size=128,
            ema_decay=0.99,
            optimizer=AdversarialAdam,
        )
    noise = torch.randn(4000, 1, generator=torch.Generator().manual_seed(2))
    drawn = net.module_.eval().generate(noise, torch.zeros(4000, dtype=torch.long))
    near_neither = (drawn.abs() < 0.5).float().mean().item()
    assert near_neither < 0.25  # a Gaussian: 0.38
    assert (drawn > 0).float().mean().item() == pytest.approx(0.5, abs=0.2)
