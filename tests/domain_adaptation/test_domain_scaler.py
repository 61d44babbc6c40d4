import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn import FunctionSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from skgenex.datasets import make_expression
from skgenex.domain_adaptation import DomainScaler
from skgenex.domain_adaptation._domain_scaler import METHODS
from skgenex.model_selection import LabelledTargetSplit


def cohorts(shares=(0.5, 0.5), *, n_samples=400, seed=0, **how):
    """Source of equal shares, and an unlabelled target of other shares and units."""
    data = make_expression(
        n_samples,
        150,
        n_domains=2,
        domain_shift=2.0,
        domain_scale=0.5,
        weights=[[0.5, 0.5], list(shares)],
        effect_size=1.5,
        random_state=seed,
        **how,
    )
    truth = (data.target == "class_1").astype(int)
    y = np.where(data.domain == 0, truth, -1)
    return data.data, y, truth, np.array(["NKI", "VDX"])[data.domain]


def target_score(scaler, X, y, truth, domain):
    Z = scaler.fit_transform(X, y, sample_domain=domain)
    model = LogisticRegression(C=0.01).fit(Z[y >= 0], y[y >= 0])
    rows = domain == "VDX"
    return balanced_accuracy_score(truth[rows], model.predict(Z[rows]))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("share", [0.1, 0.9])
def test_class_signal_survives_other_class_shares(share, seed):
    data = cohorts((1 - share, share), seed=seed)
    with pytest.warns(UserWarning, match=r"\['VDX'\] probably differ"):
        plain = target_score(DomainScaler(label_shift=None), *data)
    aware = DomainScaler()
    assert target_score(aware, *data) > plain + 0.05
    assert_allclose(aware.class_shares_[1], [1 - share, share], atol=0.08)
    assert_allclose(aware.class_shares_[0], 0.5, atol=0.01)


def test_no_harm_without_label_shift():
    data = cohorts()
    plain = target_score(DomainScaler(label_shift=None), *data)
    assert target_score(DomainScaler(), *data) >= plain - 0.01


def test_corrected_mean_is_that_of_the_source_s_class_shares():
    X, y, truth, domain = cohorts((0.9, 0.1), n_samples=1000)
    Z = DomainScaler().fit_transform(X, y, sample_domain=domain)
    means = {
        d: [Z[(domain == d) & (truth == c)].mean(0) for c in (0, 1)]
        for d in set(domain)
    }
    by_class = [np.abs(means["NKI"][c] - means["VDX"][c]).mean() for c in (0, 1)]
    Z = (X[domain == "VDX"] - X[domain == "VDX"].mean(0)) / X[domain == "VDX"].std(0)
    plain = [
        np.abs(means["NKI"][c] - Z[truth[domain == "VDX"] == c].mean(0)).mean()
        for c in (0, 1)
    ]
    assert by_class[0] < 0.75 * plain[0]
    assert by_class[1] < plain[1]


def test_single_source_is_plainly_standardised():
    X, y, _, domain = cohorts((0.9, 0.1))
    Z = DomainScaler().fit_transform(X, y, sample_domain=domain)
    source = X[domain == "NKI"]
    expected = ((source - source.mean(0)) / source.std(0)).clip(-10, 10)
    assert_allclose(Z[domain == "NKI"], expected, atol=1e-9)


def test_labelled_domains_of_known_shares_are_brought_to_common_class_means():
    X, _, truth, domain = cohorts((0.9, 0.1), n_samples=1000)
    scaler = DomainScaler(target_domain="VDX")
    Z = scaler.fit_transform(X, truth, sample_domain=domain)
    assert_array_equal(scaler.class_share_errors_, 0)
    assert_allclose(scaler.class_shares_[1], [0.9, 0.1], atol=0.01)
    gap = [
        np.abs(
            Z[(domain == "NKI") & (truth == c)].mean(0)
            - Z[(domain == "VDX") & (truth == c)].mean(0)
        ).mean()
        for c in (0, 1)
    ]
    assert max(gap) < 0.25


def test_several_sources_of_different_shares():
    data = make_expression(
        600,
        100,
        n_domains=3,
        domain_shift=2.0,
        effect_size=1.5,
        random_state=0,
        weights=[[0.8, 0.2], [0.2, 0.8], [0.5, 0.5]],
    )
    truth = (data.target == "class_1").astype(int)
    y = np.where(data.domain < 2, truth, -1)
    scaler = DomainScaler()
    Z = scaler.fit_transform(X=data.data, y=y, sample_domain=data.domain)
    assert_allclose(scaler.source_shares_, 0.5, atol=0.01)
    assert_allclose(scaler.class_shares_[2], 0.5, atol=0.1)
    informative = data.effects[1] != 0
    one, other = (Z[(data.domain == d) & (truth == 0)].mean(0) for d in (0, 1))
    assert np.abs(one - other)[informative].mean() < 0.25


