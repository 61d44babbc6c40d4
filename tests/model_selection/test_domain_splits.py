import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_score

from skgenex.model_selection import (
    LabelledTargetSplit,
    LeaveOneDomainOut,
    SourceSplit,
    labelled_only,
)

N = 60
X = np.arange(N)[:, None].astype(float)
DOMAIN = np.repeat(["EXPO", "NKI", "VDX"], 20)
LABEL = np.tile(["ER+", "ER-", "ER+", "ER+"], 15).astype(object)
Y = np.where((DOMAIN == "VDX") & (np.arange(N) % 2 == 0), None, LABEL)
IS_LABELLED = np.array([label is not None for label in Y])
GROUPS = np.arange(N) % 30  # two rows per patient, in different domains


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_labelled_target_rows_are_tested_once(groups):
    splitter = LabelledTargetSplit(3)
    splits = list(splitter.split(X, Y, groups, sample_domain=DOMAIN))
    tested = np.concatenate([test for _, test in splits])
    assert_array_equal(np.sort(tested), np.flatnonzero(IS_LABELLED & (DOMAIN == "VDX")))
    for train, test in splits:
        assert not set(train) & set(test)
        if groups is None:  # all else trains: source, unlabelled, other folds
            assert len(train) + len(test) == N
        else:
            assert not set(groups[train]) & set(groups[test])


def test_classes_are_in_equal_shares():
    y = np.where(DOMAIN == "VDX", LABEL, "ER+")
    splitter = LabelledTargetSplit(5, target_domain="VDX")
    shares = [np.mean(y[t] == "ER-") for _, t in splitter.split(X, y, None, DOMAIN)]
    assert shares == [0.25] * 5


@pytest.mark.parametrize("groups", [None, GROUPS])
@pytest.mark.parametrize("with_target", [False, True])
def test_source_rows_are_tested_and_the_target_always_trains(groups, with_target):
    splitter = SourceSplit(4, with_target=with_target)
    unlabelled = np.flatnonzero(~IS_LABELLED)
    splits = list(splitter.split(X, Y, groups, sample_domain=DOMAIN))
    tested = np.concatenate([np.setdiff1d(t, unlabelled) for _, t in splits])
    assert_array_equal(np.sort(tested), np.flatnonzero(DOMAIN != "VDX"))
    for train, test in splits:
        source = test[DOMAIN[test] != "VDX"]
        assert not set(train) & set(source)
        assert set(unlabelled) <= set(test) or not with_target
        if groups is None:
            assert set(np.flatnonzero(DOMAIN == "VDX")) <= set(train)
        else:
            assert not set(groups[train]) & set(groups[source])


def test_each_domain_is_left_out_with_all_its_rows():
    splits = list(LeaveOneDomainOut().split(X, Y, sample_domain=DOMAIN))
    assert LeaveOneDomainOut().get_n_splits(X, Y, sample_domain=DOMAIN) == 3
    for (train, test), name in zip(splits, ["EXPO", "NKI", "VDX"], strict=True):
        assert_array_equal(train, np.flatnonzero(name != DOMAIN))
        assert_array_equal(test, np.flatnonzero((name == DOMAIN) & IS_LABELLED))


def test_patients_in_two_domains_are_left_out_of_training():
    splits = LeaveOneDomainOut().split(X, Y, GROUPS, sample_domain=DOMAIN)
    assert all(not set(GROUPS[a]) & set(GROUPS[b]) for a, b in splits)


def test_domains_in_a_column():
    frame = pd.DataFrame(X, columns=["ESR1"]).assign(cohort=DOMAIN)
    expected = LabelledTargetSplit(3).split(X, Y, sample_domain=DOMAIN)
    found = LabelledTargetSplit(3, domain="cohort").split(frame, Y)
    for one, other in zip(expected, found, strict=True):
        assert_array_equal(one[0], other[0])
        assert_array_equal(one[1], other[1])


def test_continuous_targets_are_spread_over_the_folds():
    y = np.where(DOMAIN == "VDX", np.arange(N), np.nan)
    y[DOMAIN != "VDX"] = 0.5
    splitter = LabelledTargetSplit(2, target_domain="VDX", continuous=True)
    means = [y[test].mean() for _, test in splitter.split(X, y, sample_domain=DOMAIN)]
    assert abs(means[0] - means[1]) < 4  # of a range of 20


def test_works_in_cross_validation_with_unlabelled_rows():
    frame = pd.DataFrame(X, columns=["ESR1"]).assign(cohort=np.repeat([0, 1, 2], 20))
    y = np.where(IS_LABELLED, LABEL, "unlabelled")
    scores = cross_val_score(
        DummyClassifier(strategy="constant", constant="ER+"),
        frame,
        y,
        cv=LabelledTargetSplit(5, domain="cohort", unlabelled="unlabelled"),
        scoring=labelled_only("accuracy", unlabelled="unlabelled"),
    )
    target = LABEL[IS_LABELLED & (DOMAIN == "VDX")]
    assert np.mean(scores) == pytest.approx(np.mean(target == "ER+"))


@pytest.mark.parametrize("splitter", [LabelledTargetSplit(3), SourceSplit(3)])
def test_same_seed_same_splits(splitter):
    one, other = (
        list(s.split(X, Y, sample_domain=DOMAIN))
        for s in (splitter, type(splitter)(**vars(splitter)))
    )
    for (a, b), (c, d) in zip(one, other, strict=True):
        assert_array_equal(a, c)
        assert_array_equal(b, d)
    assert splitter.get_n_splits() == len(one) == 3
    assert repr(clone(splitter, safe=False)) == repr(splitter)


def test_errors():
    with pytest.raises(ValueError, match="labelled rows of the target; got 10"):
        list(LabelledTargetSplit(11).split(X, Y, sample_domain=DOMAIN))
    with pytest.raises(ValueError, match="two domains or more"):
        list(LeaveOneDomainOut().split(X, LABEL))
    with pytest.raises(ValueError, match="inconsistent"):
        list(SourceSplit(2).split(X, Y, [1, 2], sample_domain=DOMAIN))


@pytest.mark.filterwarnings("ignore:No domains were given")
def test_missing_domains_are_named_in_the_error():
    y = [0, 1, 0, 1, 0, 1, -1, -1]
    with pytest.raises(ValueError, match="pass sample_domain"):
        next(LabelledTargetSplit(2).split([[0]] * 8, y))
