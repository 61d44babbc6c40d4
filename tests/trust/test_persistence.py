"""Saved estimators come back as they were, and nothing else comes in with them."""

import io
import json
import pickle
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
import torch
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

import skgenex
from skgenex import _persistence
from skgenex._persistence import OTHER_TYPES, OWN_TYPES, load, save, trusted_types
from skgenex.generation import multiply
from tests.trust._public_estimators import (
    IDS,
    VARIANTS,
    WITHOUT_VARIANT,
    outputs,
    patients,
)

STORED = [variant for variant in VARIANTS if variant.in_skops]
STORED_IDS = [variant.name for variant in STORED]


class FittedOnUse(dict):
    """Variants by name, fitted when first asked for."""

    def __missing__(self, name):
        variant = next(variant for variant in VARIANTS if variant.name == name)
        self[name] = variant.fitted(*patients())
        return self[name]


@pytest.fixture(scope="module")
def fitted():
    """Every variant, fitted."""
    return FittedOnUse()


@pytest.fixture
def file(tmp_path, fitted):
    """A saved sampler."""
    path = tmp_path / "sampler.skops"
    save(fitted["GaussianSampler"], path)
    return path


def assert_same(ours, theirs):
    X, _ = patients()
    ours, theirs = outputs(ours, X), outputs(theirs, X)
    assert ours.keys() == theirs.keys()
    assert ours
    for name, array in ours.items():
        if array.dtype.kind == "f":  # some BLAS round by where an array lies in memory
            np.testing.assert_allclose(array, theirs[name], rtol=1e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def test_every_public_estimator_is_tried():
    tried = {type(variant.estimator).__name__ for variant in VARIANTS}
    assert tried == set(skgenex._ROOM_OF) - WITHOUT_VARIANT


@pytest.mark.parametrize("variant", STORED, ids=STORED_IDS)
def test_fitted_estimators_come_back_from_skops(variant, fitted, tmp_path):
    save(fitted[variant.name], tmp_path / "file")
    again = load(tmp_path / "file")
    assert_same(again, fitted[variant.name])
    # And once more: what was loaded is as good as what was fitted.
    save(again, tmp_path / "file")
    assert_same(load(tmp_path / "file"), fitted[variant.name])


@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_fitted_estimators_come_back_from_joblib(variant, fitted, tmp_path):
    joblib.dump(fitted[variant.name], tmp_path / "file")
    assert_same(joblib.load(tmp_path / "file"), fitted[variant.name])


@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
@pytest.mark.parametrize("by", ["skops", "joblib"])
def test_estimators_not_fitted_come_back(variant, by, tmp_path):
    if by == "skops":
        save(variant.estimator, tmp_path / "file")
        again = load(tmp_path / "file")
    else:
        joblib.dump(variant.estimator, tmp_path / "file")
        again = joblib.load(tmp_path / "file")
    assert type(again) is type(variant.estimator)
    assert repr(again) == repr(variant.estimator)
    assert "n_features_in_" not in vars(again)
    clone(again)


def test_what_skops_cannot_hold_is_said_and_leaves_the_old_file(file):
    X, _ = patients()
    module = torch.nn.Linear(X.shape[1], 2)
    explainer = skgenex.CounterfactualExplainer(module, device="cpu").fit(X)
    before = file.read_bytes()
    with pytest.raises(TypeError, match=r"skops cannot write.*joblib"):
        save(explainer, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def of_this_module(y):
    return {}


@pytest.mark.parametrize("kind", ["lambda", "local", "script"])
def test_functions_that_no_other_process_finds_are_refused(file, kind, monkeypatch):
    def local(y):
        return {}

    strategy = {"lambda": lambda y: {}, "local": local, "script": of_this_module}[kind]
    if kind == "script":
        monkeypatch.setattr(of_this_module, "__module__", "__main__")
        monkeypatch.setattr("__main__.of_this_module", of_this_module, raising=False)
    before = file.read_bytes()
    with pytest.raises(TypeError, match=r"Not saved.*into a module|skops cannot write"):
        save(skgenex.GaussianSampler(sampling_strategy=strategy), file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_functions_of_a_module_can_be_saved_and_trusted(tmp_path):
    sampler = skgenex.GaussianSampler(sampling_strategy=of_this_module)
    save(sampler, tmp_path / "file")
    name = f"{of_this_module.__module__}.of_this_module"
    again = load(tmp_path / "file", trusted=[name])
    assert again.sampling_strategy is of_this_module


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder '.*absent'"):
        save(skgenex.GaussianSampler(), tmp_path / "absent" / "file")


def test_plain_skops_reads_the_file_with_the_trusted_types(fitted, file):
    assert_same(skops.io.load(file, trusted=trusted_types()), fitted["GaussianSampler"])


def test_a_file_of_plain_skops_is_read(fitted, tmp_path):
    skops.io.dump(fitted["VAESampler"], tmp_path / "file")
    assert_same(load(tmp_path / "file"), fitted["VAESampler"])


def test_a_pipeline_comes_back(tmp_path):
    X, y = patients()
    sampler = skgenex.GaussianSampler(random_state=0, sampling_strategy=multiply(2))
    pipeline = make_pipeline(sampler, LogisticRegression()).fit(X, y)
    save(pipeline, tmp_path / "file")
    again = load(tmp_path / "file")
    np.testing.assert_array_equal(again.predict_proba(X), pipeline.predict_proba(X))
    assert again[0].sampling_strategy == multiply(2)


def test_no_more_is_trusted_than_files_hold(fitted):
    strategies = [
        skgenex.GaussianSampler(sampling_strategy=multiply(2)),
        skgenex.GaussianSampler(sampling_strategy=skgenex.generation.augment_to(30)),
    ]
    held = [fitted[variant.name] for variant in STORED]
    pipeline = make_pipeline(LogisticRegression())
    needed = set()
    for estimator in [*held, *strategies, pipeline]:
        needed |= set(skops.io.get_untrusted_types(data=skops.io.dumps(estimator)))
    assert needed == set(OWN_TYPES) | set(OTHER_TYPES), "adapt OWN_TYPES"


def test_no_trusted_class_has_a_state_hook_but_the_base():
    # A class whose __setstate__, __new__ or __reduce__ does more than set attributes
    # would do so for whoever writes a file.
    for name in OWN_TYPES:
        module, _, class_name = name.rpartition(".")
        cls = getattr(__import__(module, fromlist=[class_name]), class_name)
        for hook in ("__setstate__", "__new__", "__reduce__", "__reduce_ex__"):
            owners = [c for c in cls.__mro__ if hook in vars(c)]
            own = [c.__name__ for c in owners if c.__module__.startswith("skgenex")]
            assert own in ([], ["TorchEstimator"])
            assert not own or hook == "__setstate__"


@pytest.mark.parametrize("keep", [0, 1, 100, 0.3, 0.9, -1])
def test_a_truncated_file_is_refused(file, keep):
    content = file.read_bytes()
    keep = round(keep * len(content)) if isinstance(keep, float) else keep
    file.write_bytes(content[:keep])
    with pytest.raises(ValueError, match=r"truncated.*bytes"):
        load(file)


def test_flipped_bits_are_found_wherever_they_are(file, fitted):
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    n_refused = 0
    for place in rng.choice(len(content), 60, replace=False):
        altered = bytearray(content)
        altered[place] ^= 1 << rng.integers(8)
        file.write_bytes(bytes(altered))
        try:
            again = load(file)
        except ValueError:
            n_refused += 1
        else:  # bits that say nothing of the content, such as dates
            assert_same(again, fitted["GaussianSampler"])
    assert n_refused > 30


def rewritten(path, name, change):
    """Rewrite one entry of an archive, with a correct checksum."""
    with zipfile.ZipFile(path) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    entries[name] = change(entries[name])
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)


def test_a_file_of_a_newer_version_is_refused(file):
    def newer(content):
        return json.dumps({**json.loads(content), "skgenex": "99.1"})

    rewritten(file, "skgenex.json", newer)
    with pytest.raises(ValueError, match=r"saved by skgenex 99\.1.*pip install -U"):
        load(file)


def test_a_file_of_a_newer_skops_is_refused(file):
    def newer(content):
        return json.dumps({**json.loads(content), "protocol": 99})

    rewritten(file, "schema.json", newer)
    with pytest.raises(ValueError, match=r"skops protocol 99"):
        load(file)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"protocol": 1}', b"null"]
)
def test_an_altered_table_of_contents_is_refused(file, content):
    rewritten(file, "schema.json", lambda _: content)
    with pytest.raises(ValueError, match="was not loaded"):
        load(file)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"skgenex": 1}'])
