"""The report on samplers whose leaks are known, and canaries."""

import json

import numpy as np
import pandas as pd
import pytest

from skgenex.datasets import make_expression
from skgenex.metrics.privacy import plant_canaries, privacy_report
from skgenex.metrics.privacy.controls import NoisyCopies


class Honest:
    """Knows the population, and no training row."""

    def sample(self, n_samples, *, random_state):
        return make_expression(
            n_samples, 60, n_informative=10, random_state=random_state, return_X_y=True
        )


@pytest.fixture(scope="module")
def rows():
    X, y = make_expression(240, 60, n_informative=10, random_state=0, return_X_y=True)
    return np.split(X, 3), np.split(y, 3)


def report_on(sampler, rows, n_shadows=0, **more):
    (train, holdout, reference), (y_train, y_holdout, y_reference) = rows
    return privacy_report(
        sampler, train, holdout, y_train, y_holdout, reference=reference,
        y_reference=y_reference, n_shadows=n_shadows, n_samples=200, random_state=0,
        **more,
    )  # fmt: skip


def test_copies_are_found_by_every_attack(rows):
    (train, *_), (y_train, *_) = rows
    report = report_on(NoisyCopies().fit(train, y_train), rows, n_shadows=2)
    assert {"gan_leaks_calibrated", "shadow"} <= set(report.table.index)
    assert (report.table["auc_low"] > 0.7).all()
    assert report.table.loc["gan_leaks", "tpr_1"] > 0.9
    assert (report.inference.loc[["hidden_genes", "linkability"], "advantage_low"]
            > 0.2).all()  # fmt: skip
    assert report.distances.loc["authenticity", "synthetic"] == 0


def test_a_sampler_that_knows_no_row_is_at_chance_and_controls_are_not(rows):
    report = report_on(Honest(), rows)
    table = report.table
    assert ((table["auc_low"] < 0.5) & (table["auc_high"] > 0.5)).sum() >= 4
    assert (table["auc"] < 0.65).all()
    assert (table["copy_auc"] > 0.75).all()
    assert ((table["real_auc"] - 0.5).abs() < 0.15).all()


def test_a_second_set_of_labels_changes_nothing_but_classes(rows):
    (train, holdout, reference), _ = rows
    sampler = NoisyCopies().fit(train)
    report = privacy_report(
        sampler, train, holdout, reference=reference, n_shadows=0, random_state=0
    )
    assert "class" not in report.inference.index
    again = privacy_report(
        sampler, train, holdout, reference=reference, n_shadows=0, random_state=0
    )
    pd.testing.assert_frame_equal(report.table, again.table)


def test_likelihood_and_losses_are_attacked(rows):
    (train, *_), (y_train, *_) = rows

    class Knows(NoisyCopies):
        def score_samples(self, X, y=None):
            known = {row.tobytes() for row in self.rows_}
            return np.array([float(row.tobytes() in known) for row in X])

    def losses(sampler, X, y):
        return np.exp(-sampler.score_samples(X))[:, None]

    sampler = Knows().fit(train, y_train)
    table = report_on(sampler, rows, n_shadows=1, losses=losses).table
    white = ["likelihood", "likelihood_calibrated", "loss_trajectory"]
    assert (table.loc[white, "auc"] == 1).all()
    table = report_on(sampler, rows, n_shadows=1, white_box=False).table
    assert not set(white) & set(table.index)


def test_without_a_reference_half_of_the_held_out_rows_serves(rows):
    (train, holdout, _), (y_train, y_holdout, _) = rows
    report = privacy_report(
        NoisyCopies().fit(train, y_train), train, holdout, y_train, y_holdout,
        n_shadows=0, random_state=0,
    )  # fmt: skip
    assert report.sizes["held_out_rows"] == report.sizes["reference_rows"] == 40


def test_report_prints_draws_and_becomes_json(rows):
    report = report_on(Honest(), rows)
    assert "not a proof" in str(report)
    assert "gan_leaks" in report._repr_html_()
    back = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert back["attacks"]["logan"]["auc"] == report.table.loc["logan", "auc"]
    display = report.plot()
    assert len(display.lines_) == len(report.table)
    best = report.attacks[report.strongest].roc_curve()
    np.testing.assert_allclose(display.lines_[0].get_ydata(), np.maximum(best[1], 1e-3))


def test_wrong_sets_are_refused(rows):
    (train, holdout, _), (y_train, y_holdout, _) = rows
    sampler = NoisyCopies().fit(train, y_train)
    with pytest.raises(ValueError, match="labels for all sets or for none"):
        privacy_report(sampler, train, holdout, y_train)
    with pytest.raises(ValueError, match="8 rows or more"):
        privacy_report(sampler, train, holdout[:10], y_train, y_holdout[:10])
    with pytest.raises(ValueError, match="no rows of the classes"):
        privacy_report(sampler, train, holdout, y_train, y_train, reference=train,
                       y_reference=np.full(len(train), y_train[0]))  # fmt: skip
    with pytest.raises(ValueError, match="needs reference"):
        privacy_report(sampler, train, holdout, y_reference=y_train)


def test_canaries_planted_and_held_out_are_of_one_kind():
    X = pd.DataFrame(np.random.default_rng(0).standard_normal((200, 50)))
    y = np.repeat(["a", "b"], 100)
    canaries = plant_canaries(X, 40, y=y, strength=10, share=0.2, random_state=0)
    pd.testing.assert_frame_equal(canaries.X.iloc[:200], X)
    assert (canaries.y[200:] == canaries.y_planted).all()
    for part in (canaries.planted, canaries.held_out):
        moved = np.abs(part.to_numpy()) > 5
        assert (np.abs(moved.sum(axis=1) - 10) <= 1).all()
    assert not np.allclose(canaries.planted, canaries.held_out)
    with pytest.raises(ValueError, match="n_canaries"):
        plant_canaries(X, 1)


def test_canaries_of_a_copying_sampler_are_found(rows):
    (train, _, reference), (y_train, _, y_reference) = rows
    canaries = plant_canaries(train, 40, y=y_train, random_state=0)
    more = {"reference": reference, "y_reference": y_reference, "n_shadows": 0}
    held = (canaries.planted, canaries.held_out, canaries.y_planted)
    copier = NoisyCopies().fit(canaries.X, canaries.y)
    found = privacy_report(
        copier, *held, canaries.y_held_out, n_samples=500, random_state=0, **more
    )
    assert found.table.loc["gan_leaks", "auc_low"] > 0.9
    missed = privacy_report(
        Honest(), *held, canaries.y_held_out, n_samples=500, random_state=0, **more
    )
    assert missed.table.loc["gan_leaks", "auc_high"] < 0.9
