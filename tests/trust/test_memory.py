"""Requests that cannot fit are refused before anything is allocated."""

import tracemalloc

import numpy as np
import pytest

from skgenex import GaussianSampler, _memory
from skgenex.generation import augment_to
from tests.trust._public_estimators import patients


@pytest.mark.parametrize(
    "wanted",
    [{"n_samples": 10**12}, {"y": {"ALL": 10**12}}],
    ids=["n_samples", "counts"],
)
def test_a_sample_larger_than_the_memory_is_refused_at_once(wanted):
    sampler = GaussianSampler(random_state=0).fit(*patients())
    tracemalloc.start()
    with pytest.raises(
        MemoryError, match=r"1,000,000,000,000 rows of 12 genes.*GB.*Draw them in parts"
    ):
        sampler.sample(**wanted)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_what_is_needed_counts_genes_and_their_type(monkeypatch):
    X, y = patients()
    # A row is 12 numbers of 4 bytes and a code of 8.
    sampler = GaussianSampler(random_state=0).fit(X.astype(np.float32), y)
    monkeypatch.setattr(_memory, "available_memory", lambda: 100 * (12 * 4 + 8))
    assert len(sampler.sample(100)[0]) == 100
    with pytest.raises(MemoryError):
        sampler.sample(101)


def test_labels_one_by_one_count_too(monkeypatch):
    sampler = GaussianSampler(random_state=0).fit(*patients())
    monkeypatch.setattr(_memory, "available_memory", lambda: 100 * (12 * 8 + 8))
    assert len(sampler.sample(y=["ALL"] * 100)[0]) == 100
    with pytest.raises(MemoryError):
        sampler.sample(y=["ALL"] * 101)


def test_a_refused_resampling_leaves_the_sampler_as_it_was():
    sampler = GaussianSampler(random_state=0).fit(*patients())
    before = sampler.sample(3)[0]
    sampler.set_params(sampling_strategy=augment_to(10**12))
    with pytest.raises(MemoryError, match="Draw them in parts"):
        sampler.fit_resample(*patients(seed=1))
    np.testing.assert_array_equal(sampler.sample(3)[0], before)


def test_wrong_numbers_of_rows_are_still_named():
    sampler = GaussianSampler(random_state=0).fit(*patients())
    with pytest.raises(ValueError, match="must map labels to numbers of rows"):
        sampler.sample(y={"ALL": "many"})


def test_memory_is_known_without_psutil(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psutil", None)
    pytest.importorskip("posix")
    assert _memory.available_memory() > 0


def test_where_the_memory_is_unknown_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(_memory, "available_memory", lambda: None)
    assert _memory.require_memory(10**30, "much", "Less.") is None  # it would raise
