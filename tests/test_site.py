"""The built documentation: links, assets, and how it looks in a browser.

Built before these tests by ``sphinx-build -W docs site``, as ``nox -s docs`` does.
"""

import functools
import importlib
import inspect
import itertools
import os
import pkgutil
import re
import shutil
import threading
import typing
from contextlib import contextmanager
from html import unescape
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from helpers import wrongly_missing

import skmlp_scratch
from skmlp_scratch import callbacks, exceptions, nn, summary

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


@pytest.mark.parametrize("name", [n for n in PAGES if re.match("auto_use/.*_", n)])
def test_no_part_of_a_recipe_is_skipped(name):
    html = (SITE / name).read_text("utf-8")
    outputs = re.findall(r"sphx-glr-script-out.*?<pre>(.*?)</pre>", html, re.DOTALL)
    printed = unescape(re.sub("<.*?>", "", "\n".join(outputs)))
    assert printed
    assert wrongly_missing(printed) == []


@pytest.mark.parametrize("name", PAGES)
def test_references_have_plain_numbers(name):
    # numpydoc makes them unique as [Rc27be66e9225-1], and should undo it.
    assert not re.search(r"\bR[0-9a-f]{8,}-", "".join(page(name).words))


def modules_of_the_engine():
    names = [m.name for m in pkgutil.iter_modules(nn.__path__, f"{nn.__name__}.")]
    return [importlib.import_module(name) for name in names]


def public_names():
    """Return each public class and function by the name of its page."""
    names = {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in (skmlp_scratch, callbacks, nn)
        for name in module.__all__
    }
    for module in (exceptions, summary, *modules_of_the_engine()):
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__
            is_function = inspect.isfunction(value) and module is not exceptions
            public = name[0] != "_" and (is_function or inspect.isclass(value))
            if own and public and value not in names.values():
                names[f"{module.__name__}.{name}"] = value
    return names


PUBLIC = public_names()


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_page(name):
    own = page(f"generated/{name}.html")
    assert name in own.anchors
    value = PUBLIC[name]
    if inspect.isclass(value):
        for member, function in vars(value).items():
            # Those that scikit-learn adds, such as set_fit_request, are not ours.
            ours = getattr(function, "__module__", "").startswith("skmlp_scratch")
            if inspect.isfunction(function) and ours and member[0] != "_":
                assert f"{name}.{member}" in own.anchors


def described(name):
    """Return the parameters and attributes that a page has descriptions of."""
    html = (SITE / f"generated/{name}.html").read_text("utf-8")
    return set(re.split(r"[, ]+", " ".join(re.findall(r"<dt><strong>(.*?)<", html))))


@pytest.mark.parametrize("name", PUBLIC)
def test_the_page_says_what_each_parameter_is(name):
    value, words = PUBLIC[name], "".join(page(f"generated/{name}.html").words)
    if inspect.isclass(value) and issubclass(value, Exception | typing.Protocol):
        return
    # A function of the engine may say all in its first sentence.
    may_be_short = name.startswith(f"{nn.__name__}.") and inspect.isfunction(value)
    says_all = may_be_short and "Parameters:" not in words
    if not says_all and "parameters are those of" not in words:
        assert set(inspect.signature(value).parameters) <= described(name)


FITTED = {
    "ScratchMLPClassifier": {"max_iter": 3, "early_stopping": True},
    "ScratchMLPRegressor": {"max_iter": 3, "early_stopping": True},
    "TabularMLPClassifier": {},
    "TabularMLPRegressor": {},
    "PiecewiseLinearEncoder": {},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FITTED)
def test_the_page_says_what_each_fitted_attribute_is(name):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.permutation(60) % 2
    model = getattr(skmlp_scratch, name)(**FITTED[name]).fit(X, y)
    fitted = {a for a in vars(model) if a.endswith("_") and a[0] != "_"}
    assert fitted <= described(f"skmlp_scratch.{name}")


