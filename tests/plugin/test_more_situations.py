"""Circumstances: read-only trees, odd names, checkouts, rotated keys, crashes, and where pytest is started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.plugin.conftest import Inner, text_of

XDIST = ("xdist",)
ONE = "def test_it(golden):\n    assert {'a': 1} == golden\n"


# where goldens cannot be written


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_file_where_the_golden_folder_must_be(inner: Inner, workers: tuple[str, ...]) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", ONE)
    inner.file("fixtures/golden", "in the way")
    result = inner.record(*workers)
    assert result.ret == 1
    assert "fixtures/golden/test_a/test_it-" in text_of(result)
    assert "cannot be read: Not a directory" in text_of(result)
    result = inner.record("--golden-force", *workers)
    assert result.ret == 1
    assert "golden refused: cannot write fixtures/golden/test_a/test_it-" in text_of(result)
    assert (inner.root / "fixtures" / "golden").read_text() == "in the way"
    assert inner.verify(*workers).ret == 1


@pytest.mark.skipif(
    not shutil.which("setpriv") or os.geteuid() != 0, reason="needs root and setpriv"
)
def test_a_read_only_tree(inner: Inner, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As a user who may not write there: root may everything."""
    inner.file("test_a.py", ONE)
    inner.recorded()
    before = inner.snapshot()
    for parent in inner.root.parents:
        if parent.owner() == "root" and parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(parent.stat().st_mode | 0o055)
    inner.root.chmod(0o755)
    for path in inner.root.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable]
    command += ["-B", "-m", "pytest", "-p", "no:cacheprovider"]
    env = {**os.environ, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *args], cwd=inner.root, env=env, capture_output=True, text=True, check=False
        )

    if run("--version").returncode:
        pytest.skip("another user cannot start this interpreter")
    assert run().returncode == 0
    assert run("--golden-verify").returncode == 0
    (inner.root / "test_a.py").chmod(0o644)
    inner.file(
        "test_a.py", ONE.replace("1", "2") + "def test_new(golden):\n    assert 1 == golden\n"
    )
    result = run("--golden-record", "--golden-repeat=1")
    assert result.returncode == 1, result.stdout
    assert result.stdout.count("golden refused: cannot write fixtures/golden/test_a/") == 2
    assert "Permission denied" in result.stdout
    result = run("--golden-prune", "--golden-record", "--golden-repeat=1")
    assert "INTERNALERROR" not in result.stdout
    assert inner.snapshot() == before


# pytest's own options


@pytest.mark.parametrize(
    "args",
    [
        ("--import-mode=importlib",),
        ("--import-mode=append",),
        ("-p", "no:cacheprovider"),
        ("-p", "no:assertion"),
        ("-p", "no:terminal"),
        ("--assert=plain",),
        ("--no-summary",),
        ("-W", "error"),
        ("--strict-markers", "--strict-config"),
        ("-qq",),
        ("--setup-show",),
    ],
    ids=" ".join,
)
def test_under_options_of_pytest(inner: Inner, args: tuple[str, ...]) -> None:
    inner.file("test_a.py", "import pytest\n@pytest.mark.golden(seed=1)\n" + ONE)
    inner.recorded(*args)
    assert inner.verify(*args).ret == 0
    inner.file(
        "test_a.py", "import pytest\n@pytest.mark.golden(seed=1)\n" + ONE.replace("1}", "2}")
    )
    result = inner.run(*args)
    assert result.ret == 1
    if "no:terminal" not in args and "--no-summary" not in args and "-qq" not in args:
        assert ".a: expected 1, got 2" in text_of(result)
    assert "INTERNALERROR" not in text_of(result)


