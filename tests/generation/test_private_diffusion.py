"""A private network: gradients of rows, their noise, and what it learns."""

import numpy as np
import pytest
import torch
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_sampler_checks,
)
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skgenex.generation import (
    DiffusionSampler,
    PrivateDiffusionSampler,
    PrivateGaussianSampler,
)
from skgenex.generation import dp_sgd as module
from skgenex.generation.dp import PrivacyLedger, gaussian_mu
from skgenex.generation.dp_sgd import (
    clipped_gradient_sum,
    private_mean,
    train_privately,
)
from skgenex.nn.diffusion import DenoisingObjective

FEW = "ignore:About .* rows. below 1,000"
QUICK = {
    "sampler": DiffusionSampler(max_epochs=4, n_hidden=16, n_blocks=1),
    "gradient_steps": 4,
    "gradient_draws": 2,
}


@pytest.fixture
def objective():
    torch.manual_seed(0)
    covariances = np.stack([np.eye(4), 2 * np.eye(4), np.eye(4)])
    made = DenoisingObjective(covariances, n_hidden=8, n_blocks=1, dropout=0.0).eval()
    for parameter in made.parameters():  # the last layer starts at zero
        nn.init.normal_(parameter, std=0.3)
    return made


def batch_of(n_rows, n_draws, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (n_rows, n_draws)
    return {
        "x": torch.randn(n_rows, 1, 4, generator=generator).expand(*shape, 4),
        "label": torch.arange(n_rows)[:, None].expand(shape) % 2,
        "sigma": torch.rand(shape, generator=generator) + 0.1,
        "noise": torch.randn(*shape, 4, generator=generator),
    }


def gradients_of_rows(objective, batch):
    """Gradient of each row's mean loss, one backward pass each."""
    for i in range(len(batch["x"])):
        objective.zero_grad()
        objective(**{k: v[i] for k, v in batch.items()}).mean().backward()
        yield {k: p.grad.clone() for k, p in objective.named_parameters()}


def flat(gradient):
    return torch.cat([g.flatten().double() for g in gradient.values()])


# Gradients.


@pytest.mark.parametrize("clip_norm", [0.05, 1.0, np.inf])
@pytest.mark.parametrize("at_a_time", [1, 3, 1000])
def test_sum_is_that_of_rows_one_by_one(clip_norm, at_a_time, objective, monkeypatch):
    batch = batch_of(7, 3)
    n_values = sum(p.numel() for p in objective.parameters())
    monkeypatch.setattr(module, "MAX_GRADIENT_VALUES", at_a_time * n_values)
    expected = 0
    for gradient in gradients_of_rows(objective, batch):
        row = flat(gradient)
        expected = expected + row * min(1.0, clip_norm / row.norm().item())
    found = flat(clipped_gradient_sum(objective, batch, clip_norm))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_sum_is_that_of_opacus(objective):
    optimizers = pytest.importorskip("opacus.optimizers")
    batch = batch_of(9, 3)
    rows = list(gradients_of_rows(objective, batch))
    norms = torch.stack([flat(row).norm() for row in rows])
    clip_norm = float(norms.median())  # some are clipped, some are not
    for name, parameter in objective.named_parameters():
        parameter.grad_sample = torch.stack([row[name] for row in rows])
    optimiser = optimizers.DPOptimizer(
        torch.optim.SGD(objective.parameters(), lr=1.0),
        noise_multiplier=0.0,
        max_grad_norm=clip_norm,
        expected_batch_size=9,
    )
    optimiser.pre_step()
    theirs = torch.cat([p.grad.flatten() for p in objective.parameters()])
    ours = flat(clipped_gradient_sum(objective, batch, clip_norm)) / 9
    torch.testing.assert_close(theirs.double(), ours, rtol=1e-4, atol=1e-6)


def test_budget_of_whole_table_steps_is_at_most_that_of_opacus():
    # Renyi accounting bounds what composition of Gaussian steps gives exactly.
    accountants = pytest.importorskip("opacus.accountants")
    ledger = PrivacyLedger(3.0, 1e-5, np.random.default_rng(0))
    sd = ledger.charge("60 steps", np.sqrt(60), 1.0)
    theirs = accountants.RDPAccountant()
    theirs.history = [(sd, 1.0, 60)]
    epsilon = theirs.get_epsilon(delta=1e-5)
    assert ledger.epsilon <= epsilon < 1.3 * ledger.epsilon


def test_a_row_moves_the_sum_by_its_norm_at_most(objective):
    batch = batch_of(6, 2)
    extreme = {k: v.clone() for k, v in batch_of(1, 2, seed=1).items()}
    extreme["x"] *= 1e4
    more = {k: torch.cat([v, extreme[k]]) for k, v in batch.items()}
    before = flat(clipped_gradient_sum(objective, batch, 0.3))
    after = flat(clipped_gradient_sum(objective, more, 0.3))
    assert (after - before).norm().item() == pytest.approx(0.3, rel=1e-4)


def test_a_gradient_that_overflows_counts_nothing(objective):
    batch = batch_of(5, 2)
    expected = clipped_gradient_sum(objective, batch, 1.0)
    more = {k: torch.cat([v, v[:1]]) for k, v in batch.items()}
    more["x"][-1] = 1e30
    found = clipped_gradient_sum(objective, more, 1.0)
    torch.testing.assert_close(flat(found), flat(expected))


# Training.


class Location(nn.Module):
    """Squared distance of rows to a parameter: its gradient is known."""

    def __init__(self, size=3):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(size))
        self.fixed = nn.Parameter(torch.ones(size), requires_grad=False)

    def forward(self, x):
        return ((x - self.w) ** 2).sum(1) / 2 * self.fixed.mean()


