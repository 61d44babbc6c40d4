"""Differential privacy: the noise, the sensitivities, the budget, and an attack."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_sampler_checks,
)
from scipy import integrate
from scipy.stats import multivariate_normal, norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex import GaussianSampler
from skgenex.datasets import make_expression
from skgenex.generation import PrivateGaussianSampler
from skgenex.generation import _private_gaussian_sampler as module
from skgenex.generation.dp import (
    PrivacyLedger,
    clip_rows,
    gaussian_delta,
    gaussian_epsilon,
    gaussian_mu,
    private_quantile,
)
from skgenex.generation.factors import FactorModel
from skgenex.metrics import train_on_synthetic_test_on_real

FEW = "ignore:About .* rows. below 1,000"
BOUNDS = (0.0, 20.0)


@pytest.fixture(scope="module")
def data():
    """Public rows, private rows and labels, test rows and labels."""
    X, y = make_expression(2600, 40, effect_size=1.5, random_state=0, return_X_y=True)
    return X[:400], X[400:1600], y[400:1600], X[1600:], y[1600:]


# The Gaussian mechanism.


@pytest.mark.parametrize(("mu", "epsilon"), [(0.3, 0.1), (1.0, 1.0), (2.0, 5.0)])
def test_delta_is_the_integral_of_the_densities(mu, epsilon):
    def excess(x):
        return max(0.0, norm.pdf(x, mu) - np.exp(epsilon) * norm.pdf(x))

    expected, _ = integrate.quad(excess, -10, 14, limit=500, points=[mu / 2])
    assert gaussian_delta(mu, epsilon) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("epsilon", [1e-2, 0.5, 1.0, 3.0, 10.0, 100.0])
@pytest.mark.parametrize("delta", [1e-8, 1e-5, 0.1])
def test_mu_epsilon_and_delta_invert_each_other(epsilon, delta):
    mu = gaussian_mu(epsilon, delta)
    assert gaussian_delta(mu, epsilon) <= delta
    assert gaussian_delta(mu * (1 + 1e-6), epsilon) > delta  # no noise is wasted
    assert gaussian_epsilon(mu, delta) == pytest.approx(epsilon, rel=1e-6)


def test_analytic_mechanism_needs_less_noise_than_the_classical():
    classical_sd = np.sqrt(2 * np.log(1.25 / 1e-5)) / 0.5
    assert 1 / gaussian_mu(0.5, 1e-5) < classical_sd


def test_no_noise_costs_everything_and_no_release_nothing():
    assert np.isinf(gaussian_mu(np.inf, 1e-5))
    assert np.isinf(gaussian_epsilon(np.inf, 1e-5))
    assert gaussian_epsilon(0.0, 1e-5) == 0.0


# The ledger.


def test_steps_compose_as_one_shift_in_several_dimensions():
    ledger = PrivacyLedger(2.0, 1e-4, np.random.default_rng(0))
    ledger.release("a", 0.0, 1.0, share=0.3)
    ledger.release("b", np.zeros(3), 5.0, share=0.2)
    mu = ledger.table.mu.to_numpy()
    # The log ratio of the densities of N(mu, I) and N(0, I): N(+-|mu|^2/2, |mu|^2).
    loss = norm(mu @ mu / 2, np.linalg.norm(mu))
    epsilon = ledger.epsilon
    tail, _ = integrate.quad(
        lambda t: (1 - np.exp(epsilon - t)) * loss.pdf(t), epsilon, epsilon + 20
    )
    assert tail == pytest.approx(1e-4, rel=1e-4)
    assert epsilon < ledger.table.epsilon.sum()
    assert ledger.table.rho.sum() == pytest.approx(0.5 * ledger.mu**2 / 2)
    ledger.release("c", 0.0, 1.0, share=0.5)
    assert ledger.epsilon == pytest.approx(2.0)


def test_budget_cannot_be_overspent():
    ledger = PrivacyLedger(1.0, 1e-5, np.random.default_rng(0))
    ledger.release("a", 0.0, 1.0, share=0.7)
    with pytest.raises(ValueError, match=r"0\.7 of it is spent"):
        ledger.release("b", 0.0, 1.0, share=0.4)


def test_noise_has_the_variance_of_the_closed_form():
    ledger = PrivacyLedger(1.0, 1e-5, np.random.default_rng(0))
    noise = ledger.release("a", np.zeros(100_000), 3.0, share=0.25)
    sd = 3.0 / (gaussian_mu(1.0, 1e-5) * 0.5)
    assert noise.std() == pytest.approx(sd, rel=0.01)
    assert ledger.table.noise_sd[0] == pytest.approx(sd)


def test_symmetric_noise_is_isotropic_in_frobenius_norm():
    ledger = PrivacyLedger(1.0, 1e-5, np.random.default_rng(0))
    noise = ledger.release_symmetric("a", np.zeros((500, 500)), 2.0, share=1.0)
    np.testing.assert_array_equal(noise, noise.T)
    sd = 2.0 / gaussian_mu(1.0, 1e-5)
    assert np.diag(noise).std() == pytest.approx(sd, rel=0.1)
    beside = noise[np.triu_indices(500, 1)]
    assert beside.std() == pytest.approx(sd / np.sqrt(2), rel=0.01)


def test_quantile_is_within_a_bin_of_the_exact_one():
    values = np.random.default_rng(0).lognormal(size=5_000)
    ledger = PrivacyLedger(1.0, 1e-5, np.random.default_rng(0))
    found = private_quantile(values, 100.0, 0.75, ledger, "norms", 1.0)
    exact = np.quantile(values, 0.75)
    assert exact / np.sqrt(2) < found < exact * 2


# No row moves a statistic by more than the sensitivity that the noise is made for.


class ReplayLedger(PrivacyLedger):
    """Writes statistics down; a second fit sees the releases of the first."""

    statistics, sensitivities, replay = None, None, None

    def charge(self, step, sensitivity, share):
        sd = super().charge(step, sensitivity, share)
        self.sensitivities.append(sensitivity)
        return sd

    def release(self, step, value, sensitivity, share):
        return self._record(value, super().release(step, value, sensitivity, share))

    def release_symmetric(self, step, value, sensitivity, share):
        out = super().release_symmetric(step, value, sensitivity, share)
        return self._record(value, out)

    def _record(self, value, out):
        self.statistics.append(np.array(value, dtype=float))
        if self.replay is None:
            self.released.append(out)
            return out
        return self.replay.pop(0)


def statistics_of(sampler, X, y, replay=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReplayLedger, "statistics", [])
        patch.setattr(ReplayLedger, "sensitivities", [])
        patch.setattr(ReplayLedger, "released", [], raising=False)
        patch.setattr(ReplayLedger, "replay", replay and list(replay))
        patch.setattr(module, "PrivacyLedger", ReplayLedger)
        sampler.fit(X, y)
        ledger = ReplayLedger
        return ledger.statistics, ledger.sensitivities, ledger.released


@pytest.mark.filterwarnings(FEW)
@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    size=st.sampled_from([0.0, 1e-3, 1.0, 30.0, 1e6, 1e300]),
    n=st.integers(6, 60),
    is_public=st.booleans(),
)
def test_one_row_moves_each_statistic_by_its_sensitivity_at_most(
    seed, size, n, is_public
):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(10, 2, (n, 5)), np.arange(n) % 3
    row = 10 + size * rng.standard_normal((1, 5))
    where = {"public_data": rng.normal(9, 3, (30, 5)), "n_factors": 3}
    sampler = PrivateGaussianSampler(
        random_state=0, **(where if is_public else {"bounds": BOUNDS})
    )
    before, sensitivities, released = statistics_of(sampler, X, y)
    more = np.vstack([X, row]), np.append(y, rng.integers(3))
    after, same_sensitivities, _ = statistics_of(sampler, *more, released)
    assert sensitivities == same_sensitivities
    assert len(before) == len(sensitivities) == (3 if is_public else 5)
    for a, b, sensitivity in zip(before, after, sensitivities, strict=True):
        assert np.linalg.norm(a - b) <= sensitivity * (1 + 1e-9)


@pytest.mark.filterwarnings(FEW)
def test_an_extreme_row_reaches_the_sensitivities():
    # So they are not larger than they need be.
    rng = np.random.default_rng(0)
    public, X = rng.normal(size=(50, 5)), rng.normal(size=(40, 5))
    y = np.arange(40) % 2
    sampler = PrivateGaussianSampler(public_data=public, n_factors=2, random_state=0)
    before, sensitivities, released = statistics_of(sampler, X, y)
    row = 1e6 * rng.normal(size=(1, 5))
    after, _, _ = statistics_of(sampler, np.vstack([X, row]), np.append(y, 0), released)
    moved = [np.linalg.norm(a - b) for a, b in zip(before, after, strict=True)]
    np.testing.assert_allclose(moved, sensitivities, rtol=1e-3)


def test_clipping_keeps_directions_and_short_rows():
    rows = np.array([[3.0, -4.0], [0.1, 0.2], [0.0, 0.0]])
    np.testing.assert_allclose(
        clip_rows(rows, 1.0), [[0.6, -0.8], [0.1, 0.2], [0.0, 0.0]]
    )


# The sampler.


def coordinates_of_means(sampler):
    """Class means of the private Gaussian in the coordinates of its space."""
    space = sampler.space_
    q = space.n_factors_
    z = (space.means_ - space.centre_) / space.common_sds_
    return z @ space.vectors_[:q].T / np.sqrt(space.eigenvalues_[:q])


def test_without_noise_it_is_the_shrunk_gaussian_of_the_same_space(data):
    public, X, y, _, _ = data
    sampler = PrivateGaussianSampler(
        dp_epsilon=np.inf, public_data=public, n_factors=6, random_state=0
    ).fit(X, y)
    latents = sampler.space_.encode(X)
    codes = np.searchsorted(sampler.classes_, y)
    plain = GaussianSampler(marginal=False, random_state=0).fit(latents, y)
    np.testing.assert_array_equal(sampler.class_counts_, np.bincount(codes))
    np.testing.assert_allclose(
        coordinates_of_means(sampler), plain.model_.means_, atol=1e-8
    )
    residuals = latents - plain.model_.means_[codes]
    S, n = residuals.T @ residuals / len(X), len(X)
    off = ~np.eye(6, dtype=bool)
    variances = np.diag(S)
    expected_error = (S**2 + np.outer(variances, variances))[off].sum() / n
    weight = 1 - expected_error / (S[off] ** 2).sum()
    assert 0 < weight < 1
    np.testing.assert_allclose(
        sampler.covariance_, np.where(off, weight, 1.0) * S, atol=1e-8
    )


def test_samples_have_the_moments_and_the_density_of_the_model(data):
    _, X, y, X_test, y_test = data
    sampler = PrivateGaussianSampler(dp_epsilon=20.0, bounds=BOUNDS, random_state=0)
    sampler.fit(X, y)
    space = sampler.space_
    z = space.vectors_.T @ np.diag(space.eigenvalues_) @ space.vectors_
    z += np.diag(space.noise_)
    covariance = z * np.outer(space.common_sds_, space.common_sds_)
    by_hand = multivariate_normal(space.means_[0], covariance)
    of_class = X_test[y_test == "class_0"][:20]
    np.testing.assert_allclose(
        sampler.score_samples(of_class, ["class_0"] * 20),
        by_hand.logpdf(of_class),
        rtol=0.02,  # the density has a floor under the noise of genes
    )
    drawn, _ = sampler.sample(y={"class_0": 20_000})
    sds = np.sqrt(np.diag(covariance))
    inside = np.abs(drawn.mean(axis=0) - space.means_[0]) < 0.05 * sds
    assert inside.mean() > 0.9  # all but genes near a bound
    difference = (np.cov(drawn.T) - covariance) / np.outer(sds, sds)
    assert np.abs(difference[np.ix_(inside, inside)]).mean() < 0.02


# What public rows add.


def test_public_rows_get_the_classes_they_have(data):
    _, X, y, X_test, y_test = data
    sampler = PrivateGaussianSampler(public_data=X_test, random_state=0).fit(X, y)
    assert np.mean(sampler.classes_[sampler.public_codes_] == y_test) > 0.97


def test_public_rows_of_another_place_get_the_classes_they_have(data):
    _, X, y, X_test, y_test = data
    shift = 3 * np.random.default_rng(1).standard_normal(X.shape[1])
    sampler = PrivateGaussianSampler(public_data=X_test + shift, random_state=0)
    sampler.fit(X, y)
    assert np.mean(sampler.classes_[sampler.public_codes_] == y_test) > 0.9


def test_without_noise_rows_have_the_private_means_and_covariance(data):
    # Public rows lie elsewhere and vary more; simulated ones are like the private.
    _, X, y, X_test, _ = data
    public = 1.3 * X_test + 0.5
    sampler = PrivateGaussianSampler(
        dp_epsilon=np.inf, public_data=public, n_factors=4, random_state=0
    ).fit(X, y)
    rows, labels = sampler.sample(y=np.repeat(sampler.classes_, 4000))
    made, real = (sampler.space_.encode(part) for part in (rows, X))
    for c in sampler.classes_:
        ours, wanted = made[labels == c], real[y == c]
        np.testing.assert_allclose(ours.mean(0), wanted.mean(0), atol=0.15)
        ratio = np.trace(np.cov(ours.T)) / np.trace(np.cov(wanted.T))
        assert 0.8 < ratio < 1.25


def test_a_move_is_undone_and_has_the_volume_it_says(data):
    public, X, y, X_test, y_test = data
    public, X, X_test = public[:, :8], X[:, :8], X_test[:, :8]
    sampler = PrivateGaussianSampler(
        dp_epsilon=20.0, public_data=2 * public, n_factors=3, random_state=0
    ).fit(X, y)
    model = sampler.public_sampler_.model_
    codes = np.searchsorted(sampler.classes_, y_test)[:9]
    rows = X_test[:9].copy()
    moved = model.move(rows, codes)
    assert np.abs(moved - rows).max() > 0.1
    np.testing.assert_allclose(model.move_back(moved, codes), rows, atol=1e-9)
    jacobian = np.stack(
        [model.move(rows[:1] + e, codes[:1])[0] - moved[0] for e in np.eye(8)]
    )
    _, log_volume = np.linalg.slogdet(jacobian)
    assert log_volume == pytest.approx(model.log_volume_, abs=1e-6)
    assert abs(log_volume) > 0.1
    inner = sampler.public_sampler_
    plain = copy.copy(inner)
    plain.model_ = FactorModel()
    vars(plain.model_).update(vars(model))
    np.testing.assert_allclose(
        sampler.score_samples(moved, y_test[:9]),
        plain.score_samples(rows, y_test[:9]) - log_volume,
    )


def test_what_noise_explains_does_not_move_public_rows(data):
    public, X, y, _, _ = data
    moved = []
    for epsilon in (1e-3, np.inf):
        sampler = PrivateGaussianSampler(
            dp_epsilon=epsilon, public_data=public + 1.0, n_factors=4, random_state=0
        ).fit(X, y)
        model = sampler.public_sampler_.model_
        moved.append(np.linalg.norm(model.private_means_ - model.public_means_))
    assert moved[0] < 0.05 * moved[1]


def test_floors_of_public_genes_stay_floors():
    X, y = make_expression(1800, 20, random_state=0, return_X_y=True)
    X = np.maximum(X - np.median(X, axis=0), 0)  # half of all values are zero
    sampler = PrivateGaussianSampler(public_data=X[:500], random_state=0)
    rows, _ = sampler.fit(X[500:], y[500:]).sample(1000)
    assert 0.3 < np.mean(rows == 0) < 0.7
    assert rows.min() == 0


def test_too_few_public_rows_are_refused():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 5)), np.arange(90) % 3
    X += 20 * np.eye(5)[y]
    sampler = PrivateGaussianSampler(dp_epsilon=np.inf, public_data=X[:3])
    with pytest.raises(ValueError, match="too few rows, 3, for 3 classes"):
        sampler.fit(X, y)


@pytest.mark.filterwarnings(FEW)
def test_more_budget_gives_a_better_model(data):
    public, X, y, X_test, y_test = data

    def score(epsilon, seed):
        sampler = PrivateGaussianSampler(
            dp_epsilon=epsilon, public_data=public, random_state=seed
        )
        return sampler.fit(X, y).score(X_test, y_test)

    low, middle, high = (
        np.mean([score(epsilon, seed) for seed in range(5)])
        for epsilon in (0.05, 1.0, np.inf)
    )
    assert low < middle < high
    assert high - middle < 0.2 * (high - low)


def test_classes_can_be_learned_from_simulated_rows(data):
    public, X, y, X_test, y_test = data
    sampler = PrivateGaussianSampler(public_data=public, random_state=0).fit(X, y)
    scores = train_on_synthetic_test_on_real(
        LogisticRegression(max_iter=2000), *sampler.sample(1000), X_test, y_test
    )
    assert scores > 0.9


def test_ledger_and_budget_of_a_fit(data):
    public, X, y, _, _ = data
    sampler = PrivateGaussianSampler(dp_epsilon=2.0, dp_delta=1e-6, random_state=0)
    sampler.set_params(public_data=public).fit(X, y)
    table = sampler.privacy_ledger_.set_index("step")
    private = table[table.source == "private"]
    assert set(private.index) == {"class counts", "class means", "covariance"}
    total = np.sqrt((private.mu**2).sum())
    assert total == pytest.approx(gaussian_mu(2.0, 1e-6))
    assert sampler.epsilon_spent_ == pytest.approx(2.0)
    assert sampler.epsilon_spent_ <= 2.0
    assert sampler.delta_spent_ == 1e-6
    assert table.source["centre, scale, factors, noise of genes"] == "public_data"
    assert table.source["labels"] == "assumed public"


def test_nothing_fitted_has_a_value_per_patient(data):
    public, X, y, _, _ = data
    sampler = PrivateGaussianSampler(public_data=public, random_state=0).fit(X, y)
    state = vars(pickle.loads(pickle.dumps(sampler))) | vars(sampler.space_)
    columns, codes = state.pop("_condition_rows")
    sizes = [np.shape(value) for name, value in state.items() if name != "public_data"]
    assert not any(len(X) in size for size in sizes)
    assert not columns
    assert len(codes) == 0
    assert not np.array_equal(
        sampler.class_counts_, np.unique(y, return_counts=True)[1]
    )


def test_noise_of_an_unseeded_fit_does_not_come_from_numpys_seed(data):
    public, X, y, _, _ = data
    means = []
    state = np.random.get_state()  # noqa: NPY002
    try:
        for _ in range(2):
            np.random.seed(0)  # noqa: NPY002
            sampler = PrivateGaussianSampler(public_data=public).fit(X, y)
            means.append(sampler.space_.means_)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    assert not np.allclose(means[0], means[1], rtol=0, atol=1e-9)


def test_given_classes_hide_which_are_absent(data):
    public, X, y, _, _ = data
    names = ["class_0", "class_1", "class_9"]
    sampler = PrivateGaussianSampler(public_data=public, classes=names, random_state=0)
    sampler.fit(X, y)
    assert list(sampler.classes_) == names
    assert (sampler.privacy_ledger_.source == "given").any()
    rows, labels = sampler.sample(y={"class_9": 3})
    assert np.isfinite(rows).all()
    assert list(labels) == ["class_9"] * 3
    with pytest.raises(ValueError, match="not in classes"):
        sampler.set_params(classes=["class_0"]).fit(X, y)


def test_drawn_rows_stay_within_bounds(data):
    _, X, y, _, _ = data
    low = np.quantile(X, 0.3, axis=0)
    high = np.quantile(X, 0.7, axis=0)
    sampler = PrivateGaussianSampler(bounds=(low, high), random_state=0).fit(X, y)
    drawn, _ = sampler.sample(200)
    assert (drawn >= low).all()
    assert (drawn <= high).all()


@pytest.mark.filterwarnings(FEW)
def test_public_genes_are_matched_by_name(data):
    public, X, y, _, _ = data
    names = [f"g{i}" for i in range(X.shape[1])]
    frame, table = pd.DataFrame(X, columns=names), pd.DataFrame(public, columns=names)
    shuffled = table[names[::-1]].assign(other=1.0)
    by_name, by_place = (
        PrivateGaussianSampler(public_data=p, random_state=0).fit(frame, y).sample(5)[0]
        for p in (shuffled, table)
    )
    pd.testing.assert_frame_equal(by_name, by_place)
    with pytest.raises(ValueError, match="lacks 1 of the 40 genes"):
        PrivateGaussianSampler(public_data=table[names[1:]]).fit(frame, y)


def test_few_rows_warn_and_no_noise_does_not(data):
    public, X, y, _, _ = data
    sampler = PrivateGaussianSampler(public_data=public, random_state=0)
    with pytest.warns(UserWarning, match=r"below 1,000"):
        sampler.fit(X[:300], y[:300])
    sampler.set_params(dp_epsilon=np.inf).fit(X[:300], y[:300])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "Pass bounds="),
        ({"bounds": (0.0, np.inf)}, "finite"),
        ({"bounds": (0.0, 1.0, 2.0)}, "a lowest and a highest"),
        ({"bounds": (3.0, 1.0)}, "below the upper"),
        ({"bounds": (np.zeros(3), 1.0)}, "a value per gene, 40"),
        ({"public_data": np.ones((5, 40))}, "constant"),
        ({"public_data": np.ones((5, 3))}, "got 3 columns"),
    ],
)
def test_what_is_not_private_is_refused(parameters, message, data):
    _, X, y, _, _ = data
    with pytest.raises(ValueError, match=message):
        PrivateGaussianSampler(**parameters).fit(X, y)


def test_many_genes_need_public_rows():
    X = np.random.default_rng(0).normal(size=(10, 2001))
    with pytest.raises(ValueError, match=r"at most 2,000, got 2,001.*public_data"):
        PrivateGaussianSampler(bounds=(-5, 5)).fit(X, np.arange(10) % 2)


def test_exact_covariates_are_refused(data):
    public, X, y, _, _ = data
    sampler = PrivateGaussianSampler(public_data=public)
    with pytest.raises(ValueError, match="not private"):
        sampler.fit(X, y, conditions=pd.DataFrame({"age": np.arange(len(X))}))
    with pytest.raises(ValueError, match="Cut it"):
        sampler.fit(X, np.linspace(0.1, 5.3, len(X)))
    assert not hasattr(sampler, "class_counts_")


# An attack.


@pytest.mark.filterwarnings(FEW)
@pytest.mark.parametrize("epsilon", [1.0, 20.0])
def test_a_canary_is_found_as_often_as_the_budget_allows_and_no_more(epsilon):
    # The strongest attacker: knows all rows but one, sees the model, projects the
    # class mean on the canary. Its AUC against mu-GDP is Phi(mu / sqrt(2)) at most.
    rng = np.random.default_rng(0)
    public, X = rng.normal(size=(100, 6)), rng.normal(size=(80, 6))
    y = np.repeat(["a", "b"], 40)
    canary = 100 * np.ones((1, 6))
    with_canary = np.vstack([X, canary]), np.append(y, "a")
    scores, present = [], []
    for seed in range(150):
        for rows, labels in ((X, y), with_canary):
            sampler = PrivateGaussianSampler(
                dp_epsilon=epsilon,
                dp_delta=1e-3,
                public_data=public,
                n_factors=3,
                random_state=2 * seed + (len(rows) > 80),
            ).fit(rows, labels)
            direction = sampler.space_.encode(canary)[0]
            mean = coordinates_of_means(sampler)[0]
            scores.append(sampler.class_counts_[0] * mean @ direction)
            present.append(len(rows) > 80)
    auc = roc_auc_score(present, scores)
    mu = gaussian_mu(epsilon, 1e-3)
    standard_error = np.sqrt(1 / 150) / 2
    assert auc < norm.cdf(mu / np.sqrt(2)) + 3 * standard_error
    if epsilon == 20.0:
        assert auc > 0.85  # the attack works where the budget lets it


# Contracts.

CHECKED = [
    # The checks' data lie within; they are few, so the noise is large.
    PrivateGaussianSampler(bounds=(-100.0, 100.0), random_state=0)
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
