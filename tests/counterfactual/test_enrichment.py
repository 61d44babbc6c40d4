"""Enrichment against other implementations of both tests."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from skgenex.counterfactual.enrichment import enrichment, read_gmt

GENES = [f"G{j}" for j in range(60)]


@pytest.fixture
def importance():
    values = np.random.default_rng(0).permutation(60).astype(float)
    values[:10] = 7.0  # ties
    return pd.Series(values, index=GENES)


def test_both_tests_are_those_of_scipy(importance):
    rng = np.random.default_rng(1)
    sets = {f"S{k}": rng.choice(GENES, 8 + k, replace=False) for k in range(6)}
    table = enrichment(importance, sets, n_top=15)
    top = importance.sort_values(ascending=False, kind="stable").index[:15]
    for name, genes in sets.items():
        inside = importance.index.isin(genes)
        test = stats.mannwhitneyu(
            importance[inside],
            importance[~inside],
            alternative="greater",
            method="asymptotic",
        )
        assert table.loc[name, "p_rank"] == pytest.approx(test.pvalue)
        assert table.loc[name, "auc"] == pytest.approx(
            test.statistic / (inside.sum() * (~inside).sum())
        )
        both = len(set(top) & set(genes))
        counts = [[both, 15 - both], [len(genes) - both, 45 - len(genes) + both]]
        exact = stats.fisher_exact(counts, alternative="greater").pvalue
        assert table.loc[name, "p_overlap"] == pytest.approx(exact)
        assert table.loc[name, "overlap"] == both
        assert table.loc[name, "expected"] == pytest.approx(len(genes) / 4)
    np.testing.assert_allclose(
        table["q_rank"], stats.false_discovery_control(table["p_rank"])
    )
    assert table["p_rank"].is_monotonic_increasing


def test_a_planted_set_is_found_and_its_genes_listed():
    importance = pd.Series(np.arange(60.0), index=GENES)
    sets = {"planted": GENES[-6:], "spread": GENES[::10], "unmeasured": ["X"] * 9}
    with pytest.warns(UserWarning, match="1 of 3 gene sets.*unmeasured"):
        table = enrichment(importance, sets, n_top=8)
    assert table.attrs["skipped"] == ["unmeasured"]
    assert list(table.index) == ["planted", "spread"]
    assert table.loc["planted", "genes"] == "G59, G58, G57, G56, G55, G54"
    assert table.loc["planted", "auc"] == 1
    assert table.loc["planted", ["q_rank", "q_overlap"]].max() < 1e-3
    assert table.loc["spread", ["q_rank", "q_overlap"]].min() > 0.1


def test_unmeasured_genes_do_not_count(importance):
    known = enrichment(importance, {"a": GENES[20:30]})
    more = enrichment(importance, {"a": [*GENES[20:30], "UNKNOWN", "OTHER"]})
    pd.testing.assert_frame_equal(known, more)


def test_gene_sets_from_a_file(tmp_path, importance):
    path = tmp_path / "sets.gmt"
    path.write_text("a\tna\t" + "\t".join(GENES[:8]) + "\n\nb\t\tG9\tG10\t\n")
    assert read_gmt(path) == {"a": GENES[:8], "b": ["G9", "G10"]}
    with pytest.warns(UserWarning, match="1 of 2 gene sets"):
        table = enrichment(importance, path)
    assert list(table.index) == ["a"]  # b is below min_size
    (tmp_path / "bad.gmt").write_text("a\tna\tG1\nb\tna\n")
    with pytest.raises(ValueError, match=r"Line 2 of .*bad\.gmt must hold a name"):
        read_gmt(tmp_path / "bad.gmt")


def test_a_table_is_refused_with_what_would_do():
    table = pd.DataFrame({"change": [1.0, 2.0]}, index=["A", "B"])
    with pytest.raises(TypeError, match=r"got DataFrame.*table\['change'\]"):
        enrichment(table, {"set": ["A"]})


def test_bad_input_is_refused(importance):
    with pytest.raises(ValueError, match="None of the 1 gene sets has 5 to 500"):
        enrichment(importance, {"a": ["BRCA1"] * 20})
    with pytest.raises(ValueError, match=r"\['G0'\] repeat"):
        enrichment(importance.rename({"G1": "G0"}), {"a": GENES})
    with pytest.raises(ValueError, match="1 have none"):
        enrichment(importance.replace(59.0, np.nan), {"a": GENES[:9]})
    with pytest.raises(ValueError, match="n_top must be at least 1"):
        enrichment(importance, {"a": GENES[:9]}, n_top=0)
