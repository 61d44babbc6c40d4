import numpy as np
import pytest

from skgenex._validation import split_validation


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_held_out_in_their_shares(seed):
    label = np.repeat(["a", "b", "c"], [60, 30, 10])
    train_rows, valid_rows = split_validation(100, 0.2, seed=seed, label=label)
    assert sorted([*train_rows, *valid_rows]) == list(range(100))
    assert [sum(label[valid_rows] == k) for k in "abc"] == [12, 6, 2]


def test_the_last_row_of_a_class_is_never_held_out():
    label = np.array([0, 1, 2, 2])
    for seed in range(20):
        train_rows, valid_rows = split_validation(4, 0.9, seed=seed, label=label)
        assert len(valid_rows) == 1
        assert label[valid_rows[0]] == 2
        assert set(label[train_rows]) == {0, 1, 2}


def test_seeds_choose_different_rows_and_the_same_seed_the_same():
    chosen = [split_validation(50, 0.3, seed=seed)[1] for seed in (0, 0, 1)]
    assert np.array_equal(chosen[0], chosen[1])
    assert not np.array_equal(chosen[0], chosen[2])
    assert len(chosen[0]) == 15


def test_no_fraction_holds_out_nothing():
    train_rows, valid_rows = split_validation(5, 0.0, seed=0)
    assert valid_rows is None
    assert train_rows.tolist() == list(range(5))


def test_rows_that_cannot_be_spared_are_kept_with_a_warning():
    with pytest.warns(UserWarning, match="none of the 3 rows"):
        train_rows, valid_rows = split_validation(3, 0.5, seed=0, label=[0, 1, 2])
    assert valid_rows is None
    assert len(train_rows) == 3
