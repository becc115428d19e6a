"""The doctor on the project's own examples, and on the project itself: nothing is found but what rules already name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aos_workflow.doctor import AXES, examine, plan

ROOT = Path(__file__).parents[2]
OWN = [
    ("aos_workflow.golden.canonical:canonical_json", [{"b": [1, 2.5, {"a": None}], "a": "é"}]),
    ("aos_workflow.determinism.seeds:derive_seed", [7, "plan"]),
    ("aos_workflow.doctor.report:_brief", [{"a": ["x", "y", "z"] * 40}]),
    ("aos_workflow.doctor.child.elements:stable_text", [{"a": [1, "b"], "c": {"d": 1.5}}]),
    ("aos_workflow.doctor.difference:differences", [[{"a": [1, 2]}], [{"a": [2, 1]}]]),
]


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    names = ("CI", "GITHUB_ACTIONS", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")
    environment = {name: text for name, text in os.environ.items() if name not in names}
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
    )  # fmt: skip


@pytest.mark.slow
def test_the_examples_are_clean():
    done = pytest_in(ROOT / "examples", "--golden-doctor", "tests")
    assert done.returncode == 0, done.stdout
    assert ", 0 to be changed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["langgraph_agent", "pydantic_ai_agent"])
def test_the_agents_of_others_are_clean(agent, tmp_path):
    pytest.importorskip(agent.removesuffix("_agent"))
    shutil.copytree(ROOT / "examples" / agent, tmp_path / agent)
    recorded = pytest_in(tmp_path / agent, "--golden-record")
    assert recorded.returncode == 0, recorded.stdout
    done = pytest_in(tmp_path / agent, "--golden-doctor")
    assert done.returncode == 0, done.stdout
    assert ", 0 to be changed" in done.stdout


@pytest.mark.parametrize(("target", "args"), OWN)
def test_our_own_functions_are_clean(target, args):
    found = examine(target, args=args, budget="quick")
    assert found.deterministic, [(c.label, c.file, c.line) for c in found.causes]


def test_the_names_of_the_axes_are_those_of_the_plan():
    assert sorted(AXES) == sorted([*(axis.name for axis in plan.AXES), plan.STATE, plan.PROCESS])
