import numpy as np
import pytest
import torch
from scipy import stats

from skgenex.nn.diffusion import (
    PROCESSES,
    ddpm_schedule,
    ddpm_sigmas,
    draw_ddpm,
    draw_flow,
    draw_sigmas,
    flow_schedule,
    sigma_schedule,
)


def test_training_noise_is_log_normal():
    generator = torch.Generator().manual_seed(0)
    sigmas = draw_sigmas(5000, mean=-1.0, std=0.5, generator=generator)
    z = (sigmas.log().numpy() + 1.0) / 0.5
    assert stats.kstest(z, "norm").pvalue > 0.01


def test_own_generator_leaves_the_global_one_alone():
    before = torch.get_rng_state()
    first = draw_sigmas(5, generator=torch.Generator().manual_seed(3))
    second = draw_sigmas(5, generator=torch.Generator().manual_seed(3))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("rho", [1.0, 3.0, 7.0])
def test_schedule_is_evenly_spaced_after_the_root(rho):
    # Karras et al. (2022), Eq. 5.
    sigmas = sigma_schedule(9, sigma_min=0.1, sigma_max=30.0, rho=rho).numpy()
    assert sigmas[-1] == 0
    np.testing.assert_allclose(sigmas[[0, -2]], [30.0, 0.1], rtol=1e-6)
    steps = np.diff(sigmas[:-1].astype(float) ** (1 / rho))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-4)


def test_schedule_of_one_step_starts_at_the_top():
    np.testing.assert_allclose(sigma_schedule(1, sigma_max=30.0).numpy(), [30.0, 0.0])


def test_linear_betas_are_those_of_ho():
    sigmas = ddpm_sigmas("linear").double().numpy()
    kept = 1 / (1 + sigmas**2)
    betas = 1 - kept[1:] / kept[:-1]
    np.testing.assert_allclose(1 - kept[0], 1e-4, rtol=1e-3)
    np.testing.assert_allclose(betas, np.linspace(1e-4, 0.02, 1000)[1:], rtol=2e-3)


def test_cosine_alpha_bar_is_a_squared_cosine():
    kept = 1 / (1 + ddpm_sigmas("cosine").double().numpy() ** 2)
    t = np.arange(1, 1001) / 1000

    def f(t):
        return np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2

    # The last step is clipped (beta of at most 0.999).
    np.testing.assert_allclose(kept[:-1], (f(t) / f(0))[:-1], rtol=1e-3)
    assert np.isfinite(kept).all()


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_thousand_steps_are_the_whole_process(schedule):
    whole = ddpm_sigmas(schedule).flip(0)
    whole = whole[whole <= 160]  # the cosine schedule's last steps are noise alone
    assert len(whole) > 980
    got = ddpm_schedule(1000, schedule=schedule)
    np.testing.assert_array_equal(got[:-1], whole)
    some = ddpm_schedule(20, schedule=schedule)
    assert len(some) == 21
    assert set(some[:-1].tolist()) <= set(whole.tolist())
    assert (some.diff() < 0).all()


def test_ddpm_training_steps_are_uniform():
    sigmas = ddpm_sigmas("cosine")
    drawn = draw_ddpm(
        20_000, schedule="cosine", generator=torch.Generator().manual_seed(0)
    )
    steps = torch.searchsorted(sigmas, drawn).numpy()
    assert stats.kstest(steps / 1000, "uniform").pvalue > 0.01


def test_times_of_straight_paths_are_uniform_and_evenly_spaced():
    sigmas = draw_flow(5000, generator=torch.Generator().manual_seed(0)).numpy()
    assert stats.kstest(sigmas / (1 + sigmas), "uniform").pvalue > 0.01
    levels = flow_schedule(10).double().numpy()
    times = levels / (1 + levels)
    np.testing.assert_allclose(np.diff(times), -0.0999, rtol=1e-3)
    assert levels[-1] == 0


@pytest.mark.parametrize("name", list(PROCESSES))
def test_processes_leave_the_global_generator_alone(name):
    before = torch.get_rng_state()
    drawn = PROCESSES[name].draw(50, generator=torch.Generator().manual_seed(3))
    assert torch.equal(torch.get_rng_state(), before)
    assert (drawn > 0).all()
    assert torch.isfinite(drawn).all()
    levels = PROCESSES[name].schedule(7)
    assert levels.shape == (8,)
    assert levels[-1] == 0
    assert (levels.diff() < 0).all()
