"""A mismatch as a folder: seen again by its command, made small, turned into a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.meta.repository import ROOT

from aos_workflow.errors import ShadowFolderError
from aos_workflow.golden import load
from aos_workflow.shadow.case import Case, case_files, new_case, read_case
from aos_workflow.shadow.comparing import compare
from aos_workflow.shadow.ddmin import ddmin, smallest
from aos_workflow.shadow.records import Campaign, Cycle, Fault, Side, SideResult, Verdict
from aos_workflow.shadow.reproduce import reproduce
from aos_workflow.shadow.schedule import batches
from aos_workflow.shadow.shrink import as_test, shrink
from aos_workflow.testing import check_cycle

RACE = "tests/simulation/planted/append_race.py"
NOISE = (
    Fault("duplicate_commit", 3, Side.SHADOW),
    Fault("clock_jump", 2, Side.SHADOW, {"shift_s": 60}),
)
CYCLE = Cycle(
    7, 5, "planted_append_race", {"size": 87}, NOISE, {"schedule": 4, "timezone": 1, "clock": 9000}
)
CASE = Case(CYCLE, Campaign(5, (RACE,)), 11, (7, 7))


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def cli(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aos_workflow.cli", "shadow", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def folder_of(tmp_path: Path, case: Case = CASE) -> Path:
    (tmp_path / "cycle.json").write_bytes(orjson.dumps(case.to_json()))
    return tmp_path


def test_shrinking_leaves_what_is_needed_and_makes_a_failing_test() -> None:
    found = shrink(CASE)
    assert found is not None
    small = found.case.cycle
    assert small.faults == ()
    assert small.inputs == {"size": 0}
    assert small.perturbations.keys() == {"schedule", "schedule_since", "schedule_until"}
    assert small.perturbations["schedule_until"] - small.perturbations["schedule_since"] <= 3
    assert found.report.cause == "schedule"
    written: dict[str, Any] = {}
    exec(as_test(found.case, found.report), written)
    with pytest.raises(AssertionError, match=r"mismatch \(schedule\)"):
        written["test_cycle_7"]()


def test_the_commands(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    again = cli("reproduce", str(folder))
    assert again.returncode == 1, again.stderr
    assert again.stdout.startswith("seen again\n  cause: schedule (who is first decides)\n")
    test = tmp_path / "tests" / "test_it.py"
    small = cli("shrink", str(folder), "--test", str(test), "--json")
    assert small.returncode == 0, small.stderr
    assert json.loads(small.stdout)["cycle"]["inputs"] == {"size": 0}
    assert "check_cycle(CYCLE" in test.read_text()
    assert read_case(folder / "small").cycle.faults == ()
    assert {path.name for path in (folder / "small").iterdir()} == {
        "cycle.json",
        "primary.steps.jsonl",
        "report.json",
        "reproduce.sh",
        "shadow.steps.jsonl",
    }
    for name in ("primary", "shadow"):
        load(folder / "small" / f"{name}.steps.jsonl")


FLOWS = """
import random
from aos_workflow.engine import workflow
from aos_workflow.skills import skill

@skill("dice", side_effects="none")
def dice(sides: int) -> int:
    return random.randrange(10**9)

@workflow("bad")
async def bad(ctx, n: int):
    return await ctx.step(dice, sides=n)
