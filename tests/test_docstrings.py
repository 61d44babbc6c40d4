"""Every public object's docstring is complete numpydoc."""

import inspect
import pkgutil
from importlib import import_module

import pytest
from numpydoc.validate import validate

import skgenex

# GL01, GL02: summaries begin on the line of the opening quotes and end as they like;
# RT02: a return value bears a name, as scikit-learn's do; SA01, ES01: See Also and more
# prose stand where there is something to see or say.
IGNORED = {"ES01", "GL01", "GL02", "RT02", "SA01"}
# An example is for the class, not for each method.
IGNORED_FOR_METHODS = IGNORED | {"EX01"}
# Named tuples are made by the functions that return them, whose examples show them.
IGNORED_FOR_RESULTS = IGNORED | {"EX01", "PR01"}

ROOMS = sorted(m.name for m in pkgutil.iter_modules(skgenex.__path__) if m.ispkg)


def own_methods(cls):
    """Names of the public methods and properties that this package wrote.

    Not skorch's hooks, ``on_epoch_end`` and others: skorch calls them, nobody else.
    """
    for name in dir(cls):
        if name.startswith(("_", "on_")):
            continue
        member = inspect.getattr_static(cls, name)
        function = getattr(member, "fget", None) or getattr(cls, name)
        if (
            callable(function)
            and not inspect.isclass(function)
            and getattr(function, "__module__", "").startswith("skgenex")
        ):
            yield name


def public_objects():
    """Pairs (dotted name, what to ignore) of what the rooms' ``__all__`` offer."""
    for room in ROOMS:
        module = import_module(f"skgenex.{room}")
        for name in getattr(module, "__all__", []):
            found = getattr(module, name)
            if inspect.ismodule(found) or not callable(found):
                continue
            is_class = inspect.isclass(found)
            is_result = is_class and issubclass(found, tuple)
            yield (
                f"skgenex.{room}.{name}",
                IGNORED_FOR_RESULTS if is_result else IGNORED,
            )
            if is_class:
                for method in own_methods(found):
                    yield f"skgenex.{room}.{name}.{method}", IGNORED_FOR_METHODS


PUBLIC = dict(public_objects())


@pytest.mark.parametrize(("name", "ignored"), PUBLIC.items(), ids=PUBLIC)
def test_docstring_is_complete(name, ignored):
    errors = [e for e in validate(name)["errors"] if e[0] not in ignored]
    assert errors == [], "\n".join(f"{code}: {text}" for code, text in errors)


@pytest.mark.parametrize("room", ROOMS)
def test_room_says_what_it_holds(room):
    module = import_module(f"skgenex.{room}")
    assert module.__doc__
    assert sorted(module.__all__) == list(module.__all__)
