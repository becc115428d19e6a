"""The second evaluation of a recording: what it catches, what it says, and what it must leave alone."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Inner, text_of

XDIST = ("xdist",)


def refused(inner: Inner, *args: str) -> str:
    """Record, expect that nothing was, and give the output."""
    result = inner.run("--golden-record", *args)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert not inner.goldens
    return text_of(result)


def test_the_order_of_a_set_is_caught_and_explained(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "words = [f'word {n}' for n in range(40)]\n"
        "def test_it(golden):\n    assert {'words': list(set(words)), 'n': 40} == golden\n",
    )
    output = refused(inner)
    assert (
        "golden refused: evaluation 2, in a fresh process (PYTHONHASHSEED=2), gave another"
        in output
    )
    assert ".words: the order of 40 elements differs" in output
    assert "likely cause: the order of a set" in output
    assert "proposed rule: .words: sort" in output
    assert "FAILED test_a.py::test_it - golden refused" in output
    assert "1 failed" in output
    assert "1 passed" not in output


def test_the_proposed_rule_is_the_way_out(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import uuid, time\nwords = [f'word {n}' for n in range(40)]\n"
        "def test_it(golden):\n"
        "    value = {'words': list(set(words)), 'job': str(uuid.uuid4()), 'n': list(range(9))}\n"
        "    assert value == golden{rules}\n".replace("{rules}", ""),
    )
    output = refused(inner)
    rules = [
        line.partition("proposed rule: ")[2].strip()
        for line in output.splitlines()
        if "proposed rule: " in line
    ]
    assert rules
    text = (inner.root / "test_a.py").read_text()
    inner.file("test_a.py", text.replace("== golden", f"== golden(rules={rules!r})"))
    assert inner.run("--golden-record").ret == 0
    assert inner.verify().ret == 0


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("str(uuid.uuid4())", ".v"),
        ("time.time_ns()", ".v"),
        ("secrets.token_hex(4)", ".v"),
        ("random.SystemRandom().random()", ".v"),
        ("id(object())", ".v"),
        ("hash('text')", ".v"),
        ("os.getpid()", ".v"),
    ],
)
def test_what_no_seed_controls_is_caught(inner: Inner, value: str, path: str) -> None:
    inner.file(
        "test_a.py",
        "import os, random, secrets, time, uuid\n"
        f"def test_it(golden):\n    assert {{'v': {value}, 'w': 1}} == golden\n",
    )
    output = refused(inner)
    assert f"{path}:" in output
    assert "gave another value" in output


def test_global_random_is_seeded_and_so_recorded(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import random\ndef test_it(golden):\n    assert random.random() == golden\n",
    )
    assert inner.run("--golden-record").ret == 0
    assert inner.verify().ret == 0


def test_state_that_crosses_tests_is_caught_by_the_other_order(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "seen = []\n"
        "def test_1(golden):\n    seen.append(1)\n    assert seen == golden\n"
        "def test_2(golden):\n    seen.append(2)\n    assert seen == golden\n",
    )
    output = refused(inner)
    assert "state that another test or an earlier run left behind" in output


def test_one_refused_golden_of_a_test_refuses_them_all(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import os\n"
        "def test_it(golden):\n    assert 1 == golden('good')\n    assert os.getpid() == golden('bad')\n"
        "def test_other(golden):\n    assert 2 == golden\n",
    )
    result = inner.run("--golden-record")
    assert result.ret == 1
    assert [*inner.values] == ["test_a.py::test_other"]
    assert "1 failed, 1 passed" in text_of(result)


def test_only_what_is_new_is_repeated(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "def test_it(golden):\n    with open('runs', 'a') as f: f.write('x')\n    assert 1 == golden\n",
    )
    runs = inner.root / "runs"
    assert inner.run("--golden-record").ret == 0
    assert runs.read_text() == "xx"
    assert inner.run("--golden-record").ret == 0
    assert runs.read_text() == "xxx"


@pytest.mark.parametrize(("repeat", "count"), [("1", 1), ("2", 2), ("3", 3)])
def test_the_number_of_evaluations(inner: Inner, repeat: str, count: int) -> None:
    inner.file(
        "test_a.py",
        "import os\ndef test_it(golden):\n"
        "    with open('seeds', 'a') as f: f.write(os.environ.get('PYTHONHASHSEED', '-') + '\\n')\n"
        "    assert 1 == golden\n",
    )
    assert inner.run("--golden-record", f"--golden-repeat={repeat}").ret == 0
    seeds = (inner.root / "seeds").read_text().split()
    assert len(seeds) == len(set(seeds)) == count


def test_the_repeat_has_another_hash_seed_than_the_run(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it(golden):\n    assert hash('a') % 2**40 == golden\n")
    for seed in ("0", "1", "2", "1002", "random"):
        result = inner.run("--golden-record", PYTHONHASHSEED=seed)
        assert result.ret == 1


@pytest.mark.parametrize("repeat", ["0", "101", "-1"])
def test_a_number_of_evaluations_that_makes_no_sense(inner: Inner, repeat: str) -> None:
    assert inner.run("--golden-record", f"--golden-repeat={repeat}").ret == 4
    inner.ini(f"golden_repeat = {repeat}")
    assert inner.run("--golden-record").ret == 4


SECOND = "os.environ.get('PYTHONHASHSEED') == '2'"


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("raise ValueError('only there')", "only there"),
        ("assert False", "assert False"),
        ("os._exit(3)", "did not get to this golden"),
        ("pytest.skip('there')", "did not get to this golden"),
    ],
)
def test_a_repeat_that_fails_refuses_and_shows_its_output(
    inner: Inner, action: str, says: str
) -> None:
    inner.file(
        "test_a.py",
        f"import os, pytest\ndef test_it(golden):\n    if {SECOND}: {action}\n    assert 1 == golden\n",
    )
    assert says in refused(inner)


def test_a_test_that_fails_after_the_comparison_in_the_repeat(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        f"import os\ndef test_it(golden):\n    assert 1 == golden\n    assert not {SECOND}\n",
    )
    assert "(PYTHONHASHSEED=2), failed" in refused(inner)


def test_a_golden_that_the_repeat_does_not_reach(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        f"import os\ndef test_it(golden):\n    if not {SECOND}:\n        assert 1 == golden\n",
    )
    assert "did not get to this golden" in refused(inner)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_repeat_that_hangs_is_stopped_with_all_its_processes(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini("golden_repeat_timeout = 3", use=XDIST)
    inner.file(
        "test_a.py",
        "import os, pathlib, threading\ndef test_it(golden):\n"
        f"    if {SECOND}:\n"
        "        pathlib.Path('pid').write_text(str(os.getpid()))\n"
        "        threading.Event().wait()\n"
        "    assert 1 == golden\n",
    )
    output = refused(inner, *workers)
    assert "it was stopped after 3 s (ini golden_repeat_timeout)" in output
    pid = int((inner.root / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        _signal_until_gone(pid)


def _signal_until_gone(pid: int) -> None:
    """Raise once the process is gone; a killed one may need a moment to be reaped by init."""
    import os
    import time

    until = time.monotonic() + 10
    while time.monotonic() < until:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "Z":
                raise ProcessLookupError
    raise AssertionError("still running")


@pytest.mark.parametrize(
    "args",
    [
        ("-k", "it"),
        ("test_a.py::test_it",),
        ("@args",),
        ("--lf",),
        ("--ff",),
        ("--sw",),
        ("-x",),
        ("-p", "no:cacheprovider"),
        ("-p", "no:terminal"),
        ("-p", "no:randomly"),
        ("-q",),
        ("-vv",),
        ("-s",),
        ("--tb=short",),
        ("--durations=3",),
        ("-W", "error"),
        ("--import-mode=importlib",),
        ("--basetemp=base",),
        ("--strict-config",),
        ("--cache-clear",),
        ("--runxfail",),
        ("-o", "addopts="),
    ],
    ids=lambda args: " ".join(args),
)
def test_the_arguments_of_the_run_are_those_of_its_repeats(
    inner: Inner, args: tuple[str, ...]
) -> None:
    if "addopts=" in args:
        inner.fresh = True
        args = (*args, *(f"-pno:{name}" for name in ("syrupy", "inline_snapshot")))
    inner.file("args", "-k\nit\n")
    inner.file(
        "test_a.py",
        "def test_it(golden, tmp_path):\n    assert 1 == golden\n"
        "def test_it_too(golden):\n    assert 2 == golden\n",
    )
    assert inner.run("--golden-record", *args).ret == 0
    assert "test_a.py::test_it" in inner.values


def test_with_pdb_the_repeat_does_not_wait_for_somebody(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        f"import os\ndef test_it(golden):\n    assert not {SECOND}\n    assert 1 == golden\n",
    )
    assert "failed" in refused(inner, "--pdb")


def test_node_ids_are_those_of_the_run(inner: Inner) -> None:
    inner.file(
        "tests/test_a.py",
        "import pytest\n@pytest.mark.parametrize('x', ['a b', 'é', 'x::y', '#', '[z]'])\n"
        "def test_it(golden, request, x):\n    assert request.node.nodeid == golden\n",
    )
    assert inner.run("--golden-record", "tests").ret == 0
    assert all(key == value for key, value in inner.values.items())
    assert len(inner.values) == 5


def test_files_that_the_run_writes_are_not_overwritten(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import logging\n"
        "def test_it(golden):\n    logging.warning('seen')\n    assert 1 == golden\n"
        "def test_plain():\n    pass\n",
    )
    result = inner.run(
        "--golden-record", "--junitxml=j.xml", "--log-file=l.txt", "--golden-report=g.json"
    )
    assert result.ret == 0
    assert 'tests="2"' in (inner.root / "j.xml").read_text()
    assert (inner.root / "l.txt").read_text().count("seen") == 1
    assert '"mode": "record"' in (inner.root / "g.json").read_text()


def test_the_cache_of_the_run_is_its_own(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import os\ndef test_it(golden):\n    assert os.getpid() == golden\ndef test_two(): pass\n",
    )
    refused(inner)
    result = inner.run("--lf", "--collect-only", "-q")
    assert "test_a.py::test_it" in text_of(result)
    assert "test_two" not in text_of(result)


@pytest.mark.parametrize("how", ["agrees", "differs"])
def test_under_workers(inner: Inner, how: str) -> None:
    inner.ini(use=XDIST)
    value = "1" if how == "agrees" else "os.getpid()"
    inner.file(
        "test_a.py",
        "import os, pytest\n@pytest.mark.parametrize('n', range(6))\n"
        f"def test_it(golden, n):\n    assert [n, {value}] == golden\n",
    )
    result = inner.run("--golden-record", "-n", "2")
    assert result.ret == (0 if how == "agrees" else 1)
    assert len(inner.goldens) == (6 if how == "agrees" else 0)
    if how == "differs":
        assert text_of(result).count("golden refused: evaluation 2") >= 6
        assert "6 failed" in text_of(result)


def test_values_that_are_not_kept_are_compared_by_hash(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import os\ndef test_it(golden):\n    assert os.getpid() == golden(hash_only=True)\n",
    )
    assert "the values are not kept" in refused(inner)


def test_a_refused_test_counts_as_failed_everywhere(inner: Inner) -> None:
    inner.file("test_a.py", "import os\ndef test_it(golden):\n    assert os.getpid() == golden\n")
    output = refused(inner, "--junitxml=j.xml", "-rA")
    assert "PASSED test_a.py::test_it" not in output
    assert "FAILED test_a.py::test_it - golden refused" in output
    (line,) = [line for line in output.splitlines() if line.startswith("test_a.py ")]
    assert line.split() == ["test_a.py", ".", "[100%]"]
    assert 'failures="1"' in (inner.root / "j.xml").read_text()


def test_nothing_is_left_behind(inner: Inner, tmp_path_factory: pytest.TempPathFactory) -> None:
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    temporary = tmp_path_factory.mktemp("temporary")
    assert inner.run("--golden-record", fresh=True, TMPDIR=str(temporary)).ret == 0
    assert [path.name for path in temporary.iterdir() if path.name.startswith("golden")] == []
    assert [path.suffix for path in inner.goldens] == [".json"]


def test_started_as_pytest_the_current_folder_is_not_importable(inner: Inner) -> None:
    """``python -m pytest`` puts it on the path and ``pytest`` does not: the repeat does as the run did."""
    inner.file("beside.py", "")
    inner.file(
        "tests/test_a.py",
        "import importlib.util\n"
        "def test_it(golden):\n    assert (importlib.util.find_spec('beside') is None) == golden\n",
    )
    import subprocess
    import sys
    from pathlib import Path

    command = [str(Path(sys.executable).with_name("pytest")), "--golden-record", "tests"]
    assert subprocess.run(command, cwd=inner.root, check=False).returncode == 0
    assert [*inner.values.values()] == [True]
    assert inner.record("tests", fresh=True).ret == 0
    assert [*inner.values.values()] == [False]
