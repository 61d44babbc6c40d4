import math
import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from torch import nn

from skgenex._learning_rate import cosine_schedule
from skgenex._objective_net import NonFiniteLossError
from skgenex._seeding import seeded
from skgenex._training import restore_net, train
from skgenex._weights import WeightAverage


class LeastSquares(nn.Module):
    """Squared error of a linear model, with an optional dropout of the input."""

    def __init__(self, n_features, dropout=0.0):
        super().__init__()
        self.linear = nn.Linear(n_features, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, target):
        return (self.linear(self.dropout(x))[:, 0] - target).square()


class Recorder(Callback):
    """Note the weights after every training step, and which hooks were called."""

    def __init__(self):
        self.weights = []
        self.called = []

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.called.append("train_begin")

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.called.append("epoch_begin")

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        self.called.append(f"batch_begin_{training}")

    def on_grad_computed(self, net, named_parameters, **kwargs):
        assert all(p.grad is not None for _, p in named_parameters)
        self.called.append("grad_computed")

    def on_batch_end(self, net, batch=None, training=None, loss=None, **kwargs):
        name = "train_loss" if training else "valid_loss"
        assert net.history[-1, "batches", -1, name] == loss.item()
        self.called.append(f"batch_end_{training}")
        if training:
            self.weights.append(net.module_.linear.weight.detach().clone())

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.called.append("epoch_end")

    def on_train_end(self, net, X=None, y=None, **kwargs):
        self.called.append("train_end")

    def __sklearn_clone__(self):
        return self  # so that the test can look at it


def make_batch(n_rows=40, n_features=5, noise=0.1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n_rows, n_features, generator=generator)
    target = x.sum(dim=1) + noise * torch.randn(n_rows, generator=generator)
    return {"x": x, "target": target}


def fit(batch=None, seed=0, n_features=5, dropout=0.0, **how):
    how = {"max_epochs": 5, "lr": 0.05, "batch_size": 8, **how}
    objective = (LeastSquares, {"n_features": n_features, "dropout": dropout})
    with seeded(seed):
        return train(objective, make_batch() if batch is None else batch, **how)


def weights_of(net):
    return {k: v.numpy().copy() for k, v in net.module_.state_dict().items()}


def assert_same_weights(net, other):
    for name, weight in weights_of(net).items():
        np.testing.assert_array_equal(weight, weights_of(other)[name])


def mean_loss(net, batch):
    with torch.no_grad():
        return net.module_.eval()(**batch).mean().item()


def test_training_finds_the_least_squares_solution():
    batch = make_batch()
    net = fit(batch, max_epochs=400, batch_size=40, lr_schedule="cosine")
    design = np.column_stack([batch["x"].numpy(), np.ones(40)])
    expected = np.linalg.lstsq(design, batch["target"].numpy(), rcond=None)[0]
    found = [*net.module_.linear.weight[0].tolist(), net.module_.linear.bias.item()]
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("ndim", [0, 2])
def test_an_objective_must_return_a_loss_per_row(ndim):
    class Wrong(LeastSquares):
        def forward(self, x, target):
            losses = super().forward(x, target)
            return losses.mean() if ndim == 0 else losses[:, None]

    with pytest.raises(ValueError, match="one loss per row"), seeded(0):
        train(
            (Wrong, {"n_features": 5}), make_batch(), max_epochs=1, lr=1, batch_size=8
        )


def test_the_trainer_equals_a_loop_written_by_hand():
    batch = make_batch(n_rows=24)
    net = fit(batch, weight_decay=0.1, max_epochs=3)
    with seeded(0):
        module = LeastSquares(5)
        optimizer = torch.optim.AdamW(module.parameters(), lr=0.05, weight_decay=0.1)
        losses = []
        for _ in range(3):
            for rows in torch.randperm(24).split(8):
                optimizer.zero_grad()
                loss = module(batch["x"][rows], batch["target"][rows]).mean()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
    for name, weight in module.state_dict().items():
        np.testing.assert_array_equal(weights_of(net)[name], weight.numpy())
    expected = np.mean(np.reshape(losses, (3, 3)), axis=1)
    np.testing.assert_allclose(net.history[:, "train_loss"], expected, rtol=1e-12)


def test_mean_losses_weigh_rows_equally():
    batch, valid_batch = make_batch(n_rows=11), make_batch(n_rows=4999, seed=1)
    net = fit(batch, valid_batch=valid_batch, max_epochs=1, lr=1e-12)
    row = net.history[-1]
    assert row["train_loss"] == pytest.approx(mean_loss(net, batch), rel=1e-5)
    assert row["valid_loss"] == pytest.approx(mean_loss(net, valid_batch), rel=1e-5)
    assert row["epoch"] == 1
    assert row["dur"] > 0


def test_validation_is_in_evaluation_mode():
    valid_batch = make_batch(seed=1)
    net = fit(dropout=0.5, valid_batch=valid_batch)
    found = net.history[-1]["valid_loss"]
    assert found == pytest.approx(mean_loss(net, valid_batch), rel=1e-6)


