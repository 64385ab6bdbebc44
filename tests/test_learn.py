"""The pages to learn from: they run, their solutions too, and explain what they say.

Each page asserts the numbers that it prints. Here it runs as a script; then the
solutions of its exercises are doctests in what it has left behind.
"""

import doctest
import re
import runpy
import socket
import warnings
from pathlib import Path

import pytest
from helpers import ROOT
from sklearn.datasets import get_data_home

plt = pytest.importorskip("matplotlib.pyplot", reason="the pages draw pictures")
plt.switch_backend("Agg")

PAGES = sorted((ROOT / "docs" / "learn").glob("plot_*.py"))
WITH_MNIST = {"plot_05_training", "plot_06_numerical_gradients"}

# What beginners cannot know. Each must be explained, by a page before any uses it.
TERMS = """
    accuracy; activations; affine; backpropagation; batch; biases; chain rule;
    cross-entropy; epoch; fan-in; gradient; gradient descent; graph; hidden layer;
    layer; learning rate; logits; loss; momentum; network; node; numerical gradient;
    one-hot; optimizer; parameters; ReLU; sigmoid; softmax; stochastic; target;
    test data; training; training data; transposed; unit; velocity; weights; Adam;
    Dropout
"""


def parts(page):
    """Return the introduction of a page, and all its text after that."""
    source = page.read_text("utf-8")
    _, introduction, rest = source.split('"""', 2)
    blocks = re.findall(r"^# %%\n((?:#.*\n)+)", rest, re.MULTILINE)
    return introduction, re.sub(r"^# ?", "", "\n".join(blocks), flags=re.MULTILINE)


def prose(text):
    """Return what is sentences: no headings, code, formulas, roles or directives."""
    text = re.sub(r"^.+\n[-=]{3,}$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^ *(>>>|\.\.\.? |:[\w-]+: ).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"(:[\w:]+:)?`+[^`]+`+_*", "", text)
    return re.sub(r"\s+", " ", text)


def run(page):
    """Run a page, then its solutions; return how many lines of these there were."""
    with warnings.catch_warnings(action="error"):
        names = runpy.run_path(str(page), run_name="__main__")
        plt.close("all")
        _, text = parts(page)
        solutions = doctest.DocTestParser().get_doctest(text, names, page.stem, None, 0)
        failed, tried = doctest.DocTestRunner().run(solutions)
    assert failed == 0
    return tried


@pytest.fixture
def offline(monkeypatch):
    """No network, and the folder in which somebody runs a page."""

    def refuse(*args, **kwargs):
        raise OSError("a page must not need the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.chdir(ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page, offline, monkeypatch, tmp_path):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))  # no MNIST there
    assert run(page) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(WITH_MNIST))
def test_page_with_mnist(name, offline, capsys):
    pytest.importorskip("pandas", reason="reading MNIST without it takes 40 s")
    files = (Path(get_data_home()) / "openml").rglob("*.gz")
    if not any("52667" in file.as_posix() for file in files):
        pytest.skip("MNIST is not in scikit-learn's data folder")
    run(ROOT / "docs" / "learn" / f"{name}.py")
    assert "MNIST" in capsys.readouterr().out


def test_pages_are_numbered_and_lead_to_the_next():
    assert len(PAGES) == 9
    for number, page in enumerate(PAGES, 1):
        assert page.stem.startswith(f"plot_{number:02}_")
        introduction, text = parts(page)
        assert introduction.startswith(f"\n{number}. ")
        following = [f"Next: :doc:`{p.stem}`" for p in PAGES[number : number + 1]]
        assert re.findall(r"Next: :doc:`\w+`", text) == following


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_has_a_picture_source_and_two_exercises_with_solutions(page):
    source = page.read_text("utf-8")
    assert source.count("plt.show()") == 1
    assert "literalinclude:: ../../skmlp_scratch/nn/" in source
    exercises = source[source.index("# Exercises\n") :]
    assert re.findall(r"^# \*\*(\d)\.\*\*", exercises, re.MULTILINE) == ["1", "2"]
    solutions = re.split(r"^# \.\. dropdown:: Solution$", exercises, flags=re.MULTILINE)
    assert ["#    >>> " in solution for solution in solutions] == [False, True, True]


def explained_too_late(pages):
    """Return the terms in bold, and which of them were used before.

    ``pages`` are introductions and texts. An introduction announces what its page is
    about, and may use the words that the page explains.
    """
    before, terms, late = "", [], []
    for introduction, text in pages:
        here = prose(introduction) + "\n"
        for at_term in re.finditer(r"\*\*([^*\d]+)\*\*", here + prose(text)):
            term, start = at_term[1], at_term.start()
            use = re.compile(rf"(?<![\w-]){re.escape(term)}s?(?![\w-])", re.IGNORECASE)
            sentences = (here + prose(text))[:start]
            if start > len(here):
                sentences = sentences[len(here) :]
            if use.search(before + sentences):
                late.append(term)
            terms.append(term)
        before += here + prose(text)
    return terms, late


def test_no_term_is_used_before_it_is_explained():
    terms, late = explained_too_late(map(parts, PAGES))
    assert late == []
    assert {term.strip() for term in TERMS.split(";")} <= set(terms)


def test_terms_used_before_are_noticed():
    pages = [("Of logs.", "A log, and **wood**."), ("Wood.", "No **log** is **wood**.")]
    assert explained_too_late(pages) == (["wood", "log", "wood"], ["log", "wood"])
