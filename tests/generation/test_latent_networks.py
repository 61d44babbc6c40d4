"""What samplers with a network share: the gate, and that it finds what is there."""

import numpy as np
import pytest
import torch

from skgenex import DiffusionSampler, GANSampler, GaussianSampler, VAESampler
from skgenex.generation.simulation import reference_rows
from skgenex.generation.vae import LatentVAE
from skgenex.nn.diffusion import PROCESSES, SOLVERS


def two_subtypes(n=240, p=12, seed=0):
    """Rows of one label and two far subtypes along one direction."""
    rng = np.random.default_rng(seed)
    side = rng.choice([-1.0, 1.0], n)
    X = 0.5 * rng.standard_normal((n, p)) + 2.0 * side[:, None] * np.ones(p)
    return X, side


def share_between(X):
    """Share of rows between the subtypes, where no real row is."""
    return float((np.abs(X.mean(axis=1)) < 0.7).mean())


@pytest.mark.parametrize(
    ("sampler", "backend"),
    [
        (DiffusionSampler(max_epochs=40), "diffusion"),
        (VAESampler(max_epochs=60, lr=5e-3, jitter=0.1, n_hidden=32), "vae"),
        (GANSampler(max_epochs=30, lr=1e-3, jitter=0.1, n_hidden=32), "gan"),
    ],
    ids=["diffusion", "vae", "gan"],
)
def test_gate_opens_for_subtypes_that_no_label_names(sampler, backend):
    X, _ = two_subtypes()
    sampler.set_params(random_state=0, device="cpu", marginal=False)
    sampler.fit(X)
    assert sampler.backend_ == backend
    assert sampler.heldout_gain_ > sampler.heldout_gain_se_ > 0
    gaussian = GaussianSampler(random_state=0, marginal=False).fit(X)
    between = share_between(sampler.sample(2000))
    assert between < 0.6 * share_between(gaussian.sample(2000))


@pytest.mark.parametrize("sampler", [VAESampler, GANSampler, DiffusionSampler])
def test_gate_stays_closed_for_a_gaussian(sampler):
    X = np.random.default_rng(0).standard_normal((80, 12))
    sampler = sampler(random_state=0, max_epochs=10, device="cpu").fit(X)
    assert sampler.backend_ == "gaussian"
    gaussian = GaussianSampler(random_state=0).fit(X)
    np.testing.assert_array_equal(sampler.sample(20), gaussian.sample(20))


@pytest.mark.parametrize("process", list(PROCESSES))
def test_solvers_agree_on_one_trained_network(process):
    X, _ = two_subtypes(p=6)
    sampler = DiffusionSampler(
        process=process,
        backend="diffusion",
        validation_fraction=0.0,
        max_epochs=25,
        marginal=False,
        random_state=0,
        device="cpu",
    ).fit(X)
    drawn = {}
    for solver in SOLVERS:
        sampler.set_params(
            solver=solver, n_steps=100
        )  # after the fit: it need not know
        Z = sampler.sample(1500)
        drawn[solver] = [share_between(Z), float(np.abs(Z.mean(axis=1)).mean())]
    reference = drawn.pop("heun")
    for statistics in drawn.values():
        np.testing.assert_allclose(statistics, reference, rtol=0.1, atol=0.06)


def test_vae_score_is_above_its_bound_and_near_the_density():
    # A decoder that does nothing: the exact density is the Gaussian's.
    vae = LatentVAE(np.eye(2)[None]).eval()
    with torch.no_grad():
        vae.encoder_mean.last.bias.fill_(0.4)  # an encoder that is wrong
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    label = torch.zeros(50, dtype=torch.long)
    noise = torch.randn(2000, 2, generator=torch.Generator().manual_seed(1))
    gain = vae.importance_gain(x, label, noise).detach()
    np.testing.assert_allclose(gain, 0.0, atol=0.25)
    bound = torch.stack(
        [-2 * vae(x, label, noise=d.expand(50, -1)) for d in noise[:200]]
    )
    assert bound.mean().item() < gain.mean().item() - 0.2


def test_classes_do_not_leak_into_each_other_by_the_map():
    # A gene that one class does not express at all.
    rng = np.random.default_rng(2)
    sex = np.array(["F", "M"] * 50)
    X = rng.standard_normal((100, 40)) + 6
    X[:, 0] = np.where(sex == "F", 8 + 0.5 * rng.standard_normal(100), 0.0)
    sampler = GaussianSampler(marginal=True, random_state=2).fit(X, sex)
    Z, label = sampler.sample(y={"F": 1000, "M": 1000})
    assert (Z[label == "F", 0] > 4).all()
    assert (Z[label == "M", 0] < 4).all()


@pytest.mark.parametrize("n_rows", [30, 90, 500])
def test_reference_rows_keep_class_shares(n_rows):
    codes = np.repeat([0, 1, 2], [50, 30, 20])
    rows = reference_rows(codes, np.random.default_rng(0), n_rows)
    counts = np.bincount(codes[rows])
    np.testing.assert_allclose(counts, len(rows) * np.array([0.5, 0.3, 0.2]), atol=1)
