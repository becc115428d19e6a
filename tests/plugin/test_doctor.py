"""Tests that the doctor examines: by option, by marker, and when a recording does not repeat."""

from __future__ import annotations

import json
import re
import shlex

from tests.plugin.conftest import Inner, text_of

AGENT = """
import random, time
CALLS = []
def plan(seed, tags):
    return {"cost": random.Random(seed).random(), "order": ", ".join({t.lower() for t in tags})}
def stamped():
    return {"at": time.time(), "steps": [1, 2, 3, 4], "title": "t", "ok": True}
def count():
    CALLS.append(1)
    return {"n": len(CALLS)}
"""
TEST = """
import pytest
import agent
def test_plan(golden):
    assert agent.plan(golden.seed, ["A", "B", "C", "D"]) == golden
@pytest.mark.golden(rules=[".at: mask timestamp"])
def test_masked(golden):
    assert agent.stamped() == golden
def test_two(golden):
    assert [golden.seed] == golden("first")
    assert agent.count() == golden("second")
"""


def project(inner: Inner, test: str = TEST) -> None:
    inner.file("agent.py", AGENT)
    inner.file("test_agent.py", test)


def test_the_lines_behind_golden_values_are_named(inner: Inner) -> None:
    project(inner)
    inner.record()
    result = inner.run("--golden-doctor", "--golden-report=report.json")
    output = text_of(result)
    assert re.search(r"1\. hash-order .*agent\.py:5  in plan", output)
    assert re.search(r"shared-state .*agent\.py:9  in count", output)
    assert "called by test_plan (line 5)" in output
    assert "doctor: 3 tests examined, 2 to be changed" in output
    assert result.parseoutcomes() == {"passed": 1, "failed": 2}
    found = json.loads((inner.root / "report.json").read_text())["doctor"]
    assert {each["test"]: len(each["causes"]) for each in found} == {
        "test_agent.py::test_plan": 1,
        "test_agent.py::test_masked": 0,
        "test_agent.py::test_two": 1,
    }


def test_a_difference_can_be_shown_again(inner: Inner) -> None:
    project(inner)
    output = text_of(inner.run("--golden-doctor", "-k", "plan"))
    (command,) = re.findall(r"replay: pytest (.*)", output)
    shown = text_of(inner.run(*shlex.split(command)))
    assert re.search(r"\$\.golden\.order: '.*' or '.*'", shown)


def test_the_marker_makes_it_part_of_the_test(inner: Inner) -> None:
    project(inner, TEST.replace("golden(rules", "golden(doctor=True, rules"))
    result = inner.record("-k", "masked")
    assert "doctor: 1 test examined, 0 to be changed" in text_of(result)
    assert result.parseoutcomes()["passed"] == 1
    project(inner, TEST.replace("def test_two", "@pytest.mark.golden(doctor=True)\ndef test_two"))
    result = inner.record("-k", "two")
    assert "test_agent.py::test_two: not deterministic, 1 cause" in text_of(result)
    assert len(inner.goldens) == 1


def test_async_tests_and_fixtures(inner: Inner) -> None:
    inner.ini("asyncio_mode = auto", use=("asyncio",))
    inner.file(
        "conftest.py", "import pytest\n@pytest.fixture\ndef names():\n    return ['a', 'b', 'c']\n"
    )
    inner.file(
        "test_a.py",
        "import asyncio\nasync def test_it(golden, names, tmp_path):\n    got = []\n"
        "    async def work(name, delay):\n        await asyncio.sleep(delay)\n        got.append(name)\n"
        "    await asyncio.gather(*(work(n, 0.01) for n in names))\n    assert got == golden\n",
    )
    output = text_of(inner.run("--golden-doctor", fresh=True))
    assert re.search(r"1\. async-order .*test_a\.py:6 ", output)


def test_a_refusal_names_the_line(inner: Inner) -> None:
    inner.ini(doctor=True)
    project(inner)
    output = text_of(inner.run("--golden-record", "-k", "plan or masked", PYTHONHASHSEED="0"))
    assert "golden refused: evaluation 2, in a fresh process" in output
    assert "line to blame: agent.py:5 in plan: hash-order" in output
    assert "fix: Sort before the order matters" in output


def test_what_cannot_be_examined_fails_and_says_why(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import os\ndef test_it(golden):\n    assert [1] == golden\n"
        "    assert 'AOS_EXAMINED' not in os.environ or os.environ['PYTHONHASHSEED'] != '0'\n",
    )
    inner.record()
    result = inner.run("--golden-doctor", AOS_EXAMINED="yes", PYTHONHASHSEED="3")
    assert "the doctor cannot examine this test: the function raised TestFailedError" in text_of(
        result
    )
    assert result.ret == 1


def test_workers_examine_too(inner: Inner) -> None:
    inner.ini(use=("xdist",))
    project(inner)
    output = text_of(inner.run("-n", "1", "-k", "plan", "--golden-doctor"))
    assert "doctor: 1 test examined, 1 to be changed" in output


def test_tests_without_goldens_are_left_alone(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it():\n    pass\n")
    result = inner.run("--golden-doctor")
    assert result.parseoutcomes() == {"passed": 1}
    assert "doctor:" not in text_of(result)
