"""Runbook pages: what is read out of them, what is compared, and the sheet that is left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from aos_workflow.errors import UsageError
from aos_workflow.recovery import (
    Command,
    Outcome,
    Runbook,
    Verdict,
    read_page,
    sheet_data,
    sheet_text,
    walk,
)
from aos_workflow.recovery.places import Places
from aos_workflow.recovery.shell import Done, run_commands

PAGE = """# A page

Text.

## First

<!-- drill:
prepare one
prepare two
-->

1. In a list:

   ```console exit=1
   $ one
   said
   $ two <<END
   > more
   > END
   two said ... this
   ```

<!-- by hand: it takes a day -->
```console
$ never
```

```text
not a command
```

## Second

<!-- expect: UPDATE 1 -->
```sql
UPDATE t SET a = 1;
```

```promql
# a comment
rate(x[5m])
/ 2

up
```

## Table

| # | Step | Command | Expected | Exit |
|---|---|---|---|---|
| 1 | Ping | `redis-cli ping` | `PONG` | |
| 2 | Status | `a \\| b` | `Status: STOPPED` | 1 |
| 3 | Sign | with a pen | a name | |

| other | table |
|---|---|
| `a` | b |
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_what_is_read(page: Path) -> None:
    found = read_page(page)
    assert [procedure.title for procedure in found.procedures] == [
        "A page",
        "First",
        "Second",
        "Table",
    ]
    _, first, second, table = found.procedures
    assert first.drill == "prepare one\nprepare two"
    assert first.steps[0].commands == (
        Command("one", ("said",)),
        Command("two <<END\nmore\nEND", ("two said ... this",), exit_code=1),
    )
    assert first.steps[0].line == 14
    assert first.steps[1].by_hand == "it takes a day"
    assert len(first.steps) == 2
    sql, promql = second.steps
    assert sql.commands[0].expected == ("UPDATE 1",)
    assert "psql" in sql.commands[0].text
    assert len(promql.commands) == 2
    assert "'query=rate(x[5m]) / 2'" in promql.commands[0].text
    ping, status, sign = table.steps
    assert (ping.number, ping.title) == ("1", "Ping")
    assert ping.commands == (Command("redis-cli ping", ("PONG",)),)
    assert status.commands == (Command("a | b", ("Status: STOPPED",), exit_code=1),)
    assert sign.by_hand == "with a pen"


