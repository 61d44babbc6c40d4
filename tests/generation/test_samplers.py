"""The laws all samplers obey: an over-sampler that is also a generator."""

import copy
import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from skgenex import DiffusionSampler, GANSampler, GaussianSampler, VAESampler
from skgenex.datasets import make_expression
from skgenex.generation import _base as base
from skgenex.generation import augment_to, multiply

GAUSSIAN = GaussianSampler(random_state=0)
DIFFUSION = DiffusionSampler(
    backend="diffusion",
    validation_fraction=0.0,
    max_epochs=2,
    n_hidden=8,
    n_steps=3,
    random_state=0,
)


FORCED = {"validation_fraction": 0.0, "max_epochs": 2, "n_hidden": 8, "random_state": 0}
VAE = VAESampler(backend="vae", **FORCED)
GAN = GANSampler(backend="gan", **FORCED)


@pytest.fixture(
    params=[GAUSSIAN, DIFFUSION, VAE, GAN], ids=["gaussian", "diffusion", "vae", "gan"]
)
def sampler(request):
    return clone(request.param)


@pytest.fixture(scope="module")
def data():
    X, y = make_expression(
        48, 30, weights=[0.6, 0.4], effect_size=2.0, random_state=0, return_X_y=True
    )
    return X, y


def as_frame(X):
    return pd.DataFrame(X, columns=[f"gene_{j}" for j in range(X.shape[1])])


# Over-sampling.


def test_originals_come_first_and_unchanged(sampler, data):
    X, y = data
    before = X.copy()
    X_res, y_res = sampler.set_params(sampling_strategy=multiply(3)).fit_resample(X, y)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(X_res[: len(X)], X)
    np.testing.assert_array_equal(y_res[: len(y)], y)
    assert len(np.unique(X_res, axis=0)) == len(X_res)  # none is a copy


@pytest.mark.parametrize(
    ("strategy", "counts"),
    [
        ("auto", {"class_0": 29, "class_1": 29}),
        (multiply(2), {"class_0": 58, "class_1": 38}),
        (augment_to(40), {"class_0": 40, "class_1": 40}),
        ({"class_0": 31}, {"class_0": 31, "class_1": 19}),
        (multiply(1), {"class_0": 29, "class_1": 19}),
    ],
)
def test_counts_follow_the_strategy(sampler, data, strategy, counts):
    _, y_res = sampler.set_params(sampling_strategy=strategy).fit_resample(*data)
    assert dict(zip(*np.unique(y_res, return_counts=True), strict=True)) == counts


def test_new_rows_are_of_their_class(sampler, data):
    X, y = data
    X_new, y_new = sampler.fit(X, y).sample(y={"class_0": 400, "class_1": 400})
    real, new = (
        [values[labels == c].mean(axis=0) for c in ("class_0", "class_1")]
        for values, labels in ((X, y), (X_new, y_new))
    )
    assert np.corrcoef(real[1] - real[0], new[1] - new[0])[0, 1] > 0.95
    spread = X[y == "class_0"].std(axis=0)
    new_spread = X_new[y_new == "class_0"].std(axis=0)
    assert np.median(new_spread / spread) == pytest.approx(1.0, abs=0.2)


def test_frames_keep_columns_dtypes_and_names(sampler, data):
    X, y = data
    frame, target = as_frame(X.astype(np.float32)), pd.Series(y, name="type")
    X_res, y_res = sampler.fit_resample(frame, target)
    assert list(X_res.columns) == list(frame.columns)
    assert (X_res.dtypes == np.float32).all()
    assert y_res.name == "type"
    X_new, _ = sampler.sample(3)
    assert list(X_new.columns) == list(frame.columns)
    assert (X_new.dtypes == np.float32).all()


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix])
def test_sparse_rows_stay_sparse(sampler, data, make):
    X, y = np.maximum(data[0] - 7, 0), data[1]
    X_res, _ = sampler.fit_resample(make(X), y)
    assert X_res.format == make(X).format
    expected, _ = clone(sampler).fit_resample(X, y)
    np.testing.assert_allclose(X_res.toarray(), expected)
    assert np.isfinite(sampler.score(make(X), y))


