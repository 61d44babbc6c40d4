"""What pretrainers learn, and what becomes of other gene panels."""

import pickle

import numpy as np
import pandas as pd
import pytest

from skgenex.self_supervision import SubTabPretrainer, VIMEPretrainer


@pytest.fixture(scope="module")
def table():
    """Rows of three factors and noise, genes named."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3)) @ rng.normal(size=(3, 40))
    X = 5 + X + 0.5 * rng.normal(size=X.shape)
    return pd.DataFrame(X, columns=[f"g{i}" for i in range(40)])


@pytest.fixture(scope="module")
def fitted(table):
    return VIMEPretrainer(
        n_components=3, max_epochs=15, batch_size=32, device="cpu", random_state=0
    ).fit(table)


def test_untrained_encoder_is_principal_component_analysis(table):
    rows = table.to_numpy()
    pretrainer = VIMEPretrainer(
        n_components=3, max_epochs=1, lr=1e-12, device="cpu", random_state=0
    )
    latents = pretrainer.fit_transform(rows)
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    u, s, _ = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    scores = u[:, :3] * s[:3]
    scores /= np.sqrt(np.mean(scores**2))
    np.testing.assert_allclose(np.abs(latents), np.abs(scores), atol=1e-3)


def test_training_lowers_the_held_out_loss(fitted):
    assert fitted.pretext_gain_ > 0.05


def test_imputed_values_beat_the_mean(fitted, table):
    rng = np.random.default_rng(1)
    hidden = rng.random(table.shape) < 0.2
    imputed = fitted.impute(table.mask(hidden))
    truth, mean = table.to_numpy(), table.to_numpy().mean(axis=0)
    error = np.mean((imputed - truth)[hidden] ** 2)
    error_of_mean = np.mean((mean - truth)[hidden] ** 2)
    assert error < 0.5 * error_of_mean
    np.testing.assert_array_equal(imputed[~hidden], truth[~hidden])


def test_genes_are_matched_by_name(fitted, table):
    latents = fitted.transform(table)
    shuffled = table[table.columns[::-1]].assign(other=1.0)
    np.testing.assert_allclose(fitted.transform(shuffled), latents, rtol=1e-6)
    at_mean = table.assign(g0=table["g0"].mean())
    np.testing.assert_allclose(
        fitted.transform(table.drop(columns="g0")),
        fitted.transform(at_mean),
        atol=1e-5,
    )


def test_few_matching_genes_warn_and_almost_none_are_refused(fitted, table):
    with pytest.warns(UserWarning, match="10 of the 40 genes"):
        fitted.transform(table.iloc[:, :10])
    with pytest.raises(ValueError, match="At least 10%"):
        fitted.transform(table.iloc[:, :2])


def test_strict_genes_refuse_another_order(table):
    pretrainer = VIMEPretrainer(
        genes="strict", n_components=2, max_epochs=1, device="cpu", random_state=0
    ).fit(table)
    with pytest.raises(ValueError, match="feature names should match"):
        pretrainer.transform(table[table.columns[::-1]])


def test_latents_do_not_depend_on_other_rows(fitted, table):
    subtab = SubTabPretrainer(
        n_components=3, max_epochs=2, device="cpu", random_state=0
    ).fit(table)
    for pretrainer in (fitted, subtab):
        together = pretrainer.transform(table)
        alone = pretrainer.transform(table.iloc[[7]])
        np.testing.assert_allclose(alone[0], together[7], atol=1e-5)
        np.testing.assert_array_equal(pretrainer.transform(table), together)


def test_partial_fit_goes_on_from_the_weights(table):
    pretrainer = VIMEPretrainer(
        n_components=3, max_epochs=3, device="cpu", random_state=0
    ).partial_fit(table[:75])
    before = pretrainer.transform(table)
    pretrainer.partial_fit(table[75:])
    after = pretrainer.transform(table)
    change = np.mean((after - before) ** 2)
    assert 0 < change < 0.1 * np.mean(before**2)


def test_pickle_round_trip(fitted, table):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(table), fitted.transform(table))


def test_same_seed_same_latents(table):
    first, second = (
        VIMEPretrainer(
            n_components=3, max_epochs=2, device="cpu", random_state=3
        ).fit_transform(table)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_contrastive_encoder_cannot_estimate_genes(table):
    pretrainer = VIMEPretrainer(
        pretext="scarf", n_components=2, max_epochs=1, device="cpu", random_state=0
    ).fit(table)
    with pytest.raises(ValueError, match="pretext='scarf'"):
        pretrainer.impute(table)


def test_pathways_are_the_subsets(table):
    pathways = {"a": ["g1", "g2", "absent"], "b": ["g5", "g3", "g7"], "c": ["absent"]}
    pretrainer = SubTabPretrainer(
        subsets=pathways, n_components=2, max_epochs=1, device="cpu", random_state=0
    ).fit(table)
    assert {k: v.tolist() for k, v in pretrainer.subsets_.items()} == {
        "a": [1, 2],
        "b": [5, 3, 7],
    }
    outside = table.assign(g0=0.0)
    np.testing.assert_array_equal(
        pretrainer.transform(outside), pretrainer.transform(table)
    )


def test_gene_sets_hide_what_only_their_own_genes_tell(table):
    rng = np.random.default_rng(3)
    twins = pd.DataFrame(rng.normal(size=(150, 2)), columns=["a", "b"])
    twins["a2"] = twins["a"] + 0.01 * rng.normal(size=150)
    twins["b2"] = twins["b"] + 0.01 * rng.normal(size=150)
    how = {
        "n_components": 2,
        "max_epochs": 1,
        "validation_fraction": 0.5,
        "corruption_rate": 0.5,
        "device": "cpu",
        "random_state": 0,
    }
    sets = {"a": ["a", "a2", "absent"], "b": ["b", "b2"]}
    by_gene = VIMEPretrainer(**how, pretext="dae").fit(twins)
    by_set = VIMEPretrainer(**how, pretext="dae", gene_sets=sets).fit(twins)
    # A twin tells the other half of the time, unless both are always hidden together.
    losses = [p.history_[-1]["valid_loss"] for p in (by_gene, by_set)]
    assert losses[1] > 1.1 * losses[0]
    again = pickle.loads(pickle.dumps(by_set))
    np.testing.assert_array_equal(again.transform(twins), by_set.transform(twins))


def test_gene_sets_need_names_and_two_sets(table):
    sets = {"a": ["g1", "g2"], "b": ["g3", "g4"]}
    pretrainer = VIMEPretrainer(gene_sets=sets, max_epochs=1, device="cpu")
    with pytest.raises(ValueError, match="gene_sets as a dict"):
        pretrainer.fit(table.to_numpy())
    pretrainer.set_params(gene_sets={"a": ["g1", "g2"], "b": ["none"]})
    with pytest.raises(ValueError, match="got 1 of 2"):
        pretrainer.fit(table)