def test_last_failed(inner: Inner) -> None:
    inner.file("test_a.py", ONE + "def test_other(golden):\n    assert 2 == golden\n")
    inner.recorded()
    inner.file(
        "test_a.py", ONE.replace("1", "5") + "def test_other(golden):\n    assert 2 == golden\n"
    )
    assert inner.verify().ret == 1
    result = inner.verify("--lf")
    assert result.ret == 1
    assert "1 failed in" in text_of(result)
    assert "unused test_a" not in text_of(result)
    assert inner.record("--lf", "--golden-prune").ret == 0
    assert len(inner.goldens) == 2
    assert inner.verify().ret == 0


def test_optimised_python_has_no_asserts_and_still_compares(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded()
    inner.file(
        "test_a.py", "def test_it(golden):\n    if not ({'a': 2} == golden): raise ValueError\n"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-m", "pytest", "-p", "no:syrupy"],
        cwd=inner.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert ".a: expected 1, got 2" in done.stdout


# names


def test_parameters_of_any_length_and_content(inner: Inner) -> None:
    inner.ini(use=XDIST)
    inner.file(
        "test_a.py",
        "import pytest\n"
        "IDS = ['x' * 300, 'CON', 'nul', 'a:b', 'a*b?', 'a<b>|', 'trailing.', ' ', '.', '..', 'a\\\\b',\n"
        "       '/etc/passwd', 'ünï', '#', 'a::b', '[', ']', '日本', 'a\\tb', '-', '~', '$HOME', '`ls`', \"'\", '\"']\n"
        "@pytest.mark.parametrize('n', range(len(IDS)), ids=IDS)\n"
        "def test_it(golden, n):\n    assert n == golden\n",
    )
    inner.recorded()
    assert len(inner.goldens) == 25
    for path in inner.goldens:
        name = path.name
        assert path.parent == inner.golden_dir / "test_a"
        assert len(name) <= 100
        assert not set(name) & set(":*?<>|\"\\/\n\t'`$ ")
        assert name.isascii()
    assert inner.verify("-n", "2").ret == 0


@pytest.mark.parametrize("folder", ["with space", "ünïcode", "dot.ted", "a'quote", "-dash"])
def test_folders_of_any_name(inner: Inner, folder: str) -> None:
    inner.file(f"{folder}/test_a.py", ONE)
    inner.recorded("--import-mode=importlib")
    assert inner.verify("--import-mode=importlib").ret == 0
    inner.file(f"{folder}/test_a.py", ONE.replace("1", "2"))
    result = inner.run("--import-mode=importlib")
    command = text_of(result).partition("to accept: ")[2].splitlines()[0]
    done = subprocess.run(
        command.replace("pytest", f"{sys.executable} -m pytest --import-mode=importlib", 1),
        shell=True,
        cwd=inner.root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (command, done.stdout)
    assert inner.verify("--import-mode=importlib").ret == 0


def test_the_command_that_is_shown_works_where_pytest_was_started(inner: Inner) -> None:
    inner.file(
        "sub/deep/test_a.py",
        "import pytest\n@pytest.mark.parametrize('x', ['a b', '$HOME', \"it's\"])\n"
        "def test_it(golden, x):\n    assert x == golden\n",
    )
    sub = inner.root / "sub"
    run = {"cwd": sub, "capture_output": True, "text": True, "check": False}
    out = subprocess.run(
        [sys.executable, "-m", "pytest", "deep", "--golden-dir", "my goldens"], **run
    ).stdout
    commands = {line.partition("next: ")[2] for line in out.splitlines() if "next: " in line}
    assert len(commands) == 3
    for command in commands:
        done = subprocess.run(f"{sys.executable} -m {command} --golden-repeat=1", shell=True, **run)
        assert done.returncode == 0, (command, done.stdout)
    assert len([*(sub / "my goldens").rglob("*.json")]) == 3


# checkouts, formats, keys


def test_a_checkout_with_crlf(inner: Inner) -> None:
    inner.file(
        "test_a.py", "def test_it(golden):\n    assert {'a': 'x\\r\\ny', 'b': [1]} == golden\n"
    )
    inner.recorded(GOLDEN_SECRET="one-long-secret")
    (path,) = inner.goldens
    crlf = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(crlf)
    assert inner.verify("--golden-signature=require", GOLDEN_SECRET="one-long-secret").ret == 0
    inner.recorded(GOLDEN_SECRET="one-long-secret")
    assert path.read_bytes() == crlf
    path.write_bytes(crlf.replace(b"\r\n", b"\n").rstrip() + b"\n\n")
    assert inner.verify().ret == 0


def test_a_golden_from_a_newer_version(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded()
    (path,) = inner.goldens
    newer = path.read_bytes().replace(b"aos-golden/1", b"aos-golden/2")
    path.write_bytes(newer)
    for flags in ((), ("--golden-verify",), ("--golden-record", "--golden-repeat=1")):
        result = inner.run(*flags)
        assert result.ret == 1
        assert "newer than this version reads" in text_of(result)
        assert "pip install --upgrade" in text_of(result)
        assert path.read_bytes() == newer


def test_a_rotated_key(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded(GOLDEN_SECRET="the-old-secret")
    before = inner.snapshot()
    ring = inner.file("ring", "GOLDEN_SECRET=the-old-secret\nGOLDEN_SECRET=the-new-secret\n")
    require = "--golden-signature=require"
    assert inner.verify(require, GOLDEN_KEY_FILE=str(ring)).ret == 0
    # Recording the same value again does not touch what an older key of the ring has signed.
    inner.recorded(GOLDEN_KEY_FILE=str(ring))
    assert inner.snapshot() == before
    inner.file("test_a.py", ONE.replace("1", "2"))
    inner.recorded(GOLDEN_KEY_FILE=str(ring))
    assert inner.verify(require, GOLDEN_SECRET="the-new-secret").ret == 0
    assert inner.verify(require, GOLDEN_SECRET="the-old-secret").ret == 1


# values


@pytest.mark.parametrize(
    ("recorded", "same", "other"),
    [
        ("{'1': 'x'}", "{'1': 'x'}", "{'1': 'y'}"),
        ("1", "1.0", "True"),
        ("0.0", "-0.0", "False"),
        ("[1, 2]", "(1, 2)", "[2, 1]"),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", "{'a': 1}"),
        ("'1'", "'1'", "1"),
        ("None", "None", "''"),
        ("'é'", "'\\xe9'", "'e\\u0301'"),
        ("2**53 + 1", "9007199254740993", "2**53"),
    ],
)
def test_what_is_equal(inner: Inner, recorded: str, same: str, other: str) -> None:
    text = "def test_it(golden):\n    assert {'v': %s} == golden\n"
    inner.file("test_a.py", text % recorded)
    inner.recorded()
    inner.file("test_a.py", text % same)
    assert inner.run().ret == 0
    inner.file("test_a.py", text % other)
    assert inner.run().ret == 1


@pytest.mark.parametrize("value", ["{1: 'x'}", "float('nan')", "float('-inf')", "{True: 1}"])
def test_what_has_no_canonical_form(inner: Inner, value: str) -> None:
    inner.file("test_a.py", f"def test_it(golden):\n    assert {{'v': {value}}} == golden\n")
    result = inner.record()
    assert result.ret == 1
    assert ".v" in text_of(result)
    assert not inner.goldens


def test_integer_keys_as_text_by_choice(inner: Inner) -> None:
    inner.ini("golden_keys = text")
    inner.file("test_a.py", "def test_it(golden):\n    assert {1: 'x'} == golden\n")
    inner.recorded()
    inner.file("test_a.py", "def test_it(golden):\n    assert {'1': 'x'} == golden\n")
    assert inner.verify().ret == 0


def test_sets_under_five_hash_seeds(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "def test_it(golden):\n    assert {'s': {f'word {n}' for n in range(50)}, 'f': frozenset('abc')} == golden\n",
    )
    assert inner.run("--golden-record", PYTHONHASHSEED="1").ret == 0
    for seed in ("0", "1", "2", "3", "random"):
        assert inner.verify(PYTHONHASHSEED=seed).ret == 0


# crashes


CRASH = """
import os, signal, sys
state = {"on": False, "left": int(os.environ["KILL_AT"])}
EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.utime", "shutil.rmtree")

def hook(event, args):
    if state["on"] and event in EVENTS:
        if "fixtures" in str(args[0]) or "golden-staging" in str(args[0]):
            state["left"] -= 1
            if state["left"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)

def pytest_runtest_logreport(report):
    state["on"] = report.when == "teardown" and "test_z" in report.nodeid
"""


def test_kill_at_every_point_of_a_commit(inner: Inner, tmp_path: Path) -> None:
    """Afterwards each golden is the old one or the new one, whole, and the next recording is as if nothing had been."""
    text = "".join(f"def test_{n}(golden):\n    assert ['{{v}}'] * 50 == golden\n" for n in "abz")
    inner.file("test_a.py", text.format(v="old"))
    inner.recorded()
    old = inner.snapshot()
    inner.file("test_a.py", text.format(v="new"))
    shutil.copytree(inner.golden_dir, inner.root / "kept")
    inner.recorded()
    new = inner.without_provenance()
    inner.file("conftest.py", CRASH)
    mixed = 0
    for point in range(1, 60):
        shutil.rmtree(inner.golden_dir)
        shutil.copytree(inner.root / "kept", inner.golden_dir)
        where = {
            "KILL_AT": str(point),
            "TMPDIR": str(tmp_path),
        }  # what is killed leaves its staging folder
        result = inner.record("-p", "no:cacheprovider", **where)
        left = {n: d for n, d in inner.snapshot().items() if n.endswith(".golden.json")}
        assert left.keys() == old.keys()
        found = inner_without_provenance(inner)
        changed = [name for name in left if left[name] != old[name]]
        for name in changed:
            assert found[name] == new[name]
        mixed += 0 < len(changed) < 3
        if result.ret == 0:
            break
        assert result.ret == -9
    else:
        raise AssertionError("the recording never came to its end")
    assert point > 6
    assert mixed
    # What a crash left behind is no golden and disturbs nobody.
    (inner.root / "conftest.py").unlink()
    assert inner.verify().ret == 0


def inner_without_provenance(inner: Inner) -> dict[str, object]:
    """Without what a crash may have left unfinished."""
    import json

    found = {}
    for path in inner.goldens:
        if path.name.endswith(".golden.json"):
            document = json.loads(path.read_bytes())
            del document["golden"]["provenance"]
            found[str(path.relative_to(inner.root))] = document
    return found


# where pytest is started, where tests and goldens lie


def test_from_a_subfolder_and_by_a_single_file(inner: Inner) -> None:
    inner.file("tests/unit/test_a.py", ONE)
    inner.file("tests/test_b.py", ONE)
    inner.file("tests/unit/conftest.py", "")
    inner.recorded()
    before = inner.snapshot()
    sub = inner.root / "tests" / "unit"
    for cwd, args in (
        (sub, ()),
        (sub, ("test_a.py",)),
        (sub, ("../test_b.py",)),
        (inner.root, ("tests/unit",)),
    ):
        for flag in ("--golden-verify", "--golden-record", "--golden-prune"):
            done = subprocess.run(
                [sys.executable, "-m", "pytest", flag, *args],
                cwd=cwd,
                check=False,
                capture_output=True,
            )
            assert done.returncode == 0, done.stdout
    assert inner.snapshot() == before


def test_outside_the_root_folder(inner: Inner, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("outside")
    for name, value in (("one", 1), ("two", 2)):
        (other / name).mkdir()
        (other / name / "test_o.py").write_text(ONE.replace("1", str(value)))
    args = (
        f"--rootdir={inner.root}",
        f"--config-file={inner.root / 'pytest.ini'}",
        "--import-mode=importlib",
        str(other / "one"),
        str(other / "two"),
    )
    assert inner.record(*args).ret == 0
    assert sorted(value["a"] for value in inner.values.values()) == [1, 2]
    assert inner.verify(*args).ret == 0
    assert inner.run("--golden-record", *args).ret == 0


@pytest.mark.parametrize("how", ["option", "ini", "environment", "absolute", "outside", "link"])
def test_the_golden_folder_may_lie_anywhere(inner: Inner, how: str) -> None:
    inner.file("test_a.py", ONE)
    env: dict[str, str] = {}
    args: tuple[str, ...] = ()
    folder = inner.root / "other place"
    if how == "option":
        args = ("--golden-dir", "other place")
    elif how == "ini":
        inner.ini("golden_dir = other place")
    elif how == "environment":
        env = {"GOLDEN_DIR": "other place"}
    elif how == "absolute":
        inner.ini(f"golden_dir = {folder}")
    elif how == "outside":
        folder = inner.root.parent / f"{inner.root.name}-goldens"
        inner.ini(f"golden_dir = ../{folder.name}")
    else:
        (inner.root / "real").mkdir()
        folder.symlink_to(inner.root / "real")
        inner.ini("golden_dir = other place")
    assert inner.run("--golden-record", *args, **env).ret == 0
    assert len([*folder.rglob("*.golden.json")]) == 1
    assert inner.verify(*args, **env).ret == 0
    inner.file("test_a.py", "def test_none():\n    pass\n")
    assert inner.verify(*args, **env).ret == 1
    assert inner.run("--golden-prune", *args, **env).ret == 0
    assert not [*folder.rglob("*.golden.json")]


def test_conftests_in_subfolders(inner: Inner) -> None:
    inner.file("conftest.py", "import pytest\n@pytest.fixture\ndef value(): return 1\n")
    inner.file("sub/conftest.py", "import pytest\n@pytest.fixture\ndef value(): return 2\n")
    for name in ("test_a.py", "sub/test_a.py"):
        inner.file(name, "def test_it(golden, value):\n    assert value == golden\n")
    inner.recorded("--import-mode=importlib")
    assert inner.values == {"test_a.py::test_it": 1, "sub/test_a.py::test_it": 2}


def test_an_error_inside_pytest_is_not_made_worse(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.file("conftest.py", "def pytest_runtest_logfinish():\n    raise RuntimeError('theirs')\n")
    result = inner.run("--golden-record", "--golden-prune")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert "theirs" in text_of(result)
    assert not Path(inner.golden_dir).exists()


def test_modules_that_skip_themselves(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded()
    inner.file(
        "test_a.py", "import pytest\npytest.skip('not here', allow_module_level=True)\n" + ONE
    )
    inner.file("test_b.py", "def test_b(): pass\n")
    assert inner.verify("--golden-prune").ret == 0
    assert len(inner.goldens) == 1


def test_memory_does_not_grow_with_the_number_of_goldens(inner: Inner) -> None:
    """Verifying keeps a few hundred bytes of each golden, not its value."""
    inner.file(
        "test_a.py",
        "import pytest\n"
        "@pytest.mark.parametrize('n', range(300))\n"
        "def test_it(golden, n):\n    assert {'n': n, 'text': 'x' * 20_000} == golden\n",
    )
    inner.file(
        "conftest.py",
        "import tracemalloc\n"
        "def pytest_collection_finish():\n    tracemalloc.start()\n"
        "def pytest_sessionfinish():\n    print('HELD', tracemalloc.get_traced_memory()[0])\n",
    )
    inner.recorded()
    held = int(text_of(inner.verify("-s")).partition("HELD ")[2].split()[0])
    assert held < 300 * 10_000