@pytest.mark.parametrize("name", PUBLIC)
def test_the_source_is_a_click_away(name):
    links = [a for a in page(f"generated/{name}.html").links if "_modules/" in a]
    short = name.rpartition(".")[2]
    (link,) = [a for a in links if a.endswith(f"#{short}")]
    path, anchor = target(f"generated/{name}.html", link)
    block = path.read_text("utf-8").partition(f'id="{anchor}">')[2]
    source = re.sub(r"<.*?>", "", block.partition("</div>")[0])
    code = re.sub(r"^ *\d+", "", source, flags=re.MULTILINE).partition("[docs]")[2]
    kind = "class" if inspect.isclass(PUBLIC[name]) else "def"
    lines = [line for line in code.splitlines() if line and not line.startswith("@")]
    assert re.match(rf"{kind} {short}\b", lines[0])


def test_addresses_elsewhere_are_well_formed():
    addresses = {a for name in PAGES for a in page(name).links if urlsplit(a).scheme}
    for address in addresses:
        parts = urlsplit(address)
        assert parts.scheme == "https", address
        assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc), address
        assert not re.search(r"\s|example\.(com|org)", address), address
    # One folder per name holds most of NumPy's pages, but not these.
    assert not [a for a in addresses if "reference/generated/numpy.random" in a]
    # Libraries' references aside, every address was written by hand: they are few.
    reference = r"scikit-learn|numpy|docs\.(python|scipy)|matplotlib|pandas|arxiv"
    other = {a for a in addresses if not re.match(f"https://({reference})", a)}
    assert len(other) < 40


@pytest.mark.parametrize(
    "name", [name for name in PAGES if name not in ("py-modindex.html", "search.html")]
)
def test_pictures_have_words_and_headings_are_in_order(name):
    html = (SITE / name).read_text("utf-8")
    article = html.partition("<article")[2].partition("</article>")[0]
    for image in re.findall(r"<img.*?>", article, re.DOTALL):
        # A thumbnail stands above its title, which says it.
        words = re.search(r'alt="(.*?)"', image, re.DOTALL)
        assert words, image
        if "_thumb" not in image:
            assert len(words[1]) > 3, image
            assert not re.match(r"plot|.*\.(png|svg)", words[1]), image
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", article)]
    assert levels[0] == 1
    for before, level in itertools.pairwise(levels):
        assert level <= before + 1


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


