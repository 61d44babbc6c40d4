"""Settings for all tests: one thread, no window, CUDA tests only where it exists."""

import sys

import matplotlib
import pytest
import torch

torch.set_num_threads(1)
matplotlib.use("Agg")


def pytest_collection_modifyitems(items):
    if torch.cuda.is_available():
        return
    no_cuda = pytest.mark.skip(reason="torch.cuda.is_available() is False")
    for item in items:
        if "cuda" in item.keywords:
            item.add_marker(no_cuda)


@pytest.fixture(autouse=True)
def same_weights():
    """Draw the same weights in each run where a test builds a network by hand."""
    torch.manual_seed(20_260)  # no seed that a test uses itself


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure open for the next test."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
