"""The built documentation: links, assets, and how it looks in a browser.

Built before these tests by ``sphinx-build -W docs site``, as ``nox -s docs`` does.
"""

import functools
import os
import re
import shutil
import threading
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

SITE = Path(__file__).parents[1] / "site"
FILES = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.*"))
# Those of the theme are no pages of ours.
PAGES = [file for file in FILES if re.fullmatch(r"(?!_static/).*\.html", file)]
STYLES = [file for file in FILES if file.endswith(".css")]

pytestmark = pytest.mark.skipif(
    not PAGES, reason="the documentation is not built: sphinx-build -W docs site"
)

# What a browser fetches by itself, by tag and attribute; links to follow are `a`.
FETCHED = {
    ("audio", "src"),
    ("embed", "src"),
    ("iframe", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("input", "src"),
    ("link", "href"),
    ("object", "data"),
    ("script", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("video", "poster"),
    ("video", "src"),
}
# Relations of `link` that only name a page.
NOT_FETCHED = {"author", "canonical", "copyright", "index", "next", "prev", "search"}


class Page(HTMLParser):
    """What a page fetches, links to and can be linked to, and its words."""

    def __init__(self, name):
        super().__init__()
        self.assets, self.links, self.anchors, self.words = [], [], set(), []
        self.feed((SITE / name).read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs.get("id"), attrs.get("name")}
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag == "link" and set(attrs.get("rel", "").split()) & NOT_FETCHED:
            return
        for name, value in attrs.items():
            if (tag, name) in FETCHED and value:
                addresses = value.split(",") if name == "srcset" else [value]
                self.assets += [address.split()[0] for address in addresses]

    def handle_data(self, data):
        self.words.append(data)


@functools.cache
def page(name):
    return Page(name)


def target(name, address):
    """Return the file of the site, and the anchor, that an address leads to."""
    parts = urlsplit(address)
    path = SITE / name if not parts.path else (SITE / name).parent / unquote(parts.path)
    return path.resolve(), unquote(parts.fragment)


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_fetches_is_part_of_the_site(name):
    for address in page(name).assets:
        if address.startswith("data:"):
            continue
        parts = urlsplit(address)
        assert not parts.scheme, address
        assert not parts.netloc, address
        assert target(name, address)[0].is_file(), address


@pytest.mark.parametrize("name", STYLES)
def test_what_a_style_sheet_fetches_is_part_of_the_site(name):
    css = re.sub(r"/\*.*?\*/", "", (SITE / name).read_text("utf-8"), flags=re.DOTALL)
    addresses = re.findall(r"url\(\s*['\"]?(.*?)['\"]?\s*\)", css)
    addresses += re.findall(r"@import\s+['\"](.*?)['\"]", css)
    for address in addresses:
        assert re.match(r"data:|(?!//|\w+:)", address), address


@pytest.mark.parametrize("name", PAGES)
def test_links_within_the_site_lead_somewhere(name):
    for address in page(name).links:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        path, anchor = target(name, address)
        assert path.is_file(), address
        if anchor and path.suffix == ".html":
            anchors = page(str(path.relative_to(SITE.resolve()))).anchors
            assert anchor in anchors, address


@pytest.mark.parametrize("name", PAGES)
def test_references_have_plain_numbers(name):
    # numpydoc makes them unique as [Rc27be66e9225-1], and should undo it.
    assert not re.search(r"\bR[0-9a-f]{8,}-", "".join(page(name).words))


def test_every_public_name_has_a_page_with_its_source():
    import skmlp_scratch

    for name in skmlp_scratch.__all__:
        own = page(f"generated/skmlp_scratch.{name}.html")
        assert f"skmlp_scratch.{name}" in own.anchors
        assert any("_modules/" in link for link in own.links)


# From here on in a browser.

WIDTHS = [390, 1280]
# Pages of one class look alike: some stand for all.
SEEN = [
    name
    for name in PAGES
    if name != "search.html"
    and not name.startswith("_modules/")
    and (not name.startswith("generated/") or re.search(r"Scratch|train|Adam", name))
]
# Elements that end beyond the window and are in nothing that scrolls, or hide what they
# have no room for; pictures that cannot be drawn; formulas that were not typeset.
FAULTS = """async () => {
  const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push("page too wide");
  const page = document.querySelector(".bd-article-container");
  if (!page) return ["no article"];
  const inScrolling = e => {
    for (; e !== page; e = e.parentElement) if (scrolls(e)) return true;
  };
  for (const e of page.querySelectorAll("*")) {
    const box = e.getBoundingClientRect();
    const beyond = box.width && box.right > innerWidth + 1 && !inScrolling(e);
    const clipped = getComputedStyle(e).overflowX === "hidden" && !e.closest(".math")
      && e.scrollWidth > e.clientWidth + 1;
    if (e.closest("mjx-assistive-mml, .sr-only, .visually-hidden")) continue;
    if (beyond || clipped)
      faults.push(`cut off: ${e.tagName} ${e.className} ${e.textContent.slice(0, 40)}`);
  }
  for (const img of document.images)
    await img.decode().catch(() => faults.push(`no picture: ${img.src}`));
  if (window.MathJax) await MathJax.startup.promise;
  for (const e of document.querySelectorAll("article .math"))
    if (!e.querySelector("mjx-container") || e.querySelector("mjx-merror"))
      faults.push(`no formula: ${e.textContent}`);
  return faults;
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(folder):
    """Serve a folder from this machine, and give its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    reason = "needs the extra 'site'"
    sync_api = pytest.importorskip("playwright.sync_api", reason=reason)
    with sync_api.sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        names = ("chromium", "chromium-browser", "google-chrome")
        found = own if own.exists() else next(filter(None, map(shutil.which, names)), 0)
        if not found:
            pytest.skip("needs a browser: playwright install chromium")
        # Chromium refuses to run as root otherwise.
        args = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=str(found), args=args)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=WIDTHS)