# Words that are hard to read on what is behind them: by WCAG 2, a ratio below 4.5, or 3
# for large ones.
FAINT = """() => {
  const rgba = colour => {
    const parts = colour.match(/[\\d.]+/g).map(Number);
    return parts.length > 3 ? parts : [...parts, 1];
  };
  const over = ([r, g, b, a], under) =>
    [r, g, b].map((value, i) => value * a + under[i] * (1 - a));
  const behind = e => {
    if (!e) return [255, 255, 255];
    const colour = rgba(getComputedStyle(e).backgroundColor);
    return colour[3] === 1 ? colour.slice(0, 3) : over(colour, behind(e.parentElement));
  };
  const luminance = colour => {
    const [r, g, b] = colour.map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = new Set();
  const article = document.querySelector(".bd-article-container");
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    const shown = e.getClientRects().length && texts.currentNode.data.trim();
    if (!shown || e.closest("mjx-container, .sr-only, .visually-hidden")) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const under = behind(e);
    const [dark, light] = [over(rgba(style.color), under), under]
      .map(luminance).sort((a, b) => a - b);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if ((light + 0.05) / (dark + 0.05) < (large ? 3 : 4.5))
      faint.add(`${e.tagName} ${e.className}: ${texts.currentNode.data.slice(0, 30)}`);
  }
  return [...faint];
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
    for part in ("the-same", "better", "different-on-purpose", "not-here"):
        cards = tab.locator(f"#{part} tbody tr")
        assert cards.count() > 5
        assert cards.first.evaluate("e => getComputedStyle(e).borderStyle") == "solid"
        assert cards.evaluate_all(wide) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "auto_learn/plot_02_layers.html",
        "auto_use/plot_mnist.html",
        "differences.html",
        "draw_a_digit.html",
        "generated/skmlp_scratch.WeightsDisplay.html",
        "py-modindex.html",
    ],
)
def test_words_can_be_read(name, scheme, visit):
    tab, *_ = visit(name)
    tab.emulate_media(color_scheme=scheme)
    try:
        tab.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        assert tab.evaluate(FAINT) == []
    finally:
        tab.emulate_media(color_scheme="light")


def test_formulas_are_typeset(visit):
    tab, *_ = visit("auto_learn/plot_02_layers.html")
    tab.evaluate("MathJax.startup.promise")
    assert tab.locator("article mjx-container").count() > 5


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("save", "auto_use/plot_save_and_deploy"),
        ("imbalanced", "auto_use/plot_imbalanced"),
        ("stream", "auto_use/plot_streaming"),
        ("resume", "auto_use/plot_watch_stop_resume"),
        ("interrupt", "auto_use/plot_watch_stop_resume"),
        ("TF-IDF", "auto_use/plot_sparse_text"),
        ("ONNX", "onnx"),
        ("scale the target", "auto_use/plot_regression"),
        ("dropout", "generated/skmlp_scratch.nn.regularization.Dropout"),
    ],
)
def test_the_search_finds(words, found, visit):
    tab, *_ = visit(f"search.html?q={words}")
    # The results come one by one.
    link = f'#search-results ul.search li > a[href*="{found}.html"]'
    tab.wait_for_selector(link, timeout=20_000)
    results = tab.locator("#search-results ul.search li > a")
    addresses = results.evaluate_all("links => links.map(link => link.href)")
    assert any(f"{found}.html" in address for address in addresses[:12])


def arc(x, y, width, height, first=0, last=360):
    """Return points of an ellipse around x, y; degrees go clockwise from its top."""
    angles = np.radians(np.linspace(first, last, 13))
    return [(x + width * np.sin(a), y - height * np.cos(a)) for a in angles]


# Points of strokes, in parts of the field's side.
DRAWN = {
    "1": [[(0.35, 0.35), (0.55, 0.15), (0.55, 0.85)]],
    "7": [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]],
    "4": [[(0.45, 0.15), (0.25, 0.6), (0.75, 0.6)], [(0.6, 0.35), (0.6, 0.85)]],
    "0": [arc(0.5, 0.5, 0.2, 0.33)],
    "2": [[*arc(0.5, 0.32, 0.2, 0.17, -90, 110), (0.3, 0.85), (0.72, 0.85)]],
    "3": [arc(0.48, 0.32, 0.18, 0.17, -70, 180) + arc(0.48, 0.67, 0.22, 0.18, 0, 250)],
    "8": [arc(0.5, 0.32, 0.16, 0.16, 180, 540) + arc(0.5, 0.67, 0.19, 0.19)],
}
# Small, in a corner: the network gets the same.
DRAWN["7 in a corner"] = [[(0.84 + x / 8, 0.02 + y / 8) for x, y in DRAWN["7"][0]]]
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


def draw(tab, drawing):
    """Draw a digit with the mouse."""
    tab.locator("#draw-pad").scroll_into_view_if_needed()
    for stroke in DRAWN[drawing]:
        first, *others = on_the_pad(tab, stroke)
        tab.mouse.move(*first)
        tab.mouse.down()
        # It reads while one draws.
        assert tab.locator("#draw-answer").inner_text() in set("0123456789")
        for point in others:
            tab.mouse.move(*point, steps=2)
        tab.mouse.up()
    tab.mouse.move(0, 0)  # draws no more


def test_the_network_reads_what_is_drawn(visit):
    tab, _, errors, _ = visit(DRAW_PAGE)
    for drawing in DRAWN:
        draw(tab, drawing)
        digit = drawing[0]
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


def test_the_lights_are_the_hidden_units(visit):
    tab, *_ = visit(DRAW_PAGE)
    network = tab.evaluate("NETWORK")
    (W, _), (b, _) = network["W"], network["b"]
    for digit, image in enumerate(network["examples"]):
        button = tab.locator(".draw-button", has_text=re.compile(f"^{digit}$"))
        button.click()
        hidden = np.maximum(np.array(image) @ W + b, 0)
        expected = np.minimum(hidden / network["bright"], 1)
        np.testing.assert_allclose(lights(tab), expected, atol=1e-5)


def test_the_page_can_be_read_without_javascript(browser):
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto((SITE / DRAW_PAGE).as_uri())
        assert "JavaScript must be on" in tab.locator("article").inner_text()
        assert not tab.locator("#draw").is_visible()


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
        + '<span class="math">x^2</span><p style="color: #aaa">faint</p>')"""
    )
    kinds = {fault.partition(":")[0] for fault in tab.evaluate(FAULTS)}
    assert kinds == {"cut off", "no picture", "no formula"}
    assert tab.evaluate(FAINT) == ["P : faint"]
