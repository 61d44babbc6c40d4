import copy
import io
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from skorch.callbacks import Callback, EarlyStopping

from skgenex._base import TorchEstimator
from skgenex._device import resolve_device
from tests._estimators import CrossEntropy, SmallClassifier


@parametrize_with_checks(
    [
        SmallClassifier(),
        SmallClassifier(validation_fraction=0.2, extra={"ema_decay": 0.9}),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def make_data(n_samples=80, seed=0):
    X, y = make_classification(
        n_samples, n_features=12, n_informative=6, flip_y=0.2, random_state=seed
    )
    return X, np.array(["normal", "tumour"])[y]


def make_fitted(**parameters):
    parameters = {"max_epochs": 4, "random_state": 0, **parameters}
    return SmallClassifier(**parameters).fit(*make_data())


class Interrupt(Callback):
    """End the fit with an error of the given kind in its second epoch."""

    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise self.error


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def through_joblib(estimator):
    stream = io.BytesIO()
    joblib.dump(estimator, stream)
    stream.seek(0)
    return joblib.load(stream)


def through_skops(estimator):
    skops_io = pytest.importorskip("skops.io")
    content = skops_io.dumps(estimator)
    trusted = skops_io.get_untrusted_types(data=content)
    assert set(trusted) == {
        "tests._estimators.CrossEntropy",
        "tests._estimators.SmallClassifier",
    }
    return skops_io.loads(content, trusted=trusted)


@pytest.mark.parametrize(
    "round_trip", [through_pickle, through_joblib, copy.deepcopy, through_skops]
)
@pytest.mark.parametrize("parameters", [{}, {"validation_fraction": 0.2}])
def test_round_trips_keep_predictions_and_attributes(round_trip, parameters):
    X, y = make_data()
    fitted = make_fitted(**parameters)
    copied = round_trip(fitted)
    np.testing.assert_array_equal(copied.predict_proba(X), fitted.predict_proba(X))
    assert copied.history_ == fitted.history_
    assert copied.net_ is not fitted.net_
    # A copy can be fitted again and copied again.
    np.testing.assert_array_equal(
        round_trip(copied).fit(X, y).predict_proba(X), fitted.predict_proba(X)
    )


def test_round_trips_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    through_pickle(make_fitted())
    assert torch.equal(torch.get_rng_state(), before)


def test_parameters_set_after_the_fit_do_not_break_the_copy():
    X, _ = make_data()
    fitted = make_fitted()
    expected = fitted.predict_proba(X)
    fitted.set_params(max_epochs=99, device="auto")
    np.testing.assert_array_equal(through_pickle(fitted).predict_proba(X), expected)


def test_a_pickle_holds_arrays_and_neither_tensors_nor_data():
    X, y = make_data(n_samples=3000)
    fitted = SmallClassifier(max_epochs=1, validation_fraction=0.1).fit(X, y)
    content = pickle.dumps(fitted)
    assert b"torch.storage" not in content
    assert b"torch._utils" not in content
    assert len(content) < X.astype(np.float32).nbytes / 10
    # nor does the net by itself
    assert len(pickle.dumps(fitted.net_)) < X.astype(np.float32).nbytes / 10


@pytest.mark.parametrize("device", ["cuda:0", "cuda:1", "mps"])
def test_an_estimator_loads_without_the_device_of_its_fit(monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    X, _ = make_data()
    fitted = make_fitted()
    fitted.device = device  # what a fit on another machine leaves behind
    loaded = through_pickle(fitted)
    assert loaded.device == device
    assert next(loaded.net_.module_.parameters()).device.type == "cpu"
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


def test_a_clone_is_not_fitted():
    with pytest.raises(NotFittedError):
        clone(make_fitted()).predict(make_data()[0])


def test_the_same_seed_gives_the_same_fit_and_another_another():
    X, _ = make_data()
    first, second = make_fitted().predict_proba(X), make_fitted().predict_proba(X)
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, make_fitted(random_state=1).predict_proba(X))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_fits_in_parallel_equal_serial_fits(backend):
    X, y = make_data()

    def fit(seed):
        fitted = SmallClassifier(max_epochs=3, random_state=seed).fit(X, y)
        return fitted.predict_proba(X)

    before = torch.get_rng_state()
    seeds = [0, 1, 0, 2]
    if backend == "loky":  # its idle workers of earlier tests may be about to leave
        joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
    found = joblib.Parallel(2, backend=backend)(joblib.delayed(fit)(s) for s in seeds)
    for seed, probabilities in zip(seeds, found, strict=True):
        np.testing.assert_array_equal(probabilities, fit(seed))
    assert torch.equal(torch.get_rng_state(), before)


def test_global_generators_are_untouched():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    make_fitted(validation_fraction=0.2).predict(make_data()[0])
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(), RuntimeError("in a callback")]
)
def test_a_fit_that_does_not_end_leaves_the_estimator_as_it_was(error, warm_start):
    X, _ = make_data()
    fitted = make_fitted(warm_start=warm_start, lr=0.1)
    expected, history = fitted.predict_proba(X), list(fitted.history_)
    fitted.callbacks = [Interrupt(error)]
    with pytest.raises(type(error)):
        fitted.fit(*(part[:40] for part in make_data(seed=1)))
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)
    assert fitted.history_ == history


