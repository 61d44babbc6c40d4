"""Results and files of earlier versions: neither may change unnoticed.

Figures are kept for a fixed seed. A dependency that changes them shows here; after a
change of our own that is wanted, `python tests/golden/figures.py` writes them anew.
"""

import json

import pytest

from skgenex._persistence import load
from tests.golden.figures import FILES, RESULTS, summarise
from tests.trust._public_estimators import IDS, VARIANTS, outputs, patients

# Two epochs in float32: other processors sum in another order.
TOLERANCE = {"rel": 2e-3, "abs": 2e-3}
KEPT = json.loads(RESULTS.read_text(encoding="utf-8"))
SAVED = sorted(FILES.glob("*.skops"))


def assert_close(figures, kept):
    assert figures.keys() == kept.keys()
    for name in kept:
        assert figures[name] == pytest.approx(kept[name], **TOLERANCE), name


def test_figures_are_kept_of_every_variant():
    assert sorted(KEPT) == sorted(IDS)
    assert [path.stem for path in SAVED] == sorted(
        variant.name for variant in VARIANTS if variant.in_skops
    )


@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_a_fixed_seed_gives_the_results_that_were_kept(variant):
    X, y = patients()
    figures = summarise(outputs(variant.fitted(X, y), X))
    assert_close(figures, KEPT[variant.name])


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_files_of_earlier_versions_are_read(path):
    figures = summarise(outputs(load(path), patients()[0]))
    assert_close(figures, KEPT[path.stem])


def test_kept_files_are_small():
    assert sum(path.stat().st_size for path in SAVED) < 700_000


def test_a_small_change_is_seen():
    X, y = patients()
    sampler = next(v for v in VARIANTS if v.name == "GaussianSampler")
    changed = summarise(outputs(sampler.fitted(X * 1.01, y), X))
    with pytest.raises(AssertionError):
        assert_close(changed, KEPT["GaussianSampler"])
