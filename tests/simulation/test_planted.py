"""Workflows with one bug each: found, grouped by cause, and seen again by the printed command."""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.meta.repository import ROOT

from aos_workflow.shadow.case import Case, read_case
from aos_workflow.shadow.pair import Done, Pair
from aos_workflow.shadow.records import Campaign, Fault, Side
from aos_workflow.shadow.schedule import batches
from aos_workflow.shadow.side import SideSetup
from aos_workflow.shadow.trials import Trials

PLANTED = ROOT / "tests" / "simulation" / "planted"
NAMES = sorted(path.stem for path in PLANTED.glob("*.py"))
RUNNER = "aos_workflow.assembly.cycles:runner"
Answer = dict[str, Any]


def simulate(profile: str, seed: int, cycles: int) -> list[Answer]:
    """The answers of a whole campaign over the folder."""
    campaign = Campaign(seed, (str(PLANTED.relative_to(ROOT)),), profile)
    pair = Pair(SideSetup(campaign, RUNNER))
    answers = []
    try:
        for batch in batches(seed, 0, cycles):
            outcome = pair.run(batch)
            assert isinstance(outcome, Done), outcome
            answers += [orjson.loads(answer) for answer in outcome.answers]
    finally:
        pair.close()
    assert not [each for each in answers if each["report"]["verdict"] == "error"]
    return answers


def mismatches(answers: list[Answer]) -> dict[str, list[Answer]]:
    """By the name of the planted module."""
    found = defaultdict(list)
    for answer in answers:
        if answer["report"]["verdict"] == "mismatch":
            found[answer["report"]["workflow"].removeprefix("planted_")].append(answer)
    return found


def module(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"planted_{name}", PLANTED / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def group(answers: list[Answer]) -> str:
    """The class that most of them are in."""
    return Counter(answer["report"]["cause"] for answer in answers).most_common(1)[0][0]


@pytest.fixture(scope="module", autouse=True)
def _in_root() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        yield


@pytest.fixture(scope="module")
def found() -> dict[str, list[Answer]]:
    return mismatches(simulate("default", 2, 160))


def test_most_are_found_at_once_and_grouped_rightly(found: dict[str, list[Answer]]) -> None:
    assert len(found) >= 15, sorted(found)
    wrong = {
        name: group(each) for name, each in found.items() if group(each) not in module(name).CAUSES
    }
    assert not wrong


def test_they_are_seen_again_from_their_folders(
    found: dict[str, list[Answer]], tmp_path: Path
) -> None:
    for name in ("set_order", "global_counter", "append_race", "fresh_uuid"):
        answer = found[name][0]
        case = read_case(write(tmp_path / name, answer))
        with Trials(case) as trials:
            trial = trials.of(case.cycle)
        assert trial.is_mismatch, name
        assert trial.report.cause == answer["report"]["cause"]


def write(folder: Path, answer: Answer) -> Path:
    folder.mkdir()
    for name, text in answer["case"].items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    "name", ["set_order", "fresh_uuid", "object_address", "unseeded_random", "float_over_set"]
)
def test_a_full_disk_changes_nothing_about_a_bug(found: dict[str, list[Answer]], name: str) -> None:
    answer = found[name][0]
    case = Case.from_json(orjson.loads(answer["case"]["cycle.json"]))
    calm = replace(case.cycle, faults=(), perturbations={})
    with Trials(case) as trials:
        expected = trials.of(calm).report
        assert expected.divergence is not None
        assert expected.divergence["diffs"]
        for at, side in itertools.product(range(3), Side):
            trial = trials.of(replace(calm, faults=(Fault("disk_full", at, side),)))
            assert trial.report.faults == ("disk_full",)
            assert trial.report.cause == expected.cause
            assert trial.report.divergence is not None
            assert trial.report.divergence["diffs"]
            for golden in ("primary.steps.jsonl", "shadow.steps.jsonl"):
                *_, end, _ = trial.files[golden].splitlines()
                assert orjson.loads(end)["event_type"] == "run_end"


@pytest.mark.slow
def test_every_one_is_found_grouped_and_seen_again_by_its_command(tmp_path: Path) -> None:
    answers = [*simulate("default", 2, 1200), *simulate("heavy", 3, 800)]
    found = mismatches(answers)
    assert sorted(found) == NAMES
    assert len(NAMES) >= 15
    for name, each in found.items():
        planted = module(name)
        assert group(each) in planted.CAUSES, name
        rightly = [a for a in each if a["report"]["cause"] in planted.CAUSES]
        folder = write(tmp_path / name, rightly[0])
        command = [sys.executable, "-m", "aos_workflow.cli", "shadow", "reproduce", str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1, (name, done.stdout, done.stderr)
        assert done.stdout.startswith("seen again"), name
        if hasattr(planted, "NEEDS"):
            assert all(planted.NEEDS & set(a["report"]["faults"]) for a in each), name
