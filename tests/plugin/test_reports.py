"""What a run tells: terminal, report files, JUnit properties, annotations."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from tests.plugin.conftest import Inner, text_of

XDIST = ("xdist",)
BOTH = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])


def rich_run(inner: Inner, *args: str, **env: str) -> pytest.RunResult:
    """A strict run with a mismatch, a missing golden, an unused one, a damaged one and a dead rule."""
    inner.ini(use=XDIST)
    inner.file(
        "tests/test_a.py",
        "def test_good(golden):\n    assert 1 == golden\n"
        "def test_bad(golden):\n    assert {'a': [1, '<b>&']} == golden\n"
        "def test_gone(golden):\n    assert 1 == golden\n"
        "def test_hurt(golden):\n    assert 1 == golden\n",
    )
    inner.recorded()
    (hurt,) = inner.golden_dir.glob("tests/test_a/test_hurt*")
    hurt.write_bytes(b"")
    inner.file(
        "tests/test_a.py",
        "def test_good(golden):\n    assert 1 == golden(rules=['.nowhere: keep'])\n"
        "def test_bad(golden):\n    assert {'a': [2, '<b>%,:']} == golden\n"
        "def test_new(golden):\n    assert 1 == golden\n"
        "def test_hurt(golden):\n    assert 1 == golden\n",
    )
    return inner.verify(*args, **env)


@BOTH
def test_the_json_report(inner: Inner, workers: tuple[str, ...]) -> None:
    result = rich_run(inner, "--golden-report=out/deep/r.json", *workers)
    assert result.ret == 1
    report = json.loads((inner.root / "out" / "deep" / "r.json").read_text())
    assert report["format"] == "aos-golden-report/1"
    assert report["verdict"] == "FAIL"
    assert report["mode"] == "verify"
    assert report["counts"] == {"invalid": 1, "mismatched": 2, "missing": 1}
    failures = {row["test"]: row for row in report["failures"]}
    bad = failures["tests/test_a.py::test_bad"]
    assert (bad["file"], bad["line"], bad["cause"]) == ("tests/test_a.py", 3, "value")
    assert bad["entries"][0] == {
        "path": ".a[0]",
        "kind": "changed",
        "cause": "value",
        "expected": 1,
        "got": 2,
    }
    assert failures["tests/test_a.py::test_good"]["cause"] == "rules"
    assert failures["tests/test_a.py::test_new"]["status"] == "missing"
    assert failures["tests/test_a.py::test_hurt"]["cause"] == "GOLDEN_EMPTY"
    assert [row["key"] for row in report["unused"]] == ["tests/test_a.py::test_gone"]
    assert report["unused"][0]["file"].startswith("fixtures/golden/tests/test_a/test_gone-")
    assert report["dead_rules"] == [
        {"where": "tests/test_a.py::test_good", "rule": ".nowhere: keep"}
    ]


class Tags(HTMLParser):
    """Checks that tags are closed, and collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.outside += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_html_and_markdown_reports(inner: Inner) -> None:
    result = rich_run(inner, "--golden-report=r.html", "--golden-report=r.MD")
    assert result.ret == 1
    page = (inner.root / "r.html").read_text()
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    assert not tags.outside
    assert "<b>" not in page
    for text in (
        "Goldens: FAIL",
        "tests/test_a.py::test_bad",
        ".a[0]: expected 1, got 2",
        "<b>%,:",
    ):
        assert text in tags.text
    markdown = (inner.root / "r.MD").read_text()
    assert markdown.startswith("# Goldens: FAIL\n")
    assert "- `tests/test_a.py::test_bad` (mismatched, cause: value)" in markdown
    assert markdown.count("```") % 2 == 0
    for text in (tags.text, markdown):
        assert "1 invalid, 2 mismatched, 1 missing, 1 unused, 1 dead rule." in text
        assert "unknown" not in text


def test_the_terminal_counts_in_words(inner: Inner) -> None:
    lines = rich_run(inner).outlines
    at = next(n for n, line in enumerate(lines) if line.strip("= ") == "goldens")
    assert lines[at + 1].startswith("unused ")
    assert "goldens: 1 invalid, 2 mismatched, 1 missing, 1 unused, 1 dead rule" in lines


