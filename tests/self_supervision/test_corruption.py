"""Corruption: rates, donors, cohorts."""

import torch

from skgenex._seeding import seeded
from skgenex.self_supervision.corruption import corrupt, draw_donors, draw_mask


def test_donors_are_other_rows_of_the_same_cohort():
    cohort = torch.tensor([1, 0, 1, 0, 1, 2])
    with seeded(0):
        donors = draw_donors(cohort, 400)
    rows = torch.arange(6)[:, None]
    assert (cohort[donors] == cohort[:, None]).all()
    assert (donors[:5] != rows[:5]).all()
    assert (donors[5] == 5).all()
    # Rows 0, 2, 4 form a cohort: each other one gives about half.
    share = (donors[0] == 2).double().mean()
    assert 0.4 < share < 0.6


def test_share_of_changed_entries_is_the_rate():
    with seeded(1):
        x = torch.randn(200, 300)
        corrupted, changed = corrupt(x, 0.3, torch.zeros(200, dtype=torch.int64))
    assert abs(changed.mean().item() - 0.3) < 0.01
    assert torch.equal(changed.bool(), corrupted != x)


def test_marginals_of_genes_are_kept_within_cohorts():
    with seeded(2):
        x = torch.randn(2000, 3) * torch.tensor([1.0, 5.0, 0.1])
        cohort = (torch.arange(2000) < 1000).long()
        x = x + 100 * cohort[:, None]
        corrupted, _ = corrupt(x, 1.0, cohort)
    for k in (0, 1):
        before, after = x[cohort == k], corrupted[cohort == k]
        assert torch.allclose(after.std(dim=0), before.std(dim=0), rtol=0.1)
        assert torch.isin(after[:, 0], before[:, 0]).all()


def test_equal_values_are_not_called_changed():
    x = torch.ones(10, 4)
    _, changed = corrupt(x, 1.0, torch.zeros(10, dtype=torch.int64))
    assert not changed.any()


def test_gene_sets_are_replaced_as_a_whole_at_the_rate():
    gene_sets = torch.tensor([[0, -1], [0, -1], [0, 1], [1, -1], [2, -1]])
    with seeded(3):
        masks = torch.stack([draw_mask(50, 0.3, gene_sets) for _ in range(400)])
    assert torch.equal(masks[..., 0], masks[..., 1])
    rates = masks.float().mean(dim=(0, 1))
    assert torch.allclose(rates, torch.full((5,), 0.3), atol=0.02)
    # A gene of two sets follows each half of the time: 0.5 + 0.5 * (0.49 + 0.09).
    agrees = (masks[..., 2] == masks[..., 0]).float().mean().item()
    assert abs(agrees - 0.79) < 0.03


def test_corruption_follows_gene_sets():
    gene_sets = torch.tensor([[0], [0], [1]])
    with seeded(4):
        x = torch.randn(100, 3)
        _, changed = corrupt(x, 0.5, torch.zeros(100, dtype=torch.int64), gene_sets)
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert not torch.equal(changed[:, 0], changed[:, 2])