def test_integers_are_fitted_but_not_resampled(sampler, data):
    X, y = np.round(data[0]).astype(int), data[1]
    assert sampler.fit(X, y).sample(5)[0].dtype == np.float64
    with pytest.raises(ValueError, match="would be truncated"):
        sampler.fit_resample(X, y)
    mixed = as_frame(data[0]).assign(count=np.arange(len(y)))
    with pytest.raises(ValueError, match=r"integers \(count\)"):
        sampler.fit_resample(mixed, y)
    assert np.isfinite(sampler.sample(5)[0]).all()  # still the first fit's


@pytest.mark.parametrize("method", ["fit", "fit_resample"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_and_infinite_values_are_refused(sampler, data, method, bad):
    X, y = data[0].copy(), data[1]
    X[3, 2] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        getattr(sampler, method)(X, y)


# Special classes and genes.


def test_constant_genes_are_exactly_constant(sampler, data):
    X, y = data[0].copy(), data[1]
    X[:, 4], X[:, 7] = 0.1, 0.0
    X_new, _ = sampler.fit(X, y).sample(50)
    assert (X_new[:, 4] == 0.1).all()
    assert (X_new[:, 7] == 0.0).all()
    assert np.isfinite(sampler.score(X, y))


def test_gene_that_tells_the_classes_apart_alone(sampler, data):
    X, y = data[0].copy(), data[1]
    X[:, 4] = np.where(y == "class_0", 0.1, 0.7)
    X_new, y_new = sampler.fit(X, y).sample(50)
    assert np.isfinite(X_new).all()
    assert X_new[y_new == "class_0", 4].mean() < X_new[y_new == "class_1", 4].mean()
    assert np.isfinite(sampler.score(X, y))


@pytest.mark.parametrize("marginal", [True, False])
def test_non_negative_genes_stay_so_and_zeros_stay_frequent(sampler, data, marginal):
    X = np.maximum(data[0] - data[0].mean(axis=0), 0)
    sampler.set_params(marginal=marginal).fit(X, data[1])
    X_new, _ = sampler.sample(200)
    assert X_new.min() >= 0
    if marginal:
        share = np.mean(X_new == 0, axis=0) - np.mean(X == 0, axis=0)
        assert abs(share.mean()) < 0.05


def test_a_class_of_a_single_row(sampler, data):
    X, y = data[0], data[1].copy()
    y[0] = "rare"
    with pytest.warns(UserWarning, match=r"single row .* \{'rare': \d+\}"):
        X_res, y_res = sampler.fit_resample(X, y)
    new = X_res[len(X) :][y_res[len(X) :] == "rare"]
    assert len(new) == (data[1] == "class_0").sum() - 2 + (data[1][0] != "class_0")
    assert np.isfinite(new).all()
    assert np.median(new.std(axis=0) / X.std(axis=0)) > 0.3  # the common spread


def test_classes_of_two_rows(sampler, data):
    y = np.array(["a", "b", "c"]).repeat(2)
    X_new, y_new = sampler.fit(data[0][:6], y).sample(y={"b": 4, "a": 1})
    assert list(y_new) == ["b"] * 4 + ["a"]
    assert np.isfinite(X_new).all()


def test_classes_of_one_row_each_are_refused(sampler, data):
    with pytest.raises(ValueError, match="needs two rows"):
        sampler.fit(data[0][:4], list("abcd"))


def test_one_row_is_refused(sampler, data):
    with pytest.raises(ValueError, match="minimum of 2"):
        sampler.fit(data[0][:1], ["a"])


def test_one_class(sampler, data):
    X_new, y_new = sampler.fit(data[0], np.zeros(len(data[0]), dtype=int)).sample(7)
    assert X_new.shape == (7, 30)
    assert (y_new == 0).all()


def test_duplicated_genes_stay_alike(sampler, data):
    X = np.column_stack([data[0], data[0][:, 3]])
    X_new, _ = sampler.fit(X, data[1]).sample(300)
    assert np.corrcoef(X_new[:, 3], X_new[:, -1])[0, 1] > 0.3


@pytest.mark.parametrize(
    "labels", [np.array([10, 7]), np.array([True, False]), np.array(["α", "beta"])]
)
def test_labels_of_any_kind(sampler, data, labels):
    y = labels[(data[1] == "class_0").astype(int)]
    _, y_res = sampler.fit_resample(data[0], y)
    assert y_res.dtype == y.dtype
    assert set(sampler.sample(9)[1]) <= set(labels)


def test_ten_identical_rows_give_finite_rows(sampler):
    X = np.tile(np.arange(5.0), (10, 1))
    X_new = sampler.fit(X).sample(4)
    np.testing.assert_array_equal(X_new, X[:4])


# Generating.


def test_unfitted_is_an_error(sampler, data):
    with pytest.raises(NotFittedError):
        sampler.sample(3)
    with pytest.raises(NotFittedError):
        sampler.score(*data)


def test_sample_in_the_proportions_of_the_fit(sampler, data):
    X, y = data
    sampler.fit(X, y)
    assert len(sampler.sample()[0]) == 48
    assert np.sum(sampler.sample(480)[1] == "class_0") == 290
    assert np.sum(sampler.sample(3)[1] == "class_0") == 2


def test_sample_wanted_labels_in_their_order(sampler, data):
    wanted = ["class_1", "class_0", "class_1"]
    X_new, y_new = sampler.fit(*data).sample(y=wanted)
    assert list(y_new) == wanted
    assert list(sampler.sample(y={"class_1": 2, "class_0": 0})[1]) == ["class_1"] * 2
    assert X_new.shape == (3, 30)


def test_labels_nobody_knows_are_refused(sampler, data):
    sampler.fit(*data)
    for wanted in (["class_2"], {"class_2": 1}, {"class_10": 1}, {"class_0x": 2}, [0]):
        with pytest.raises(ValueError, match="not in the fit"):
            sampler.sample(y=wanted)
    with pytest.raises(ValueError, match="not in the fit"):
        sampler.score(data[0], np.full(48, "class_2"))


def test_wrong_requests_are_refused(sampler, data):
    sampler.fit(*data)
    with pytest.raises(ValueError, match="not both"):
        sampler.sample(3, y=["class_0"])
    for n in (0, -1, 2.5, "3"):
        with pytest.raises(ValueError, match="positive integer"):
            sampler.sample(n)
    sampler.fit(data[0])
    with pytest.raises(ValueError, match="fitted without y"):
        sampler.sample(y=["class_0"])


@pytest.mark.parametrize("n", [-1, 2.5])
def test_wrong_counts_are_refused(sampler, data, n):
    with pytest.raises(ValueError, match="labels to numbers of rows"):
        sampler.fit(*data).sample(y={"class_0": n})


@pytest.mark.parametrize(
    "y",
    [
        np.r_[np.nan, np.linspace(0, 1, 47)],
        np.r_[np.inf, np.linspace(0, 1, 47)],
        np.r_[np.nan, np.tile([0.0, 1.0], 24)[1:]],
        np.array([None, *["a", "b"] * 24][:48], dtype=object),
    ],
    ids=["missing", "infinite", "missing class", "missing label"],
)
def test_missing_targets_are_refused(sampler, data, y):
    with pytest.raises(ValueError, match="1 of 48 values are not"):
        sampler.fit(data[0], y)


@pytest.mark.parametrize("y", [np.zeros((48, 2)), np.zeros(5)], ids=["2d", "short"])
def test_targets_of_another_shape_are_refused(sampler, data, y):
    with pytest.raises(ValueError, match=r"1d array|a value per row of X, 48; got 5"):
        sampler.fit(data[0], y)


def test_columns_of_one_name_are_refused(sampler, data):
    frame = as_frame(data[0]).set_axis(
        ["twin"] * 2 + [f"g{j}" for j in range(28)], axis=1
    )
    for method in (sampler.fit, sampler.fit_resample):
        with pytest.raises(Exception, match=r"(?i)unique"):
            method(frame, data[1])


def test_nullable_dtypes_come_back(sampler, data):
    X_res, _ = sampler.fit_resample(as_frame(data[0]).astype("Float64"), data[1])
    assert (X_res.dtypes == "Float64").all()
    with pytest.raises(ValueError, match="integers"):
        sampler.fit_resample(as_frame(data[0]).round().astype("Int64"), data[1])


def test_without_y_only_rows_come_back(sampler, data):
    X_new = sampler.fit(as_frame(data[0])).sample(7)
    assert isinstance(X_new, pd.DataFrame)
    assert X_new.shape == (7, 30)
    assert np.isfinite(sampler.score(as_frame(data[0])))


def test_random_state_of_sample(sampler, data):
    sampler.fit(*data)
    first = sampler.sample(5)[0]
    np.testing.assert_array_equal(sampler.sample(5)[0], first)
    np.testing.assert_array_equal(sampler.sample(5, random_state=0)[0], first)
    other = sampler.sample(5, random_state=1)[0]
    assert not np.array_equal(other, first)
    np.testing.assert_array_equal(sampler.sample(5, random_state=1)[0], other)
    state = np.random.RandomState(3)
    assert not np.array_equal(
        sampler.sample(5, random_state=state)[0],
        sampler.sample(5, random_state=state)[0],
    )


def test_chunks_bound_the_memory_not_the_result(sampler, data, monkeypatch):
    sampler.fit(*data)
    monkeypatch.setattr(base, "CHUNK_VALUES", 30 * 7)
    X_new, y_new = sampler.sample(100)
    assert np.isfinite(X_new).all()
    assert len(np.unique(X_new, axis=0)) == 100  # no chunk repeats another's draws
    np.testing.assert_array_equal(sampler.sample(100)[0], X_new)
    means = [X_new[y_new == c].mean() for c in ("class_0", "class_1")]
    real = [data[0][data[1] == c].mean() for c in ("class_0", "class_1")]
    np.testing.assert_allclose(means, real, atol=0.3)


# Continuous y and conditions.


def test_continuous_y_shifts_the_genes_that_depend_on_it(sampler):
    rng = np.random.default_rng(0)
    age = rng.uniform(20, 80, 80)
    X = rng.standard_normal((80, 12))
    X[:, 0] += 0.1 * age
    sampler.fit(X, age)
    X_new, y_new = sampler.sample(y=np.repeat([30.0, 70.0], 300))
    np.testing.assert_array_equal(y_new, np.repeat([30.0, 70.0], 300))
    shift = X_new[300:].mean(axis=0) - X_new[:300].mean(axis=0)
    assert shift[0] == pytest.approx(4.0, abs=0.9)
    assert np.abs(shift[1:]).max() < 1.0
    drawn = sampler.sample(50)[1]
    assert np.isin(drawn, age).all()
    assert sampler.score(X, age) > sampler.score(X, age[::-1])
    with pytest.raises(ValueError, match="give y here too"):
        sampler.score(X)
    with pytest.raises(ValueError, match="Unknown label type"):
        sampler.fit_resample(X, age)


@pytest.fixture(scope="module")
def patients(data):
    """Rows whose first gene follows age and second follows sex."""
    rng = np.random.default_rng(1)
    X, y = data
    conditions = pd.DataFrame(
        {"age": rng.uniform(20, 80, 48), "sex": rng.choice(["F", "M"], 48)}
    )
    X = X.copy()
    X[:, 0] += 0.1 * conditions["age"]
    X[:, 1] += 3.0 * (conditions["sex"] == "F")
    conditions.loc[5, "age"] = np.nan
    conditions.loc[6, "sex"] = None
    return X, y, conditions


def test_conditions_shift_the_genes_that_depend_on_them(sampler, patients):
    X, y, conditions = patients
    sampler.fit(X, y, conditions)
    wanted = pd.DataFrame({"age": [30.0, 70.0, 30.0], "sex": ["F", "F", "M"]})
    labels = ["class_0"] * 900
    table = wanted.loc[np.repeat([0, 1, 2], 300)]
    X_new, _ = sampler.sample(y=labels, conditions=table)
    young, old, man = X_new.reshape(3, 300, 30).mean(axis=1)
    assert old[0] - young[0] == pytest.approx(4.0, abs=1.0)
    assert young[1] - man[1] == pytest.approx(3.0, abs=1.0)
    assert np.abs(old - young)[2:].mean() < 0.5


def test_new_rows_draw_the_conditions_of_their_class(sampler, patients):
    X, y, conditions = patients
    conditions = conditions.assign(smoker=y == "class_1")
    X_res, y_res, drawn = sampler.fit_resample(
        X, y, conditions=conditions.set_axis(range(100, 148))
    )
    pd.testing.assert_frame_equal(drawn[:48], conditions)
    assert list(drawn.dtypes) == list(conditions.dtypes)
    assert len(X_res) == len(y_res) == len(drawn) == 58
    assert drawn["smoker"][48:].all()  # those added are of class_1
    # Whole rows: an age comes with the sex it has in a patient.
    pairs = set(map(str, conditions.to_numpy().tolist()))
    assert set(map(str, drawn.to_numpy().tolist())) <= pairs


def test_scores_know_conditions(sampler, patients):
    X, y, conditions = patients
    sampler.fit(X, y, conditions)
    right = sampler.score(X, y, conditions)
    assert right > sampler.score(X, y, conditions[::-1])
    with pytest.raises(ValueError, match="columns of the fit"):
        sampler.score(X, y)
    with pytest.raises(ValueError, match="columns of the fit"):
        sampler.sample(2, conditions=conditions[["age"]][:2])
    with pytest.raises(ValueError, match="a row per sample, 2; got 48"):
        sampler.sample(2, conditions=conditions)
    sampler.fit(X, y)
    with pytest.raises(ValueError, match="columns of the fit"):
        sampler.sample(48, conditions=conditions)


# Scores.


def test_held_out_rows_score_above_permuted_ones(sampler):
    X, y = make_expression(
        90, 30, module_correlation=0.7, random_state=1, return_X_y=True
    )
    sampler.fit(X[::2], y[::2])
    held_out, labels = X[1::2], y[1::2]
    real = sampler.score(held_out, labels)
    rng = np.random.default_rng(0)
    assert real > sampler.score(rng.permuted(held_out, axis=0), labels) + 1
    assert real > sampler.score(held_out + 1.0, labels) + 1


def test_scores_without_labels_are_those_of_the_mixture(sampler, data):
    X, y = data
    sampler.fit(X, y)
    by_class = [sampler.score_samples(X, np.full(48, c)) for c in sampler.classes_]
    shares = sampler.class_counts_ / 48
    expected = np.log(shares @ np.exp(np.array(by_class)))
    np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-5)


def test_wrong_rows_are_refused_at_score_time(sampler, data):
    X, y = data
    frame = as_frame(X)
    sampler.fit(frame, y)
    with pytest.raises(ValueError, match="feature names should match"):
        sampler.score(frame.rename(columns={"gene_0": "other"}), y)
    with pytest.raises(ValueError, match="30 features"):
        clone(sampler).fit(X, y).score(X[:, :29], y)
    with pytest.raises(ValueError, match="a value per row of X, 48; got 47"):
        sampler.score(frame, y[:47])


def test_grid_search_tunes_a_generator_by_itself(sampler, data):
    search = GridSearchCV(
        sampler,
        {"shrinkage": [0.3, "ledoit_wolf"], "mean_shrinkage": [0.5, 1e6]},
        cv=StratifiedKFold(2),
        error_score="raise",
    ).fit(*data)
    assert search.best_params_["mean_shrinkage"] == 0.5  # there are class effects
    assert len(search.best_estimator_.sample(4)[0]) == 4
    without_y = GridSearchCV(sampler, {"shrinkage": [0.1, 0.9]}, cv=2).fit(data[0])
    assert np.isfinite(without_y.best_score_)


# Metadata routing.


def test_conditions_reach_fit_and_score_by_routing(sampler, patients):
    X, y, conditions = patients
    with config_context(enable_metadata_routing=True):
        result = cross_validate(
            sampler,
            X,
            y,
            params={"conditions": conditions},
            cv=StratifiedKFold(2),
            error_score="raise",
            return_estimator=True,
        )
    assert np.isfinite(result["test_score"]).all()
    for fitted in result["estimator"]:
        assert len(fitted.sample(2, conditions=conditions[:2])[0]) == 2


def test_conditions_reach_the_last_step_of_a_pipeline(sampler, patients):
    X, y, conditions = patients
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), sampler)
        X_res, y_res, drawn = pipeline.fit_resample(X, y, conditions=conditions)
    assert len(X_res) == len(y_res) == len(drawn) == 58