def test_labelled_target_rows_help_the_shares():
    errors = {0: [], 40: []}
    for seed in range(4):
        X, y, truth, domain = cohorts((0.85, 0.15), n_samples=120, seed=seed)
        X = X + 2 * np.random.default_rng(seed).standard_normal(X.shape)
        for n_known in errors:
            rows = np.flatnonzero(domain == "VDX")[:n_known]
            y_some = y.copy()
            y_some[rows] = truth[rows]
            scaler = DomainScaler(target_domain="VDX")
            scaler.fit(X, y_some, sample_domain=domain)
            errors[n_known].append(abs(scaler.class_shares_[1, 1] - 0.15))
    assert np.mean(errors[40]) < 0.5 * np.mean(errors[0])


@pytest.mark.parametrize("method", METHODS)
def test_a_target_in_other_units_gives_the_same_rows(method):
    X, y, _, domain = cohorts()
    rescaled = np.where((domain == "VDX")[:, None], 2 * X + 3, X)
    Z = DomainScaler(method=method).fit_transform(X, y, sample_domain=domain)
    again = DomainScaler(method=method).fit_transform(rescaled, y, sample_domain=domain)
    if method == "combat":  # its prior is in the units of all rows together
        assert np.abs(Z - again).mean() < 0.05
    else:
        assert_allclose(Z, again, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_new_rows_change_nothing_and_go_to_the_target(method):
    X, y, _, domain = cohorts()
    scaler = DomainScaler(method=method)
    Z = scaler.fit_transform(X, y, sample_domain=domain)
    rows = np.flatnonzero(domain == "VDX")[[5, 2, 9]]
    assert_allclose(scaler.transform(X[rows]), Z[rows], atol=1e-10)
    assert_allclose(scaler.transform(X[rows[:1]]), Z[rows[:1]], atol=1e-10)
    both = [rows[0], 0]
    assert_allclose(
        scaler.transform(X[both], sample_domain=domain[both]), Z[both], atol=1e-10
    )


@pytest.mark.parametrize("method", ["coral", "ot"])
def test_covariances_become_those_of_the_source(method):
    X, y, _, domain = cohorts(domain_rotation=60.0, n_samples=1200)
    is_target = domain == "VDX"

    def distance(method):
        Z = DomainScaler(method=method, label_shift=None)
        Z = Z.fit_transform(X, y, sample_domain=domain)
        return np.linalg.norm(np.cov(Z[is_target].T) - np.cov(Z[~is_target].T))

    assert distance(method) < 0.5 * distance("zscore")


def test_quantile_undoes_any_monotone_map():
    X, y, _, domain = cohorts()
    bent = np.where((domain == "VDX")[:, None], np.exp(X / 10), X)
    method = DomainScaler(method="quantile", label_shift=None)
    Z, again = (method.fit_transform(A, y, sample_domain=domain) for A in (X, bent))
    assert_allclose(Z, again, atol=1e-6)


def test_unseen_domain_is_standardised_by_its_own_rows():
    X, y, _, domain = cohorts()
    scaler = DomainScaler(label_shift=None).fit(X, y, sample_domain=domain)
    new = 5 * X[:50] - 7
    Z = scaler.transform(new, sample_domain=["EXPO"] * 50)
    assert_allclose(Z.mean(axis=0), 0, atol=1e-9)
    assert_allclose(Z.std(axis=0), 1, atol=1e-9)
    with pytest.raises(ValueError, match="'EXPO' was not in the fit, and its 9 rows"):
        scaler.transform(new[:9], sample_domain=["EXPO"] * 9)


def test_class_shares_of_an_unseen_domain_are_accounted_for():
    X, y, _, domain = cohorts((0.9, 0.1))
    scaler = DomainScaler().fit(X, y, sample_domain=domain)
    rows = domain == "VDX"
    Z = scaler.transform(X[rows], sample_domain=["EXPO"] * rows.sum())
    assert_allclose(Z, scaler.transform(X[rows]), atol=0.15)


def test_few_rows_are_pooled_with_a_warning():
    X, y, _, domain = cohorts()
    keep = np.r_[np.flatnonzero(domain == "NKI"), np.flatnonzero(domain == "VDX")[:4]]
    scaler = DomainScaler(label_shift=None)
    with pytest.warns(UserWarning, match="Domain 'VDX' has 4 rows"):
        scaler.fit(X[keep], y[keep], sample_domain=domain[keep])
    own, other = scaler.maps_[1].mean, X[keep[-4:]].mean(axis=0)
    pooled = X[keep].mean(axis=0)
    assert_allclose(own, (4 * other + 10 * pooled) / 14)


def test_a_rare_class_turns_the_correction_off_with_a_warning():
    X, y, _, domain = cohorts()
    y[np.flatnonzero(y == 1)[3:]] = -1
    with pytest.warns(UserWarning, match="class '1' has 3 labelled rows"):
        scaler = DomainScaler().fit(X, y, sample_domain=domain)
    assert_allclose(scaler.placements_[1].mean, 0)


def test_without_labels_it_standardises_plainly():
    X, _, _, domain = cohorts((0.9, 0.1))
    scaler = DomainScaler(target_domain="VDX").fit(X, sample_domain=domain)
    Z = scaler.transform(X, sample_domain=domain)
    for name in ("NKI", "VDX"):
        assert_allclose(Z[domain == name].mean(axis=0), 0, atol=0.05)
    continuous = np.random.default_rng(0).standard_normal(len(X))
    same = DomainScaler(target_domain="VDX").fit(X, continuous, sample_domain=domain)
    assert_allclose(same.transform(X, sample_domain=domain), Z)


def test_frame_with_a_column_of_domains_keeps_names():
    X, y, _, domain = cohorts()
    frame = pd.DataFrame(X, columns=[f"gene{i}" for i in range(X.shape[1])])
    with_column = frame.assign(platform=domain)
    scaler = DomainScaler(domain="platform").set_output(transform="pandas")
    Z = scaler.fit_transform(with_column, y)
    assert list(Z.columns) == list(frame.columns) == list(scaler.feature_names_in_)
    expected = DomainScaler().fit_transform(X, y, sample_domain=domain)
    assert_allclose(Z, expected)
    with pytest.raises(ValueError, match="feature names"):
        scaler.transform(frame.rename(columns={"gene0": "other"}))


def drop_unlabelled(X, y):
    return X[y != -1], y[y != -1]


def test_pipeline_needs_no_metadata():
    X, y, truth, domain = cohorts((0.8, 0.2))
    pipeline = make_resampling_pipeline(
        DomainScaler(),
        FunctionSampler(func=drop_unlabelled, validate=False),
        LogisticRegression(C=0.01),
    )
    y_three = np.where(y == 1, 2, y)  # classes 0 and 2
    with pytest.warns(UserWarning, match="No domains were given"):
        pipeline.fit(X, y_three)
    rows = domain == "VDX"
    assert balanced_accuracy_score(2 * truth[rows], pipeline.predict(X[rows])) > 0.9


def test_search_passes_domains_without_routing():
    X, _, truth, domain = cohorts()
    pipeline = make_pipeline(DomainScaler(target_domain="VDX"), LogisticRegression())
    search = GridSearchCV(
        pipeline,
        {"domainscaler__method": ["zscore", "quantile"]},
        cv=list(
            LabelledTargetSplit(3, target_domain="VDX").split(
                X, truth, sample_domain=domain
            )
        ),
    )
    search.fit(X, truth, domainscaler__sample_domain=domain)
    assert search.best_estimator_[0].domains_ == ("NKI", "VDX")
    assert search.best_score_ > 0.9


def test_routing_passes_domains_unprefixed():
    X, _, truth, domain = cohorts()
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            DomainScaler(target_domain="VDX"), LogisticRegression()
        )
        result = cross_validate(
            pipeline,
            X,
            truth,
            cv=LabelledTargetSplit(3, target_domain="VDX"),
            params={"sample_domain": domain},
            return_estimator=True,
        )
    assert result["test_score"].min() > 0.85
    assert all(e[0].domains_ == ("NKI", "VDX") for e in result["estimator"])


