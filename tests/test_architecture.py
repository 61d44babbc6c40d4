"""Arrows point one way: shell -> its room's torch files -> nn; rooms stay apart.

The checker reads the source, so that imports inside functions count too.
"""

import ast
from pathlib import Path

import pytest

import skgenex

PACKAGE = Path(skgenex.__file__).parent

SUBJECT_ROOMS = {
    "counterfactual",
    "domain_adaptation",
    "generation",
    "self_supervision",
}
SHARED_ROOMS = {
    "datasets",
    "integration",
    "metrics",
    "model_selection",
    "nn",
    "plotting",
    "prediction",
    "preprocessing",
}
SKORCH_FILES = {"_objective_net.py", "_training.py"}
NOT_IN_NN = {"imblearn", "joblib", "optuna", "pandas", "sklearn", "skorch"}
VAGUE_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}


def imported_modules(path, package):
    """Yield absolute dotted names of everything that the file ``path`` imports.

    ``from a import b`` yields ``a.b``: ``b`` may be a module itself.
    """
    parents = [package.name, *path.relative_to(package).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = parents[: len(parents) - node.level + 1] if node.level else []
            base = ".".join([*start, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def complaints_about(relative, module, package_name):
    """Yield what is wrong with the file at ``relative`` importing ``module``."""
    room = relative.parts[0] if len(relative.parts) > 1 else None
    top, _, rest = module.partition(".")
    if top == "skorch" and room != "integration" and str(relative) not in SKORCH_FILES:
        yield "skorch belongs to the trainer and integration/"
    if room == "nn" and top in NOT_IN_NN:
        yield "nn is pure torch"
    if top != package_name:
        return
    target = rest.partition(".")[0]
    if room == "nn" and target != "nn":
        yield "nn knows nothing else of the package"
    if target in SUBJECT_ROOMS and target != room and str(relative) != "__init__.py":
        kind = "a subject room" if room in SUBJECT_ROOMS else "shared code"
        yield f"{kind} may not know the subject room {target}"


def wrong_arrows(package):
    """All complaints about the imports of a package, one line each."""
    return [
        f"{path.relative_to(package)} imports {module}: {complaint}"
        for path in sorted(package.rglob("*.py"))
        for module in imported_modules(path, package)
        for complaint in complaints_about(
            path.relative_to(package), module, package.name
        )
    ]


def test_no_arrow_points_the_wrong_way():
    assert wrong_arrows(PACKAGE) == []


def test_every_room_is_declared_here():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= SUBJECT_ROOMS | SHARED_ROOMS


def test_file_names_say_what_is_inside():
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.parent.glob("tests/**/*.py")]
    vague = [p for p in files if p.stem.strip("_").lower() in VAGUE_NAMES]
    assert vague == []


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("generation/_a.py", "from ..counterfactual import b", "a subject room may"),
        ("generation/_a.py", "from .. import domain_adaptation", "a subject room may"),
        ("metrics/_a.py", "import skgenex.generation._b", "shared code may not"),
        ("nn/deep/a.py", "from ...generation import b", "shared code may not"),
        ("_base.py", "from .self_supervision._b import c", "shared code may not"),
        ("plotting/_a.py", "def f():\n    import skgenex.generation", "shared code"),
        ("nn/a.py", "from sklearn.base import clone", "nn is pure torch"),
        ("nn/a.py", "import pandas as pd", "nn is pure torch"),
        ("nn/a.py", "from .._validation import b", "nn knows nothing else"),
        ("nn/deep/a.py", "from ..._seeding import b", "nn knows nothing else"),
        ("generation/_a.py", "from skorch.callbacks import Callback", "skorch belongs"),
        ("_base.py", "import skorch", "skorch belongs"),
    ],
)
def test_the_checker_catches_a_wrong_arrow(tmp_path, file, line, complaint):
    path = tmp_path / "skgenex" / file
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    found = wrong_arrows(tmp_path / "skgenex")
    assert any(complaint in each for each in found), found


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("__init__.py", "from .generation import A"),
        ("generation/_a.py", "from .losses import b"),
        ("generation/_a.py", "from ..nn.diffusion import b\nfrom .._training import c"),
        ("generation/deep/a.py", "from .. import losses"),
        ("nn/deep/a.py", "import torch\nfrom ..networks import b"),
        ("_training.py", "from skorch import NeuralNet"),
        ("integration/_optuna.py", "from skorch.callbacks import Callback"),
        ("metrics/_a.py", "from ..model_selection import b"),
    ],
)
def test_the_checker_lets_a_right_arrow_pass(tmp_path, file, line):
    path = tmp_path / "skgenex" / file
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    assert wrong_arrows(tmp_path / "skgenex") == []