@pytest.mark.parametrize("routing", [True, False])
def test_requests_can_be_withdrawn(sampler, patients, routing):
    with config_context(enable_metadata_routing=routing):
        if not routing:
            with pytest.raises(RuntimeError, match="metadata routing is enabled"):
                sampler.set_fit_request(conditions=False)
            return
        sampler.set_fit_resample_request(conditions=False)
        pipeline = make_pipeline(StandardScaler(), sampler)
        with pytest.raises(TypeError, match="conditions"):
            pipeline.fit_resample(*patients[:2], conditions=patients[2])


# Reproducibility and persistence.


def global_numpy_state():
    return check_random_state(None).get_state()[1].copy()


def test_same_seed_same_rows_and_global_generators_untouched(sampler, data):
    sampler.set_params(sampling_strategy=multiply(2))
    np_state, torch_state = global_numpy_state(), torch.get_rng_state()
    first = sampler.fit_resample(*data)[0]
    sampler.sample(5)
    sampler.score(*data)
    np.testing.assert_array_equal(global_numpy_state(), np_state)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(clone(sampler).fit_resample(*data)[0], first)
    other = clone(sampler).set_params(random_state=1).fit_resample(*data)[0]
    assert not np.array_equal(other, first)


def test_fit_then_sample_is_fit_resample(sampler, data):
    X_res, y_res = sampler.fit_resample(*data)
    again = clone(sampler).fit(*data).sample(y=y_res[48:])[0]
    np.testing.assert_array_equal(X_res[48:], again)


