"""``aos-workflow runbook verify``: the pages of docs/operate say what happens, and one that does not is found out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.command_shell import CommandShell, same_shape
from tests.meta.repository import ROOT

STEP = {
    "page": str,
    "line": int,
    "procedure": str,
    "number": (str, type(None)),
    "step": str,
    "command": str,
    "expected": str,
    "actual": str,
    "verdict": str,
    "took_s": float,
}
SHEET = {"ok": bool, "begun_at": str, "by": str, "counts": dict, "steps": [STEP]}


@pytest.fixture
def shell(tmp_path: Path) -> CommandShell:
    return CommandShell(tmp_path)


def test_the_sheet_and_a_page_that_is_wrong(shell: CommandShell) -> None:
    """One stack for all that a wrong page may say."""
    page = shell.folder / "page.md"
    page.write_text(
        "# Right\n"
        '<!-- drill:\naos-workflow start drill -w "$DRILL" --run r1\n'
        "await completed aos-workflow inspect --run r1\n-->\n"
        "```console\n$ redis-cli ping\nPONG\n$ aos-workflow inspect --run r1 > /tmp/r1; grep status /tmp/r1\n"
        "completed\n$ systemctl status nova_worker\nactive\n```\n"
        "<!-- expect: 1 row -->\n```sql\nSELECT count(*) FROM checkpoints;\n```\n"
        "# Wrong\n```console\n$ redis-cli ping\nPANG\n```\n"
        "# Elsewhere\n```console\n$ ./scripts/none.sh\n```\n"
    )
    sheet = shell.folder / "sheet.md"
    elsewhere = {"DATABASE_URL": "postgresql://u@elsewhere.invalid/x", "GOLDEN_DIR": "/nonexistent"}
    found = shell.json(
        "runbook", "verify", "--page", page, "--report", sheet, expect=1, **elsewhere
    )
    assert same_shape(found, SHEET)
    verdicts = {(step["procedure"], step["verdict"]) for step in found["steps"]}
    assert verdicts == {("Right", "passed"), ("Wrong", "failed"), ("Elsewhere", "not run")}
    text = sheet.read_text()
    assert "not in the output: PANG" in text
    assert "needs scripts/none.sh" in text
    assert "[x] FAIL" in text


def test_bad_input(shell: CommandShell) -> None:
    assert "there are no pages" in shell.refusal("runbook", "verify")
    assert "cannot be read" in shell.refusal("runbook", "verify", "--page", "none.md")
    page = shell.folder / "page.md"
    page.write_text("# A\n```console\n$ true\n```\n")
    assert "'zzz'" in shell.refusal("runbook", "verify", "--page", page, "--only", "zzz")


@pytest.mark.slow
def test_every_page(shell: CommandShell) -> None:
    shell.folder = ROOT
    report = Path(shell.environment["PYTHONPATH"].split(":")[0]) / "sheet.json"
    shell.long("runbook", "verify", "--report", report)
    found = json.loads(report.read_text())
    assert found["ok"]
    not_run = [step["actual"] for step in found["steps"] if step["verdict"] == "not run"]
    assert all(reason.startswith(("by hand: ", "needs ")) for reason in not_run)
    tabletop = [step for step in found["steps"] if step["page"] == "tabletop.md"]
    assert [step["number"] for step in tabletop] == [str(number) for number in range(1, 11)]
