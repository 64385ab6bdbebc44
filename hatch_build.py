"""The README as it is shown by package indexes, with links that lead somewhere there.

In a checkout, links lead to files. The index has no such files: when the package is
built, links go to the published documentation. Its address is ``Documentation`` of
``[project.urls]`` in pyproject.toml; while there is none, the README stays as it is.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# From a file of the checkout to its page.
PAGES = (
    (r"docs/images/(.+)", r"_images/\1"),
    (r"docs/(.+)\.md(#.*)?", r"\1.html\2"),
    (r"docs/use", "auto_use/index.html"),
    (r"(CHANGELOG|CONTRIBUTING)\.md", r"\1.html"),
)


def with_links_to(address: str, text: str) -> str:
    """Return the text with links to pages; one to a file without page becomes text."""

    def page(link: re.Match[str]) -> str:
        for pattern, replacement in PAGES:
            if found := re.fullmatch(pattern, link["file"]):
                return f"{link['words']}({address}/{found.expand(replacement)})"
        return link["words"].strip("![]")

    pattern = r"(?P<words>!?\[[^\]]*\])\((?!\w+:|#)(?P<file>[^)]+)\)"
    return re.sub(pattern, page, text)


class Readme(MetadataHookInterface):
    """Fills in the README, which pyproject.toml declares dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the README in the metadata of the package."""
        text = Path(self.root, "README.md").read_text("utf-8")
        if address := metadata.get("urls", {}).get("Documentation", "").rstrip("/"):
            text = with_links_to(address, text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
