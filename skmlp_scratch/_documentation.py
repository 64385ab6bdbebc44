"""Where the documentation stands, for the links in the HTML representation."""

from functools import cache
from importlib.metadata import metadata

DISTRIBUTION = "skmlp-scratch"


@cache
def documentation_address() -> str:
    """Return the project URL named Documentation of the installed package, or ``""``.

    Whoever publishes the package sets it, in one place: ``[project.urls]`` of
    pyproject.toml. It is the address of the folder that the pages are in.
    """
    try:
        entries = metadata(DISTRIBUTION).get_all("Project-URL", [])
    except (ImportError, OSError, ValueError):
        # Not installed, or badly: no reason for a representation to fail.
        return ""
    named = [map(str.strip, entry.split(",", 1)) for entry in entries if "," in entry]
    urls = {name.lower(): address for name, address in named}
    return urls.get("documentation", "").rstrip("/")


class DocumentationLink:
    """Gives an estimator's HTML representation a link to its documentation.

    scikit-learn reads both attributes, and adds tooltips for the parameters from 1.9
    on. Without an address there is no link.
    """

    _doc_link_module = "skmlp_scratch"

    @property
    def _doc_link_template(self) -> str:
        address = documentation_address()
        # Each has a page, by the name that it is imported by.
        name = f"{self._doc_link_module}.{{estimator_name}}"
        return address and f"{address}/generated/{name}.html"
