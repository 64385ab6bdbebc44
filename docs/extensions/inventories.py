"""Links to the documentation of other libraries, without asking them for a list.

Intersphinx reads a list of pages from each library's site. A build without network has
none, so the lists are written here, from the installed libraries: each of these sites
has a page per public name, at an address that follows from the name.
"""

import importlib
import inspect
import pkgutil
import tempfile
import zlib
from pathlib import Path

import numpy as np

# Library: site, address of a name's page, and the modules whose names have pages.
SITES = {
    "python": ("https://docs.python.org/3/", ""),
    "sklearn": ("https://scikit-learn.org/stable/", "modules/generated/{}.html"),
    "numpy": ("https://numpy.org/doc/stable/", "reference/generated/{}.html"),
    "scipy": ("https://docs.scipy.org/doc/scipy/", "reference/generated/{}.html"),
    "pandas": ("https://pandas.pydata.org/docs/", "reference/api/{}.html"),
    "matplotlib": ("https://matplotlib.org/stable/", "api/_as_gen/{}.html"),
}
# Pages of names that are not where the others are.
PAGES = {
    "numpy.random.Generator": "reference/random/generator.html",
    "numpy.random.RandomState": "reference/random/legacy.html",
    "numpy.random.default_rng": "reference/random/generator.html",
    "sklearn.clone": "modules/generated/sklearn.base.clone.html",
}
# Words of docstrings, which numpydoc links to.
WORDS = {
    "numpy": ["array_like std:term 1 glossary.html#term-array_like -"],
    "python": [
        "bltin-boolean-values std:label 1 library/stdtypes.html#boolean-type-bool -",
        *(f"{n} py:data 1 library/constants.html#{n} -" for n in ("None", "True")),
        *(f"{n} py:class 1 library/functions.html#{n} -" for n in ("float", "int")),
        *(f"{n} py:class 1 library/stdtypes.html#{n} -" for n in ("dict", "list")),
        *(f"{n} py:class 1 library/stdtypes.html#{n} -" for n in ("str", "tuple")),
        *(f"{n} std:term 1 glossary.html#term-{n} -" for n in ("iterable", "sequence")),
        "callable py:function 1 library/functions.html#callable -",
    ],
}
NUMPY_MODULES = {"numpy", "numpy.random", "numpy.linalg"}
MATPLOTLIB_MODULES = {"matplotlib.axes", "matplotlib.pyplot"}


def public_modules(library):
    """Yield the library's module and its public ones directly below."""
    top = importlib.import_module(library)
    if library == "sklearn":  # so that the halving searches are there
        importlib.import_module("sklearn.experimental.enable_halving_search_cv")
    if library in ("numpy", "matplotlib"):
        names = NUMPY_MODULES if library == "numpy" else MATPLOTLIB_MODULES
    elif library == "pandas":
        names = {library}
    else:
        below = {m.name for m in pkgutil.iter_modules(top.__path__)}
        hidden = {"conftest", "experimental", "externals", "tests"}
        names = {f"{library}.{m}" for m in below - hidden if not m.startswith("_")}
        names.add(library)
    for name in sorted(names):
        yield importlib.import_module(name)


def public_names(module):
    """Yield the names that a module offers, and what they are."""
    names = getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]
    for name in sorted(names):
        try:
            value = getattr(module, name)
        except (AttributeError, ImportError):  # experimental, or needs what is absent
            continue
        if not inspect.ismodule(value):
            yield f"{module.__name__}.{name}", value


def page_of(name, value=None):
    """Return the address of a name's page, below the site of its library."""
    if name in PAGES:
        return PAGES[name]
    if name.startswith("numpy.random."):
        return f"reference/random/generated/{name}.html"
    if inspect.isclass(value) and issubclass(value, np.generic):
        return "reference/arrays.scalars.html"
    return SITES[name.partition(".")[0]][1].format(name)


def entries(library):
    """Yield the lines of the library's inventory."""
    yield from WORDS.get(library, ())
    if not SITES[library][1]:
        return
    seen = set()
    for module in public_modules(library):
        for name, value in public_names(module):
            if name in seen:
                continue
            seen.add(name)
            kind = "class" if inspect.isclass(value) else "function"
            page = page_of(name, value)
            yield f"{name} py:{kind} 1 {page}#{name} -"
            if kind == "function":
                continue
            for method in dir(value):
                if method[0] != "_" and inspect.isroutine(getattr(value, method, None)):
                    # scikit-learn has methods on the page of their class.
                    anchor = f"{name}.{method}"
                    own = page if library == "sklearn" else page_of(anchor)
                    yield f"{anchor} py:method 1 {own}#{anchor} -"


def write_inventory(library, folder):
    """Write the library's inventory in the format of Sphinx, and return its path."""
    head = "# Sphinx inventory version 2\n# Project: {}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    lines = "".join(f"{line}\n" for line in entries(library))
    path = Path(folder) / f"{library}.inv"
    path.write_bytes(head.format(library).encode() + zlib.compress(lines.encode()))
    return str(path)


def fill_mapping(app, config):
    """Give intersphinx the inventories of the libraries that are installed."""
    folder = tempfile.mkdtemp()
    app.connect("build-finished", lambda *_: remove(folder))
    for library, (site, _) in SITES.items():
        config.intersphinx_mapping[library] = (site, write_inventory(library, folder))


def remove(folder):
    """Remove the inventories."""
    for path in Path(folder).iterdir():
        path.unlink()
    Path(folder).rmdir()


def setup(app):
    """Connect before intersphinx looks at its mapping."""
    app.connect("config-inited", fill_mapping, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