def test_an_altered_list_of_versions_is_refused(file, content):
    rewritten(file, "skgenex.json", lambda _: content)
    with pytest.raises(ValueError, match="was not loaded"):
        load(file)


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.skops")


def test_a_file_that_unpacks_to_more_than_the_memory_is_refused(file, monkeypatch):
    monkeypatch.setattr("skgenex._memory.available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match="Is it what it should be"):
        load(file)


# --- Files made to do harm ----------------------------------------------------------


class Harm:
    """Writes a file when unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump], ids=["pickle", "joblib"])
@pytest.mark.parametrize("compress", [0, 3])
def test_a_pickle_is_not_executed(tmp_path, dump, compress):
    marker, path = tmp_path / "marker", tmp_path / "model.skops"
    how = {"compress": compress} if dump is joblib.dump else {}
    with open(path, "wb") as file:
        dump(Harm(marker), file, **how)
    with pytest.raises(ValueError, match="is a pickle"):
        load(path)
    assert not marker.exists()


CALLS = {
    "ConstructorFromReduceNode": ("subprocess", "Popen"),
    "FunctionNode": ("os", "system"),
    "TypeNode": ("subprocess", "Popen"),
    "ObjectNode": ("harmful_on_import", "Anything"),
    "PartialNode": ("functools", "partial"),
    "MethodNode": ("os", "system"),
    "OperatorFuncNode": ("operator", "methodcaller"),
    "NdArrayNode": ("harmful_on_import", "Anything"),
}


@pytest.mark.parametrize("loader", sorted(CALLS))
def test_a_file_that_names_harmful_code_is_refused(loader, file, tmp_path, monkeypatch):
    marker = tmp_path / "marker"
    harm = f"open({str(marker)!r}, 'w')"
    (tmp_path / "harmful_on_import.py").write_text(harm, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    module, name = CALLS[loader]

    def poison(content):
        schema = json.loads(content)
        text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
        argument = {**text, "content": json.dumps(f"touch {marker}"), "is_json": True}
        arguments = {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [argument],
        }
        harmful = {
            "__class__": name,
            "__module__": module,
            "__loader__": loader,
            "content": arguments,
            "type": "json",
            "attrs": arguments,
        }
        schema["content"]["content"]["random_state"] = harmful
        return json.dumps(schema)

    rewritten(file, "schema.json", poison)
    with pytest.raises((TypeError, ValueError), match="was not loaded"):
        load(file)
    assert not marker.exists()


def test_an_array_of_pickled_objects_is_refused(file, tmp_path):
    marker = tmp_path / "marker"
    buffer = io.BytesIO()
    np.save(buffer, np.array([Harm(marker)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(file) as archive:
        arrays = [name for name in archive.namelist() if name.endswith(".npy")]
    for name in arrays:
        rewritten(file, name, lambda _: buffer.getvalue())
    with pytest.raises(ValueError, match="was not loaded"):
        load(file)
    assert not marker.exists()


class Unknown(LogisticRegression):
    """A type that nobody trusts."""


def test_an_unknown_type_is_named_and_can_be_trusted(tmp_path):
    X, y = patients()
    model = Unknown().fit(X, y)
    save(model, tmp_path / "file")
    with pytest.raises(TypeError, match=r"Unknown.*trusted=\["):
        load(tmp_path / "file")
    again = load(tmp_path / "file", trusted=[Unknown])
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


# --- Writing ------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file(file, fitted, monkeypatch):
    before = file.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(_persistence.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save(fitted["VAESampler"], file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_file_records_the_versions_it_was_made_with(file):
    with zipfile.ZipFile(file) as archive:
        versions = json.loads(archive.read("skgenex.json"))
    assert versions["skgenex"] == skgenex.__version__
    assert versions["numpy"] == np.__version__


def test_a_missing_skops_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "skops", None)
    monkeypatch.setitem(__import__("sys").modules, "skops.io", None)
    with pytest.raises(ImportError, match=r"skgenex\[skops\]"):
        save(skgenex.GaussianSampler(), tmp_path / "file")
