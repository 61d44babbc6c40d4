"""The Python in README and the pages of docs runs, block after block of a page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages_with_code():
    """Paths from the root of all hand-written pages that hold Python."""
    pages = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/user_guide/*.md")]
    for path in [ROOT / "README.md", *sorted(pages)]:
        if BLOCK.search(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", list(pages_with_code()))
def test_code_of_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some pages write files
    names = {}
    for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        exec(compile(block, page, "exec"), names)  # an error is a failure
    assert set(names) > {"__builtins__"}  # blocks were found, and defined something


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_within_the_repository_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