def train(epsilon, rows, **how):
    model = Location(rows.shape[1])
    ledger = PrivacyLedger(epsilon, 1e-5, np.random.default_rng(0))
    given = {"n_rows": len(rows), "n_steps": 200, "clip_norm": 1.0, "lr": 0.05} | how
    train_privately(model, lambda: {"x": rows[:, None]}, ledger, 0.5, **given)
    return model, ledger


def test_without_noise_it_finds_the_mean_and_clips_nothing():
    rows = torch.tensor([[100.0, 0.0], [2.0, 4.0]]) / 10
    model, ledger = train(np.inf, rows, n_steps=1000)
    torch.testing.assert_close(model.w, rows.mean(0), atol=1e-2, rtol=0)
    assert not model.w.grad
    assert torch.equal(model.fixed, torch.ones(2))
    assert np.isinf(ledger.epsilon)


def test_noise_of_the_steps_is_what_the_ledger_was_paid_for():
    # No signal: the first steps' gradients are the noise alone.
    n_steps, n_values = 4, 50_000
    drawn = []

    class Spy(torch.optim.Adam):
        def step(self):
            (group,) = self.param_groups
            drawn.append(group["params"][0].grad.clone())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "Adam", Spy)
        _, ledger = train(
            2.0, torch.zeros(10, n_values), n_steps=n_steps, clip_norm=3.0
        )
    per_step = ledger.mu * np.sqrt(0.5) / np.sqrt(n_steps)  # mu of one step
    noise = torch.stack(drawn) * 10
    assert len(noise) == n_steps
    assert noise.std().item() == pytest.approx(3.0 / per_step, rel=0.01)
    assert np.corrcoef(noise.numpy())[0, 1] == pytest.approx(0, abs=0.03)
    assert ledger.spent == 0.5


def test_mean_is_of_clipped_values_with_the_noise_it_says():
    rng = np.random.default_rng(0)
    values = np.array([0.2, -5.0, 3.0, 0.4])
    draws = [private_mean(values, 8.0, 2.0, rng)[0] for _ in range(4000)]
    assert np.mean(draws) == pytest.approx(0.6 / 8, abs=0.02)
    assert np.std(draws) == pytest.approx(
        private_mean(values, 8.0, 2.0, rng)[1], rel=0.05
    )


# The sampler.


