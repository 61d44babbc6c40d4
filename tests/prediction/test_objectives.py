import pytest
import torch

from skgenex.prediction.objectives import LOSSES, PhenotypeObjective

N_FOLDS, N_MEMBERS, N_HIDDEN = 3, 6, 4


@pytest.fixture
def objective():
    torch.manual_seed(0)
    objective = PhenotypeObjective(
        "cross_entropy",
        5,
        2,
        n_folds=N_FOLDS,
        n_members=N_MEMBERS,
        n_hidden=N_HIDDEN,
        dropout=0.0,
        input_dropout=0.0,
        standardize=False,
    )
    torch.nn.init.normal_(objective.network.head.weight)
    return objective


def make_batch(n=9, fold=None):
    generator = torch.Generator().manual_seed(0)
    return {
        "x": torch.randn(n, 5, generator=generator),
        "offset": torch.randn(n, 2, generator=generator),
        "target": torch.eye(2)[torch.arange(n) % 2],
        "weight": torch.ones(n),
        "fold": torch.arange(n) % N_FOLDS if fold is None else torch.full((n,), fold),
    }


def gradient_by_member(objective):
    weight = objective.network.head.weight.grad.unflatten(1, (N_MEMBERS, N_HIDDEN))
    return weight.abs().amax(dim=(0, 2))


@pytest.mark.parametrize("fold", range(N_FOLDS))
def test_members_learn_only_from_other_folds(objective, fold):
    objective.train()(**make_batch(fold=fold)).sum().backward()
    learns = gradient_by_member(objective) > 0
    assert learns.tolist() == [m % N_FOLDS != fold for m in range(N_MEMBERS)]
    first = objective.network.encoder.first.weight.grad
    first = first.unflatten(0, (N_MEMBERS, N_HIDDEN)).abs().amax(dim=(1, 2)) > 0
    assert first.tolist() == learns.tolist()


@pytest.mark.parametrize("fold", range(N_FOLDS))
def test_rows_are_judged_by_the_members_of_their_own_fold(objective, fold):
    objective.eval()(**make_batch(fold=fold)).sum().backward()
    judges = gradient_by_member(objective) > 0
    assert judges.tolist() == [m % N_FOLDS == fold for m in range(N_MEMBERS)]


def test_judges_average_their_outputs(objective):
    objective.eval()
    batch = make_batch(fold=1)
    own = objective.corrections(batch["x"])[:, [1, 4]].mean(dim=1)
    expected = LOSSES["cross_entropy"](batch["offset"] + own, batch["target"])
    torch.testing.assert_close(objective(**batch), expected)


def test_mean_of_corrections_is_what_the_network_adds(objective):
    objective.eval()
    x, network = make_batch()["x"], objective.network
    torch.testing.assert_close(
        objective.corrections(x).mean(dim=1), network(x) - network.linear(x)
    )


def test_without_head_the_loss_is_that_of_the_offset(objective):
    torch.nn.init.zeros_(objective.network.head.weight)
    batch = make_batch()
    batch["weight"] = torch.arange(9.0)
    label = batch["target"].argmax(dim=1)
    expected = torch.nn.functional.cross_entropy(
        batch["offset"], label, reduction="none"
    )
    for mode in (True, False):
        torch.testing.assert_close(
            objective.train(mode)(**batch), batch["weight"] * expected
        )


@pytest.mark.parametrize("name", LOSSES)
def test_losses_have_right_gradients(name):
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    target = torch.softmax(torch.randn(4, 3, generator=generator).double(), dim=1)
    outputs.requires_grad_(True)
    assert torch.autograd.gradcheck(LOSSES[name], (outputs, target))
