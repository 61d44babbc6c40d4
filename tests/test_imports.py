"""What can be imported from where, and what importing costs."""

import ast
import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import skgenex

ROOMS = sorted(m.name for m in pkgutil.iter_modules(skgenex.__path__) if m.ispkg)


def public_estimators():
    """Pairs (room, class name) of all estimators in any room's ``__all__``."""
    for room in ROOMS:
        module = import_module(f"skgenex.{room}")
        for name in getattr(module, "__all__", []):
            found = getattr(module, name)
            if inspect.isclass(found) and issubclass(found, BaseEstimator):
                yield room, name


def fresh_python(code):
    """What ``code`` prints in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(skgenex.__file__).parents[1],
    )
    return done.stdout.strip()


def test_importing_the_package_alone_loads_no_heavy_dependency():
    heavy = "{'torch', 'sklearn', 'skorch', 'pandas', 'numpy', 'imblearn', 'optuna'}"
    code = f"import sys, skgenex; print(sorted({heavy} & set(sys.modules)))"
    assert fresh_python(code) == "[]"


def test_a_room_is_reached_as_an_attribute_in_a_fresh_interpreter():
    code = "import skgenex; print(skgenex.datasets.make_expression.__name__)"
    assert fresh_python(code) == "make_expression"


def test_every_room_is_public():
    assert set(ROOMS) <= set(skgenex.__all__)


@pytest.mark.parametrize("name", skgenex.__all__)
def test_public_name_resolves_to_the_object_of_its_room(name):
    if name in ROOMS:
        assert getattr(skgenex, name) is import_module(f"skgenex.{name}")
    elif name in skgenex._FILE_OF:
        functions = import_module(f"skgenex.{skgenex._FILE_OF[name]}")
        assert getattr(skgenex, name) is getattr(functions, name)
    else:
        room = import_module(f"skgenex.{skgenex._ROOM_OF[name]}")
        assert name in room.__all__
        assert getattr(skgenex, name) is getattr(room, name)


def test_every_public_estimator_is_importable_from_the_package():
    # Equal, not contained: the table may not name what no room exports either.
    assert {name: room for room, name in public_estimators()} == skgenex._ROOM_OF


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(skgenex.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(guarded.test) == "TYPE_CHECKING"
    seen = {
        alias.name
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(skgenex.__all__)


def test_dir_lists_public_names_without_loading_them():
    code = (
        "import sys, skgenex; print(set(skgenex.__all__) <= set(dir(skgenex)),"
        " 'torch' in sys.modules)"
    )
    assert fresh_python(code) == "True False"


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'skgenex' has no attribute 'Smote'"):
        skgenex.Smote  # noqa: B018