@pytest.fixture(scope="module")
def clusters():
    """Rows on a ring in two of twelve genes: no Gaussian, one class; a few public."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 3200)
    ring = 3 * np.column_stack([np.cos(angle), np.sin(angle)])
    X = 0.3 * rng.standard_normal((3200, 12)) + 10
    X[:, :6] += ring[:, :1]
    X[:, 6:] += ring[:, 1:]
    return X[:60], X[60:2060], X[2060:]


def hole(rows):
    """Share of rows inside the ring."""
    centred = np.column_stack([rows[:, :6].mean(1), rows[:, 6:].mean(1)]) - 10
    return np.mean(np.linalg.norm(centred, axis=1) < 1.5)


def test_private_rows_teach_the_network_what_few_public_ones_cannot(clusters):
    public, X, _ = clusters
    how = {"public_data": public, "n_factors": 2, "random_state": 0, "dp_epsilon": 8.0}
    gaussian = PrivateGaussianSampler(**how).fit(X)
    sampler = PrivateDiffusionSampler(
        **how,
        sampler=DiffusionSampler(n_factors=2, max_epochs=20, n_hidden=32),
        gradient_lr=5e-3,
    ).fit(X)
    assert sampler.backend_ == "private"
    gains = sampler.private_gains_
    assert gains["private"] > gains["public"] + 3 * sampler.private_gain_sd_
    in_hole = [hole(part.sample(2000)) for part in (gaussian, sampler)]
    assert hole(X) < 0.01
    assert in_hole[1] < 0.7 * in_hole[0]


def test_budget_is_shared_and_kept(clusters):
    public, X, _ = clusters
    sampler = PrivateDiffusionSampler(
        public_data=public, dp_epsilon=2.0, network_share=0.4, random_state=0, **QUICK
    ).fit(X)
    table = sampler.privacy_ledger_.set_index("step")
    private = table[table.source == "private"]
    assert list(private.index) == [
        "class counts",
        "class means",
        "covariance",
        "network, 4 steps",
    ]
    total = gaussian_mu(2.0, 1e-5)
    assert np.sqrt((private.mu**2).sum()) == pytest.approx(total)
    assert private.mu["network, 4 steps"] == pytest.approx(total * np.sqrt(0.4))
    assert sampler.epsilon_spent_ == pytest.approx(2.0)
    expected = np.sqrt(2) / (total * np.sqrt(0.4)) / (0.2 * sampler.class_counts_.sum())
    assert sampler.private_gain_sd_ == pytest.approx(0.5 * expected, rel=1e-3)


def test_each_row_is_learned_from_or_judged_by(clusters, monkeypatch):
    public, X, _ = clusters
    seen = {}
    batches, losses = (
        PrivateDiffusionSampler._batches,
        PrivateDiffusionSampler._losses,
    )

    def spy_batches(self, latents, *rest):
        seen["steps"] = latents
        return batches(self, latents, *rest)

    def spy_losses(self, latents, *rest):
        seen["judged"] = latents  # the last call is about private rows
        return losses(self, latents, *rest)

    monkeypatch.setattr(PrivateDiffusionSampler, "_batches", spy_batches)
    monkeypatch.setattr(PrivateDiffusionSampler, "_losses", spy_losses)
    PrivateDiffusionSampler(public_data=public, random_state=0, **QUICK).fit(X)
    steps, judged = ({tuple(row) for row in part} for part in seen.values())
    assert not steps & judged
    assert len(steps) + len(judged) == len(X)
    assert 0.15 < len(judged) / len(X) < 0.25


def test_without_a_share_the_network_is_that_of_public_rows(clusters):
    _, X, _ = clusters
    sampler = PrivateDiffusionSampler(
        public_data=X[:600], network_share=0, random_state=0, **QUICK
    ).fit(X[600:])
    assert sampler.backend_ in ("public", "gaussian")
    assert not sampler.private_gains_
    assert not sampler.privacy_ledger_.step.str.contains("network").any()
    assert sampler.epsilon_spent_ == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("public_says", "gains", "chosen"),
    [
        (True, {"public": 0.1, "private": 0.11}, "public"),
        (True, {"public": 0.1, "private": 0.2}, "private"),
        (True, {"public": -0.05, "private": -0.1}, "gaussian"),
        (True, {"public": -0.01, "private": -0.1}, "public"),
        (False, {"public": 0.01, "private": 0.015}, "gaussian"),
        (False, {"public": 0.1, "private": -0.1}, "public"),
        (False, {"public": -0.1, "private": 0.1}, "private"),
    ],
)
def test_noise_does_not_choose_the_network(public_says, gains, chosen):
    sampler = PrivateDiffusionSampler()
    sampler.public_sampler_ = DiffusionSampler()
    sampler.public_sampler_.heldout_gain_ = 0.1 if public_says else np.nan
    sampler.public_sampler_.heldout_gain_se_ = 0.01
    sampler.private_gains_, sampler.private_gain_sd_ = gains, 0.01
    assert sampler._choose() == chosen


def test_rows_of_the_private_gaussian_stand_in_for_public_ones(clusters):
    _, X, X_test = clusters
    sampler = PrivateDiffusionSampler(
        bounds=(0.0, 20.0), dp_epsilon=20.0, random_state=0, **QUICK
    ).fit(X)
    rows = sampler.sample(3000)
    np.testing.assert_allclose(rows.mean(0), X.mean(0), atol=0.3)
    np.testing.assert_allclose(np.cov(rows.T), np.cov(X.T), atol=1.5)
    assert np.isfinite(sampler.score(X_test))


def test_same_seed_same_rows_and_no_seed_other_noise(clusters):
    public, X, _ = clusters
    how = {"public_data": public, **QUICK}
    state = torch.get_rng_state()
    made = [
        PrivateDiffusionSampler(**how, random_state=seed)
        .fit(X)
        .sample(5, random_state=0)
        for seed in (0, 0, None, None)
    ]
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.allclose(made[2], made[3])
    assert torch.equal(state, torch.get_rng_state())


def test_nothing_fitted_has_a_value_per_patient(clusters):
    public, X, _ = clusters
    sampler = PrivateDiffusionSampler(public_data=public, random_state=0, **QUICK)
    state = vars(sampler.fit(X)) | vars(sampler.public_sampler_)
    arrays = [value for value in state.values() if isinstance(value, np.ndarray)]
    assert len(arrays) > 5
    assert not any(len(X) in value.shape for value in arrays)
    assert len(sampler._condition_rows[1]) == 0


def test_an_extreme_row_leaves_everything_finite(clusters):
    public, X, _ = clusters
    X = X[:1200].copy()
    X[7] = 1e300 * np.where(np.arange(12) % 2, 1, -1)
    sampler = PrivateDiffusionSampler(public_data=public, random_state=0, **QUICK)
    assert np.isfinite(sampler.fit(X).sample(50)).all()
    assert all(np.isfinite(gain) for gain in sampler.private_gains_.values())
    arrays = [value for value in vars(sampler.space_).values() if np.size(value)]
    assert all(np.isfinite(np.asarray(value, dtype=float)).all() for value in arrays)


def test_other_spaces_are_refused(clusters):
    public, X, _ = clusters
    sampler = PrivateDiffusionSampler(
        public_data=public, sampler=DiffusionSampler(space="genes")
    )
    with pytest.raises(ValueError, match="space must be 'auto' or 'factors'"):
        sampler.fit(X)
    assert not hasattr(sampler, "classes_")


def test_public_rows_without_factors_are_refused():
    X = np.random.default_rng(0).normal(10, 1, (1200, 3))
    public = np.repeat([[9.0, 10.0, 11.0], [10.0, 10.0, 11.0]], 20, axis=0)
    sampler = PrivateDiffusionSampler(public_data=public, dp_epsilon=50.0, **QUICK)
    y = np.repeat([0, 1], 600)
    X[:600, 0] -= 40
    with pytest.raises(ValueError, match="nothing to learn"):
        sampler.fit(X, y)


@pytest.mark.filterwarnings(FEW)
def test_an_attacker_who_knows_all_other_rows_is_bounded():
    # One step, whose gradient the attacker projects on the canary's own.
    rows = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    canary = torch.full((1, 6), 50.0)
    epsilon, scores = 8.0, []
    for seed in range(200):
        for table in (rows, torch.cat([rows, canary])):
            ledger = PrivacyLedger(
                epsilon, 1e-5, np.random.default_rng(2 * seed + len(table))
            )
            model = Location(6)
            train_privately(
                model,
                lambda table=table: {"x": table[:, None]},
                ledger,
                1.0,
                n_rows=20,
                n_steps=1,
                clip_norm=1.0,
                lr=1e-3,
            )
            scores.append(model.w.sum().item())
    auc = roc_auc_score(np.tile([0, 1], 200), scores)
    mu = gaussian_mu(epsilon, 1e-5)
    assert 0.6 < auc < norm.cdf(mu / np.sqrt(2)) + 0.08


# Contracts.

CHECKED = [
    # The checks' data lie within; they are few, so the noise is large.
    PrivateDiffusionSampler(bounds=(-100.0, 100.0), random_state=0, **QUICK)
]
_NAMES, _CHECKS = parametrize_with_sampler_checks(CHECKED).mark.args
_IDS = parametrize_with_sampler_checks(CHECKED).mark.kwargs["ids"]


@pytest.mark.filterwarnings(FEW)
@parametrize_with_checks(CHECKED)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings(FEW)
@pytest.mark.parametrize(_NAMES, list(_CHECKS), ids=_IDS)
def test_imbalanced_learn_contract(estimator, check):
    check(estimator)