def visit(request, browser):
    """Return a function that opens a page, and gives it and what it asked for."""
    size = {"width": request.param, "height": 900}
    with served(SITE) as address:
        tab = browser.new_page(viewport=size)
        requests, errors = [], []
        tab.on("request", lambda asked: requests.append(asked.url))
        tab.on("pageerror", lambda error: errors.append(str(error)))

        def open_page(name):
            requests.clear()
            errors.clear()
            tab.goto(f"{address}/{name}")
            return tab, requests, errors, address

        yield open_page
        tab.close()


@pytest.mark.parametrize("name", SEEN)
def test_a_page_looks_right(name, visit):
    tab, requests, errors, address = visit(name)
    assert tab.evaluate(FAULTS) == []
    assert [url for url in requests if not url.startswith((address, "data:"))] == []
    assert errors == []


def test_formulas_are_typeset(visit):
    tab, *_ = visit("backpropagation.html")
    tab.evaluate("MathJax.startup.promise")
    assert tab.locator("article mjx-container").count() > 5


@pytest.mark.parametrize("word", ["save", "imbalanced", "stream", "resume"])
def test_the_search_finds(word, visit):
    tab, *_ = visit(f"search.html?q={word}")
    tab.wait_for_selector("#search-results ul.search li a", timeout=20_000)
    assert tab.locator("#search-results ul.search li").count() > 0


def test_faults_are_found(visit):
    tab, *_ = visit("index.html")
    tab.evaluate(
        """() => document.querySelector("article").insertAdjacentHTML("beforeend",
        '<div style="width: 3000px">wide</div><img src="nothing.png">'
        + '<span class="math">x^2</span>')"""
    )
    kinds = {fault.partition(":")[0] for fault in tab.evaluate(FAULTS)}
    assert kinds == {"cut off", "no picture", "no formula"}
