import numpy as np
import pytest
import torch
from scipy import stats

from skgenex.nn.diffusion import draw_sigmas, sigma_schedule


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
