"""The picture of the floors for docs/architecture.md, drawn from the imports."""

import ast
import re
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import Arc

# A colour per part of the package, and one for the files that belong to none.
COLOURS = {"nn": "C0", "_estimator": "C1", "displays": "C2", "callbacks": "C4"}
OTHER = "0.3"
LINE = 0.19  # inches that a file takes


def files_by_floor(page):
    """Return the file names of the table of floors, and their floors, from the top."""
    rows = re.findall(r"^\| (\d+) +\| `(\S+\.py)` ", page.read_text("utf-8"), re.M)
    return {file: int(floor) for floor, file in rows}


def imports(package, file):
    """Yield the files of the package that a file imports names from."""
    for node in ast.walk(ast.parse((package / file).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            path = node.module.removeprefix(package.name).strip(".").replace(".", "/")
            for alias in node.names:
                yield from (f"{path}.py", f"{path}/{alias.name}.py")


def colour(file):
    """Return the colour of the part that a file belongs to."""
    return COLOURS.get(file.partition("/")[0], OTHER)


def draw(package, page, picture):
    """Draw a line of text per file, and an arc per import, on the right of the text."""
    floors = files_by_floor(page)
    heights = {file: -line for line, file in enumerate(floors)}
    fig, ax = plt.subplots(figsize=(6.4, LINE * (len(floors) + 3)))
    reach = len(floors) / 2
    for file, floor in floors.items():
        y = heights[file]
        if floor % 2:
            ax.axhspan(y - 0.5, y + 0.5, color="0.94", linewidth=0)
        ax.text(-0.69 * reach, y, floor, ha="right", va="center", color="0.4", size=8)
        ax.text(-0.65 * reach, y, file, va="center", color=colour(file), size=8)
        for other in set(imports(package, file)) & floors.keys():
            height = y - heights[other]
            middle = (0, y - height / 2)
            width = 1.6 * height**0.5 * reach**0.5  # so that short arcs are seen
            arc = Arc(middle, width, height, theta1=-90, theta2=90)
            arc.set(edgecolor=colour(other), alpha=0.35, linewidth=0.8)
            ax.add_patch(arc)
    ax.set(xlim=(-0.76 * reach, 0.9 * reach), ylim=(-len(floors), 1.6))
    ax.text(-0.76 * reach, 1.1, "floor", va="center", size=8)
    ax.text(-0.6 * reach, 1.1, "file", va="center", size=8)
    ax.axis("off")
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
