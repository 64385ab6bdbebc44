"""Sphinx configuration."""

from importlib.metadata import version as installed_version

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
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build"]
html_theme = "furo"

myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_mock_imports = ["skl2onnx"]
autodoc_typehints = "none"  # types stand in the docstrings
# The page lists the members itself; numpydoc would list them twice.
numpydoc_show_class_members = False


def skip_members_of_sklearn(app, what, name, obj, skip, options):
    """Leave out what scikit-learn's base classes bring, such as set_fit_request."""
    return skip or (getattr(obj, "__module__", None) or "").startswith("sklearn.")


def setup(app):
    """Connect the handlers above."""
    app.connect("autodoc-skip-member", skip_members_of_sklearn)
