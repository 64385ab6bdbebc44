"""Links from the HTML representation to wherever the documentation is published."""

import importlib.metadata
import re
import sys

import pytest
from helpers import SKLEARN
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmlp_scratch
from skmlp_scratch._documentation import documentation_address

NAMES = [getattr(skmlp_scratch, name) for name in skmlp_scratch.__all__]
PUBLIC = [c for c in NAMES if isinstance(c, type) and issubclass(c, BaseEstimator)]
every_public = pytest.mark.parametrize("public", PUBLIC)
ADDRESS = "https://docs.example.org/stable"
URLS = ["Homepage, https://example.org", f"Documentation, {ADDRESS}"]


@pytest.fixture(autouse=True)
def forgotten():
    """Have the metadata read anew, before the test and after it."""
    documentation_address.cache_clear()
    yield
    documentation_address.cache_clear()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs a made-up distribution with these URLs."""

    def install(urls, name="skmlp-scratch"):
        folder = tmp_path / "skmlp_scratch-99.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 99"]
        lines += [f"Project-URL: {url}" for url in urls]
        (folder / "METADATA").write_text("\n".join(lines) + "\n\nA description.\n")
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    return install


@every_public
def test_the_link_leads_to_the_page_of_the_class(public, installed):
    installed(URLS)
    link = f"{ADDRESS}/generated/skmlp_scratch.{public.__name__}.html"
    assert public()._get_doc_link() == link
    assert f'href="{link}"' in public()._repr_html_()
    assert f"Documentation for {public.__name__}" in public()._repr_html_()


@pytest.mark.parametrize(
    "url",
    [
        f"Documentation, {ADDRESS}/",
        f"documentation,{ADDRESS}",
        f"Documentation , {ADDRESS}",
    ],
)
def test_however_it_is_written(url, installed):
    installed([url])
    assert documentation_address() == ADDRESS


@every_public
@pytest.mark.parametrize("urls", [[], ["Homepage, https://example.org"], ["nonsense"]])
def test_without_an_address_there_is_no_link(urls, public, installed):
    installed(urls)
    assert public()._get_doc_link() == ""
    assert "example.org" not in public()._repr_html_()
    assert "Documentation for" not in public()._repr_html_()


@every_public
def test_a_package_that_is_not_installed_is_shown_all_the_same(public, monkeypatch):
    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("skmlp_scratch._documentation.metadata", nothing)
    assert public()._get_doc_link() == ""
    assert public.__name__ in public()._repr_html_()


def test_classes_of_users_are_not_in_our_documentation(installed):
    class Own(skmlp_scratch.ScratchMLPClassifier):
        pass

    installed(URLS)
    assert Own()._get_doc_link() == ""


def test_inside_a_pipeline(installed):
    installed(URLS)
    model = make_pipeline(StandardScaler(), skmlp_scratch.ScratchMLPRegressor())
    html = model._repr_html_()
    assert f'href="{ADDRESS}/generated/skmlp_scratch.ScratchMLPRegressor.html"' in html


def test_the_metadata_are_read_once(installed, monkeypatch):
    installed(URLS)
    first = documentation_address()
    monkeypatch.setattr("skmlp_scratch._documentation.metadata", None)
    assert documentation_address() == first == ADDRESS


@pytest.mark.skipif(SKLEARN < (1, 9), reason="tooltips came with scikit-learn 1.9")
@every_public
def test_every_parameter_has_a_tooltip(public, installed):
    installed(URLS)
    html = public()._repr_html_()
    tips = dict(
        re.findall(
            r'<a class="param-doc-link".*?#:~:text=(\w+),.*?'
            r'class="param-doc-description".*?>\s*(.*?)</span>',
            html,
            re.DOTALL,
        )
    )
    assert tips.keys() == public().get_params(deep=False).keys()
    for name, tip in tips.items():
        assert tip.startswith(f"{name}: ")
        assert "<br><br>" in tip
