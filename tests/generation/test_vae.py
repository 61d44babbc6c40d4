"""The autoencoder against the Gaussian it starts as, and what training teaches it."""

import numpy as np
import pytest
import torch
from scipy import stats

from skgenex._seeding import seeded
from skgenex._training import train
from skgenex.generation.vae import LatentVAE
from skgenex.generation.whitening import ClassWhitening


def random_covariances(n_classes=2, n_features=3):
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((n_classes + 1, n_features, n_features))
    return roots @ roots.transpose(0, 2, 1)


def shaken(kind, *arguments, size=0.1, **options):
    with seeded(0):
        module = kind(*arguments, **options)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator)
    return module


def test_whitened_rows_have_unit_covariance():
    covariances = random_covariances()
    rng = np.random.default_rng(1)
    x = rng.multivariate_normal(np.zeros(3), covariances[1], 20_000)
    label = torch.ones(len(x), dtype=torch.long)
    u = ClassWhitening(covariances).whiten(torch.from_numpy(x).float(), label)
    np.testing.assert_allclose(np.cov(u.T.numpy()), np.eye(3), atol=0.05)


def test_directions_without_variance_stay_zero():
    whitening = ClassWhitening(np.diag([1.0, 0.0])[None])
    label = torch.zeros(1, dtype=torch.long)
    u = whitening.whiten(torch.tensor([[2.0, 5.0]]), label)
    assert u.abs().sum().item() == pytest.approx(2.0)
    assert whitening.colour(u, label).tolist() == [[2.0, 0.0]]


def test_untrained_bound_is_the_gaussians_log_density():
    covariances = random_covariances()
    vae = LatentVAE(covariances).eval()
    x = torch.tensor([[1.0, -0.5, 0.3]]).expand(20_000, -1)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    for c in (0, 1):
        label = torch.full((len(x),), c)
        bound = vae.bound(x, label, noise).mean().item()
        exact = stats.multivariate_normal(np.zeros(3), covariances[c]).logpdf(x[0])
        assert bound == pytest.approx(exact, abs=0.05)


def test_untrained_draws_are_the_gaussians():
    covariances = random_covariances()
    vae = LatentVAE(covariances).eval()
    noise = torch.randn(40_000, 6, generator=torch.Generator().manual_seed(0))
    x = vae.generate(noise, torch.zeros(40_000, dtype=torch.long)).detach().numpy()
    np.testing.assert_allclose(np.cov(x.T), covariances[0], atol=0.15)


def test_bound_never_exceeds_the_log_density():
    # Of an arbitrary network; its density by brute force over codes.
    vae = shaken(LatentVAE, np.eye(1)[None], n_hidden=8, n_blocks=1).eval()
    x = torch.tensor([[0.7]])
    label = torch.zeros(1, dtype=torch.long)
    codes = torch.linspace(-8, 8, 4001)[:, None]
    mean = vae.decode(codes, label.expand(len(codes)))
    spread = vae.log_spread.exp()
    density = torch.distributions.Normal(mean, spread).log_prob(x)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(codes)
    exact = torch.logsumexp(density + prior, 0) + np.log(16 / 4000)
    noise = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0))
    rows = x.expand(20_000, -1), label.expand(20_000)
    bound = vae.bound(*rows, noise).mean()
    assert bound.item() < exact.item()
    assert bound.item() > exact.item() - 2.0


def test_loss_is_the_bound_short_of_the_gaussian():
    vae = shaken(LatentVAE, random_covariances()).eval()
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    label = torch.tensor([0, 1, 2, 0, 1])
    noise = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))
    u = vae.whitening.whiten(x, label)
    gaussian = torch.distributions.Normal(0.0, 1.0).log_prob(u).sum(1)
    gaussian = gaussian - vae.whitening.log_volume(label)
    torch.testing.assert_close(
        3 * vae(x, label, noise=noise), gaussian - vae.bound(x, label, noise)
    )


def test_training_finds_two_modes_that_the_gaussian_misses():
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], (600, 1)) + 0.2 * rng.standard_normal((600, 1))
    x = torch.from_numpy(x / x.std()).float()
    label = torch.zeros(600, dtype=torch.long)
    batch = {"x": x, "label": label}
    noise = torch.randn(600, 1, generator=torch.Generator().manual_seed(1))
    with seeded(0):
        how = {"n_hidden": 32, "dropout": 0.0, "jitter": 0.0}
        net = train(
            (LatentVAE, {"covariances": np.eye(1)[None], **how}),
            batch,
            max_epochs=150,
            lr=3e-3,
            batch_size=200,
        )
    vae = net.module_.eval()
    gain = -vae(x, label, noise=noise).mean().item()
    assert gain > 0.3  # nats below the Gaussian's code length
    noise = torch.randn(4000, 2, generator=torch.Generator().manual_seed(2))
    drawn = vae.generate(noise, torch.zeros(4000, dtype=torch.long)).detach()
    assert (drawn.abs() < 0.5).float().mean().item() < 0.15  # a Gaussian: 0.38
    assert (drawn > 0).float().mean().item() == pytest.approx(0.5, abs=0.15)
    assert drawn.std().item() == pytest.approx(1.0, abs=0.15)