def resampled(sampler, X, y):
    return clone(sampler).fit_resample(X, y)[0]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_fits_give_the_same_rows(sampler, data, backend):
    alone = resampled(sampler, *data)
    with joblib.parallel_config(backend, n_jobs=2):
        together = joblib.Parallel()(
            joblib.delayed(resampled)(sampler, *data) for _ in range(2)
        )
    for rows in together:
        np.testing.assert_array_equal(rows, alone)


def through_joblib(sampler):
    buffer = io.BytesIO()
    joblib.dump(sampler, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def through_skops(sampler):
    dumped = skops.io.dumps(sampler)
    return skops.io.loads(dumped, skops.io.get_untrusted_types(data=dumped))


@pytest.mark.parametrize(
    "store",
    [
        lambda sampler: pickle.loads(pickle.dumps(sampler)),
        copy.deepcopy,
        through_joblib,
        through_skops,
    ],
    ids=["pickle", "deepcopy", "joblib", "skops"],
)
def test_a_stored_sampler_gives_the_same_rows(sampler, patients, store):
    sampler.fit(*patients)
    again = store(sampler)
    np.testing.assert_array_equal(again.sample(6)[0], sampler.sample(6)[0])
    assert again.score(*patients) == sampler.score(*patients)


@pytest.mark.parametrize("method", ["fit", "fit_resample"])
def test_a_failed_fit_changes_nothing(sampler, data, method, monkeypatch):
    sampler.fit(*data)
    before = sampler.sample(4)[0]

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    # In the middle: the model is learned, but nothing is calibrated yet.
    room = "_latent_network" if hasattr(sampler, "n_hidden") else "_gaussian_sampler"
    monkeypatch.setattr(f"skgenex.generation.{room}.calibrate", fail)
    with pytest.raises(KeyboardInterrupt):
        getattr(sampler, method)(data[0][:, :9], data[1])
    np.testing.assert_array_equal(sampler.sample(4)[0], before)
    assert sampler.n_features_in_ == 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"shrinkage": "none"},
        {"shrinkage": 1.5},
        {"n_factors": 0},
        {"class_covariance": -1},
        {"marginal": "yes"},
        {"mean_shrinkage": -1},
    ],
)
def test_wrong_parameters_are_refused(sampler, data, wrong):
    with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
        sampler.set_params(**wrong).fit(*data)
    with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
        sampler.fit_resample(*data)