@pytest.mark.parametrize(
    ("text", "said"),
    [("# a\n```console\n$ x\n", "fence is not closed"), ("# a\n<!-- drill:\nx\n", "not closed")],
)
def test_what_is_not_closed(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_page(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_page(tmp_path / "none.md")


def followed(
    page: str, tmp_path: Path, *answers: Done, missing: str | None = None
) -> list[Outcome]:
    """What comes of a page if its commands give these answers."""
    path = tmp_path / "page.md"
    path.write_text(page)
    given = list(answers)

    def run(commands: Sequence[str]) -> list[Done]:
        taken, given[:] = given[: len(commands)], given[len(commands) :]
        return taken

    book: Runbook = read_page(path)
    return list(walk(book, run, lambda command: missing if "needs" in command else None))


ONE = "# P\n```console\n$ a\nx ... y\nz\n```\n"


@pytest.mark.parametrize(
    ("done", "verdict", "said"),
    [
        (Done("x 1 y\nother\nz", 0), Verdict.PASSED, "x 1 y"),
        (Done("prefix x y suffix\nz", 0), Verdict.PASSED, ""),
        (Done("z\nx y", 0), Verdict.FAILED, "not in the output: z"),
        (Done("x\ny\nz", 0), Verdict.FAILED, "not in the output: x ... y"),
        (Done("x y\nz", 3), Verdict.FAILED, "exit code 3, expected 0: a"),
        (Done("x y\nz", None), Verdict.FAILED, "did not end: a"),
    ],
)
def test_what_is_compared(tmp_path: Path, done: Done, verdict: Verdict, said: str) -> None:
    (found,) = followed(ONE, tmp_path, done)
    assert found.verdict is verdict
    assert said in found.actual


def test_what_was_never_begun_has_failed(tmp_path: Path) -> None:
    page = "# P\n```console\n$ a\n```\n```console\n$ b\n```\n"
    first, second = followed(page, tmp_path, Done("", None))
    assert (first.verdict, second.verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert "never begun: b" in second.actual


def test_a_drill_that_fails_fails_its_steps(tmp_path: Path) -> None:
    page = "# P\n<!-- drill: prepare -->\n```console\n$ a\n```\n"
    (found,) = followed(page, tmp_path, Done("no room", 1), Done("", 0))
    assert found.verdict is Verdict.FAILED
    assert "could not be prepared" in found.actual
    assert "no room" in found.actual
    (found,) = followed(page, tmp_path, Done("", 0), Done("", 0))
    assert found.verdict is Verdict.PASSED


def test_a_drill_in_between_is_for_the_step_below(tmp_path: Path) -> None:
    page = "# P\n```console\n$ a\n```\n<!-- drill: prepare -->\n```console\n$ b\nx\n```\n"
    first, second = followed(page, tmp_path, Done("", 0), Done("", 0), Done("x", 0))
    assert (first.verdict, second.verdict) == (Verdict.PASSED, Verdict.PASSED)
    first, second = followed(page, tmp_path, Done("", 0), Done("no room", 1), Done("x", 0))
    assert (first.verdict, second.verdict) == (Verdict.PASSED, Verdict.FAILED)
    assert "could not be prepared" in second.actual


def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    page = "# P\n```console\n$ needs x\n```\n<!-- by hand: slow -->\n```console\n$ b\n```\n"
    found = followed(page, tmp_path, missing="needs prometheus")
    assert [(each.verdict, each.actual) for each in found] == [
        (Verdict.NOT_RUN, "needs prometheus"),
        (Verdict.NOT_RUN, "by hand: slow"),
    ]
    drill = "# P\n<!-- drill: needs x -->\n```console\n$ b\n```\n"
    (only,) = followed(drill, tmp_path, missing="needs x")
    assert only.verdict is Verdict.NOT_RUN


def test_the_sheet(tmp_path: Path) -> None:
    page = "# P\n```console\n$ a | b\nx\n```\n```console\n$ c\n```\n"
    outcomes = followed(page, tmp_path, Done("x | y\n", 0), Done("broken", 1))
    data = sheet_data(outcomes, begun_at="2026-01-01T00:00:00.000Z", by="me")
    assert (data["ok"], data["counts"]) == (False, {"passed": 1, "failed": 1, "not run": 0})
    text = sheet_text(outcomes, begun_at="2026-01-01T00:00:00.000Z", by="me")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[0] == "| # | Step | Command | Expected | Actual | Pass? |"
    assert rows[1].endswith("| yes |")
    assert rows[2].endswith("| NO |")
    assert "[x] FAIL" in text
    assert "    broken" in text
    assert not sheet_data([], begun_at="", by="")["ok"]  # nothing was shown


def test_places(tmp_path: Path) -> None:
    places = Places(tmp_path, {8000: 1234, 5433: 4321})
    translated = places.translated(
        "cp /var/lib/aos/golden/a /tmp/b; cat /etc/nova/secrets '/tmp' x/tmp/y /tmpfile; "
        "curl localhost:8000/x; psql -p 5433; echo 8000 5433"
    )
    root = str(tmp_path)
    assert translated == (
        f"cp {root}/var/lib/aos/golden/a {root}/tmp/b; cat {root}/etc/nova/secrets '{root}/tmp' x/tmp/y /tmpfile; "
        "curl localhost:1234/x; psql -p 4321; echo 8000 5433"
    )


def in_bash(folder: Path, *commands: str, limit_s: float = 20.0) -> list[Done]:
    return run_commands(
        commands, folder=folder, environment={"PATH": "/usr/bin:/bin"}, limit_s=limit_s
    )


def test_commands_share_a_shell(tmp_path: Path) -> None:
    found = in_bash(tmp_path, "export A=b; cd /", "echo $A; pwd; echo bad >&2; (exit 3)", "cat")
    assert found == [Done("", 0), Done("b\n/\nbad\n", 3), Done("", 0)]


def test_a_shell_that_ends_or_hangs(tmp_path: Path) -> None:
    assert in_bash(tmp_path, "echo a", "exit 4", "echo c") == [Done("a\n", 0), Done("", None)]
    (hung,) = in_bash(tmp_path, "echo begun; sleep 60", limit_s=0.3)
    assert hung == Done("begun\n", None)
    # What goes on in the background does not hold us up.
    assert in_bash(tmp_path, "sleep 5 & echo on")[0].exit_code == 0
