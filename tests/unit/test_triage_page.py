"""The HTML page: whole in one file, safe with any value, bounded, and usable in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.triage_samples import STEPS, changed, report, run, runs, simulation, step

from aos_workflow.golden.triage import page_of, summarise
from aos_workflow.golden.triage.markup import side_by_side

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e\u200b\x00\"'></style>&amp;"
BIG = "lorem ipsum dolor " * 400


def hostile_pair() -> str:
    def steps(x: str) -> list[Any]:
        return [
            step(f"1:{EVIL}", {EVIL: EVIL + x, "password": f"hunter{x}"}),
            step(
                "2:text",
                {"t": f"{BIG}{x}{BIG}", "json": json.dumps({"a": [1, {"b": x}]}), "x": x * 5000},
            ),
            *(
                [step("3:gone", {"rows": [{"n": n, "s": "v" * 20} for n in range(500)]})]
                if x == "A"
                else []
            ),
            step("9:wide", {"w": x * 3000, "under_scored" * 40: x}),
        ]

    return page_of(runs(run(steps("A")), run(steps("B"))))


def long_pair() -> str:
    equal = [step(f"{n}:equal", {"n": n}) for n in range(10, 300)]
    after = [step("900:last", {"at": "2026-01-01T00:00:00Z"})]
    other = [step("900:last", {"at": "2026-01-01T00:00:07Z"})]
    a = [*equal, step("400:score", {"x": 0.6335013761892447}), *equal, *after]
    b = [*equal, step("400:score", {"x": 0.2710417937058941}), *equal, *other]
    return page_of(runs(run(a), run(b)))


class Tags(HTMLParser):
    """The tags of a page, and whether they are closed in order."""

    VOID = frozenset({"meta", "rect", "br", "img", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("text", [hostile_pair(), long_pair(), page_of(runs(run(), run()))])
def test_the_page_needs_nothing_else_and_is_well_formed(text: str) -> None:
    tags = Tags(text)
    assert tags.open == []
    assert [tag for tag, _ in tags.seen].count("script") == 1
    assert not any(
        tag in ("img", "link", "iframe", "object", "base", "form") for tag, _ in tags.seen
    )
    assert not any(
        name in ("src", "style", "action") or name.startswith("on")
        for _, a in tags.seen
        for name in a
    )
    assert all(str(a.get("href", "#")).startswith("#") for _, a in tags.seen)
    policy = next(a["content"] for tag, a in tags.seen if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    ids = [a["id"] for _, a in tags.seen if "id" in a]
    assert len(ids) == len(set(ids))


def test_a_page_of_the_same_goldens_says_so() -> None:
    assert "The goldens are the same" in page_of(runs(run(), run()))


def test_secrets_are_masked() -> None:
    assert "hunter" not in hostile_pair()
    a = run(changed(1, output={"api_key": "sk-aaaa1111", "n": 1}))
    b = run(changed(1, output={"api_key": "sk-bbbb2222", "n": 2}))
    assert "sk-" not in page_of(runs(a, b))
    assert "sk-" not in json.dumps(runs(a, b).to_json())


def test_what_cannot_be_seen_is_spelled_out() -> None:
    text = hostile_pair()
    assert "\u202e" not in text
    assert "\u200b" not in text
    assert "\x00" not in text
    assert "\\u202e" in text


def test_a_huge_golden_gives_a_page_of_bounded_size_that_says_what_is_left_out() -> None:
    a, b = (
        [step(f"{n}:work", {"text": f"{x}{BIG}{x}", "n": [x] * 500}, {}) for n in range(600)]
        for x in "AB"
    )
    found = runs(run(a), run(b))
    text = page_of(found)
    assert len(text) < 3_000_000
    left_out = re.search(r"Left out: ([\d,]+) differing steps", text)
    assert left_out is not None
    assert int(left_out[1].replace(",", "")) > 100
    assert text.count("id=first") == 1


def test_many_equal_steps_are_one_fold() -> None:
    text = long_pair()
    assert text.count("<details class=same>") == 3
    assert "<b>291 equal</b> · run_start … step 299:equal" in text
    assert "and 91 more" in text


@pytest.mark.parametrize(
    ("a", "b", "left", "right"),
    [
        (1.25, 1.5, "1.<del>25</del>", "1.<ins>5</ins>"),
        ("a b c", "a x c", "&quot;a <del>b</del> c&quot;", "&quot;a <ins>x</ins> c&quot;"),
        (True, None, "<del>true</del>", "<ins>null</ins>"),
        ("<b>", "<i>", "&quot;&lt;<del>b</del>&gt;&quot;", "&quot;&lt;<ins>i</ins>&gt;&quot;"),
        ([1, 2], [1, 3], "[\n  1,\n  <del>2</del>\n]", "[\n  1,\n  <ins>3</ins>\n]"),
    ],
)
def test_what_differs_in_two_values_is_marked(a: Any, b: Any, left: str, right: str) -> None:
    assert side_by_side(a, b) == (left, right)


@pytest.mark.parametrize("size", [10, 2_000, 2_001, 100_000])
def test_marks_are_bounded(size: int) -> None:
    long = "x" * size
    for a, b in ((f"{long}A", f"{long}B"), ("x " * size, "y " * size), (f"A{long}", f"B{long}")):
        left, right = side_by_side(a, b)
        assert "<del>" in left
        assert "<ins>" in right
        assert max(len(left), len(right)) < 20_000


# in a browser

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs chromium (apt install chromium)")
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page; at the end nothing was asked of the network, and nothing complained."""
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_page(text: str, width: int = 1400, height: int = 900, scheme: str = "light") -> Any:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        asked.remove(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert asked == []


FOCUSED = "document.activeElement.querySelector('h3')?.textContent"
MIDDLE = (
    "(e => { const r = e.getBoundingClientRect(); return (r.top + r.bottom) / 2 / innerHeight })"
)


@needs_browser
def test_it_opens_at_the_first_divergence_with_the_cause_beside_it(opened: Open) -> None:
    page = opened(long_pair())
    assert page.evaluate(FOCUSED) == "step 400:score"
    middle = page.evaluate(f"{MIDDLE}(document.getElementById('first'))")
    assert 0 < middle < 1
    assert page.get_by_role("heading", level=1).is_visible()
    assert "Random numbers" in page.get_by_role("heading", level=1).inner_text()
    assert page.get_by_role("status").inner_text() == "1 of 2"


@needs_browser
def test_n_and_p_go_from_difference_to_difference(opened: Open) -> None:
    page = opened(long_pair())
    page.keyboard.press("n")
    assert page.evaluate(FOCUSED) == "step 900:last"
    page.keyboard.press("n")  # around
    assert page.evaluate(FOCUSED) == "step 400:score"
    page.keyboard.press("p")
    assert page.evaluate(FOCUSED) == "step 900:last"
    page.keyboard.press("f")
    assert page.evaluate(FOCUSED) == "step 400:score"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Control+p")
    assert page.evaluate(FOCUSED) == "step 400:score"
    page.get_by_role("button", name="Next").click()
    assert page.evaluate(FOCUSED) == "step 900:last"


@needs_browser
def test_equal_parts_fold_and_unfold(opened: Open) -> None:
    page = opened(long_pair())
    fold = page.locator("details.same").first
    assert fold.get_attribute("open") is None
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.get_attribute("open") is not None
    page.keyboard.press("e")
    assert page.evaluate("[...document.querySelectorAll('details')].every(e => e.open)")
    page.keyboard.press("e")
    assert not page.evaluate("[...document.querySelectorAll('details')].some(e => e.open)")


@needs_browser
def test_the_first_tab_offers_to_skip(opened: Open) -> None:
    page = opened(long_pair(), width=600)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the first divergence"
    page.wait_for_function("document.activeElement.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    page.wait_for_function(f"(v => v > 0 && v < 1)({MIDDLE}(document.getElementById('first')))")


@needs_browser
@pytest.mark.parametrize("width", [320, 390, 700, 900, 1200, 2000])
@pytest.mark.parametrize("make", [hostile_pair, long_pair])
def test_nothing_is_wider_than_the_window(
    opened: Open, width: int, make: Callable[[], str]
) -> None:
    page = opened(make(), width=width)
    page.keyboard.press("e")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sides = page.locator("#first .sides").first.locator(".side")
    tops = [side.bounding_box()["y"] for side in sides.all()]
    assert (tops[0] == tops[1]) == (width >= 704)


@needs_browser
def test_on_a_phone_the_summary_comes_first(opened: Open) -> None:
    page = opened(long_pair(), width=390, height=844)
    assert page.evaluate("scrollY") == 0
    assert page.get_by_text("Replace random.random()").is_visible()
    assert all(b.bounding_box()["height"] >= 40 for b in page.locator("button:visible").all())


@needs_browser
def test_hostile_values_stay_text(opened: Open) -> None:
    page = opened(hostile_pair())
    assert page.title().startswith("FAIL")
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert (
        "</script><script>document.title='owned'</script>" in page.locator("#first h3").inner_text()
    )


@needs_browser
def test_dark_and_light(opened: Open) -> None:
    shade = "getComputedStyle(document.body).backgroundColor"
    light, dark = (
        opened(long_pair(), scheme=scheme).evaluate(shade) for scheme in ("light", "dark")
    )
    assert light != dark


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_against_its_ground(opened: Open, scheme: str) -> None:
    """WCAG AA: a contrast of 4.5 to 1."""
    page = opened(hostile_pair(), scheme=scheme)
    worst = page.evaluate(CONTRAST)
    assert worst["ratio"] >= 4.5, worst


CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] > 200) return color;
    }
    return [255, 255, 255, 255];
  };
  let worst = { ratio: 99 };
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || ["SCRIPT", "STYLE"].includes(e.tagName)) continue;
    const a = light(rgba(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) worst = { ratio, tag: e.tagName, of: e.className, text: e.textContent.slice(0, 60) };
  }
  return worst;
}
"""


@needs_browser
def test_the_page_of_a_simulation(opened: Open, tmp_path: Path) -> None:
    pair = (
        run(changed(1, output={"x": 0.6335013761892447})),
        run(changed(1, output={"x": 0.2710417937058941})),
    )
    where = {"step": "2:score", "skill": "score", "kind": "output"}
    reports = [report(0), *(report(n, "mismatch", divergence=where) for n in range(1, 9))]
    folder = simulation(tmp_path / "shadow", reports, {1: pair})
    page = opened(page_of(summarise([folder, tmp_path])))
    assert page.get_by_role("heading", level=1).inner_text() == "8 mismatches, 1 cause"
    assert page.evaluate("scrollY") == 0
    page.keyboard.press("n")
    assert page.evaluate(FOCUSED) == "Random numbers without the run's seed in score"
    page.keyboard.press("n")
    assert page.evaluate(FOCUSED) == "step 2:score"
    assert page.get_by_text("1001 (cycle 1)").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1400


def test_a_finding_of_the_doctor_stands_on_top() -> None:
    from dataclasses import replace

    cause = {
        "label": "hash-order", "file": "plan.py", "line": 21, "function": "make",
        "fix": "Sort it.", "evidence": ["3 of 3"],
    }  # fmt: skip
    found = replace(runs(run(), run(changed(1, output=1))), diagnosed=(cause,))
    text = page_of(found)
    assert text.index("The doctor names the line") < text.index("<h2>Fix</h2>")
    assert "plan.py:21" in text
    assert len(STEPS) == 3
