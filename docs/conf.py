"""Sphinx configuration; `make docs` turns warnings into errors."""

import inspect
import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from sklearn.base import BaseEstimator  # noqa: E402

import skgenex  # noqa: E402

# One thread, and no progress bars, in the gallery's scripts too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "skgenex"
author = "The skgenex developers"
project_copyright = "2026, The skgenex developers"
version = release = skgenex.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]
default_role = "autolink"  # `GaussianSampler` in a docstring is a link

# --- Pages ---------------------------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# --- Reference: what each room lists in __all__ ---------------------------------------
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_typehints = "none"  # numpydoc's Parameters say more
numpydoc_show_class_members = False  # the class template lists them
numpydoc_validation_checks = set()  # tests/test_docstrings.py validates

# --- Gallery -------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": [str(DOCS.parent / "examples")],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"plot_",
    "ignore_pattern": r"demo",
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": ("_repr_html_",),  # tables, not addresses of plotted objects
    "backreferences_dir": "generated/backreferences",  # a class lists its examples
    "doc_module": ("skgenex",),
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
}

# --- Looks ---------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = f"skgenex {release}"
html_static_path = ["_static"]
html_css_files = ["skgenex.css"]
html_theme_options = {
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "navbar_persistent": ["search-button"],  # its field would take a second line
    "secondary_sidebar_items": ["page-toc"],
}
# Pages without pages below them.
html_sidebars = {
    page: [] for page in ("index", "faq", "how_to_add", "architecture", "changelog")
}
toc_object_entries_show_parents = "hide"
html_show_sourcelink = False


def skip_foreign_members(app, what, name, obj, skip, options):
    """Leave out what scikit-learn and others give every estimator.

    imbalanced-learn's stay: its ``fit_resample`` is the point of a sampler.
    """
    if not inspect.isroutine(obj):
        return None
    home = (getattr(obj, "__module__", None) or "").partition(".")[0]
    return None if home in {"skgenex", "imblearn"} else True


def add_html_representation(app, what, name, obj, options, lines):
    """Append to an estimator's docstring what a notebook shows of it."""
    if not (inspect.isclass(obj) and issubclass(obj, BaseEstimator)):
        return
    required = [
        parameter.name
        for parameter in inspect.signature(obj).parameters.values()
        if parameter.default is parameter.empty
    ]
    if required:  # nothing sensible to show without them
        return
    html = obj()._repr_html_()
    lines += ["", ".. rubric:: In a notebook", "", ".. raw:: html", ""]
    lines += [f"   {line}" for line in html.splitlines()]
    lines += [""]


def setup(app):
    app.connect("autodoc-skip-member", skip_foreign_members)
    # After numpydoc, which would take the lines for a section of its own.
    app.connect("autodoc-process-docstring", add_html_representation, priority=900)
