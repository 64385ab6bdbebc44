"""The built documentation: links, assets, and how it looks in a browser.

Built before these tests by ``sphinx-build -W docs site``, as ``nox -s docs`` does.
"""

import functools
import itertools
import os
import re
import shutil
import threading
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
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


def test_no_card_of_a_difference_is_wider_than_its_place(visit):
    tab, *_ = visit("differences.html")
    wide = "cards => cards.filter(card => card.scrollWidth > card.clientWidth).length"
    cards = tab.locator("#different-on-purpose tbody tr")
    assert cards.count() > 20
    assert cards.evaluate_all(wide) == 0


def test_formulas_are_typeset(visit):
    tab, *_ = visit("auto_learn/plot_02_layers.html")
    tab.evaluate("MathJax.startup.promise")
    assert tab.locator("article mjx-container").count() > 5


@pytest.mark.parametrize("word", ["save", "imbalanced", "stream", "resume"])
def test_the_search_finds(word, visit):
    tab, *_ = visit(f"search.html?q={word}")
    tab.wait_for_selector("#search-results ul.search li a", timeout=20_000)
    assert tab.locator("#search-results ul.search li").count() > 0


# Points of strokes, in parts of the field's side.
DRAWN = {
    "1": [[(0.35, 0.35), (0.55, 0.15), (0.55, 0.85)]],
    "7": [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]],
    "4": [[(0.45, 0.15), (0.25, 0.6), (0.75, 0.6)], [(0.6, 0.35), (0.6, 0.85)]],
}
DRAW_PAGE = "draw_a_digit.html"


def lights(tab):
    """Return the brightness of the hidden units."""
    read = "units => units.map(unit => +unit.style.getPropertyValue('--light'))"
    return tab.locator(".draw-unit").evaluate_all(read)


def on_the_pad(tab, stroke):
    """Return the points of a stroke, where they are in the window."""
    box = tab.locator("#draw-pad").bounding_box()
    return [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
    ]


def draw(tab, digit):
    """Draw a digit with the mouse."""
    tab.locator("#draw-pad").scroll_into_view_if_needed()
    for stroke in DRAWN[digit]:
        first, *others = on_the_pad(tab, stroke)
        tab.mouse.move(*first)
        tab.mouse.down()
        # It reads while one draws.
        assert tab.locator("#draw-answer").inner_text() in set("0123456789")
        for point in others:
            tab.mouse.move(*point, steps=5)
        tab.mouse.up()
    tab.mouse.move(0, 0)  # draws no more


def test_the_network_reads_what_is_drawn(visit):
    tab, _, errors, _ = visit(DRAW_PAGE)
    for digit in DRAWN:
        draw(tab, digit)
        assert tab.locator("#draw-answer").inner_text() == digit
        bars = tab.locator(".draw-bar").all_inner_texts()
        percents = [int(bar.split()[1].rstrip("%")) for bar in bars]
        assert percents[int(digit)] == max(percents) > 60
        assert 95 <= sum(percents) <= 105
        bright = lights(tab)
        assert len(bright) == 40
        assert max(bright) > 0.5
        assert min(bright) == 0

        tab.click("#draw-clear")
        assert tab.locator("#draw-answer").inner_text() == "–"
        assert lights(tab) == [0] * 40
    assert errors == []


def test_a_finger_draws_and_does_not_scroll(browser):
    # From the disk, as somebody offline opens it.
    with browser.new_context(
        viewport={"width": 390, "height": 700}, has_touch=True
    ) as context:
        tab = context.new_page()
        tab.goto((SITE / DRAW_PAGE).as_uri())
        tab.locator("#draw-pad").scroll_into_view_if_needed()
        before = tab.evaluate("scrollY")
        touch = context.new_cdp_session(tab)

        def send(kind, *points):
            at = [{"x": x, "y": y} for x, y in points]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        corners = DRAWN["1"][0]
        stroke = [
            (x + (x2 - x) * part / 8, y + (y2 - y) * part / 8)
            for (x, y), (x2, y2) in itertools.pairwise(corners)
            for part in range(9)
        ]
        first, *others = on_the_pad(tab, stroke)
        send("touchStart", first)
        for point in others:
            send("touchMove", point)
        send("touchEnd")
        assert tab.locator("#draw-answer").inner_text() == "1"
        assert tab.evaluate("scrollY") == before


def test_an_example_and_a_unit_by_keyboard(visit):
    tab, *_ = visit(DRAW_PAGE)
    for digit in range(10):
        expected = tab.evaluate(f"NETWORK.probabilities[{digit}]")
        tab.locator(".draw-button", has_text=re.compile(f"^{digit}$")).press("Enter")
        answer = tab.locator("#draw-answer").inner_text()
        assert answer == str(expected.index(max(expected)))
    pictures = []
    for unit in (0, 1):
        tab.locator(".draw-unit").nth(unit).focus()
        assert f"unit {unit + 1} " in tab.locator("#draw-unit").inner_text()
        pictures.append(
            tab.evaluate("document.getElementById('draw-weights').toDataURL()")
        )
    assert pictures[0] != pictures[1]


def test_the_browser_computes_what_predict_proba_does(visit):
    tab, *_ = visit(DRAW_PAGE)
    found, expected = tab.evaluate(
        "[new Network(NETWORK.W, NETWORK.b).predict_proba(NETWORK.examples),"
        " NETWORK.probabilities]"
    )
    # Written by docs/extensions/draw_network.py; test_draw_network.py tests them.
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_faults_are_found(visit):
    tab, *_ = visit("index.html")
    tab.evaluate(
        """() => document.querySelector("article").insertAdjacentHTML("beforeend",
        '<div style="width: 3000px">wide</div><img src="nothing.png">'
        + '<span class="math">x^2</span>')"""
    )
    kinds = {fault.partition(":")[0] for fault in tab.evaluate(FAULTS)}
    assert kinds == {"cut off", "no picture", "no formula"}
