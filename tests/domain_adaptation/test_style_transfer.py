import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression

from skgenex._seeding import seeded
from skgenex.datasets import make_expression
from skgenex.domain_adaptation import (
    CyCADAClassifier,
    StyleTransfer,
    StyleTransferSampler,
    proxy_a_distance,
)
from skgenex.domain_adaptation.translator import CycleObjective, Translator

METHODS = ["moments", "quantile", "coral", "ot", "cycada"]
SMALL = {"max_epochs": 4, "device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def data():
    return make_expression(
        240,
        60,
        n_domains=2,
        domain_shift=2.0,
        domain_scale=0.5,
        effect_size=1.5,
        random_state=0,
    )


def test_untrained_translator_is_the_identity():
    with seeded(0):
        x = torch.randn(5, 4)
        assert torch.equal(Translator(4, 3)(x), x)


def test_cycle_loss_of_untrained_translators_is_that_of_the_critics():
    with seeded(0):
        objective = CycleObjective(4, 0, cycle_weight=1.0, dropout=0.0).eval()
        x = torch.randn(6, 2, 4)
    empty = torch.zeros(6, 2, 0)
    losses = objective(x, empty, torch.zeros(6, 0, 4), empty, torch.zeros(6, 2))
    expected = torch.zeros(6)
    for k, critic in enumerate(objective.critics):
        real, fake = critic(x[:, k])[:, 0], critic(x[:, 1 - k])[:, 0]
        expected += torch.nn.functional.softplus(-real)
        expected += torch.nn.functional.softplus(fake)
    torch.testing.assert_close(losses, expected)


def test_semantic_loss_moves_translated_rows_towards_their_class():
    with seeded(0):
        objective = CycleObjective(
            3, 2, cycle_weight=0.0, critic_weight=0.0, semantic_weight=1.0
        )
        x = torch.randn(40, 2, 3)
    gradient = torch.tensor([[-1.0, 0, 0], [1.0, 0, 0]])  # class 1: high first value
    target = torch.zeros(40, 2, 2)
    target[:, 0, 1] = 1  # all source rows are of class 1
    weight = torch.tensor([[1.0, 0.0]]).expand(40, 2)
    losses = objective(
        x, torch.zeros(40, 2, 2), gradient.expand(40, 2, 3), target, weight
    )
    losses.mean().backward()
    assert objective.to_target.shift.grad[0] < 0  # descent raises the shift
    assert objective.to_target.shift.grad[1:].abs().max() < 1e-7
    assert objective.to_source.shift.grad.abs().max() == 0


@pytest.mark.parametrize("method", METHODS)
def test_source_passes_for_target_and_target_does_not_change(data, method):
    X, source = data.data, data.domain == 0
    y = np.where(source, data.target, None)
    style = StyleTransfer(method=method, **SMALL)
    restyled = style.fit_transform(X, y, sample_domain=data.domain)
    np.testing.assert_array_equal(restyled[~source], X[~source])
    assert proxy_a_distance(X[source], X[~source]) > 1.5
    report = style.style_report_
    assert report["a_distance_before"] > 1.5
    assert report["a_distance_after"] < 0.4
    assert report["gene_correlation"] > 0.8
    # A classifier of restyled rows knows the target's classes.
    model = LogisticRegression(C=0.1).fit(restyled[source], data.target[source])
    assert model.score(X[~source], data.target[~source]) > 0.85


@pytest.mark.parametrize("method", ["moments", "coral", "ot"])
def test_inverse_is_exact(data, method):
    style = StyleTransfer(method=method, target_domain=1, **SMALL)
    there = style.fit_transform(data.data, data.target, sample_domain=data.domain)
    back = style.inverse_transform(there, sample_domain=data.domain)
    np.testing.assert_allclose(back, data.data, atol=1e-8)


def test_there_and_back_with_translators_is_close(data):
    style = StyleTransfer(method="cycada", target_domain=1, **SMALL)
    there = style.fit_transform(data.data, data.target, sample_domain=data.domain)
    back = style.inverse_transform(there, sample_domain=data.domain)
    spread = data.data.std(axis=0)
    assert np.abs((back - data.data) / spread).mean() < 0.1


def test_moments_match_those_of_the_target_without_label_shift(data):
    style = StyleTransfer(label_shift=None, target_domain=1, **SMALL)
    restyled = style.fit_transform(data.data, sample_domain=data.domain)
    source = data.domain == 0
    for moment in (np.mean, np.std):
        np.testing.assert_allclose(
            moment(restyled[source], axis=0), moment(data.data[~source], axis=0)
        )


def test_translators_start_at_the_moments(data):
    how = {"target_domain": 1, "random_state": 0, "device": "cpu"}
    how |= {"max_epochs": 1, "lr": 1e-12}
    y, domain = data.target, data.domain
    first, second = (
        StyleTransfer(method=method, **how).fit_transform(data.data, y, domain)
        for method in ("moments", "cycada")
    )
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_translators_learn_a_rotation_that_moments_cannot():
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((400, 2)) * [1.5, 1.5]
    loadings = np.kron(np.eye(2), np.ones(10))
    X = factors @ loadings + 0.3 * rng.standard_normal((400, 20))
    domain = np.repeat([0, 1], 200)
    # In the target the two factors go together.
    X[200:, 10:] = X[200:, :10] + 0.3 * rng.standard_normal((200, 10))
    how = {"target_domain": 1, "random_state": 0, "device": "cpu"}

    def correlation(method, **more):
        style = StyleTransfer(method=method, **how, **more)
        restyled = style.fit_transform(X, sample_domain=domain)[:200]
        return np.corrcoef(restyled[:, :10].mean(1), restyled[:, 10:].mean(1))[0, 1]

    assert abs(correlation("moments")) < 0.2
    assert correlation("ot") > 0.7
    learned = correlation("cycada", critic_weight=3.0, cycle_weight=0.1, lr=1e-2)
    assert learned > 0.4


def test_few_rows_warn(data):
    keep = (data.domain == 0) | (np.cumsum(data.domain == 1) <= 20)
    style = StyleTransfer(method="cycada", target_domain=1, **SMALL)
    with pytest.warns(UserWarning, match="20 rows"):
        style.fit(data.data[keep], data.target[keep], data.domain[keep])


def test_errors_name_the_domains(data):
    with pytest.raises(ValueError, match=r"Set target_domain"):
        StyleTransfer().fit(data.data, data.target, sample_domain=data.domain)
    style = StyleTransfer(target_domain=1).fit(data.data, data.target, data.domain)
    with pytest.raises(ValueError, match=r"\[7\] were not in the fit"):
        style.transform(data.data[:2], sample_domain=[7, 7])


def test_sampler_keeps_the_target_and_adds_the_source(data):
    frame = pd.DataFrame(data.data, columns=[f"g{i}" for i in range(60)])
    y = pd.Series(data.target.astype(object), name="class")
    target = np.flatnonzero(data.domain == 1)
    y.iloc[target[12:]] = None
    sampler = StyleTransferSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(frame, y, sample_domain=data.domain)
    n_source = (data.domain == 0).sum()
    assert len(X_new) == 12 + n_source
    pd.testing.assert_frame_equal(
        X_new[:12], frame.iloc[target[:12]].reset_index(drop=True)
    )
    assert list(y_new) == list(y.iloc[sampler.sample_indices_])
    assert proxy_a_distance(X_new[12:], frame.iloc[target]) < 0.4


def test_sampler_in_a_pipeline_enlarges_a_small_target(data):
    frame = pd.DataFrame(data.data, columns=[f"g{i}" for i in range(60)])
    frame["platform"] = data.domain
    target = np.flatnonzero(data.domain == 1)
    few, test = target[:8], target[8:]
    train = np.r_[np.flatnonzero(data.domain == 0), few]
    pipeline = make_pipeline(
        StyleTransferSampler(domain="platform", target_domain=1, random_state=0),
        LogisticRegression(C=0.1),
    )
    with pytest.warns(UserWarning, match="has 8 rows"):
        pipeline.fit(frame.iloc[train], data.target[train])
    genes = frame.drop(columns="platform").iloc[test]
    assert pipeline.score(genes, data.target[test]) > 0.8


@pytest.mark.parametrize("method", ["cycada", "moments"])
def test_cycada_classifier_predicts_the_target(data, method):
    target = data.domain == 1
    y = np.where(target, None, data.target)
    model = CyCADAClassifier(method=method, backend="linear", **SMALL)
    model.fit(data.data, y, sample_domain=data.domain)
    assert model.score(data.data[target], data.target[target]) > 0.85
    source = ~target
    assert (
        model.score(
            data.data[source],
            data.target[source],
            sample_domain=data.domain[source],
        )
        > 0.85
    )
    again = CyCADAClassifier(method=method, backend="linear", **SMALL)
    again.fit(data.data, y, sample_domain=data.domain)
    assert np.array_equal(
        again.predict_proba(data.data), model.predict_proba(data.data)
    )


def test_cycada_classifier_ignores_the_unit_of_the_target(data):
    target = data.domain == 1
    y = np.where(target, None, data.target)
    other = np.where(target[:, None], 2 * data.data + 3, data.data)
    outputs = [
        CyCADAClassifier(method="moments", backend="linear", **SMALL)
        .fit(X, y, sample_domain=data.domain)
        .decision_function(X[target])
        for X in (data.data, other)
    ]
    np.testing.assert_allclose(*outputs, atol=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_frames_keep_their_names_without_a_warning(data, method):
    X = pd.DataFrame(data.data, columns=[f"g{i}" for i in range(60)])
    X["study"] = data.domain
    style = StyleTransfer(method=method, target_domain=1, domain="study", **SMALL)
    style.set_output(transform="pandas")
    restyled = style.fit_transform(X, data.target)  # warnings are errors
    assert list(restyled) == [f"g{i}" for i in range(60)]
