"""Sphinx configuration: ``pip install ".[docs]" && sphinx-build -W docs site``."""

import os
import re
import sys
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path

# For the pages that are executed. Where other processes keep the cores busy, threads
# wait for each other: boosted trees on small data then take minutes. It must be said
# before the first import.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import skmlp_scratch
from skmlp_scratch import callbacks, exceptions

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "skmlp_scratch"
author = "The skmlp_scratch developers"
copyright = f"2026, {author}"
release = installed_version("skmlp-scratch")
version = release

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "inventories",  # in docs/extensions, like the next two
    "floors_picture",
    "draw_network",
]
# The galleries' scripts become pages in auto_learn and auto_use.
exclude_patterns = ["_build", "extensions", "learn", "templates", "use"]
templates_path = ["templates"]

html_theme = "pydata_sphinx_theme"
html_title = "skmlp_scratch"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navbar_persistent": ["search-button"],
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    # No address of a repository or of a published site is known.
    "icon_links": [],
}
html_sidebars = {"index": [], "architecture": []}

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_member_order = "bysource"
# Where it is installed, pages use it.
autodoc_mock_imports = [] if find_spec("skl2onnx") else ["skl2onnx"]
autodoc_typehints = "none"  # types stand in the docstrings
# The page lists the members itself; numpydoc would list them twice.
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # but these words, which become links
numpydoc_xref_aliases = {
    **{name: f"skmlp_scratch.{name}" for name in skmlp_scratch.__all__},
    **{name: f"skmlp_scratch.callbacks.{name}" for name in callbacks.__all__},
    **{
        name: f"skmlp_scratch.exceptions.{name}"
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and value.__module__ == exceptions.__name__
    },
    "Adam": "skmlp_scratch.nn.optimizers.Adam",
    "Batch": "skmlp_scratch.nn.batches.Batch",
    "Batches": "skmlp_scratch.nn.batches.Batches",
    "DivergenceGuard": "skmlp_scratch.nn.divergence.DivergenceGuard",
    "History": "skmlp_scratch.nn.history.History",
    "Layer": "skmlp_scratch.nn.typing.Layer",
    "Loss": "skmlp_scratch.nn.typing.Loss",
    "Network": "skmlp_scratch.nn.network.Network",
    "Parameters": "skmlp_scratch.nn.parameters.Parameters",
    "Patience": "skmlp_scratch.nn.stopping.Patience",
    "Schedule": "skmlp_scratch.nn.typing.Schedule",
    "Step": "skmlp_scratch.nn.training.Step",
    "TrainingSummary": "skmlp_scratch.summary.TrainingSummary",
    "Update": "skmlp_scratch.nn.typing.Update",
    "Validation": "skmlp_scratch.nn.validation.Validation",
    "Watch": "skmlp_scratch.nn.stopping.Watch",
    "WeightAverage": "skmlp_scratch.nn.updates.WeightAverage",
    "Axes": "matplotlib.axes.Axes",
    "DataFrame": "pandas.DataFrame",
    "Generator": "numpy.random.Generator",
    "MLPClassifier": "sklearn.neural_network.MLPClassifier",
    "MLPRegressor": "sklearn.neural_network.MLPRegressor",
    "NotFittedError": "sklearn.exceptions.NotFittedError",
    "RandomState": "numpy.random.RandomState",
    "ndarray": "numpy.ndarray",
}
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True

copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": ["learn", "use"],
    "gallery_dirs": ["auto_learn", "auto_use"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "gallery_order.position",
    "abort_on_example_error": True,
    "backreferences_dir": "generated/backreferences",
    "default_thumb_file": str(Path(__file__).parent / "static" / "network.png"),
    "doc_module": ("skmlp_scratch",),
    "reference_url": {"skmlp_scratch": None},
    "download_all_examples": False,
    "image_scrapers": ("alt_texts.scraper",),
    "image_srcset": ["2x"],  # sharp on phones
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "reset_modules": ("matplotlib",),
    "reset_modules_order": "both",
    # What a cell ends with is shown as text only: HTML of estimators is wide.
    "capture_repr": ("__repr__",),
}

# Pages of docs/use skip parts where these are not installed.
RECIPES = ["dask", "distributed", "mapie", "optuna", "ray", "shap"]

# Pages to go on with, by the gallery that they follow, and the heading of their list.
GUIDES = {
    "auto_learn/index": {
        "Try it": ["draw_a_digit"],
        "Beside the book": ["backpropagation"],
    },
    "auto_use/index": {
        "At length": ["training", "callbacks", "displays", "tabular", "streaming"],
    },
}


def skip_members(app, what, name, obj, skip, options):
    """Leave out what scikit-learn's base classes bring, such as set_fit_request.

    And the fields of named tuples, which would be "alias for field number 0".
    """
    of_sklearn = (getattr(obj, "__module__", None) or "").startswith("sklearn.")
    return skip or of_sklearn or type(obj).__name__ == "_tuplegetter"


def link_papers(app, what, name, obj, options, lines):
    """Make links of the numbers of papers."""
    link = r"`arXiv:\1 <https://arxiv.org/abs/\1>`__"
    lines[:] = [re.sub(r"\barXiv:(\d{4}\.\d{4,5})", link, line) for line in lines]


def add_guides(app, docname, source):
    """Have lists of the guides at the end of a gallery's first page."""
    for caption, guides in GUIDES.get(docname, {}).items():
        pages = "".join(f"   /{page}\n" for page in guides)
        source[0] += (
            f"\n.. toctree::\n   :caption: {caption}\n   :maxdepth: 1\n\n{pages}"
        )


def setup(app):
    """Connect the handlers above; have a tag for each of the recipes' libraries.

    What a page would print with a library is shown `only` where it is not installed.
    """
    for library in RECIPES:
        if find_spec(library):
            app.tags.add(library)
    app.connect("autodoc-skip-member", skip_members)
    app.connect("autodoc-process-docstring", link_papers, priority=400)
    app.connect("source-read", add_guides)
