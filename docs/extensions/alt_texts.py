"""Words for the pictures of the galleries, for those who do not see them.

Sphinx-gallery says the titles of a figure; of one without titles, the name of its file.
Here labels and legends of the axes are said, too.
"""

import re

import matplotlib.pyplot as plt
from sphinx_gallery.scrapers import matplotlib_scraper


def plain(text):
    """Return a text of a picture without line breaks and the marks of formulas."""
    return " ".join(re.sub(r"[$\\{}]", "", text).split())


def describe_axes(ax):
    """Return what is written on axes: title, labels, names in the legend."""
    words = [plain(ax.get_title())] if ax.get_title() else []
    labels = [plain(label) for label in (ax.get_ylabel(), ax.get_xlabel()) if label]
    words += [" over ".join(labels)] if labels else []
    if legend := ax.get_legend():
        words.append(", ".join(plain(text.get_text()) for text in legend.get_texts()))
    return ": ".join(words)


def describe(figure):
    """Return what is written on a figure."""
    title = [plain(figure.get_suptitle())] if figure.get_suptitle() else []
    parts = dict.fromkeys(filter(None, map(describe_axes, figure.axes)))
    return "; ".join([*title, *parts])


def scraper(block, block_vars, gallery_conf, **kwargs):
    """Save the figures as sphinx-gallery does, with these words."""
    words = [describe(plt.figure(number)) for number in plt.get_fignums()]
    rst = matplotlib_scraper(block, block_vars, gallery_conf, **kwargs)
    texts = iter(words)

    def alt(found):
        return f":alt: {next(texts, '') or found[1]}"

    return re.sub(r":alt: (.*)", alt, rst)
