"""The picture of the floors for docs/architecture.md, drawn from the imports."""

import ast
import re
from pathlib import Path

import matplotlib.pyplot as plt

# A colour per part of the package, and one for the files that belong to none.
COLOURS = {
    "nn": "#1a62a0",
    "_estimator": "#ad4a00",
    "displays": "#1f7a1f",
    "callbacks": "#7c4ca8",
}
OTHER = "0.15"


def files_by_floor(page):
    """Return the files of the table of floors, each with its floor, from the top."""
    text = page.read_text("utf-8")
    rows = re.findall(r"^\| (\d+) +\| `(\S+\.py)` ", text, re.MULTILINE)
    return {file: int(floor) for floor, file in rows}


def imports(package, file):
    """Return the paths that the package's files have which a file may import from."""
    found = set()
    for node in ast.walk(ast.parse((package / file).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            path = node.module.removeprefix(package.name).strip(".").replace(".", "/")
            # `from package import name`: the name may be a module.
            found |= {f"{path}.py", *(f"{path}/{a.name}.py" for a in node.names)}
    return found


def colour(file):
    """Return the colour of the part that a file belongs to."""
    return COLOURS.get(file.partition("/")[0], OTHER)


def draw(package, page, picture):
    """Draw a row and a column per file, and a square where the row's imports the other.

    The diagonal is filled floor by floor: no square may be there, nor to its left.
    """
    floors = files_by_floor(page)
    place = {file: i for i, file in enumerate(floors)}
    n = len(floors)
    # In inches as wide as a phone's page, so that a phone shows it in its own size.
    fig, ax = plt.subplots(figsize=(3.8, 0.126 * n))
    for file, floor in floors.items():
        row = place[file]
        same = [place[other] for other in floors if floors[other] == floor]
        ax.barh(row, len(same), 1, left=same[0] - 0.5, color="0.85")
        ax.axhline(row, color="0.93", linewidth=0.5, zorder=0)
        for other in imports(package, file) & floors.keys():
            ax.plot(place[other], row, "s", color=colour(other), markersize=2.2)
        # Left of its stairs nothing can be drawn: the name has its place there.
        label = f"{file.removesuffix('.py')}  {floor}"
        style = {"color": colour(file), "fontsize": 7.5}
        ax.text(same[0] - 1.5, row, label, ha="right", va="center", **style)
    ax.set(xlim=(-40, n), ylim=(n - 0.5, -0.5))
    ax.axis("off")
    fig.subplots_adjust(0, 0, 1, 1)
    fig.savefig(picture, bbox_inches="tight", pad_inches=0.02)
    plt.close(fig)


def draw_for_site(app):
    """Draw the picture where the page looks for it."""
    docs = Path(app.srcdir)
    (docs / "generated").mkdir(exist_ok=True)
    package = docs.parent / "skmlp_scratch"
    draw(package, docs / "architecture.md", docs / "generated" / "floors.svg")


def setup(app):
    """Draw before the pages are read."""
    app.connect("builder-inited", draw_for_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
