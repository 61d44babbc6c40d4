"""What the network adds to the Gaussian, and when it is allowed to."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skgenex import DiffusionSampler, GaussianSampler
from skgenex._seeding import seeded
from skgenex.datasets import make_expression
from skgenex.generation import multiply

TINY = {"max_epochs": 2, "n_hidden": 8, "n_steps": 4, "random_state": 0}


def two_clusters(n, seed, p=30):
    """Rows around two centres along one direction, and that direction."""
    direction = np.random.default_rng(99).standard_normal(p)
    direction /= np.linalg.norm(direction)
    rng = np.random.default_rng(seed)
    z = 4 * rng.choice([-1, 1], n) + 0.6 * rng.standard_normal(n)
    return np.outer(z, direction) + 0.5 * rng.standard_normal((n, p)) + 8, direction


@pytest.fixture(scope="module")
def clusters():
    return two_clusters(400, seed=0)


@pytest.fixture(scope="module")
def diffusion(clusters):
    return DiffusionSampler(random_state=0).fit(clusters[0])


@pytest.fixture(scope="module")
def gaussian(clusters):
    return GaussianSampler(random_state=0).fit(clusters[0])


def share_between(X, direction):
    """Share of rows in the gap between the two centres."""
    return np.mean(np.abs((X - 8) @ direction) < 1.6)


@pytest.fixture(scope="module")
def expression():
    return make_expression(
        60, 25, effect_size=2.0, n_informative=10, random_state=0, return_X_y=True
    )


def test_gate_opens_where_a_gaussian_is_wrong(diffusion):
    assert diffusion.backend_ == "diffusion"
    assert diffusion.heldout_gain_ > 3 * diffusion.heldout_gain_se_ > 0
    assert diffusion.n_iter_ >= 1
    assert {"train_loss", "valid_loss"} <= set(diffusion.history_[0])


def test_generated_factor_is_bimodal_like_the_data(diffusion, gaussian, clusters):
    X, direction = clusters
    assert share_between(X, direction) < 0.02
    assert share_between(gaussian.sample(1500), direction) > 0.15
    X_new = diffusion.sample(1500)
    assert share_between(X_new, direction) < 0.1
    # Beside the shape, the moments are those of the Gaussian.
    assert (X_new @ direction).std() == pytest.approx((X @ direction).std(), rel=0.06)
    np.testing.assert_allclose(X_new.mean(axis=0), X.mean(axis=0), atol=0.25)
    assert np.mean((X_new - 8) @ direction > 0) == pytest.approx(0.5, abs=0.1)


def test_likelihood_of_fresh_rows_gains(diffusion, gaussian):
    fresh, _ = two_clusters(200, seed=1)
    gain = diffusion.score_samples(fresh) - gaussian.score_samples(fresh)
    # Two clusters that far apart: at most ln 2 and the narrower spread.
    assert 0.3 < gain.mean() < 2.5


def test_ddim_solves_the_same_equation(diffusion, clusters):
    by_ddim = copy.deepcopy(diffusion).set_params(solver="ddim", n_steps=60)
    X_heun, X_ddim = diffusion.sample(300), by_ddim.sample(300)
    assert not np.array_equal(X_heun, X_ddim)
    assert np.corrcoef(X_heun.ravel(), X_ddim.ravel())[0, 1] > 0.97
    assert share_between(by_ddim.sample(1000), clusters[1]) < 0.12


@pytest.mark.parametrize("seed", range(3))
def test_gate_stays_closed_on_gaussian_data(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((120, 3)) @ rng.standard_normal((3, 20))
    X += rng.standard_normal((120, 20))
    sampler = DiffusionSampler(max_epochs=10, random_state=0).fit(X)
    assert sampler.backend_ == "gaussian"
    assert abs(sampler.heldout_gain_) < 0.02
    assert not hasattr(sampler, "net_")


@pytest.mark.parametrize("how", ["wish", "gate"])
def test_where_the_gaussian_is_used_it_is_gaussian_sampler_exactly(expression, how):
    X, y = expression
    theirs = GaussianSampler(sampling_strategy=multiply(2), random_state=0)
    backend = "gaussian" if how == "wish" else "auto"
    ours = DiffusionSampler(
        sampling_strategy=multiply(2), **{**TINY, "max_epochs": 1, "lr": 1e-9}
    ).set_params(backend=backend)
    expected, _ = theirs.fit_resample(X, y)
    np.testing.assert_array_equal(ours.fit_resample(X, y)[0], expected)
    assert ours.backend_ == "gaussian"
    assert ours.n_iter_ == 0
    assert np.isnan(ours.heldout_gain_) == (how == "wish")
    np.testing.assert_array_equal(ours.score_samples(X, y), theirs.score_samples(X, y))
    np.testing.assert_array_equal(ours.sample(5)[0], theirs.sample(5)[0])


def test_refit_forgets_the_network(expression):
    sampler = DiffusionSampler(backend="diffusion", **TINY).fit(*expression)
    assert sampler.history_
    sampler.set_params(backend="gaussian").fit(*expression)
    assert not hasattr(sampler, "net_")
    assert sampler.history_ == []
    assert sampler.n_iter_ == 0


def test_untrained_network_leaves_the_score_that_of_the_gaussian(expression):
    X, y = expression
    sampler = DiffusionSampler(backend="diffusion", **{**TINY, "lr": 1e-12}).fit(X, y)
    expected = GaussianSampler(random_state=0).fit(X, y).score_samples(X, y)
    np.testing.assert_allclose(sampler.score_samples(X, y), expected, rtol=1e-4)


@pytest.mark.parametrize("backend", ["gaussian", "diffusion"])
def test_guidance_moves_classes_apart(expression, backend):
    X, y = expression
    sampler = DiffusionSampler(backend=backend, marginal=False, **TINY).fit(X, y)
    direction = X[y == "class_1"].mean(axis=0) - X[y == "class_0"].mean(axis=0)
    direction /= np.linalg.norm(direction)

    def distance(guidance):
        sampler.set_params(guidance=guidance)
        means = [
            (sampler.sample(y={c: 500})[0] @ direction).mean()
            for c in ("class_0", "class_1")
        ]
        return means[1] - means[0]

    none, plain, strong = distance(0.0), distance(1.0), distance(3.0)
    real = (X[y == "class_1"] @ direction).mean() - (
        X[y == "class_0"] @ direction
    ).mean()
    assert plain == pytest.approx(real, rel=0.2)
    assert abs(none) < 0.2 * plain
    assert strong > 2 * plain


def test_guidance_plays_no_part_in_the_fit(expression):
    first = DiffusionSampler(backend="diffusion", guidance=3.0, **TINY).fit(*expression)
    second = clone(first).set_params(guidance=1.0).fit(*expression)
    second.set_params(guidance=3.0)
    np.testing.assert_array_equal(first.sample(5)[0], second.sample(5)[0])


def test_no_held_out_rows_trains_for_all_epochs(expression):
    sampler = DiffusionSampler(validation_fraction=0.0, **TINY).fit(*expression)
    assert sampler.backend_ == "diffusion"
    assert sampler.n_iter_ == 2
    assert np.isnan(sampler.heldout_gain_)


def test_too_few_rows_for_a_check_use_the_gaussian(expression):
    X, _ = expression
    sampler = DiffusionSampler(**TINY).fit(X[:4], list("aabb"))
    assert sampler.backend_ == "gaussian"
    assert np.isnan(sampler.heldout_gain_)


def weights(sampler):
    return torch.cat([p.flatten() for p in sampler.net_.module_.parameters()])


def test_warm_start_goes_on_from_the_weights(expression):
    sampler = DiffusionSampler(
        backend="diffusion", warm_start=True, validation_fraction=0.0, **TINY
    )
    sampler.set_params(lr=1e-2).fit(*expression)
    before = weights(sampler)
    sampler.set_params(lr=1e-12).fit(*expression)
    torch.testing.assert_close(weights(sampler), before)
    cold = clone(sampler).set_params(warm_start=False).fit(*expression)
    assert (weights(cold) - before).abs().max() > 0.1


def test_warm_start_does_not_tell_the_check_what_it_knows(expression):
    # The weights of the first fit have seen the rows the second one holds out.
    cold = DiffusionSampler(backend="diffusion", **TINY).fit(*expression)
    warm = clone(cold).set_params(warm_start=True).fit(*expression)
    first = warm.heldout_gain_
    warm.fit(*expression)
    assert warm.heldout_gain_ == first == cold.heldout_gain_


def test_checkpoint_changes_nothing_and_is_removed(expression, tmp_path):
    plain = DiffusionSampler(backend="diffusion", **TINY)
    saving = clone(plain).set_params(checkpoint_dir=tmp_path / "fit")
    np.testing.assert_array_equal(
        saving.fit(*expression).sample(5)[0], plain.fit(*expression).sample(5)[0]
    )
    assert not list(tmp_path.rglob("*.*"))
    with pytest.raises(ValueError, match="checkpoint_dir needs an integer"):
        saving.set_params(random_state=None).fit(*expression)


def test_conditions_reach_the_network(expression):
    X, y = expression
    rng = np.random.default_rng(0)
    u = rng.standard_normal((60, 1))
    sampler = DiffusionSampler(backend="diffusion", **{**TINY, "lr": 0.05})
    sampler.set_params(max_epochs=5).fit(X, y, u)
    network = sampler.net_.module_.denoiser
    assert network.network.covariate_embedding.weight.shape[1] == 1
    rows = torch.ones(2, sampler.model_.n_factors_ + sampler.model_.has_scale_)
    with torch.no_grad(), seeded(0):
        low, high = network(
            rows,
            torch.ones(2),
            torch.zeros(2, dtype=torch.long),
            torch.tensor([[-2.0], [2.0]]),
        )
    assert (low - high).abs().max() > 1e-3


def test_network_lives_where_it_is_told(expression):
    sampler = DiffusionSampler(backend="diffusion", device="cpu", **TINY)
    sampler.fit(*expression)
    assert next(sampler.net_.module_.parameters()).device.type == "cpu"
    with pytest.raises(ValueError, match="nowhere"):
        sampler.set_params(device="nowhere").fit(*expression)


def test_a_callback_sees_the_epochs(expression):
    from skorch.callbacks import Callback

    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("seen", len(net.history))

    sampler = DiffusionSampler(
        backend="diffusion", validation_fraction=0.0, callbacks=[Count()], **TINY
    ).fit(*expression)
    assert [row["seen"] for row in sampler.history_] == [1, 2]


def test_twenty_steps_of_dpm_follow_the_path_of_heun(diffusion):
    rows = []
    for solver, n_steps in (("heun", 18), ("dpm", 20), ("dpm", 3)):
        drawer = copy.deepcopy(diffusion).set_params(solver=solver, n_steps=n_steps)
        rows.append(drawer.sample(300, random_state=0))
    heun, dpm, coarse = rows
    spread = heun.std(axis=0)
    distance = np.sqrt(np.mean(((dpm - heun) / spread) ** 2))
    far = np.sqrt(np.mean(((coarse - heun) / spread) ** 2))
    assert 0 < distance < 0.1
    assert far > 2 * distance
