"""What the package declares about itself agrees with what it is."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins():
    """Versions in constraints.txt by canonical name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): Version(pinned) for name, pinned in pairs}


def requirements():
    """All requirements of the package, its tested extras and its groups."""
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    yield from project["dependencies"]
    for extra in ("plot", "parquet", "skops"):
        yield from project["optional-dependencies"][extra]
    for group in groups.values():
        yield from (entry for entry in group if isinstance(entry, str))


@pytest.mark.parametrize("line", sorted(set(requirements())))
def test_pinned_version_satisfies_the_floor(line):
    requirement = Requirement(line)
    pinned = pins()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned)


def test_pre_commit_runs_the_pinned_ruff():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    rev = re.search(r"ruff-pre-commit\n\s+rev: v(\S+)", text)[1]
    assert Version(rev) == pins()["ruff"]


def test_make_installs_the_pinned_torch():
    # The local part (+cpu, +cu128) says where it was built, not what it is.
    assert Version(Version(version("torch")).public) == pins()["torch"]
