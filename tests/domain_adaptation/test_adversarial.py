import pytest
import torch

from skgenex._seeding import seeded
from skgenex.domain_adaptation.adversarial import (
    AdaptationNet,
    AdaptationObjective,
    DomainNorm,
)


def objective(**how):
    with seeded(0):
        return AdaptationObjective(
            "cross_entropy", 6, 2, 6, 2, **{"dropout": 0.0, "n_steps": 4, **how}
        )


def batch(n=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, 6, generator=generator)
    x[:, 1, 0] += 2  # the second domain differs
    target = torch.nn.functional.one_hot((x[..., 1] > 0).long(), 2).float()
    weight = torch.zeros(n, 2)
    weight[:, 0] = 1
    offset = torch.zeros(n, 2, 2)
    return {"x": x, "offset": offset, "target": target, "weight": weight}


def encoder_gradient(model):
    model.zero_grad()
    model.step.fill_(4)  # the end of the ramp
    model(**batch()).mean().backward()
    return model.network.encoders[0].layers[0].weight.grad.clone()


def test_untrained_network_is_its_linear_model():
    with seeded(0):
        network = AdaptationNet(5, 3, 4, 2).eval()
        x, domain = torch.randn(7, 5), torch.tensor([0, 1, 0, 1, 1, 0, 2])
    assert torch.equal(network(x, domain), network.linear(x))


def test_domain_norm_standardises_each_domain_and_remembers_its_statistics():
    norm = DomainNorm(3, 2, momentum=1.0)
    with seeded(0):
        x = torch.randn(50, 2, 3) * 4 + torch.tensor([[[1.0], [-7.0]]])
    out = norm(x, torch.arange(2).expand(50, 2))
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        out.var(dim=0, unbiased=False), torch.ones(2, 3), atol=1e-3, rtol=0
    )
    norm.eval()
    torch.testing.assert_close(norm(x[:, 1], torch.ones(50, dtype=int)), out[:, 1])
    # Any other domain has the mean of the statistics.
    other = norm(x[:5, 0], torch.full((5,), 2))
    expected = (x[:5, 0] - norm.mean.mean(0)) / (norm.variance.mean(0) + 1e-5).sqrt()
    torch.testing.assert_close(other, expected)


@pytest.mark.parametrize("method", ["dann", "cdan", "deepcoral", "mmd"])
def test_adaptation_reaches_the_encoder(method):
    # With heads at zero labels say nothing to the encoder: all comes from the domains.
    plain = encoder_gradient(objective(method=method, weight=0.0, batch_norm=False))
    adapted = encoder_gradient(objective(method=method, weight=1.0, batch_norm=False))
    assert plain.abs().max() == 0
    assert adapted.abs().max() > 1e-6


def test_critic_learns_the_domain_and_the_encoder_hides_it():
    model = objective(method="dann", weight=1.0, batch_norm=False)
    model.step.fill_(4)
    model.zero_grad()
    x = batch()["x"]
    features = model.network.features(x, torch.arange(2).expand(16, 2))[0]
    features.retain_grad()
    from skgenex.domain_adaptation.gradient_reversal import reverse_gradient
    from skgenex.domain_adaptation.losses import domain_loss

    critic = model.critics[0]
    domain_loss(critic(reverse_gradient(features, 1.0))).mean().backward()
    step = 1e-3
    with torch.no_grad():
        before = domain_loss(critic(features)).mean()
        fooled = domain_loss(critic(features - step * features.grad)).mean()
        for parameter in critic.parameters():
            parameter -= step * parameter.grad
        learned = domain_loss(critic(features)).mean()
    assert fooled > before > learned


def test_weight_grows_along_the_ramp_and_starts_at_zero():
    model = objective(method="dann", weight=1.0, batch_norm=False)
    model(**batch()).mean().backward()
    weight = model.network.encoders[0].layers[0].weight
    assert model.step.item() == 1
    assert weight.grad.abs().max() == 0


def test_held_out_loss_is_the_cross_entropy_of_labelled_rows_alone():
    model = objective(method="dann", weight=1.0, entropy_weight=1.0).eval()
    rows = batch()
    with seeded(0):
        rows["offset"] = torch.randn(16, 2, 2)
    losses = model(**rows)
    expected = torch.nn.functional.cross_entropy(
        rows["offset"][:, 0], rows["target"][:, 0].argmax(1), reduction="none"
    )
    torch.testing.assert_close(losses, expected)


def test_entropy_concerns_unlabelled_rows_only():
    rows = batch()
    with seeded(0):
        rows["offset"] = torch.randn(16, 2, 2)
    model = objective(method="none", entropy_weight=1.0)
    model.step.fill_(4)
    some = model(**rows)
    rows["offset"][:, 1] = 0  # less certain
    model.step.fill_(4)
    assert (model(**rows) > some).all()
    rows["weight"][:, 1] = 1e-9
    model.step.fill_(4)
    assert (model(**rows) < some).all()
