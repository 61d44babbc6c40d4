"""Losses against naive definitions."""

import math

import pytest
import torch

from skgenex._seeding import seeded
from skgenex.self_supervision.losses import (
    contrastive_loss,
    feature_loss,
    logit_variance,
    mask_loss,
    probability_variance,
    vicreg_loss,
)


@pytest.fixture
def views():
    with seeded(0):
        return torch.randn(5, 3, dtype=torch.float64), torch.randn(
            5, 3, dtype=torch.float64
        )


def test_mask_loss_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])
    changed = torch.tensor([[1.0, 0.0]])
    expected = (math.log(2.0) + math.log(4.0)) / 2
    assert mask_loss(logits, changed).item() == pytest.approx(expected)


def test_feature_loss_by_hand():
    losses = feature_loss(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]]))
    assert losses.item() == pytest.approx(2.5)


def test_contrastive_loss_is_the_double_loop(views):
    joined = torch.cat(views)
    joined = joined / joined.norm(dim=1, keepdim=True)
    expected = torch.zeros(10, dtype=torch.float64)
    for i in range(10):
        weights = [
            math.exp(float(joined[i] @ joined[j]) / 0.5) for j in range(10) if j != i
        ]
        pair = math.exp(float(joined[i] @ joined[(i + 5) % 10]) / 0.5)
        expected[i] = -math.log(pair / sum(weights))
    expected = (expected[:5] + expected[5:]) / 2
    torch.testing.assert_close(contrastive_loss(*views, 0.5), expected)


def test_vicreg_loss_by_definition(views):
    expected = 25 * (views[0] - views[1]).square().mean(dim=1)
    for view in views:
        covariance = torch.cov(view.T)
        sd = torch.sqrt(covariance.diagonal() + 1e-4)
        expected = expected + 25 * (1 - sd).clamp(min=0).mean() / 2
        off = covariance - torch.diag(covariance.diagonal())
        expected = expected + off.square().sum() / 3
    torch.testing.assert_close(vicreg_loss(*views), expected)


@pytest.mark.parametrize(
    "loss", [lambda a, b: contrastive_loss(a, b, 0.5), vicreg_loss]
)
def test_gradients_of_pair_losses(loss, views):
    inputs = [view.clone().requires_grad_() for view in views]
    assert torch.autograd.gradcheck(loss, inputs)


def test_consistency_is_zero_for_equal_copies_and_by_hand_else():
    logits = torch.tensor([[[0.0, 0.0]], [[2.0, 0.0]]])
    assert logit_variance(logits).item() == pytest.approx(0.5)
    p = 1 / (1 + math.exp(-2.0))
    expected = 2 * ((p - 0.5) / 2) ** 2
    assert probability_variance(logits).item() == pytest.approx(expected)
    same = logits[:1].expand(3, 1, 2)
    assert probability_variance(same).item() == 0 == logit_variance(same).item()


def test_shrinking_logits_lowers_only_what_the_paper_uses_in_proportion():
    # Confident copies that agree: the logits' variance punishes their size.
    logits = torch.tensor([[[20.0, 0.0]], [[30.0, 0.0]]])
    assert logit_variance(logits).item() > 10
    assert probability_variance(logits).item() < 1e-6
