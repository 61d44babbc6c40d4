"""Solvers against the closed-form solution for Gaussian data, and against DDIM."""

import numpy as np
import pytest
import torch

from skgenex.nn.diffusion import (
    SOLVERS,
    GaussianDenoiser,
    sample_ancestral,
    sample_ddim,
    sample_heun,
    sigma_schedule,
)

SIGMA_MAX = 20.0
DETERMINISTIC = sorted(set(SOLVERS) - {"ancestral"})


def error(solve, n_steps, mu=1.5, s=0.6):
    """Distance from where the exact flow carries a row of N(mu, s^2) data."""

    def denoise(x, sigma):
        return mu + s**2 / (s**2 + sigma[:, None] ** 2) * (x - mu)

    start = torch.linspace(-30, 30, 7, dtype=torch.float64)[:, None]
    sigmas = sigma_schedule(n_steps, sigma_min=0.05, sigma_max=SIGMA_MAX).double()
    end = float(sigmas[-2])  # without the last step, which is of first order
    exact = mu + (start - mu) * np.sqrt((s**2 + end**2) / (s**2 + SIGMA_MAX**2))
    return (solve(denoise, start, sigmas[:-1]) - exact).abs().max().item()


@pytest.mark.parametrize(("name", "order"), [("ddim", 1), ("dpm", 2), ("heun", 2)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(name, order):
    # n steps of the schedule minus the last one leave n - 1.
    errors = [error(SOLVERS[name], n + 1) for n in (64, 128, 256)]
    slopes = np.log2(np.divide(errors[:-1], errors[1:]))
    np.testing.assert_allclose(slopes, order, atol=0.1)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_flow_ends_in_rows_of_the_data(name):
    s, start = 0.6, torch.tensor([[5.0, -12.0]])
    denoise = GaussianDenoiser(s**2 * np.eye(2)[None])
    got = SOLVERS[name](
        lambda x, sigma: denoise(x, sigma, torch.zeros(1, dtype=torch.long)),
        start,
        sigma_schedule(400, sigma_max=SIGMA_MAX),
    )
    exact = start * s / np.sqrt(s**2 + SIGMA_MAX**2)
    torch.testing.assert_close(got, exact, rtol=0.03, atol=0.0)


def test_heun_is_more_exact_than_ddim_with_as_many_evaluations():
    assert error(sample_heun, 18) < 0.5 * error(sample_ddim, 36)


def test_ddim_step_is_equation_12_after_the_change_of_variables():
    # x_hat = sqrt(a) x with a = alpha_bar = 1 / (1 + sigma^2).
    sigma, sigma_next = torch.tensor([2.0, 0.7], dtype=torch.float64)
    a, a_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
    x = torch.tensor([[1.0, -3.0]], dtype=torch.float64)

    def denoise(x, sigma):
        return torch.tanh(x) / (1 + sigma[:, None])

    x_hat = a.sqrt() * x
    x_0 = denoise(x, sigma[None])
    eps = (x_hat - a.sqrt() * x_0) / (1 - a).sqrt()
    expected = a_next.sqrt() * x_0 + (1 - a_next).sqrt() * eps
    got = sample_ddim(denoise, x, torch.stack([sigma, sigma_next]))
    torch.testing.assert_close(a_next.sqrt() * got, expected)


def test_last_heun_step_is_an_euler_step():
    calls = []

    def denoise(x, sigma):
        calls.append(float(sigma[0]))
        return 0.5 * x

    sigmas = torch.tensor([3.0, 1.0, 0.0])
    sample_heun(denoise, torch.ones(1, 1), sigmas)
    assert calls == [3.0, 1.0, 1.0]


def test_ancestral_step_is_the_posterior_of_the_discrete_process():
    # Ho et al. (2020), Eq. 7, in x_t = sqrt(alpha_bar) (x0 + sigma noise).
    sigma, sigma_next = torch.tensor([2.0, 0.7], dtype=torch.float64)
    kept, kept_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
    alpha = kept / kept_next
    x = torch.tensor([[1.0, -3.0]], dtype=torch.float64)
    clean = torch.tensor([[0.4, -0.2]], dtype=torch.float64)
    draws = torch.cat(
        [
            sample_ancestral(
                lambda x, sigma: clean,
                x,
                torch.stack([sigma, sigma_next]),
                torch.Generator().manual_seed(i),
            )
            for i in range(4000)
        ]
    )
    x_t = kept.sqrt() * x
    mean = (
        kept_next.sqrt() * (1 - alpha) / (1 - kept) * clean
        + alpha.sqrt() * (1 - kept_next) / (1 - kept) * x_t
    )
    variance = (1 - kept_next) / (1 - kept) * (1 - alpha)
    got = kept_next.sqrt() * draws
    torch.testing.assert_close(got.mean(0), mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(
        got.var(0), variance.expand(2), atol=0.0, rtol=0.07, check_dtype=False
    )


def test_all_solvers_draw_from_the_data():
    # Two clusters: the exact denoiser is not linear, and the spread not a Gaussian's.
    def denoise(x, sigma):
        s = sigma[:, None]
        return torch.tanh(x * 2 / (0.09 + s**2)) * 2 * s**2 / (0.09 + s**2) + x * (
            0.09 / (0.09 + s**2)
        )

    generator = torch.Generator().manual_seed(0)
    start = SIGMA_MAX * torch.randn(4000, 1, generator=generator)
    for solve in SOLVERS.values():
        x = solve(denoise, start, sigma_schedule(200, sigma_max=SIGMA_MAX), generator)
        assert (x > 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
        assert x.abs().mean().item() == pytest.approx(2.0, abs=0.03)
        assert x.abs().std().item() == pytest.approx(0.3, abs=0.03)


def test_euler_on_straight_paths_takes_ddims_steps():
    # x_t = (1 - t) x0 + t noise has velocity noise - x0 (Lipman et al. 2023).
    def denoise(x, sigma):
        return torch.tanh(x) / (1 + sigma[:, None])

    times = torch.tensor([0.9, 0.5, 0.2, 0.0], dtype=torch.float64)
    sigmas = times / (1 - times)
    start = torch.tensor([[3.0, -1.0]], dtype=torch.float64)
    x_t = start * (1 - times[0])
    for t, t_next, sigma in zip(times[:-1], times[1:], sigmas[:-1], strict=True):
        clean = denoise(x_t / (1 - t), sigma[None])
        velocity = (x_t - clean) / t
        x_t = x_t + (t_next - t) * velocity
    torch.testing.assert_close(sample_ddim(denoise, start, sigmas), x_t)


def test_ancestral_noise_comes_from_its_generator():
    def denoise(x, sigma):
        return x / (1 + sigma[:, None] ** 2)

    before = torch.get_rng_state()
    first, second = (
        sample_ancestral(
            denoise,
            torch.ones(2, 3),
            sigma_schedule(5),
            torch.Generator().manual_seed(1),
        )
        for _ in range(2)
    )
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