def test_steps_per_epoch_fixes_the_number_of_steps():
    recorder = Recorder()
    fit(max_epochs=3, steps_per_epoch=7, callbacks=[recorder])
    assert len(recorder.weights) == 21


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_early_stopping_ends_with_the_best_weights(ema_decay):
    batch, valid_batch = make_batch(12, noise=3.0), make_batch(30, noise=3.0, seed=1)
    net = fit(
        batch,
        valid_batch=valid_batch,
        patience=4,
        max_epochs=200,
        batch_size=4,
        ema_decay=ema_decay,
    )
    losses = net.history[:, "valid_loss"]
    assert len(losses) < 200
    assert len(losses) - (1 + int(np.argmin(losses))) == 4
    assert losses[-1] > min(losses)
    assert mean_loss(net, valid_batch) == pytest.approx(min(losses), rel=1e-6)


def test_without_patience_the_last_weights_stay():
    valid_batch = make_batch(30, noise=3.0, seed=1)
    net = fit(make_batch(12, noise=3.0), valid_batch=valid_batch, max_epochs=60)
    losses = net.history[:, "valid_loss"]
    assert len(losses) == 60
    assert mean_loss(net, valid_batch) == pytest.approx(losses[-1], rel=1e-6)
    assert losses[-1] > min(losses)


def test_averaged_weights_equal_the_average_by_hand():
    recorder = Recorder()
    net = fit(ema_decay=0.6, callbacks=[recorder], max_epochs=4)
    with seeded(0):
        average = LeastSquares(5).linear.weight.detach().double()
    for t, weight in enumerate(recorder.weights):
        decay = min(0.6, (1 + t) / (10 + t))
        average = decay * average + (1 - decay) * weight.double()
    found = net.module_.linear.weight.detach()
    np.testing.assert_allclose(found, average, rtol=1e-5)
    assert not np.allclose(found, recorder.weights[-1], rtol=1e-4)


def test_averaging_does_not_change_what_is_trained():
    with_average, without = Recorder(), Recorder()
    valid_batch = make_batch(seed=1)
    fit(ema_decay=0.9, callbacks=[with_average], valid_batch=valid_batch)
    fit(callbacks=[without], valid_batch=valid_batch)
    assert torch.equal(torch.stack(with_average.weights), torch.stack(without.weights))


def test_a_swap_is_undone_by_a_swap():
    parameter = nn.Parameter(torch.tensor([1.0, 2.0]))
    average = WeightAverage([parameter], 0.5)
    with torch.no_grad():
        parameter.fill_(11.0)
    average.swap()
    assert parameter.tolist() == [1.0, 2.0]
    average.swap()
    assert parameter.tolist() == [11.0, 11.0]


def test_cosine_schedule():
    assert cosine_schedule(0.0) == 0.0
    assert cosine_schedule(0.025) == pytest.approx(
        0.25 * (1 + math.cos(0.025 * math.pi))
    )
    assert cosine_schedule(0.75) == pytest.approx(0.5 * (1 - math.sqrt(0.5)))
    assert cosine_schedule(1.0) == pytest.approx(0.0, abs=1e-15)


def test_the_schedule_sets_the_rate_of_every_step():
    seen = []

    class Rates(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            seen.append(net.optimizer_.param_groups[0]["lr"])

    fit(max_epochs=2, lr=0.4, lr_schedule=lambda p: p, callbacks=[Rates()])
    np.testing.assert_allclose(seen, 0.4 * (np.arange(10) + 0.5) / 10)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match=r"\['cosine'\].*'linear'"):
        fit(lr_schedule="linear")


def test_clip_norm_bounds_the_gradient():
    norms = []

    class Norms(Callback):
        def on_batch_end(self, net, training=None, **kwargs):
            grads = [p.grad.flatten() for p in net.module_.parameters()]
            norms.append(torch.cat(grads).norm().item())

    fit(callbacks=[Norms()])
    largest = max(norms)
    norms.clear()
    fit(callbacks=[Norms()], clip_norm=largest / 4)
    assert max(norms) == pytest.approx(largest / 4, rel=1e-4)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_non_finite_training_loss_says_where_and_what_to_do(bad):
    batch = make_batch(n_rows=8)
    batch["target"][3] = bad
    with pytest.raises(
        NonFiniteLossError,
        match=r"train loss is (nan|inf) in epoch 1, step 1.*Standardise X.*lower lr",
    ):
        fit(batch)


def test_a_loss_that_diverges_later_names_its_epoch_and_step():
    with pytest.raises(NonFiniteLossError) as caught:
        fit(optimizer=torch.optim.SGD, lr=1e4, max_epochs=50)
    error = caught.value
    assert (error.epoch - 1) * 5 + error.step > 2
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # joblib's workers