def test_any_name_in_markdown(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import pytest\n@pytest.mark.parametrize('p', ['a``b', '`'])\n"
        "def test_it(golden, p):\n    assert 1 == golden\n",
    )
    assert inner.run("--golden-report=r.md").ret == 1
    markdown = (inner.root / "r.md").read_text()
    assert "- ``` test_a.py::test_it[a``b] ``` (missing)" in markdown
    assert "- `` test_a.py::test_it[`] `` (missing)" in markdown


@BOTH
def test_a_green_report(inner: Inner, workers: tuple[str, ...]) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    assert inner.record("--golden-report=r.json", *workers).ret == 0
    report = json.loads((inner.root / "r.json").read_text())
    assert (report["verdict"], report["counts"]) == ("PASS", {"recorded": 1})
    assert report["recorded"][0]["key"] == "test_a.py::test_it"
    assert inner.verify("--golden-report=r.json", "-p", "no:terminal").ret == 0
    report = json.loads((inner.root / "r.json").read_text())
    assert (report["verdict"], report["counts"]) == ("PASS", {"matched": 1})


def test_a_report_without_goldens(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it():\n    pass\n")
    assert inner.run("--golden-report=r.json", "--golden-report=r.html").ret == 0
    assert json.loads((inner.root / "r.json").read_text())["verdict"] == "PASS"
    assert "no goldens used" in (inner.root / "r.html").read_text()


def test_a_refused_golden_is_in_the_report(inner: Inner) -> None:
    inner.file(
        "test_a.py", "import os\ndef test_it(golden):\n    assert {'v': os.getpid()} == golden\n"
    )
    assert inner.run("--golden-record", "--golden-report=r.json").ret == 1
    report = json.loads((inner.root / "r.json").read_text())
    assert report["verdict"] == "FAIL"
    assert report["counts"] == {"refused": 1}
    (row,) = report["refused"]
    assert row["test"] == "test_a.py::test_it"
    assert row["entries"][0]["path"] == ".v"


def test_a_report_that_cannot_be_written(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    inner.recorded()
    inner.file("file", "")
    result = inner.run("--golden-report=file/r.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "cannot write the report" in text_of(result)
    assert "INTERNALERROR" not in text_of(result)


def test_a_report_of_no_known_form(inner: Inner) -> None:
    result = inner.run("--golden-report=r.txt")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected a name that ends with .json, .html, .md" in text_of(result)


@BOTH
def test_junit_properties(inner: Inner, workers: tuple[str, ...]) -> None:
    rich_run(inner, "--junitxml=j.xml", *workers)
    found = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in ElementTree.parse(inner.root / "j.xml").iter("testcase")
    }
    assert found["test_bad"]["golden:tests/test_a.py::test_bad"].startswith("mismatched ")
    assert found["test_new"]["golden:tests/test_a.py::test_new"].startswith("missing ")


@BOTH
def test_annotations_for_github(inner: Inner, workers: tuple[str, ...]) -> None:
    result = rich_run(
        inner, *workers, GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(inner.root.parent)
    )
    lines = [line for line in result.outlines if line.startswith("::")]
    name = inner.root.name
    assert f"::error file={name}/tests/test_a.py,title=golden mismatched,line=3::" in "\n".join(
        lines
    )
    assert any(
        line.startswith(f"::error file={name}/fixtures/golden/tests/test_a/") for line in lines
    )
    assert any("dead golden rule" in line for line in lines)
    (bad,) = [line for line in lines if "expected 1, got 2" in line]
    assert "%0A" in bad
    assert "<b>%25,:" in bad
    assert len(lines) == 6


def test_no_annotations_elsewhere(inner: Inner) -> None:
    assert "::error" not in text_of(rich_run(inner))


def test_the_terminal_says_nothing_where_there_is_nothing_to_say(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it():\n    pass\n")
    for flags in ((), ("--golden-verify",), ("--golden-record",)):
        assert "goldens" not in text_of(inner.run(*flags))


def test_long_lists_are_cut(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import pytest\n@pytest.mark.parametrize('n', range(50))\n"
        "def test_it(golden, n):\n    assert n == golden\n",
    )
    output = text_of(inner.record())
    assert output.count("recorded test_a.py") == 20
    assert "... and 30 more" in output
