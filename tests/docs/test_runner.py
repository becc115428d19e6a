"""The runner of the pages fails where a page is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs import page as pages
from tests.docs.matching import matches
from tests.docs.page import PageError, run


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Follow a page of some text."""
    monkeypatch.setattr(pages, "ROOT", tmp_path)

    def follow(text: str) -> Path:
        page, folder = tmp_path / "page.md", tmp_path / "folder"
        page.write_text(text, encoding="utf-8")
        folder.mkdir()
        run(page, folder)
        return folder

    return follow


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\n\nb  \n", True),
        ("a", "a\nb", False),
        ("a\nb", "a", False),
        ("", "", True),
        ("", "a", False),
        ("...", "", True),
        ("...\nb", "a\na\nb", True),
        ("...\nb", "b\na", False),
        ("a\n...\nb\n...", "a\nb\nb\nc", True),
        ("a...c", "abbc", True),
        ("a...c", "abbd", False),
        ("=== 1 passed in 0.10s ===", "===== 1 passed in 12.34s ======", True),
        ("=== 1 passed in 0.10s ===", "===== 2 passed in 0.10s ======", False),
        ("a.c", "abc", False),
        ("a b", "  a   b", True),
        ("a b", "ab", False),
    ],
)
def test_matching(shown: str, output: str, same: bool) -> None:
    assert matches(shown, output) is same


def test_a_page_that_is_right(follow) -> None:
    folder = follow(
        '```python title="deep/er.py"\nx = 1\n```\n'
        "```console\n$ cat deep/er.py\nx = 1\n$ export A=b\n$ cd deep\n```\n"
        "- in a list\n\n  ```console\n  $ echo $A; pwd\n  b\n  .../folder/deep\n  ```\n"
        "```console exit=3\n$ (exit 3)\n```\n"
        "```console\n$ cat <<END\n> 1\n> END\n1\n```\n"
        "<!-- not run: it would not end -->\n```console\n$ sleep 1000\n```\n"
        "```python\nassert 1 + 1 == 2\n```\n```pycon\n>>> 1 + 1\n2\n```\n"
        '```toml\na = 1\n```\n```json\n{"a": 1}\n```\n```ini\n[a]\nb = c\n```\n'
    )
    assert (folder / "deep" / "er.py").read_text() == "x = 1\n"


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ echo a\nb\n```\n",
        "```console\n$ echo a\n```\n",
        "```console\n$ false\n```\n",
        "```console exit=1\n$ true\n```\n",
        "```console exit=1\n$ false\n$ false\n```\n",
        "```console\nno command\n```\n",
        "```python\nassert 1 + 1 == 3\n```\n",
        "```pycon\n>>> 1 + 1\n3\n```\n",
        "```toml\na =\n```\n",
        "```ini\nb = c\n```\n",
        '```json\n{"a": }\n```\n',
        "```bash\ntrue\n```\n",
        "```\ntrue\n```\n",
    ],
)
def test_a_page_that_is_wrong(follow, text: str) -> None:
    with pytest.raises(PageError, match=r"^page\.md:1: "):
        follow(text)


def test_a_fence_that_is_not_closed(follow) -> None:
    with pytest.raises(ValueError, match=r"page\.md:1: the fence is not closed"):
        follow("```console\n$ true\n")


def test_the_shell_is_as_a_reader_has_it(follow, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "GITHUB_ACTIONS", "GOLDEN_SECRET", "GOLDEN_HMAC_SECRET", "GOLDEN_DIR"):
        monkeypatch.setenv(name, "true")
    follow(
        "```console\n$ env | grep -E '^(CI|GITHUB_ACTIONS|GOLDEN_|PYTEST_CURRENT)' || echo none\nnone\n```\n"
        "```console\n$ pytest --version && aos-workflow --version\npytest ...\naos-workflow ...\n```\n"
    )
