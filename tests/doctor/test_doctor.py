"""Functions that misbehave, the library's face, the command and its replay."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aos_workflow.doctor import examine, html, replay, text
from aos_workflow.errors import UsageError

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def module(tmp_path):
    def write(source: str) -> str:
        (tmp_path / "subject.py").write_text(source)
        return f"{tmp_path}/subject.py"

    return write


def test_a_function_that_hangs_is_ended(module):
    path = module("def run(seed):\n    while True: pass\n")
    with pytest.raises(UsageError, match="takes longer"):
        examine(f"{path}:run", budget="quick", limit_s=0.5)


def test_a_function_that_fails_says_where(module):
    path = module("def run(seed):\n    raise ValueError('boom')\n")
    with pytest.raises(UsageError, match="ValueError at line 2: boom"):
        examine(f"{path}:run", budget="quick")


def test_a_function_that_ends_its_process_is_told_apart(module):
    path = module("import os\ndef run(seed):\n    os._exit(3)\n")
    with pytest.raises(UsageError, match="ended its process"):
        examine(f"{path}:run", budget="quick")


def test_threads_that_wait_for_each_other_do_not_hang_the_doctor(module):
    path = module(
        "import threading\ndef run(seed):\n    a, b = threading.Lock(), threading.Lock()\n"
        "    a.acquire(); b.acquire()\n    ts = [threading.Thread(target=x.acquire) for x in (a, b)]\n"
        "    [t.start() for t in ts]; [t.join() for t in ts]\n"
    )
    began = time.monotonic()
    with pytest.raises(UsageError, match="wait"):
        examine(f"{path}:run", budget="quick")
    assert time.monotonic() - began < 10


def test_sleeping_takes_no_time(module):
    path = module("import time\ndef run(seed):\n    time.sleep(3600)\n    return seed\n")
    assert examine(f"{path}:run", budget="quick").deterministic


def test_processes_of_the_function_do_not_outlive_it(module, tmp_path):
    path = module(
        "import os\ndef run(seed):\n    pid = os.fork()\n"
        "    if pid == 0:\n        os.execvp('sleep', ['sleep', '300'])\n"
        f"    with open('{tmp_path}/pids', 'a') as file:\n        file.write(f'{{pid}} ')\n"
        "    return 1\n"
    )
    found = examine(f"{path}:run", budget="quick")
    assert any("forks" in limit for limit in found.limits)
    pids = (tmp_path / "pids").read_text().split()
    assert pids
    assert not [pid for pid in pids if running(pid)]


def running(pid: str) -> bool:
    """Whether a process exists and is no zombie that nobody has waited for."""
    stat = Path("/proc", pid, "stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_memory_is_limited(module):
    path = module("def run(seed):\n    return len(bytearray(8 << 30))\n")
    with pytest.raises(UsageError, match="MemoryError at line 2"):
        examine(f"{path}:run", budget="quick")


def test_a_function_that_hangs_only_when_it_is_perturbed_is_no_difference(module):
    path = module(
        "import os\ndef run(seed):\n    while os.environ.get('AOS_NOT_SET'):\n        pass\n    return seed\n"
    )
    found = examine(f"{path}:run", budget="quick", axes=["environment"], limit_s=0.3)
    assert found.deterministic
    (axis,) = found.axes
    assert axis.failed > 0


def test_nothing_is_left_behind(module, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = module(
        "import tempfile\ndef run(seed):\n    open(tempfile.mkstemp()[1], 'w').write('x')\n    return 1\n"
    )
    examine(f"{path}:run", budget="quick")
    with pytest.raises(UsageError):
        examine(f"{path}:walk", budget="quick")
    assert list(scratch.iterdir()) == []


def test_proven_is_said_in_every_report():
    from dataclasses import replace

    found = examine(f"{FIXTURES}/h_pop.py:run", budget="quick")
    assert all(cause.proven for cause in found.causes)
    guess = replace(found, causes=tuple(replace(cause, proven=False) for cause in found.causes))
    assert "not proven" in "\n".join(text(guess))
    assert "not proven" in html(guess)
    assert guess.to_json()["causes"][0]["proven"] is False
    assert "not proven" not in "\n".join(text(found))


def test_what_is_written_elsewhere_is_said(module, tmp_path):
    path = module(f"def run(seed):\n    open('{tmp_path}/out', 'w').close()\n    return 1\n")
    assert any("writes outside" in limit for limit in examine(f"{path}:run", budget="quick").limits)


def test_an_exception_under_a_perturbation_is_no_difference(module):
    path = module(
        "import os\ndef run(seed):\n    return bool(int(os.environ.get('LEVEL', '3')) >= -1)\n"
    )
    found = examine(f"{path}:run", budget="quick", axes=["environment"])
    assert found.deterministic


def test_sources_that_do_not_reach_the_output_are_latent_only(module):
    path = module("import time\ndef run(seed):\n    time.time()\n    return seed\n")
    found = examine(f"{path}:run", budget="quick", latent=True)
    assert found.deterministic
    assert [(cause.label, cause.line) for cause in found.latent] == [("wall-clock", 3)]


def test_rules_take_volatile_places_out(module):
    from aos_workflow.golden import Rules

    path = module("import time\ndef run(seed):\n    return {'at': time.time(), 'seed': seed}\n")
    assert not examine(f"{path}:run", budget="quick").deterministic
    assert examine(f"{path}:run", budget="quick", rules=Rules.of([".at: strip"])).deterministic


def test_a_function_is_named_by_itself():
    from tests.doctor.fixtures import h_pop

    found = examine(h_pop.run, budget="quick")
    assert [(cause.label, cause.line) for cause in found.causes] == [("hash-order", 5)]


@pytest.mark.parametrize("target", ["nothing.py:run", "h_pop.py", "aos_no_such:run", "x y:run"])
def test_what_is_not_there_is_a_usage_error(target):
    with pytest.raises(UsageError):
        examine(target)


def test_unknown_names_are_usage_errors():
    target = f"{FIXTURES}/h_pop.py:run"
    with pytest.raises(UsageError, match="budget"):
        examine(target, budget="huge")
    with pytest.raises(UsageError, match="axis"):
        examine(target, axes=["weather"])
    with pytest.raises(UsageError, match="no walk"):
        examine(f"{FIXTURES}/h_pop.py:walk")


def test_a_cause_can_be_shown_again():
    target = f"{FIXTURES}/h_pop.py:run"
    found = examine(target, budget="quick")
    (cause,) = found.causes
    assert cause.perturbation in cause.replay
    assert replay(target, cause.perturbation)


def test_state_can_be_shown_again():
    target = f"{FIXTURES}/s_global.py:run"
    (cause,) = examine(target, budget="quick").causes
    assert replay(target, cause.perturbation)


def test_reports_hold_the_line_and_the_fix():
    found = examine(f"{FIXTURES}/h_pop.py:run", budget="quick")
    shown = "\n".join(text(found))
    assert "hash-order" in shown
    assert "h_pop.py:5" in shown
    page = html(found)
    assert "hash-order" in page
    assert "<script" not in page
    assert json.loads(json.dumps(found.to_json()))["causes"][0]["line"] == 5


def test_the_command_exits_with_one_where_something_differs(tmp_path):
    command = [
        sys.executable,
        "-m",
        "aos_workflow.cli",
        "doctor",
        f"{FIXTURES}/h_pop.py:run",
        "--budget",
        "quick",
    ]
    done = subprocess.run(
        [*command, "--json", "--html", str(tmp_path / "x.html")], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["causes"][0]["label"] == "hash-order"
    assert (tmp_path / "x.html").exists()


def test_quick_takes_less_than_a_second_and_default_less_than_five(module):
    path = module("def run(seed):\n    return sum(i * i for i in range(60_000)) + seed\n")
    took = {}
    for budget in ("quick", "default"):
        took[budget] = examine(f"{path}:run", budget=budget).seconds
    assert took["default"] < 5
    assert took["quick"] < 2  # 1 s on an idle machine of two cores