def test_global_generator_is_left_alone():
    X, y, _, domain = cohorts()
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    DomainScaler(method="ot").fit(X, y, sample_domain=domain)
    assert np.random.rand() == expected  # noqa: NPY002


@pytest.mark.parametrize("method", METHODS)
def test_copies_and_refits_are_identical(method):
    X, y, _, domain = cohorts((0.8, 0.2))
    scaler = DomainScaler(method=method).fit(X, y, sample_domain=domain)
    Z = scaler.transform(X, sample_domain=domain)
    for other in (
        pickle.loads(pickle.dumps(scaler)),
        clone(scaler).fit(X, y, sample_domain=domain),
    ):
        assert_array_equal(other.transform(X, sample_domain=domain), Z)


def test_a_fit_that_fails_changes_nothing():
    X, y, _, domain = cohorts()
    scaler = DomainScaler(method="coral").fit(X, y, sample_domain=domain)
    before = scaler.transform(X[:3])
    with pytest.raises(ValueError, match="set target_domain"):
        scaler.fit(X + 1, np.abs(y), sample_domain=domain)
    assert_array_equal(scaler.transform(X[:3]), before)


def test_rows_without_a_domain_are_refused_where_the_target_is_not_known():
    X, _, truth, domain = cohorts()
    scaler = DomainScaler().fit(X, truth, sample_domain=domain)
    with pytest.raises(ValueError, match="sample_domain is needed"):
        scaler.transform(X)
