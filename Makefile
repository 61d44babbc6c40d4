# Everything here starts from nothing but Python 3.11 or newer and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_VERSION := 26.3
PIP := $(BIN)/python -m pip --disable-pip-version-check
# One thread: the tests' networks are too small to gain from more, and bit-identical
# results need a fixed number. SCIPY_ARRAY_API switches on the array API checks.
TEST_ENV := OMP_NUM_THREADS=1 SCIPY_ARRAY_API=1 MPLBACKEND=Agg
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs bench clean

help:
	@echo "make demo             compare ways to augment training folds, on real patients"
	@echo "make test             run all tests and the examples in docstrings"
	@echo "make lint             check style, types and packaging"
	@echo "make format           rewrite the code in the project's style"
	@echo "make docs             build the documentation in docs/_build/html"
	@echo "make bench DATA=dir   benchmark the generators on a folder of data sets"
	@echo "make clean            remove what the others made, the environment too"

# --- Environments: what the demo needs, and what developers need on top -------------

$(VENV)/.runtime: pyproject.toml constraints.txt
	@echo "Setting up $(VENV): PyTorch is a large download, later runs skip this."
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("skgenex needs Python 3.11 or newer, got " + sys.version.split()[0] + "; choose one with: make PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -qq pip==$(PIP_VERSION)
	$(PIP) install -qq -c constraints.txt -e '.[plot]'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "Adding the tools for tests, checks and documentation."
	$(PIP) install -qq -c constraints.txt -e . --group dev
	@touch $@

# --- What to run ---------------------------------------------------------------------

# The line to say comes before the environment is made, hence the recursive calls.
demo:
	@echo "Demo: on 128 leukaemia patients, compares one classifier with no augmentation, SMOTE, GaussianSampler and DiffusionSampler; prints a table, writes demo.png."
	@$(MAKE) -s --no-print-directory $(VENV)/.runtime
	@OMP_NUM_THREADS=1 MPLBACKEND=Agg $(BIN)/python examples/demo.py

test:
	@echo "Test: sets up an environment in $(VENV), then runs all tests and docstring examples; warnings are errors."
	@$(MAKE) -s --no-print-directory $(VENV)/.dev
	@$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sp-repo-review .

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.runtime
	@test -n "$(DATA)" || { echo "Say which folder of data sets: make bench DATA=folder"; exit 2; }
	$(PIP) install -qq -c constraints.txt -e '.[plot,parquet]'
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/import_time.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/generation.py "$(DATA)"

clean:
	rm -rf $(VENV) build dist docs/_build docs/generated docs/auto_examples
	rm -rf .pytest_cache .ruff_cache .mypy_cache docs/sg_execution_times.rst
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