def test_a_refused_fit_keeps_the_number_of_features():
    X, y = make_data()
    fitted = make_fitted()
    with pytest.raises(ValueError, match="diverged"):
        fitted.set_params(lr=1e30).fit(X[:, :5], y)
    assert fitted.n_features_in_ == 12


def test_a_failed_first_fit_leaves_nothing_learned():
    estimator = SmallClassifier(callbacks=[Interrupt(KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(*make_data())
    assert vars(estimator).keys() == estimator.get_params().keys()


def test_warm_start_goes_on_from_the_weights_learned():
    X, y = make_data()
    fitted = make_fitted(warm_start=True, max_epochs=30)
    learned = fitted.net_.module_.network[0].weight.detach().clone()
    expected = fitted.predict_proba(X)
    fitted.set_params(lr=1e-9, max_epochs=1).fit(X, y)
    np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-5)
    assert torch.allclose(fitted.net_.module_.network[0].weight, learned, atol=1e-6)
    afresh = clone(fitted).fit(X, y)
    assert not np.allclose(afresh.predict_proba(X), expected, atol=0.05)


def test_warm_start_does_not_change_the_net_before():
    X, y = make_data()
    fitted = make_fitted(warm_start=True)
    net, weight = fitted.net_, fitted.net_.module_.network[0].weight.clone()
    fitted.fit(X, y)
    assert fitted.net_ is not net
    assert torch.equal(net.module_.network[0].weight, weight)


def test_warm_start_with_other_features_is_refused():
    X, y = make_data()
    fitted = make_fitted(warm_start=True)
    with pytest.raises(ValueError, match="warm_start=False"):
        fitted.fit(X[:, :5], y)


def test_history_describes_the_epochs():
    fitted = make_fitted(validation_fraction=0.2, max_epochs=3)
    assert fitted.n_iter_ == len(fitted.history_) == 3
    names = {"epoch", "train_loss", "valid_loss", "dur"}
    assert all(set(row) == names for row in fitted.history_)
    assert "valid_loss" not in make_fitted().history_[0]


def test_early_stopping_stops():
    fitted = make_fitted(validation_fraction=0.3, max_epochs=300, patience=3, lr=0.05)
    losses = [row["valid_loss"] for row in fitted.history_]
    assert fitted.n_iter_ == int(np.argmin(losses)) + 1 + 3 < 300


def test_callbacks_of_a_cross_validation_start_afresh_in_each_fold():
    stopping = EarlyStopping(monitor="train_loss", patience=2, sink=lambda text: None)
    estimator = SmallClassifier(max_epochs=3, callbacks=[stopping])
    cross_val_score(estimator, *make_data(), cv=2, error_score="raise")
    estimator.fit(*make_data())
    assert not hasattr(stopping, "best_epoch_")
    assert estimator.callbacks == [stopping]


def test_the_network_is_returned_in_evaluation_mode():
    fitted = make_fitted()
    fitted.net_.module_.train()
    assert not fitted._network().training
    assert isinstance(fitted._network(), CrossEntropy)
    with pytest.raises(NotFittedError):
        SmallClassifier()._network()


def test_applying_in_chunks_equals_applying_at_once():
    fitted = make_fitted()
    X = make_data()[0].astype(np.float32)
    X.setflags(write=False)
    network = fitted._network().network
    whole = fitted._apply(network, X)
    np.testing.assert_allclose(
        fitted._apply(network, X, chunk_size=7), whole, atol=1e-6
    )
    both = fitted._apply(torch.add, X, X, chunk_size=7)
    np.testing.assert_array_equal(both, 2 * X)


def test_running_out_of_memory_names_the_batch_size(monkeypatch):
    def fail(self, x, label):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(CrossEntropy, "forward", fail)
    with pytest.raises(MemoryError, match=r"Lower batch_size \(now 64\)"):
        make_fitted()


def test_resolve_device():
    cuda = torch.cuda.is_available()
    assert resolve_device("auto") == torch.device("cuda" if cuda else "cpu")
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match=r"'auto' or a torch device.*'gpu'"):
        make_fitted(device="gpu")


@pytest.mark.parametrize("device", ["cuda:1", "mps"])
def test_a_device_is_refused_where_there_is_none(monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"device='{device}' needs (CUDA|MPS)"):
        make_fitted(device=device)


def test_devices_with_a_number_are_counted(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match=r"'cuda:2' does not exist.* 2 CUDA"):
        resolve_device("cuda:2")


def test_mps_is_taken_where_it_is(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("mps") == torch.device("mps")


@pytest.mark.cuda
def test_cuda_gives_nearly_the_predictions_of_the_cpu():
    X, _ = make_data()
    on_cuda = make_fitted(device="cuda", lr=1e-9)
    assert next(on_cuda.net_.module_.parameters()).is_cuda
    assert on_cuda.predict_proba(X).shape == (len(X), 2)
    loaded = through_pickle(on_cuda)
    np.testing.assert_array_equal(loaded.predict_proba(X), on_cuda.predict_proba(X))


def test_a_checkpoint_needs_a_seed(tmp_path):
    with pytest.raises(ValueError, match="checkpoint_dir needs an integer"):
        make_fitted(checkpoint_dir=tmp_path, random_state=None)


def test_an_interrupted_estimator_resumes_from_its_checkpoint(tmp_path):
    X, y = make_data()
    how = {"random_state": 0, "max_epochs": 6, "validation_fraction": 0.2}
    whole = SmallClassifier(**how).fit(X, y)
    how |= {"checkpoint_dir": tmp_path, "extra": {"checkpoint_interval": 0.0}}
    with pytest.raises(KeyboardInterrupt):
        SmallClassifier(callbacks=[Interrupt(KeyboardInterrupt())], **how).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 1
    resumed = SmallClassifier(**how).fit(X, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    assert resumed.history_[0]["train_loss"] == whole.history_[0]["train_loss"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's, about itself
def test_a_compiled_estimator_predicts_the_same_and_pickles():
    X, _ = make_data()
    compiled = make_fitted(compile=True, max_epochs=2, lr=1e-9)
    expected = make_fitted(max_epochs=2, lr=1e-9).predict_proba(X)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, atol=1e-5)
    assert not any("_orig_mod" in name for name in compiled.__getstate__()["_weights"])
    np.testing.assert_array_equal(
        through_pickle(compiled).predict_proba(X), compiled.predict_proba(X)
    )


def test_the_base_cooperates_with_other_bases():
    class Tagged:
        def __getstate__(self):
            return {**super().__getstate__(), "tag": "kept"}

        def __setstate__(self, state):
            self.restored_tag = state.pop("tag")
            super().__setstate__(state)

    class TaggedBelow(Tagged, SmallClassifier):
        pass

    class Other:
        def __getstate__(self):
            return {**self.__dict__, "tag": "kept"}

        def __setstate__(self, state):
            self.__dict__.update(state)

    class TaggedAbove(SmallClassifier, Other):
        pass

    X, y = make_data()
    for kind in (TaggedBelow, TaggedAbove):
        fitted = kind(max_epochs=2).fit(X, y)
        copied = copy.deepcopy(fitted)
        np.testing.assert_array_equal(copied.predict_proba(X), fitted.predict_proba(X))
    assert isinstance(fitted, TorchEstimator)
    assert copy.deepcopy(TaggedBelow()).restored_tag == "kept"
