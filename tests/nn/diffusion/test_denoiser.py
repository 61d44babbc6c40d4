"""The Gaussian's denoiser against its closed form, and what the network adds."""

import numpy as np
import pytest
import torch

from skgenex.nn import ConditionalMLP
from skgenex.nn.diffusion import (
    PROCESSES,
    Denoiser,
    DenoisingObjective,
    GaussianDenoiser,
    guided,
)


def random_covariances(n_classes=3, n_features=4):
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((n_classes + 1, n_features, n_features))
    return roots @ roots.transpose(0, 2, 1)


def noisy_rows(n=6, n_features=4, n_classes=3):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, n_features, generator=generator)
    sigma = torch.rand(n, generator=generator) * 3 + 0.1
    return x, sigma, torch.arange(n) % (n_classes + 1)


def shaken(module):
    """Give an untrained module weights as if it had been trained."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return module


def test_gaussian_denoiser_is_the_posterior_mean():
    covariances = random_covariances()
    x, sigma, label = noisy_rows()
    got = GaussianDenoiser(covariances)(x, sigma, label).numpy()
    for row, noisy, s, c in zip(got, x.numpy(), sigma.numpy(), label, strict=True):
        C = covariances[c]
        expected = C @ np.linalg.solve(C + s**2 * np.eye(4), noisy)
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-5)


def test_batch_equals_one_by_one():
    denoise = GaussianDenoiser(random_covariances())
    batch = noisy_rows()
    single = [denoise(*(part[i : i + 1] for part in batch)) for i in range(6)]
    torch.testing.assert_close(denoise(*batch), torch.cat(single))


def test_singular_covariance_is_projected_on():
    direction = np.array([1.0, 1.0]) / np.sqrt(2)
    denoise = GaussianDenoiser(np.outer(direction, direction)[None])
    x = torch.tensor([[3.0, -1.0]])
    got = denoise(x, torch.ones(1), torch.zeros(1, dtype=torch.long))
    torch.testing.assert_close(got, torch.tensor([[0.5, 0.5]]))


def test_untrained_denoiser_is_the_gaussian_exactly():
    gaussian = GaussianDenoiser(random_covariances())
    denoiser = Denoiser(gaussian, ConditionalMLP(4, 3))
    batch = noisy_rows()
    assert torch.equal(denoiser(*batch), gaussian(*batch))


def test_preconditioning_is_that_of_karras_for_standard_normal_data():
    # D = c_skip x + c_out F(c_in x, ln(sigma) / 4), Table 1 with sigma_data = 1.
    network = shaken(ConditionalMLP(4, 3)).eval()
    denoiser = Denoiser(GaussianDenoiser(np.tile(np.eye(4), (4, 1, 1))), network)
    x, sigma, label = noisy_rows()
    s = sigma[:, None]
    c_skip, c_out, c_in = 1 / (1 + s**2), s / (1 + s**2).sqrt(), 1 / (1 + s**2).sqrt()
    expected = c_skip * x + c_out * network(c_in * x, sigma.log() / 4, label)
    torch.testing.assert_close(denoiser(x, sigma, label), expected)


def test_loss_of_the_untrained_objective_is_the_posterior_variance():
    # E|D - x|^2 = s^2 / (1 + s^2) for standard normal x, so the weighted loss is 1.
    objective = DenoisingObjective(np.tile(np.eye(8), (2, 1, 1))).eval()
    generator = torch.Generator().manual_seed(0)
    n = 4_000
    x = torch.randn(n, 8, generator=generator)
    noise = torch.randn(n, 8, generator=generator)
    for sigma in (0.1, 1.0, 10.0):
        losses = objective(
            x,
            torch.zeros(n, dtype=torch.long),
            sigma=torch.full((n,), sigma),
            noise=noise,
        )
        assert losses.mean().item() == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("target", ["epsilon", "v", "velocity", "x0"])
def test_loss_is_the_squared_error_of_what_the_network_predicts(target):
    objective = DenoisingObjective(random_covariances(), n_hidden=8, target=target)
    objective = shaken(objective).eval()
    x, sigma, label = noisy_rows()
    noise = torch.flip(x, [0]) + 0.3
    s = sigma[:, None]
    noisy = x + s * noise
    denoised = objective.denoiser(noisy, sigma, label)
    predicted_noise = (noisy - denoised) / s
    a, b = (1 + s**2).rsqrt(), s * (1 + s**2).rsqrt()  # sqrt(alpha_bar), its partner
    truth, prediction = {
        "epsilon": (noise, predicted_noise),
        "x0": (x, denoised),
        "v": (a * noise - b * x, a * predicted_noise - b * denoised),
        "velocity": (noise - x, predicted_noise - denoised),
    }[target]
    torch.testing.assert_close(
        objective(x, label, sigma=sigma, noise=noise),
        (truth - prediction).square().mean(1),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("target", ["epsilon", "v", "velocity", "x0"])
def test_network_corrects_what_the_gaussian_predicts(target):
    # The network's output is the change of the prediction, up to its sign.
    network = shaken(ConditionalMLP(4, 3)).eval()
    gaussian = GaussianDenoiser(random_covariances())
    x, sigma, label = noisy_rows()
    s = sigma[:, None]
    by_gaussian = gaussian(x, sigma, label)
    by_network = Denoiser(gaussian, network, target)(x, sigma, label)
    output = network(x * (1 + s**2).rsqrt(), sigma.log() / 4, label)
    change_of_row = by_network - by_gaussian
    change_of_noise = -change_of_row / s
    a, b = (1 + s**2).rsqrt(), s * (1 + s**2).rsqrt()
    change = {
        "epsilon": change_of_noise,
        "x0": -change_of_row,
        "v": a * change_of_noise - b * change_of_row,
        "velocity": change_of_noise - change_of_row,
    }[target]
    torch.testing.assert_close(change, -output, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("process", "target"),
    [("edm", "v"), ("ddpm_linear", "epsilon"), ("flow", "velocity")],
)
def test_each_process_has_its_own_noise_and_target(process, target):
    objective = DenoisingObjective(np.eye(2)[None], process=process)
    assert objective.denoiser.target == target
    seen = {}

    def spy(module, args):
        seen["sigma"] = args[1]

    objective.denoiser.gaussian.register_forward_pre_hook(spy)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        objective.train()(torch.zeros(64, 2), torch.zeros(64, dtype=torch.long))
        torch.manual_seed(0)
        # Jitter and dropped labels are drawn before the noise level.
        torch.randn(64, 2), torch.rand(64)
        expected = PROCESSES[process].draw(64)
    torch.testing.assert_close(seen["sigma"], expected)


def test_guidance_acts_inside_its_interval_only():
    objective = shaken(DenoisingObjective(random_covariances())).eval()
    x, _, label = noisy_rows()
    sigma = torch.tensor([0.1, 0.5, 0.9, 1.5, 2.0, 5.0])
    denoiser = objective.denoiser
    everywhere = guided(denoiser, label, None, 3, 3.0)(x, sigma)
    nowhere = guided(denoiser, label, None, 3, 1.0)(x, sigma)
    got = guided(denoiser, label, None, 3, 3.0, interval=(0.5, 2.0))(x, sigma)
    inside = torch.tensor([False, False, True, True, True, False])
    torch.testing.assert_close(got[inside], everywhere[inside])
    torch.testing.assert_close(got[~inside], nowhere[~inside])


@pytest.mark.parametrize("n_covariates", [0, 2])
def test_gradient_of_the_objective(n_covariates):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        objective = DenoisingObjective(
            random_covariances(2, 3), n_covariates, n_hidden=4, n_blocks=1
        )
    objective = shaken(objective).double().eval()
    x = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator())
    noise, sigma = 0.5 * x.flip(0), torch.tensor([0.4, 2.0], dtype=torch.float64)
    u = 0.3 * torch.ones(2, n_covariates, dtype=torch.float64)
    names = [name for name, _ in objective.named_parameters()]

    def loss(x, *parameters):
        return torch.func.functional_call(
            objective,
            dict(zip(names, parameters, strict=True)),
            (x, torch.tensor([0, 1])),
            {"covariates": u if n_covariates else None, "sigma": sigma, "noise": noise},
        )

    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), *objective.parameters()))


def labels_seen(objective, n=2000):
    """The labels and covariates which the network gets in training."""
    seen = {}

    def spy(module, args):
        seen["label"], seen["covariates"] = args[2], args[3]

    handle = objective.denoiser.network.register_forward_pre_hook(spy)
    label, u = torch.ones(n, dtype=torch.long), torch.ones(n, 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        objective(torch.zeros(n, 2), label, u)
    handle.remove()
    return seen["label"], seen["covariates"]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_label_dropout_hides_labels_and_covariates_together(share):
    objective = DenoisingObjective(
        np.tile(np.eye(2), (4, 1, 1)), 1, n_hidden=4, label_dropout=share
    )
    label, u = labels_seen(objective.train())
    assert set(label.tolist()) <= {1, 3}  # the class, or "none given"
    assert (label == 3).float().mean().item() == pytest.approx(share, abs=0.04)
    assert torch.equal(u[:, 0] == 0, label == 3)
    label, u = labels_seen(objective.eval())
    assert (label == 1).all()
    assert (u == 1).all()


def test_jitter_keeps_the_variance():
    objective = DenoisingObjective(np.eye(2)[None], jitter=0.7, dropout=0.0)
    seen = {}

    def spy(module, args):
        seen["x"] = args[0]

    objective.denoiser.gaussian.register_forward_pre_hook(spy)
    x = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        objective.train()(
            x, torch.zeros(len(x), dtype=torch.long), sigma=torch.full((len(x),), 1e-4)
        )
    assert seen["x"].var().item() == pytest.approx(1.0, abs=0.03)
    correlation = np.corrcoef(seen["x"][:, 0], x[:, 0])[0, 1]
    assert correlation == pytest.approx(1 / np.sqrt(1 + 0.7**2), abs=0.02)


def test_given_noise_leaves_the_global_generator_alone():
    objective = DenoisingObjective(np.eye(2)[None]).eval()
    before = torch.get_rng_state()
    zeros = torch.zeros(3, 2)
    objective(zeros, torch.zeros(3, dtype=torch.long), sigma=torch.ones(3), noise=zeros)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
def test_guidance_extrapolates_from_no_condition_through_the_condition(guidance):
    objective = shaken(DenoisingObjective(random_covariances(), 2)).eval()
    x, sigma, label = noisy_rows()
    u = torch.ones(6, 2)
    denoiser = objective.denoiser
    none = torch.full_like(label, 3)
    plain = denoiser(x, sigma, none, torch.zeros(6, 2))
    conditional = denoiser(x, sigma, label, u)
    got = guided(denoiser, label, u, 3, guidance)(x, sigma)
    torch.testing.assert_close(
        got, (1 - guidance) * plain + guidance * conditional, rtol=1e-4, atol=1e-4
    )
    if guidance == 1:
        assert torch.equal(got, conditional)


def test_can_be_built_without_memory():
    with torch.device("meta"):
        objective = DenoisingObjective(random_covariances(), 2)
    assert all(tensor.is_meta for tensor in objective.state_dict().values())
    # The Gaussian follows from the constructor's argument, not from saved weights.
    assert not any("gaussian" in name for name in objective.state_dict())
