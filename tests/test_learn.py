"""The pages to learn from: they run, their solutions too, and explain what they say.

Each page asserts the numbers that it prints. Here it runs as a script; then the
solutions of its exercises are doctests in what it has left behind.
"""

import ast
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
    accuracy; activations; affine; backpropagation; batch; batch normalisation; biases;
    chain rule; classes; cross-entropy; epoch; estimator; fan-in; gradient; gradient
    descent; graph; hidden layer; layer; learning rate; logits; loss; matrix product;
    momentum; network; node; numerical gradient; one-hot; optimizer; overfitting;
    parameters; penalty; ReLU; seed; sigmoid; softmax; stochastic; target; test data;
    training; training data; transposed; unit; velocity; weight decay; weights; Adam;
    AdamW; Dropout
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
def offline(monkeypatch, tmp_path):
    """No network, and a folder with nothing in it: a page may be downloaded."""

    def refuse(*args, **kwargs):
        raise OSError("a page must not need the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page, offline, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))  # no MNIST there
    assert run(page) >= 2
    source, printed = page.read_text("utf-8"), capsys.readouterr().out
    assert set(not_computed("\n".join(parts(page)), source, printed)) <= GIVEN


# The images of both collections, and what is one more than 1.1.
GIVEN = {"70,000", "1,797", "2.1"}
NUMBER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w|[.,]\d)")


def not_computed(text, source, printed):
    """Return the numbers in sentences that are neither in the code nor printed.

    Of numbers, only those with decimals or thousands; rounding is allowed.
    """
    pieces = doctest.DocTestParser().parse(text)
    sentences = "".join(piece for piece in pieces if isinstance(piece, str))
    sentences = re.sub("``.*?``", "", sentences).replace("{,}", ",")
    examples = [piece for piece in pieces if not isinstance(piece, str)]
    printed = "\n".join(
        [printed, *(example.source + example.want for example in examples)]
    )
    known = [float(number.replace(",", "")) for number in NUMBER.findall(printed)]
    known += [node.value for node in ast.walk(ast.parse(source)) if is_number(node)]
    unknown = []
    for number in NUMBER.findall(sentences):
        plain = number.replace(",", "")
        decimals = len(plain.partition(".")[2])
        same = (f"{value:.{decimals}f}" == plain for value in known)
        if (decimals or number != plain) and not any(same):
            unknown.append(number)
    return unknown


def is_number(node):
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def test_a_number_that_is_not_computed_is_found():
    text = "Log 10 is 2.303, not 2.304; 1,000 is not 1{,}001.\n>>> 1.5\n1.6\n\nTen, 10."
    assert not_computed(text, "x = 1000", "2.30259") == ["2.304", "1,001"]


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


PLAIN = ["softmax", "softmax_cross_entropy", "sgd", "adam", "adamw"]


@pytest.mark.parametrize("name", PLAIN)
def test_the_plain_versions_of_the_tests_are_shown(name):
    reference = ROOT / "tests" / "reference.py"
    included = f".. literalinclude:: ../../tests/reference.py\n#    :pyobject: {name}\n"
    # Or written out: a page that runs by itself cannot import it.
    (function,) = functions(reference, name)
    shown = [
        page.stem
        for page in PAGES
        if included in page.read_text("utf-8") or functions(page, name) == [function]
    ]
    assert len(shown) == 1
    others = [page.stem for page in PAGES if functions(page, name)]
    assert set(others) <= set(shown)


def functions(file, name):
    """Return the source of the functions of this name."""
    source = file.read_text("utf-8")
    return [
        ast.get_source_segment(source, node)
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]


def test_the_table_of_the_book_names_what_there_is():
    text = (ROOT / "docs" / "backpropagation.md").read_text("utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| ")][2:]
    assert len(rows) > 15
    for row in rows:
        _, _, link, here, _ = row.split("|")
        for file, names in re.findall(r"`(\w+\.py)`(?:: ((?:`\S+`(?:, )?)+))?", here):
            source = (ROOT / "skmlp_scratch" / "nn" / file).read_text("utf-8")
            for name in re.findall(r"\w+(?=`)", names):
                assert re.search(rf"\b{name}\b", source), f"{name} is not in {file}"
        title, folder, page = re.search(
            r"\[(.*)\]\(auto_(.*)/(.*)\.rst\)", link
        ).groups()
        assert (ROOT / "docs" / folder / f"{page}.py").exists()
        if folder == "learn":
            assert page.startswith(f"plot_0{title}_")
    assert [page.stem for page in PAGES if f"/{page.stem}.rst)" not in text] == []


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
    wanted = {" ".join(term.split()) for term in TERMS.split(";")}
    assert wanted <= {term[0].lower() + term[1:] for term in terms} | set(terms)


def test_terms_used_before_are_noticed():
    pages = [("Of logs.", "A log, and **wood**."), ("Wood.", "No **log** is **wood**.")]
    assert explained_too_late(pages) == (["wood", "log", "wood"], ["log", "wood"])
