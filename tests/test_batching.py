from collections import Counter
from itertools import chain

import pytest
import torch

from skgenex._batching import TensorBatches, slices
from skgenex._seeding import seeded


def rows_of(batches):
    return [batch["x"].tolist() for batch in batches]


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "sizes"),
    [
        (10, 4, [4, 4, 2]),
        (8, 4, [4, 4]),
        (9, 4, [4, 5]),  # no batch of a single row
        (1, 4, [1]),
        (5, 8, [5]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_a_pass_uses_every_row_once(n_rows, batch_size, sizes):
    batches = TensorBatches({"x": torch.arange(n_rows)}, batch_size)
    with seeded(0):
        found = rows_of(batches)
    assert [len(rows) for rows in found] == sizes
    assert len(batches) == len(sizes)
    assert sorted(chain(*found)) == list(range(n_rows))


@pytest.mark.parametrize(("n_rows", "batch_size"), [(10, 4), (7, 7), (3, 8), (13, 1)])
def test_fixed_steps_use_all_rows_equally_often(n_rows, batch_size):
    batches = TensorBatches({"x": torch.arange(n_rows)}, batch_size, steps_per_epoch=5)
    drawn = Counter()
    with seeded(0):
        for _ in range(6):
            found = rows_of(batches)
            assert [len(rows) for rows in found] == [batch_size] * 5
            drawn.update(chain(*found))
            counts = [drawn[row] for row in range(n_rows)]
            assert max(counts) - min(counts) <= 1


def test_passes_are_shuffled_anew_and_rows_stay_together():
    x = torch.arange(50)
    batches = TensorBatches({"x": x, "y": 2 * x}, 50)
    with seeded(0):
        (first,), (second,) = list(batches), list(batches)
    assert not torch.equal(first["x"], x)
    assert not torch.equal(first["x"], second["x"])
    assert torch.equal(first["y"], 2 * first["x"])


def test_the_state_continues_a_pass():
    def make():
        return TensorBatches({"x": torch.arange(10)}, 3, steps_per_epoch=2)

    with seeded(0):
        batches = make()
        list(batches)
        state, rng = batches.state_dict(), torch.get_rng_state()
        expected = rows_of(batches) + rows_of(batches)
        other = make()
        other.load_state_dict(state)
        torch.set_rng_state(rng)
        assert rows_of(other) + rows_of(other) == expected


def test_slices_keep_the_order():
    found = rows_of(slices({"x": torch.arange(7)}, 3))
    assert found == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({}, "empty dict"),
        ({"x": torch.zeros(3), "y": torch.zeros(2)}, "'x': 3, 'y': 2"),
        ({"x": torch.zeros(0, 4)}, "at least one"),
    ],
)
def test_unusable_batches_are_refused(batch, message):
    with pytest.raises(ValueError, match=message):
        TensorBatches(batch, 2)
