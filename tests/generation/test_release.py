"""Files are whole or absent, and the card tells the truth."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.datasets import from_anndata, make_expression
from skgenex.generation import PrivateGaussianSampler, denoising_losses, release
from skgenex.metrics.privacy import privacy_report


@pytest.fixture(scope="module")
def data():
    X, y = make_expression(90, 30, n_informative=8, random_state=0, return_X_y=True)
    return pd.DataFrame(X).add_prefix("g"), y


@pytest.fixture(scope="module")
def sampler(data):
    X, y = data
    return GaussianSampler(random_state=0).fit(X[:45], y[:45])


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_file_holds_the_sampled_rows(tmp_path, sampler, ending):
    path = tmp_path / f"made{ending}"
    release(sampler, 12, path, random_state=3)
    X, y = sampler.sample(12, random_state=3)
    read = pd.read_parquet(path) if ending == ".parquet" else pd.read_csv(path)
    assert read.pop("label").tolist() == y.tolist()
    pd.testing.assert_frame_equal(read, X, rtol=1e-12)
    assert sorted(os.listdir(tmp_path)) == [path.name, f"{path.name}.card.md"]


def test_anndata_file_holds_the_sampled_rows(tmp_path, sampler):
    anndata = pytest.importorskip("anndata")
    path = tmp_path / "made.h5ad"
    release(sampler, 12, path, random_state=3)
    X, y = sampler.sample(12, random_state=3)
    read_X, read_y = from_anndata(anndata.read_h5ad(path), "label")
    np.testing.assert_array_equal(read_X.to_numpy(), X.to_numpy())
    assert list(read_X.columns) == list(X.columns)
    assert list(read_y) == list(y)
    assert sorted(os.listdir(tmp_path)) == [path.name, f"{path.name}.card.md"]


@pytest.mark.filterwarnings("ignore:About .* rows. below 1,000")
def test_card_of_a_private_fit_keeps_its_seed_secret(tmp_path, data):
    X, y = data
    public = X[:30]
    sampler = PrivateGaussianSampler(public_data=public, random_state=918273)
    sampler.fit(X[30:], y[30:])
    contents = release(sampler, 5, tmp_path / "a.csv", card=tmp_path / "a.json")
    for text in ((tmp_path / "a.json").read_text(), str(contents)):
        assert "918273" not in text
        assert "random_state" not in text
    parameters = contents["method"]["parameters"]
    assert parameters["public_data"] == "DataFrame of shape (30, 30)"
    assert contents["method"]["fitted"]["epsilon_spent_"] == sampler.epsilon_spent_
    open_card = release(
        GaussianSampler(random_state=7).fit(X, y), 5, tmp_path / "b.csv"
    )
    assert open_card["method"]["parameters"]["random_state"] == 7


def test_card_tells_method_training_and_figures(tmp_path, sampler, data):
    X, y = data
    report = privacy_report(
        sampler, X[:45], X[45:], y[:45], y[45:], n_shadows=0, random_state=0
    )
    card = tmp_path / "card.json"
    release(
        sampler, 40, tmp_path / "a.csv", card=card, X_holdout=X[45:], privacy=report,
        description="log2(CPM + 1)", random_state=0,
    )  # fmt: skip
    read = json.loads(card.read_text())
    assert read["training"]["rows"] == 45
    assert read["training"]["rows_by_class"] == {
        c: int(n) for c, n in zip(*np.unique(y[:45], return_counts=True), strict=True)
    }
    assert read["method"]["sampler"] == "GaussianSampler"
    assert read["method"]["parameters"]["shrinkage"] == "matched"
    assert 0 <= read["fidelity"]["coverage"] <= 1
    attack = read["privacy"]["attacks"]["gaussian_ratio"]
    assert attack["auc"] == report.table.loc["gaussian_ratio", "auc"]
    assert read["versions"]["numpy"] == np.__version__


def test_card_without_report_says_so(tmp_path, sampler):
    release(sampler, 5, tmp_path / "a.csv")
    assert "Not measured" in (tmp_path / "a.csv.card.md").read_text()


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failure_leaves_what_was_there(tmp_path, sampler, monkeypatch, failing):
    path = tmp_path / "a.csv"
    release(sampler, 5, path, random_state=0)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    true_replace, calls = os.replace, []

    def replace(*arguments):
        calls.append(arguments)
        if len(calls) == failing:
            raise OSError("disk full")
        true_replace(*arguments)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="disk full"):
        release(sampler, 9, path, random_state=1)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    calls.clear()
    with pytest.raises(OSError, match="disk full"):
        release(sampler, 9, tmp_path / "new.csv", random_state=1)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_wrong_names_are_refused_before_sampling(tmp_path, sampler):
    with pytest.raises(ValueError, match="file name must end with"):
        release(sampler, 5, tmp_path / "a.xlsx")
    with pytest.raises(ValueError, match="gene is called 'g3'"):
        release(sampler, 5, tmp_path / "a.csv", label="g3")
    assert not list(tmp_path.iterdir())


def test_gaussian_losses_are_the_posterior_variance():
    X, y = make_expression(400, 30, n_informative=8, random_state=0, return_X_y=True)
    sampler = GaussianSampler(class_covariance=np.inf, random_state=0).fit(X, y)
    losses = denoising_losses(sampler, X, y, n_levels=3, n_draws=64)
    # Whitened latents: E|E[x | noisy] - x|^2 = s^2 / (1 + s^2) per latent.
    variance = np.array([0.05, 0.5, 5.0]) ** 2
    np.testing.assert_allclose(
        losses.mean(axis=0), variance / (1 + variance), rtol=0.15
    )


def test_an_overfitted_network_knows_its_rows():
    X, y = make_expression(60, 200, n_modules=4, random_state=0, return_X_y=True)
    sampler = DiffusionSampler(
        backend="diffusion", validation_fraction=0, dropout=0, jitter=0, max_epochs=100,
        n_factors=10, lr=5e-3, random_state=0,
    ).fit(X[:20], y[:20])  # fmt: skip
    seen, unseen = (
        denoising_losses(sampler, X[rows], y[rows])[:, 2:6].mean()
        for rows in (slice(20), slice(20, 60))
    )
    assert seen < 0.5 * unseen