@pytest.mark.parametrize(
    "parameters",
    [
        {"shrinkage": "nonlinear"},
        {"shrinkage": 0.0},
        {"shrinkage": 1},
        {"class_covariance": np.inf},
        {"class_covariance": 0},
        {"n_factors": 3, "marginal": False},
    ],
)
def test_every_choice_gives_rows(sampler, data, parameters):
    sampler.set_params(**parameters).fit(*data)
    X_new, y_new = sampler.sample(60)
    assert np.isfinite(X_new).all()
    ratio = X_new[y_new == "class_0"].std() / data[0][data[1] == "class_0"].std()
    assert ratio == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("base", [0.0, 7.0, 1e6])
@pytest.mark.parametrize("spread", [1e-300, 1e-12, 1e-4])
def test_genes_that_vary_in_one_row_alone_do_no_harm(spread, base):
    # In folds without that row these genes are constant, or almost.
    rng = np.random.default_rng(0)
    X, y = rng.normal(6, 1, (40, 20)).astype(np.float32), np.arange(40) % 2
    X[:, 0] = base
    X[:, 1:3] = base + spread * rng.normal(size=(40, 2))
    X[3, 0] += 1
    X[5, 1] += 3
    sampler = GaussianSampler(random_state=0).fit(X, y)  # warnings are errors
    assert np.isfinite(sampler.sample()[0]).all()
    assert np.isfinite(sampler.score_samples(X, y)).all()


