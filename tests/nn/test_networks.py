import pytest
import torch

from skgenex.nn import ConditionalMLP


def trained_like(network):
    """Replace the zeros an untrained network starts with."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def inputs(n=5, n_features=4, n_covariates=0):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, n_features, generator=generator)
    level = torch.randn(n, generator=generator)
    label = torch.arange(n) % 3
    if not n_covariates:
        return x, level, label
    return x, level, label, torch.randn(n, n_covariates, generator=generator)


@pytest.mark.parametrize("n_covariates", [0, 2])
def test_untrained_network_returns_zeros(n_covariates):
    network = ConditionalMLP(4, 2, n_covariates)
    assert torch.equal(network(*inputs(n_covariates=n_covariates)), torch.zeros(5, 4))


@pytest.mark.parametrize("n_covariates", [0, 2])
def test_rows_do_not_influence_each_other(n_covariates):
    network = trained_like(ConditionalMLP(4, 2, n_covariates))
    batch = inputs(n_covariates=n_covariates)
    one_by_one = [network(*(part[i : i + 1] for part in batch)) for i in range(5)]
    torch.testing.assert_close(network(*batch), torch.cat(one_by_one))


@pytest.mark.parametrize("changed", ["x", "level", "label", "covariates"])
def test_output_depends_on_every_input(changed):
    network = trained_like(ConditionalMLP(4, 2, 2))
    names = ["x", "level", "label", "covariates"]
    batch = dict(zip(names, inputs(n_covariates=2), strict=True))
    before = network(**batch)
    other = {**batch, changed: (batch[changed] + 1) % 3}
    assert ((network(**other) - before).abs().amax(dim=1) > 1e-4).all()


def test_no_covariates_stand_for_zeros():
    network = trained_like(ConditionalMLP(4, 2, 2))
    x, level, label, covariates = inputs(n_covariates=2)
    torch.testing.assert_close(
        network(x, level, label), network(x, level, label, 0 * covariates)
    )


def test_dropout_acts_in_training_only():
    network = trained_like(ConditionalMLP(4, 2, dropout=0.5))
    batch = inputs()
    assert torch.equal(network(*batch), network(*batch))
    network.train()
    assert not torch.equal(network(*batch), network(*batch))


def test_evaluation_draws_nothing_from_the_global_generator():
    network = trained_like(ConditionalMLP(4, 2))
    before = torch.get_rng_state()
    network(*inputs())
    assert torch.equal(torch.get_rng_state(), before)


def test_can_be_built_without_memory():
    with torch.device("meta"):
        network = ConditionalMLP(4, 2, 1)
    assert all(p.is_meta for p in network.parameters())
    network.to_empty(device="cpu")
    network.load_state_dict(ConditionalMLP(4, 2, 1).state_dict())
    assert torch.equal(network(*inputs(n_covariates=1)), torch.zeros(5, 4))