def test_a_non_finite_validation_loss_stops_the_fit():
    valid_batch = make_batch()
    valid_batch["target"][0] = math.nan
    with pytest.raises(NonFiniteLossError, match="valid loss is nan in epoch 1"):
        fit(valid_batch=valid_batch)


def test_weights_ruined_by_the_very_last_step_are_noticed():
    with pytest.raises(NonFiniteLossError, match=r"weights.*epoch 1, step 1"):
        fit(optimizer=torch.optim.SGD, lr=3e38, max_epochs=1, batch_size=40)


def test_hooks_of_callbacks_are_called_in_order():
    recorder = Recorder()
    fit(make_batch(16), valid_batch=make_batch(), max_epochs=1, callbacks=[recorder])
    step = ["batch_begin_True", "grad_computed", "batch_end_True"]
    assert recorder.called == [
        "train_begin",
        "epoch_begin",
        *step,
        *step,
        "batch_begin_False",
        "batch_end_False",
        "epoch_end",
        "train_end",
    ]


def test_callbacks_are_cloned():
    stopping = EarlyStopping(monitor="train_loss", patience=3)
    for _ in range(2):
        fit(callbacks=[("mine", stopping)], max_epochs=2)
    assert vars(stopping).keys() == vars(EarlyStopping()).keys()


def test_skorch_callbacks_work():
    def negative_loss(net, X, y):
        return -net.module_(**X).mean().item()

    callbacks = [
        LRScheduler(policy=torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5),
        GradientNormClipping(1.0),
        EpochScoring(negative_loss, name="score", use_caching=False),
    ]
    net = fit(callbacks=callbacks, valid_batch=make_batch(seed=1))
    np.testing.assert_allclose(net.history[:, "event_lr"], 0.05 * 0.5 ** np.arange(5))
    np.testing.assert_allclose(
        net.history[:, "score"], -np.array(net.history[:, "valid_loss"]), rtol=1e-5
    )


def test_skorchs_early_stopping_ends_the_fit_without_an_error():
    stopping = EarlyStopping(monitor="train_loss", patience=2, sink=lambda text: None)
    net = fit(max_epochs=50, callbacks=[stopping], lr=1e-12, batch_size=40)
    assert len(net.history) == 3


def test_the_users_interrupt_comes_out():
    class ControlC(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(callbacks=[ControlC()])


@pytest.mark.parametrize("wrong", [["early"], [EarlyStopping], [("name", 3)]])
def test_what_is_no_callback_is_refused(wrong):
    with pytest.raises(TypeError, match="callbacks must hold skorch callbacks"):
        fit(callbacks=wrong)


def test_initial_weights_continue_a_training():
    first = fit(max_epochs=200)
    before = weights_of(first)
    second = fit(max_epochs=1, lr=1e-9, initial_weights=first.module_.state_dict())
    assert_same_weights_up_to(second, before, 1e-7)
    np.testing.assert_array_equal(
        first.module_.linear.weight.detach(), before["linear.weight"]
    )


def assert_same_weights_up_to(net, weights, atol):
    for name, weight in weights_of(net).items():
        np.testing.assert_allclose(weight, weights[name], atol=atol)


def test_initial_weights_of_another_network_are_refused():
    weights = fit().module_.state_dict()
    with pytest.raises(ValueError, match="do not fit the network"):
        fit(make_batch(n_features=6), n_features=6, initial_weights=weights)


def test_verbose_0_is_silent(capfd):
    fit(verbose=0, valid_batch=make_batch())
    assert capfd.readouterr() == ("", "")


def test_verbose_1_shows_a_bar_with_the_losses(capfd):
    net = fit(verbose=1, valid_batch=make_batch())
    out, err = capfd.readouterr()
    assert out == ""
    assert "5/5" in err
    assert f"valid_loss={net.history[-1]['valid_loss']:.3g}" in err


def test_verbose_2_prints_a_line_per_epoch(capfd):
    net = fit(verbose=2)
    out, err = capfd.readouterr()
    assert err == ""
    for loss in net.history[:, "train_loss"]:
        assert f"{loss:.4f}" in out


def test_a_restored_net_has_the_weights_and_their_dtype():
    net = fit()
    weights = {k: v.double() for k, v in net.module_.state_dict().items()}
    with seeded(0):
        restored = restore_net((LeastSquares, {"n_features": 5}), weights)
    batch = {name: tensor.double() for name, tensor in make_batch().items()}
    expected = net.module_.double()(**batch)
    assert torch.equal(restored.module_(**batch), expected)
    assert not restored.module_.training


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's, about itself
def test_a_compiled_fit_ends_with_the_same_weights_and_a_plain_module():
    how = {"valid_batch": make_batch(seed=1), "ema_decay": 0.9, "max_epochs": 3}
    plain, compiled = fit(**how), fit(compile=True, **how)
    assert list(compiled.module_.state_dict()) == ["linear.weight", "linear.bias"]
    assert type(compiled.module_) is LeastSquares
    assert_same_weights_up_to(compiled, weights_of(plain), 1e-5)
