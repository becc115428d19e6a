"""The output folders of simulations: few causes out of many mismatches, whatever state the folder is in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.triage_samples import changed, report, run, simulation

from aos_workflow.errors import UsageError
from aos_workflow.golden.triage import Summary, lines_of, page_of, summarise

CLOCK = (
    run(changed(1, output={"at": "2026-01-01T00:00:00Z"})),
    run(changed(1, output={"at": "2026-01-01T00:00:07Z"})),
)
DRAWN = (
    run(changed(2, output={"x": 0.6335013761892447})),
    run(changed(2, output={"x": 0.2710417937058941})),
)
SAME = run(), run()


def differs(number: int, skill: str = "score", **more: Any) -> dict[str, Any]:
    where = {"step": f"2:{skill}", "skill": skill, "kind": "output", "expected": "a", "got": "b"}
    return report(number, "mismatch", divergence=where, **more)


def test_nothing_differs(tmp_path: Path) -> None:
    found = summarise([simulation(tmp_path / "s", [report(n) for n in range(20)])])
    assert (found.verdict, found.cycles, found.mismatches) == ("PASS", 20, 0)
    lines = list(lines_of(found))
    assert "0 mismatches, 20 cycles" in lines
    assert lines[-1] == "VERDICT: PASS"


def test_many_mismatches_are_few_causes(tmp_path: Path) -> None:
    reports = [report(n) for n in range(100)]
    reports += [differs(n) for n in range(100, 160)] + [
        differs(n, "report") for n in range(160, 200)
    ]
    folder = simulation(tmp_path / "s", reports, {100: CLOCK, 101: CLOCK, 160: DRAWN})
    found = summarise([folder])
    assert [(g.cause, g.skill, g.count, g.examined, g.first.seed) for g in found.groups] == [
        ("volatile-leak", "score", 60, 2, 1100),
        ("unseeded-rng", "report", 40, 1, 1160),
    ]
    assert found.groups[0].rule == ".**.at: mask timestamp"
    assert found.groups[0].command == f"sh {folder}/mismatches/cycle_0000100/reproduce.sh"
    assert found.verdict == "FAIL"
    text = "\n".join(lines_of(found))
    assert "60 mismatches of remediate, first in cycle 100, seed 1100" in text
    assert "100 mismatches in 2 causes, 200 cycles" in text


@pytest.mark.parametrize(
    ("shown", "cause"),
    [
        ("random", "unseeded-rng"), ("clock", "volatile-leak"), ("schedule", "schedule-dependent"),
        ("state", "shared-state"), ("process", "process-dependent"), ("timezone", "environment"),
        ("fault worker_death", "fault-dependent"), ("unsteady", "unseeded-rng"), ("combination", "unseeded-rng"),
    ],
)  # fmt: skip
def test_an_experiment_is_surer_than_looks(tmp_path: Path, shown: str, cause: str) -> None:
    folder = simulation(tmp_path / "s", [report(0), differs(1, cause=shown)], {1: DRAWN})
    (group,) = summarise([folder]).groups
    assert group.cause == cause
    assert group.where == "step 3:report, .data.output.x"
    said = any(line.startswith("by experiment: ") for line in group.evidence)
    assert said == (shown not in ("unsteady", "combination"))


def test_roundings_by_various_decimals_are_one_cause(tmp_path: Path) -> None:
    goldens = {}
    for number, scale in ((1, 1), (2, 1000)):
        values = (0.3 * scale, (0.1 + 0.2) * scale)
        a, b = (run(changed(1, output={"sum": value})) for value in values)
        goldens[number] = (a, b)
    found = summarise([simulation(tmp_path / "s", [differs(1), differs(2)], goldens)])
    assert [(g.cause, g.count) for g in found.groups] == [("float-only", 2)]


def test_without_goldens_the_reports_say_the_cause(tmp_path: Path) -> None:
    reports = [differs(1, cause="order"), differs(2, cause="order"), differs(3)]
    found = summarise([simulation(tmp_path / "s", reports)])
    assert [(g.cause, g.count) for g in found.groups] == [
        ("order-only", 2),
        ("not-deterministic", 1),
    ]
    assert "by experiment" in found.groups[0].evidence[0]


def test_a_cause_of_its_own_name_is_kept(tmp_path: Path) -> None:
    found = summarise([simulation(tmp_path / "s", [differs(1, cause="solar-flare")])])
    assert found.groups[0].cause == "solar-flare"
    assert found.groups[0].fix


def test_a_fault_that_every_mismatch_had_is_named(tmp_path: Path) -> None:
    reports = [report(n, faults=["timeout"] if n % 2 else []) for n in range(100)]
    reports += [differs(n, faults=["timeout", "crash"]) for n in (200, 201)]
    found = summarise([simulation(tmp_path / "s", reports)])
    # A timeout was in half of all cycles: two in a row mean nothing.
    assert found.groups[0].only_under == ("crash",)


def test_a_damaged_golden_is_a_cause(tmp_path: Path) -> None:
    cut = SAME[0][:200]
    found = summarise([simulation(tmp_path / "s", [differs(1)], {1: (SAME[0], cut)})])
    assert [g.cause for g in found.groups] == ["truncated"]


def test_goldens_that_are_gone(tmp_path: Path) -> None:
    folder = simulation(tmp_path / "s", [differs(1)], {1: CLOCK})
    (folder / "mismatches" / "cycle_0000001" / "shadow.steps.jsonl").unlink()
    assert [g.cause for g in summarise([folder]).groups] == ["not-deterministic"]


def test_what_is_no_simulation_is_ignored_and_said(tmp_path: Path) -> None:
    folder = simulation(tmp_path / "shadow_1", [report(1)])
    (tmp_path / "shadow_2").mkdir()
    (tmp_path / "shadow.log").write_text("x")
    paths = [folder, tmp_path / "shadow_2", tmp_path / "shadow.log", tmp_path / "nowhere"]
    found = summarise(paths)
    assert [why for _, why in found.ignored] == [
        "has no status.json",
        "is a file",
        "does not exist",
    ]
    assert f"ignored: {tmp_path}/shadow_2 has no status.json" in list(lines_of(found))
    with pytest.raises(UsageError, match="no output folder of a simulation"):
        summarise(paths[1:])


def test_several_simulations(tmp_path: Path) -> None:
    one = simulation(tmp_path / "a", [differs(3)], {3: CLOCK})
    two = simulation(tmp_path / "b", [differs(3), report(4)], {3: CLOCK})
    found = summarise([one, two])
    assert [(g.count, g.first.run) for g in found.groups] == [(2, str(one))]
    assert found.cycles == 3


def test_a_simulation_that_is_still_running(tmp_path: Path) -> None:
    folder = simulation(
        tmp_path / "s", [report(1), differs(2)], {2: CLOCK}, {"state": "running", "cycles": 900}
    )
    with (folder / "reports" / "cycle_0000000.jsonl").open("a") as file:
        file.write('{"number": 3, "verd')
    (folder / "mismatches" / "cycle_0000009").mkdir()
    (folder / "reports" / "broken.json").write_text("{")
    found = summarise([folder])
    assert (found.cycles, found.mismatches) == (900, 1)
    assert len(found.notes) == 2
    assert any("no report.json yet" in note for note in found.notes)


def test_a_mismatch_counts_once_wherever_it_is_reported(tmp_path: Path) -> None:
    folder = simulation(tmp_path / "s", [report(1), differs(2)], {2: CLOCK, 7: DRAWN})
    (folder / "reports" / "cycle_0000002.json").write_text(json.dumps(differs(2)))
    found = summarise([folder])
    assert found.mismatches == 2
    assert {g.first.number for g in found.groups} == {2, 7}


def test_cycles_that_could_not_be_judged_fail(tmp_path: Path) -> None:
    found = summarise(
        [simulation(tmp_path / "s", [report(1), report(2, "error", message="worker died")])]
    )
    assert (found.verdict, found.errors) == ("FAIL", 1)
    assert "  first error: worker died" in list(lines_of(found))


def test_mismatches_that_only_the_status_knows_fail(tmp_path: Path) -> None:
    folder = simulation(
        tmp_path / "s", [report(1)], status={"state": "done", "cycles": 5, "mismatches": 2}
    )
    assert summarise([folder]).verdict == "FAIL"


@pytest.mark.parametrize("status", ["", "{", "[]", '{"state": 3, "cycles": "many"}'])
def test_any_status(tmp_path: Path, status: str) -> None:
    folder = simulation(tmp_path / "s", [report(1)])
    (folder / "status.json").write_text(status)
    assert summarise([folder]).cycles == 1


@pytest.mark.parametrize(
    "line",
    [
        "3",
        "[]",
        "{}",
        '{"number": "1"}',
        '{"number": 1, "verdict": "mismatch", "divergence": 7, "faults": [1]}',
        "\0",
    ],
)
def test_any_report(tmp_path: Path, line: str) -> None:
    folder = simulation(tmp_path / "s", [])
    (folder / "reports" / "x.jsonl").write_text(line + "\n")
    found = summarise([folder])
    assert isinstance(found, Summary)
    assert page_of(found)
    json.dumps(found.to_json())


def test_the_document(tmp_path: Path) -> None:
    found = summarise([simulation(tmp_path / "s", [differs(1)], {1: CLOCK})]).to_json()
    assert list(found) == [
        "schema", "ok", "verdict", "cycles", "mismatches", "errors", "examined", "groups", "runs", "ignored", "notes",
    ]  # fmt: skip
    assert found["schema"] == "aos-triage-summary/1"
    assert found["groups"][0]["first_seed"] == 1001
