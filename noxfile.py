#!/usr/bin/env -S uv run --script

# /// script
# dependencies = ["nox"]
# ///
"""The tests on several versions of what the package builds on: ``nox``.

``nox -s lowest`` installs the floors that pyproject.toml declares; ``nox -s versions``
the pairs of scikit-learn and pandas that users have. Arguments after ``--`` go to
pytest.
"""

import re
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "venv"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "SCIPY_ARRAY_API": "1", "MPLBACKEND": "Agg"}
GOLDEN = (
    "tests/trust/test_golden.py::test_a_fixed_seed_gives_the_results_that_were_kept"
)
# Checks of the project itself, not of the code: they want the pinned versions.
ABOUT_THE_PROJECT = ("tests/test_packaging.py", "tests/test_docstrings.py")


def floors() -> list[str]:
    """Turn what pyproject.toml asks for at least into exactly that release line."""
    text = Path(__file__).with_name("pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["parquet"], *extras["skops"]]
    return [re.sub(r">=(\d+\.\d+)(\.\d+)?$", r"==\1.*", line) for line in lines]


def run_tests(session: nox.Session, *pins: str, options: tuple[str, ...] = ()) -> None:
    """Install the package with ``pins`` and run the tests."""
    session.install("-e", ".[plot,parquet,skops]", *pins)
    session.install("hypothesis>=6.100", "numpydoc>=1.8", "pytest>=9", *pins)
    session.run("python", "-m", "pip", "list")
    ignored = [f"--ignore={path}" for path in ABOUT_THE_PROJECT]
    options = (*options, *ignored, *session.posargs)
    session.run("python", "-m", "pytest", *options, env=ENVIRONMENT)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests on the lowest declared versions of everything."""
    # Old releases warn of newer ones beside them, such as matplotlib of pyparsing.
    # scikit-learn 1.6 runs one of its checks twice, under one name.
    same_names = ("-o", "strict_parametrization_ids=false")
    # Kept results are those of the pinned torch; older ones round otherwise.
    no_results = ("--deselect", GOLDEN)
    options = ("-W", "default", *same_names, *no_results)
    run_tests(session, *floors(), options=options)


@nox.session
@nox.parametrize(
    ("sklearn", "pandas"),
    [("==1.6.*", "==2.3.*"), ("==1.7.*", ">=3"), ("==1.8.*", "==2.3.*"), ("", ">=3")],
)
def versions(session: nox.Session, sklearn: str, pandas: str) -> None:
    """Run the tests on one pair of scikit-learn and pandas; "" is the newest."""
    run_tests(session, f"scikit-learn{sklearn}", f"pandas{pandas}")


if __name__ == "__main__":
    nox.main()