@pytest.mark.parametrize("marginal", [True, False])
def test_positive_genes_get_no_zeros(marginal):
    rng = np.random.default_rng(0)
    X = rng.exponential(1.0, (60, 30)) + 1e-3
    X[:, 0] *= rng.random(60) < 0.5  # this one has zeros
    sampler = GaussianSampler(marginal=marginal, random_state=0).fit(X)
    rows = sampler.sample(500)
    assert rows[:, 1:].min() > 0
    assert rows[:, 0].min() == 0


def test_tables_in_another_order_are_refused(sampler, data):
    X, y = data
    frame = as_frame(X).set_axis([f"p{i}" for i in range(len(X))])
    labels = pd.Series(y, index=frame.index)
    age = pd.DataFrame({"age": np.arange(len(X)) / 7}, index=frame.index)
    sampler.fit(frame, labels, conditions=age)
    with pytest.raises(ValueError, match=r"y has the same row labels.*y\.loc"):
        sampler.fit(frame, labels[::-1])
    with pytest.raises(ValueError, match=r"conditions\.loc\[X\.index\]"):
        sampler.fit_resample(frame, labels, conditions=age[::-1])
    sampler.fit(frame, labels.reset_index(drop=True))  # as in scikit-learn: by position


def test_a_label_alone_is_no_wish(sampler, data):
    sampler.fit(*data)
    with pytest.raises(ValueError, match="map labels to numbers"):
        sampler.sample(y="class_0")
    with pytest.raises(ValueError, match="are for y="):
        sampler.sample({"class_0": 3})


def test_drawn_conditions_come_back_and_belong_to_their_rows():
    rng = np.random.default_rng(0)
    age = rng.uniform(20, 80, 80)
    X = rng.normal(size=(80, 12)) + (age[:, None] - 50) / 10
    y = np.repeat(["a", "b"], 40)
    table = pd.DataFrame({"age": age, "site": np.tile(["x", "y"], 40)})
    sampler = GaussianSampler(random_state=0).fit(X, y, conditions=table)
    X_new, y_new, drawn = sampler.sample(60, return_conditions=True)
    assert list(drawn) == ["age", "site"]
    assert len(drawn) == len(y_new) == 60
    assert np.corrcoef(X_new.mean(axis=1), drawn["age"])[0, 1] > 0.9
    plain, _ = sampler.sample(60)
    np.testing.assert_array_equal(plain, X_new)
