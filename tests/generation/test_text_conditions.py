"""Free text as conditions: what the encoder sees, what a sampler makes of it."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from skgenex.generation import (
    GaussianSampler,
    HierarchicalDiffusionSampler,
    TextConditions,
)

POSITIVE = ["tumour, ER positive, grade 1", "ER positive tumour of low grade"]
NEGATIVE = ["tumour, ER negative, grade 3", "high grade tumour without receptors"]


def patients(n=80):
    """Rows whose first ten genes are up where the report says so."""
    rng = np.random.default_rng(0)
    positive = np.arange(n) % 2 == 0
    texts = [
        rng.choice(POSITIVE if is_positive else NEGATIVE) for is_positive in positive
    ]
    X = rng.normal(size=(n, 30))
    X[positive, :10] += 3
    table = pd.DataFrame({"age": rng.normal(50, 10, n), "report": texts})
    return X, positive, table


def svd_of_words():
    return make_pipeline(TfidfVectorizer(), TruncatedSVD(3, random_state=0))


def test_numbers_are_those_of_the_encoder_and_other_columns_stay():
    _, _, table = patients()
    encoder = svd_of_words()
    text = TextConditions(columns="report", encoder=encoder)
    encoded = text.fit_transform(table)
    expected = clone(encoder).fit(table["report"]).transform(table["report"])
    names = ["report_0", "report_1", "report_2"]
    np.testing.assert_allclose(encoded[names], expected)
    pd.testing.assert_series_equal(encoded["age"], table["age"])
    assert not hasattr(encoder[0], "vocabulary_")  # a clone was fitted
    assert text.n_encoded_ == {"report": 3}


def test_sparse_encoders_and_missing_text_are_fine():
    _, _, table = patients()
    table.loc[3, "report"] = None
    text = TextConditions(columns=["report"], encoder=TfidfVectorizer())
    encoded = text.fit_transform(table).filter(like="report_")
    assert (encoded.loc[3] == 0).all()
    assert (encoded.drop(index=3).abs().sum(axis=1) > 0).all()


@pytest.mark.parametrize("encoder", [None, svd_of_words()])
@pytest.mark.parametrize(
    "sampler",
    [
        GaussianSampler(random_state=0),
        HierarchicalDiffusionSampler(
            prior=GaussianSampler(), decoder=GaussianSampler(), random_state=0
        ),
    ],
)
def test_simulated_patients_follow_their_report(sampler, encoder):
    X, _, table = patients()
    text = TextConditions(columns="report", encoder=encoder).fit(table)
    sampler = clone(sampler).fit(X, conditions=text.transform(table))
    level = {}
    for said in (POSITIVE[0], NEGATIVE[0]):
        wanted = pd.DataFrame({"age": [50.0] * 200, "report": [said] * 200})
        rows = sampler.sample(conditions=text.transform(wanted))
        level[said] = rows[:, :10].mean()
    assert level[POSITIVE[0]] - level[NEGATIVE[0]] > 2.0


def test_shift_by_text_moves_the_genes_of_the_text_alone():
    X, positive, table = patients()
    text = TextConditions(columns="report", encoder=svd_of_words()).fit(table)
    sampler = HierarchicalDiffusionSampler(
        prior=GaussianSampler(), decoder=GaussianSampler(), random_state=0
    ).fit(X, conditions=text.transform(table))
    first, second = (
        text.transform(pd.DataFrame({"age": [50.0], "report": [said]}))
        for said in (NEGATIVE[0], POSITIVE[0])
    )
    change = sampler.shift(X[~positive], first, second) - X[~positive]
    assert change[:, :10].mean() > 2.0
    assert abs(change[:, 10:].mean()) < 0.5


def test_sentence_embeddings_name_their_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    _, _, table = patients(10)
    with pytest.raises(ImportError, match=r"pip install skgenex\[text\]"):
        TextConditions(columns="report", encoder="all-MiniLM-L6-v2").fit(table)


def test_errors_name_the_column():
    _, _, table = patients(10)
    with pytest.raises(ValueError, match=r"lack the columns \['note'\]"):
        TextConditions(columns="note").fit(table)
    with pytest.raises(TypeError, match="Column 'age' must hold text"):
        TextConditions(columns="age").fit(table)
    with pytest.raises(TypeError, match="must be a DataFrame; got ndarray"):
        TextConditions(columns="report").fit(table.to_numpy())
    fitted = TextConditions(columns="report").fit(table)
    with pytest.raises(ValueError, match=r"lack the columns \['age'\]"):
        fitted.transform(table[["report"]])
