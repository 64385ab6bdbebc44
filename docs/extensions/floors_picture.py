"""The picture of the floors for docs/architecture.md, drawn from the imports."""

import ast
import re
from pathlib import Path

import matplotlib.pyplot as plt

# A colour per part of the package, and one for the files that belong to none.
COLOURS = {"nn": "C0", "_estimator": "C1", "displays": "C2", "callbacks": "C4"}
OTHER = "0.2"


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
    fig, ax = plt.subplots(figsize=(4.6, 0.165 * n))
    for file, floor in floors.items():
        row = place[file]
        same = [place[other] for other in floors if floors[other] == floor]
        ax.barh(row, len(same), 1, left=same[0] - 0.5, color="0.85")
        ax.axhline(row, color="0.93", linewidth=0.5, zorder=0)
        for other in imports(package, file) & floors.keys():
            ax.plot(place[other], row, "s", color=colour(other), markersize=2.6)
    ax.set_yticks(range(n), [f"{file}  {floor:>2}" for file, floor in floors.items()])
    for label, file in zip(ax.get_yticklabels(), floors, strict=True):
        label.set(color=colour(file), fontsize=8)
    ax.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xticks=[])
    ax.set_xlabel("imported file, in the same order")
    ax.tick_params(length=0)
    fig.savefig(picture, bbox_inches="tight", pad_inches=0.05)
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
