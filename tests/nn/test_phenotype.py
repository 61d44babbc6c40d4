import pytest
import torch

from skgenex.nn import PhenotypeEncoder, PhenotypeNet, Standardise


@pytest.mark.parametrize("training", [True, False])
def test_untrained_network_is_its_linear_model(training):
    torch.manual_seed(0)
    network = PhenotypeNet(7, 3, n_members=2).train(training)
    x = torch.randn(5, 7)
    assert torch.equal(network(x), network.linear(x))


def test_head_receives_a_gradient_at_the_start():
    torch.manual_seed(0)
    network = PhenotypeNet(7, 3)
    network(torch.randn(5, 7)).square().sum().backward()
    assert network.head.weight.grad.abs().max() > 0


def test_without_layers_there_is_only_the_linear_model():
    network = PhenotypeNet(7, 3, n_layers=0)
    assert [name for name, _ in network.named_children()] == ["linear"]
    x = torch.randn(5, 7)
    assert torch.equal(network(x), network.linear(x))


def test_encoder_offers_its_width_for_another_head():
    encoder = PhenotypeEncoder(7, n_hidden=6, n_members=4)
    assert encoder(torch.randn(5, 7)).shape == (5, encoder.n_outputs)


def test_members_share_no_weight():
    torch.manual_seed(0)
    encoder = PhenotypeEncoder(7, n_hidden=6, n_layers=3, n_members=2).eval()
    encoder(torch.randn(5, 7))[:, :6].square().sum().backward()  # the first member's
    assert encoder.first.weight.grad[:6].abs().max() > 0
    assert encoder.first.weight.grad[6:].abs().max() == 0
    for layer in encoder.layers:
        assert layer.weight.grad[0].abs().max() > 0
        assert layer.weight.grad[1].abs().max() == 0
    # Only these two kinds of weights exist, each with a part for every member.
    named = dict(encoder.named_parameters())
    assert all(name.startswith(("first", "layers")) for name in named)


def test_head_averages_the_members():
    torch.manual_seed(0)
    singles = [PhenotypeNet(7, 3, n_hidden=4).eval() for _ in range(2)]
    both = PhenotypeNet(7, 3, n_hidden=4, n_members=2).eval()
    with torch.no_grad():
        for single in singles:
            torch.nn.init.normal_(single.head.weight)
            single.linear.load_state_dict(both.linear.state_dict())
        for name in ("weight", "bias"):
            getattr(both.encoder.first, name).copy_(
                torch.cat([getattr(s.encoder.first, name) for s in singles])
            )
            getattr(both.encoder.layers[0], name).copy_(
                torch.cat([getattr(s.encoder.layers[0], name) for s in singles])
            )
        both.head.weight.copy_(torch.cat([s.head.weight for s in singles], dim=1))
        x = torch.randn(5, 7)
        mean = (singles[0](x) + singles[1](x)) / 2
        torch.testing.assert_close(both(x), mean)


def test_projection_is_a_matrix_product_before_the_encoder():
    torch.manual_seed(0)
    projected = PhenotypeEncoder(7, n_hidden=4, n_components=3).eval()
    plain = PhenotypeEncoder(3, n_hidden=4).eval()
    weights = projected.state_dict()
    projection = weights.pop("projection.weight")
    plain.load_state_dict(weights)
    x = torch.randn(5, 7)
    torch.testing.assert_close(projected(x), plain(x @ projection.T))


def test_standardise_mutes_clips_and_lets_gradients_through():
    standardise = Standardise(3)
    standardise.mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    standardise.inverse_scale.copy_(torch.tensor([0.5, 0.0, 100.0]))
    x = torch.tensor([[3.0, 9.0, 4.0]], requires_grad=True)
    out = standardise(x)
    assert out.tolist() == [[1.0, 0.0, 10.0]]
    out.sum().backward()
    assert x.grad.tolist() == [[0.5, 0.0, 0.0]]
