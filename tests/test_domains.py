import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skgenex._domains import resolve_domains, resolve_query

X = np.zeros((4, 2))
DOMAIN = ["NKI", "NKI", "VDX", "VDX"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, -1, "-1"], ids=repr)
def test_all_marks_of_a_missing_label_are_understood(missing):
    domains = resolve_domains(X, ["a", "b", missing, "a"], DOMAIN)
    assert list(domains.classes_) == ["a", "b"]
    assert_array_equal(domains.y_codes, [0, 1, -1, 0])
    assert_array_equal(domains.is_labelled, [True, True, False, True])


@pytest.mark.parametrize("dtype", ["object", "str", "category", "string"])
def test_missing_labels_of_pandas(dtype):
    y = pd.Series(["b", "a", None, "b"], dtype=dtype)
    domains = resolve_domains(X, y, DOMAIN)
    assert_array_equal(domains.y_codes, [1, 0, -1, 1])


def test_own_sentinel_is_matched_as_text():
    y = np.array(["a", "b", "unlabelled", "a"])
    domains = resolve_domains(X, y, DOMAIN, unlabelled="unlabelled")
    assert list(domains.classes_) == ["a", "b"]


def test_minus_one_and_one_remain_classes():
    domains = resolve_domains(X, [-1, 1, -1, 1])
    assert list(domains.classes_) == [-1, 1]
    assert domains.names == ("source",)
    assert domains.is_target.all()


def test_minus_one_is_unlabelled_beside_two_classes():
    with pytest.warns(UserWarning, match="2 labelled rows are taken as the source"):
        domains = resolve_domains(X, [0, 1, -1, -1])
    assert domains.names == ("source", "target")
    assert domains.default == "target"
    assert_array_equal(domains.is_target, [False, False, True, True])


def test_minus_one_is_unlabelled_if_domains_are_given():
    domains = resolve_domains(X, [1, 1, -1, -1], DOMAIN)
    assert list(domains.classes_) == [1]
    assert domains.target_names == ("VDX",)


def test_float_labels_keep_their_values():
    domains = resolve_domains(X, [0.0, 1.0, np.nan, 1.0], DOMAIN)
    assert_array_equal(domains.classes_, [0.0, 1.0])


def test_numbers_beside_none_become_numbers():
    domains = resolve_domains(X, [3, 7, None, 3], DOMAIN)
    assert domains.classes_.dtype.kind == "i"


def test_continuous_target():
    domains = resolve_domains(X, [1.5, None, 2.0, np.nan], DOMAIN, continuous=True)
    assert_array_equal(domains.y, [1.5, np.nan, 2.0, np.nan])
    assert_array_equal(domains.is_labelled, [True, False, True, False])


def test_minus_one_is_a_number_in_a_continuous_target():
    assert resolve_domains(
        X, [-1, 0.5, 1, 2], DOMAIN, continuous=True
    ).is_labelled.all()


def test_domains_may_be_any_hashable():
    domains = resolve_domains(X, [0, 1, 0, 1], [("A", 1), 2, 2, ("A", 1)])
    assert set(domains.names) == {("A", 1), 2}
    assert domains.codes[0] == domains.codes[3] != domains.codes[1]


def test_target_is_the_domain_without_labels():
    y = [0, 1, None, 1, None, None]
    domain = ["s", "s", "s", "s", "t", "t"]
    assert resolve_domains(np.zeros((6, 1)), y, domain).target_names == ("t",)


def test_partly_labelled_target():
    assert resolve_domains(X, [0, 1, 0, None], DOMAIN).default == "VDX"


def test_named_targets():
    domains = resolve_domains(X, [0, 1, 0, 1], DOMAIN, target_domain=["VDX", "NKI"])
    assert domains.target_names == ("NKI", "VDX")
    assert domains.default is None
    assert resolve_domains(X, [0, 1, 0, 1], DOMAIN).target_names == ()


def test_column_of_domains():
    frame = pd.DataFrame(X, columns=["ESR1", "GATA3"]).assign(platform=DOMAIN)
    domains = resolve_domains(frame, [0, 1, None, None], domain="platform")
    assert list(domains.X.columns) == ["ESR1", "GATA3"]
    assert domains.default == "VDX"
    known = {"names": domains.names, "default": "VDX", "domain": "platform"}
    _, codes, _ = resolve_query(frame, None, **known)
    assert_array_equal(codes, [0, 0, 1, 1])
    _, codes, _ = resolve_query(domains.X, None, **known)
    assert_array_equal(codes, [1, 1, 1, 1])


def test_unseen_domains_get_codes_of_their_own():
    _, codes, new = resolve_query(
        X, ["u", "t", "v", "u"], names=("s", "t"), default="t"
    )
    assert_array_equal(codes, [2, 1, 3, 2])
    assert new == ("u", "v")


def test_query_without_a_default_asks_for_domains():
    with pytest.raises(ValueError, match="sample_domain is needed"):
        resolve_query(X, None, names=("s", "t"), default=None)


@pytest.mark.parametrize(
    ("y", "kwargs", "message"),
    [
        (None, {}, "requires y to be passed"),
        ([None] * 4, {}, "at least one label"),
        ([0, 1, 0], {}, "same number of rows; got 4 and 3"),
        ([0, 1, 0, np.inf], {}, "infinity"),
        ([0.5, 1.5, 0.1, 0.2], {}, "continuous"),
        ([0, 1, 0, 1], {"sample_domain": ["s"]}, "value per row, 4; got 1"),
        ([0, 1, 0, 1], {"sample_domain": "NKI"}, "one value per row"),
        ([0, 1, 0, 1], {"sample_domain": ["s", None, "t", "t"]}, "1 of 4 are missing"),
        ([0, 1, 0, 1], {"sample_domain": [["s"]] * 4}, "one-dimensional"),
        ([0, 1, 0, 1], {"sample_domain": DOMAIN, "target_domain": "X"}, "one of the"),
        ([0, 1, 0, 1], {"domain": "platform"}, "must name a column of X"),
    ],
)
def test_errors_say_what_is_wrong(y, kwargs, message):
    with pytest.raises(ValueError, match=message):
        resolve_domains(X, y, **kwargs)


def test_empty_cells_are_no_labels():
    y = np.array(["ER+", "", "ER-", ""])
    domains = resolve_domains(np.zeros((4, 1)), y, ["a", "b", "a", "b"])
    assert domains.classes_.tolist() == ["ER+", "ER-"]
    assert domains.y_codes.tolist() == [0, -1, 1, -1]