"""


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        words,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )


@pytest.mark.parametrize("workflows", ["flows.py", "flows", "."])
def test_a_case_is_seen_again_from_any_folder(tmp_path: Path, workflows: str) -> None:
    """Also if the project moved with it; and if only the workflows moved, where somebody says that they are."""
    project, other = tmp_path / "project", tmp_path / "other"
    project.mkdir()
    other.mkdir()
    (project / "flows.py").write_text(FLOWS)
    run = ("aos-workflow", "shadow", "run", "--cycles", "1", "--workers", "1", "--faults", "none")
    assert typed(project, *run, "-w", workflows, "--out", "night").returncode == 1
    script = Path("night", "mismatches", "cycle_0", "reproduce.sh")
    for folder in (project, other):
        again = typed(folder, "sh", str(project / script))
        assert again.stdout.startswith("seen again"), again.stderr
    moved = project.rename(tmp_path / "moved")
    again = typed(other, "sh", str(moved / script))
    assert again.stdout.startswith("seen again"), again.stderr
    if workflows == ".":  # a folder is there, whatever is in it
        return
    (moved / "flows.py").rename(other / "found.py")
    gone = typed(tmp_path, "sh", str(moved / script))
    assert gone.returncode == 2
    assert f"{workflows}, are neither in {project} nor here" in gone.stderr
    assert "--workflows FILE" in gone.stderr
    again = typed(other, "sh", str(moved / script), "--workflows", "found.py")
    assert again.stdout.startswith("seen again"), again.stderr
    shrunk = typed(
        other, "aos-workflow", "shadow", "shrink", str(moved / script.parent), "-w", "found.py"
    )
    assert shrunk.returncode == 0, shrunk.stderr
    assert (
        typed(tmp_path, "sh", str(moved / script.parent / "small" / "reproduce.sh")).returncode == 1
    )


def test_workflows_that_are_others_are_not_taken_for_agreement(tmp_path: Path) -> None:
    (tmp_path / "others.py").write_text(FLOWS.replace('"bad"', '"other"'))
    again = cli("reproduce", str(folder_of(tmp_path)), "-w", str(tmp_path / "others.py"))
    assert again.returncode == 2, again.stdout
    assert "'planted_append_race'" in again.stderr


def test_shrinking_replaces_no_file_but_its_own(tmp_path: Path) -> None:
    folder, test = folder_of(tmp_path), tmp_path / "test_mine.py"
    test.write_text("def test_mine(): pass\n")
    refused = cli("shrink", str(folder), "--test", str(test))
    assert refused.returncode == 2
    assert "replace it with --force" in refused.stderr
    assert test.read_text() == "def test_mine(): pass\n"
    assert cli("shrink", str(folder), "--test", str(test), "--force").returncode == 0
    assert cli("shrink", str(folder), "--test", str(test)).returncode == 0
    assert "check_cycle(CYCLE" in test.read_text()


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    data = CASE.to_json()
    del data["before"]
    (tmp_path / "cycle.json").write_bytes(orjson.dumps(data))
    with pytest.raises(
        ShadowFolderError, match=r"is damaged: the field 'before' is missing"
    ) as found:
        read_case(tmp_path)
    assert found.value.hint


def test_a_case_that_is_gone_says_so() -> None:
    fine = replace(CASE, cycle=replace(CYCLE, faults=(), perturbations={}))
    assert not reproduce(fine).seen
    assert shrink(fine) is None
    check_cycle(fine.cycle.to_json(), workflows=[RACE])


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b'{"format":"other"}', b"\xff"])
def test_a_folder_without_a_case_says_so(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "cycle.json").write_bytes(content)
    with pytest.raises(ShadowFolderError):
        read_case(tmp_path)


def test_cases_survive_writing() -> None:
    case = new_case(replace(CYCLE, number=100), Campaign(5, ("a.b",), "heavy"), "f")
    assert Case.from_json(orjson.loads(orjson.dumps(case.to_json()))) == case
    batch = next(each for each in batches(5, 0, 101) if 100 in each.numbers)
    assert case.before == (batch.first, 100)
    assert case.hash_seed == batch.hash_seed


def test_secrets_stay_out_of_the_files() -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    steps = (("1:a", "a", "s", "i", "o"),)

    def side(text: str) -> SideResult:
        event = {"data": {"step_path": "1:a", "output": text}, "event_type": "step", "index": 0}
        mark = text[:1]
        changed = tuple((*step[:2], step[2] + mark, step[3], step[4] + mark) for step in steps)
        return SideResult("completed", mark, changed, events=orjson.dumps(event))

    first, second = side(f"a {key}"), side(f"b {key}")
    report = compare(CYCLE, first, second)
    assert report.verdict is Verdict.MISMATCH
    for data in case_files(CASE, first, second, report).values():
        assert key.encode() not in data


def test_ddmin_finds_what_is_needed() -> None:
    assert ddmin(range(20), lambda kept: {3, 11} <= set(kept)) == [3, 11]
    assert ddmin([1, 2, 3], lambda kept: True) == []
    assert ddmin([4], lambda kept: 4 in kept) == [4]


def test_smallest_searches_by_halves() -> None:
    asked: list[int] = []

    def holds(number: int) -> bool:
        asked.append(number)
        return number >= 700

    assert smallest(1000, holds) == 700
    assert len(asked) < 25
    assert smallest(100, lambda number: False) is None
