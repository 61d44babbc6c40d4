import math

import pytest
import torch

from skgenex.domain_adaptation.losses import (
    coral_distance,
    domain_loss,
    entropy,
    mmd,
)


def rows(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_coral_distance_against_covariances():
    x = rows(30, 2, 4)
    first, second = (torch.cov(x[:, k].T) for k in range(2))
    expected = (first - second).square().sum() / (4 * 4**2)
    torch.testing.assert_close(coral_distance(x), expected)


def test_coral_distance_ignores_means_and_averages_pairs():
    x = rows(30, 3, 4)
    shift = rows(1, 3, 4, seed=1)
    torch.testing.assert_close(coral_distance(x + shift), coral_distance(x))
    pairs = [coral_distance(x[:, list(pair)]) for pair in ([0, 1], [0, 2], [1, 2])]
    torch.testing.assert_close(coral_distance(x), torch.stack(pairs).mean())


def test_mmd_is_zero_for_equal_rows_and_grows_with_distance():
    x = rows(25, 1, 3)
    near, far = (mmd(torch.cat([x, x + shift], dim=1)).item() for shift in (0.5, 3.0))
    assert abs(mmd(x.expand(-1, 2, -1)).item()) < 1e-12
    assert 0.01 < near < far


def test_mmd_of_points_in_closed_form():
    # Two domains of one point each, at squared distance 4, which is also the median:
    # 2 - 2 * mean over widths of exp(-1 / width).
    x = torch.tensor([[[0.0], [2.0]]])
    kernel = sum(math.exp(-1 / w) for w in (0.25, 0.5, 1, 2, 4)) / 5
    assert mmd(x).item() == pytest.approx(2 - 2 * kernel, rel=1e-5)


def test_domain_loss_of_two_domains_is_that_of_two_logits():
    logits = rows(6, 2, 1)
    both = torch.cat([torch.zeros_like(logits), logits], dim=2)
    truth = torch.tensor([0, 1]).expand(6, 2)
    expected = torch.nn.functional.cross_entropy(
        both.flatten(0, 1), truth.flatten(), reduction="none"
    )
    torch.testing.assert_close(domain_loss(logits), expected.view(6, 2).mean(dim=1))


def test_domain_loss_of_an_ignorant_critic_is_log_of_the_number_of_domains():
    for n, n_logits in ((2, 1), (3, 3), (5, 5)):
        losses = domain_loss(torch.zeros(4, n, n_logits))
        torch.testing.assert_close(losses, torch.full((4,), math.log(n)))


@pytest.mark.parametrize("function", [coral_distance, domain_loss, entropy])
def test_gradients(function):
    x = rows(5, 3, 3).requires_grad_()
    assert torch.autograd.gradcheck(function, x)


def test_entropy_in_closed_form():
    p = torch.tensor([0.9, 0.1], dtype=torch.float64)
    torch.testing.assert_close(entropy(p.log() + 3), -(p * p.log()).sum())
