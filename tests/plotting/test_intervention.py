import pandas as pd
import pytest

from skgenex.plotting import InterventionScanDisplay

TABLE = pd.DataFrame(
    {
        "gain": [0.5, 2.0, 1.0],
        "alone": [0.1, 0.2, -0.3],
        "sd": [0.1, 0.2, 0.3],
        "by": [1.0, -1.0, 1.0],
    },
    index=["CD7", "CD19", "LCK"],
)


def test_bars_and_marks_are_the_table_by_falling_gain():
    display = InterventionScanDisplay.from_table(TABLE, n_genes=2)
    assert display.genes_ == ["CD19 down", "LCK up"]
    assert [bar.get_width() for bar in display.ax_.patches] == [2.0, 1.0]
    marks = display.ax_.lines[0]
    alone = next(line for line in display.ax_.lines if line.get_marker() == "o")
    assert list(alone.get_xdata()) == [0.2, -0.3]
    assert display.figure_ is marks.figure


def test_tables_of_something_else_are_refused():
    with pytest.raises(ValueError, match="'gain'"):
        InterventionScanDisplay.from_table(TABLE.drop(columns="gain"))
    with pytest.raises(ValueError, match="n_genes"):
        InterventionScanDisplay.from_table(TABLE, n_genes=0)
