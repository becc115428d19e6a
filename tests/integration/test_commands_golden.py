"""Archives, retention and settings in real processes, and what holds for every command."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command_shell import CommandShell, same_shape
from tests.golden_samples import OTHER_SECRET, SECRET, record_run
from tests.meta.repository import ROOT
from typer.main import get_command

from aos_workflow.cli.app import app

ENTRY = {"name": str, "bytes": int, "sha256": str, "modified": int}
ARCHIVE = {"ok": bool, "archive": str, "goldens": [ENTRY]}
RESTORE = ARCHIVE | {"dry_run": bool, "new": [str], "replaced": [str], "written": [str]}
OLD_S = 9 * 86_400


@pytest.fixture
def shell(tmp_path: Path) -> CommandShell:
    folder = tmp_path / "golden"
    for run in ("run-1", "run-2", "run-3"):
        record_run(folder, run, secret=SECRET)
    found = CommandShell(tmp_path, GOLDEN_SECRET=SECRET)
    for path in folder.iterdir():
        age(path)
    return found


def age(path: Path) -> None:
    at = path.stat().st_mtime - OLD_S
    os.utime(path, (at, at))


def tamper(path: Path) -> None:
    before = path.stat().st_mtime
    path.write_bytes(path.read_bytes().replace(b'"completed"', b'"complated"'))
    os.utime(path, (before, before))


def test_archive_and_restore(shell: CommandShell) -> None:
    golden = shell.folder / "golden"
    found = shell.json("golden", "archive", "golden", "--to", "all.tgz")
    assert same_shape(found, ARCHIVE)
    assert [entry["name"] for entry in found["goldens"]] == [
        f"run-{number}.steps.jsonl" for number in (1, 2, 3)
    ]
    before = (golden / "run-1.steps.jsonl").stat().st_mtime
    (golden / "run-1.steps.jsonl").unlink()
    tamper(golden / "run-2.steps.jsonl")
    restore = ("golden", "restore", "all.tgz", "--to", "golden")
    shown = shell.json(*restore)
    assert same_shape(shown, RESTORE)
    assert (shown["new"], shown["replaced"]) == (["run-1.steps.jsonl"], ["run-2.steps.jsonl"])
    assert shown["dry_run"]
    assert not (golden / "run-1.steps.jsonl").exists()
    text = shell.text(*restore)
    assert "1 new, 1 replaced, 1 the same already" in text
    assert "replaces run-2.steps.jsonl" in text
    assert "restored 2 goldens" in shell.text(*restore, "--yes")
    assert (golden / "run-1.steps.jsonl").stat().st_mtime == int(before)
    assert "3 ok" in shell.text("golden", "verify", "golden", "--policy", "require")


def test_restore_changes_nothing_if_one_does_not_verify(shell: CommandShell) -> None:
    golden = shell.folder / "golden"
    tamper(golden / "run-2.steps.jsonl")
    packed = shell.json("golden", "archive", "golden", "--to", "all.tgz", expect=1)
    assert [e["error"]["code"] for e in packed["goldens"] if "error" in e] == ["TAMPER_DETECTED"]
    there = ("golden", "restore", "all.tgz", "--to", "there", "--yes")
    assert "nothing was changed" in shell.text(*there, expect=1)
    assert not (shell.folder / "there").exists()
    assert "restored 2 goldens" in shell.text(*there, "--skip-damaged", expect=1)
    assert len(list((shell.folder / "there").iterdir())) == 2
    other = shell.json(
        "golden", "restore", "all.tgz", "--to", "x", expect=2, GOLDEN_SECRET=OTHER_SECRET
    )
    assert other["error"]["code"] == "GOLDEN_UNKNOWN_KEY"


def test_archive_and_restore_refuse(shell: CommandShell) -> None:
    shell.run("golden", "archive", "golden", "--to", "all.tgz")
    assert "exists already" in shell.refusal("golden", "archive", "golden", "--to", "all.tgz")
    assert "no such folder" in shell.refusal("golden", "archive", "nowhere")
    assert "no such file" in shell.refusal("golden", "restore", "none.tgz", "--to", "x")
    assert "not a tar file" in shell.refusal(
        "golden", "restore", "golden/run-1.steps.jsonl", "--to", "x"
    )
    assert "--to" in shell.refusal("golden", "restore", "all.tgz")


def test_prune_says_first_and_keeps_mismatches(shell: CommandShell) -> None:
    golden = shell.folder / "golden"
    tamper(golden / "run-2.steps.jsonl")
    record_run(golden, "young", secret=SECRET)
    prune = ("golden", "prune", "golden", "--older-than", "7")
    shown = shell.json(*prune)
    shape = {
        "ok": bool,
        "dry_run": bool,
        "folder": str,
        "removed": [str],
        "bytes": int,
        "kept": dict,
        "archive": type(None),
    }
    assert same_shape(shown, shape)
    assert shown["removed"] == ["golden/run-1.steps.jsonl", "golden/run-3.steps.jsonl"]
    assert shown["kept"] == {"mismatch": 1, "young": 1}
    assert "nothing was changed" in shell.text(*prune)
    assert len(list(golden.iterdir())) == 4
    done = shell.text(*prune, "--yes", "--archive", "before.tgz")
    assert "removed 2 goldens" in done
    assert sorted(path.name for path in golden.iterdir()) == [
        "run-2.steps.jsonl",
        "young.steps.jsonl",
    ]
    with tarfile.open(shell.folder / "before.tgz") as tar:
        assert "run-1.steps.jsonl" in tar.getnames()
    assert "0 of 2 go" in shell.text(*prune)


def test_prune_refuses(shell: CommandShell) -> None:
    assert "no such folder" in shell.refusal("golden", "prune", "nowhere", "--older-than", "7")
    assert "--older-than" in shell.refusal("golden", "prune", "golden")
    assert "--older-than" in shell.refusal("golden", "prune", "golden", "--older-than", "-1")


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 3)])
def test_on_a_terminal_it_asks(shell: CommandShell, answer: str, left: int) -> None:
    ours, theirs = pty.openpty()
    command = "import sys; from aos_workflow.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", command, "golden", "prune", "golden", "--older-than", "7"],
        cwd=shell.folder,
        env=shell.environment,
        stdin=theirs,
        stdout=theirs,
    ) as process:
        os.close(theirs)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        process.wait(timeout=60)
    os.close(ours)
    assert b"Remove 3 goldens?" in said
    assert len(list((shell.folder / "golden").iterdir())) == left


def test_the_tail_of_a_golden(shell: CommandShell) -> None:
    tail = ("golden-tail", "--run", "run-1", "--golden", "golden")
    found = shell.json(*tail, "--lines", "2")
    event = {"event_type": str, "run_id": str, "index": int, "timestamp": str, "data": dict}
    assert same_shape(found, {"ok": bool, "run_id": str, "events": [event]})
    assert [each["event_type"] for each in found["events"]] == ["step", "run_end"]
    assert len(shell.text(*tail).splitlines()) == 5
    assert "no folder of goldens" in shell.refusal("golden-tail", "--run", "run-1")
    assert "nope" in shell.refusal("golden-tail", "--run", "nope", "--golden", "golden")


def script(
    name: str, shell: CommandShell, *arguments: str, expect: int = 0, **variables: str
) -> str:
    """A script of scripts/ops, with our commands on its PATH."""
    tools = shell.folder / "bin"
    if not tools.exists():
        tools.mkdir()
        (tools / "aos-workflow").write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m aos_workflow.cli "$@"\n'
        )
        (tools / "aos-workflow").chmod(0o755)
    done = subprocess.run(
        [ROOT / "scripts" / "ops" / name, *arguments],
        cwd=shell.folder,
        env=shell.environment | {"PATH": f"{tools}:{os.environ['PATH']}"} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_backups_have_the_names_of_the_runbooks(shell: CommandShell) -> None:
    places = {"GOLDEN_DIR": "golden", "BACKUP_DIR": "backups"}
    script("backup-goldens.sh", shell, "--daily", **places)
    script("backup-goldens.sh", shell, "--archive", **places)
    daily, archive = sorted((shell.folder / "backups").iterdir())
    assert daily.name.startswith("golden_2")
    assert daily.name.endswith(".tar.gz")
    assert len(daily.name) == len("golden_2025-12-01.tar.gz")
    assert archive.name.startswith("golden_archive_2")
    assert len(archive.name) == len("golden_archive_20251201_000000.tgz")
    listed = subprocess.run(["tar", "-tzf", archive], capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines()[0] == "run-1.steps.jsonl"
    assert "usage" in script("backup-goldens.sh", shell, expect=2)


def test_an_incident_is_collected_without_secrets(shell: CommandShell) -> None:
    (shell.folder / "shadow_simulation_1").mkdir()
    (shell.folder / "shadow_simulation_1" / "status.json").write_text("{}")
    said = script(
        "collect-incident.sh",
        shell,
        "incident",
        "shadow_simulation_1",
        "missing",
        DATABASE_URL="postgresql://u:topsecret@127.0.0.1:1/x",
        AOS_HOME="home",
    )
    assert "left out, not there: missing" in said
    assert "Artifacts: incident.tgz" in said
    with tarfile.open(shell.folder / "incident.tgz") as tar:
        names = set(tar.getnames())
        content = b"".join(tar.extractfile(m).read() for m in tar if m.isfile())  # type: ignore[union-attr]
    assert {"incident/version.json", "incident/hashes.sha256", "incident/settings.env"} <= names
    assert "incident/shadow_simulation_1/status.json" in names
    assert SECRET.encode() not in content
    assert b"topsecret" not in content
    assert "usage" in script("collect-incident.sh", shell, expect=2)


def test_the_tabletop_is_not_for_other_machines(shell: CommandShell) -> None:
    said = script("tabletop.sh", shell, expect=2, DATABASE_URL="postgresql://u@db.example.org/runs")
    assert "another machine" in said


# the end of a rotation


def test_older_keys_are_retired_when_nothing_needs_them(shell: CommandShell) -> None:
    keys = shell.folder / "keys"
    keys.write_text(f"# ours\nGOLDEN_SECRET={SECRET}\nOTHER=1\nGOLDEN_SECRET={OTHER_SECRET}\n")
    retire = ("golden", "keys", "retire", "golden", "--key-file", "keys")
    early = shell.json(*retire, "--yes", expect=1)
    assert {each["code"] for each in early["failed"]} == {"GOLDEN_UNKNOWN_KEY"}
    both = ("--old-key-file", "keys", "--new-key-file", "keys")
    shell.run("golden", "resign", "golden", *both)
    shown = shell.json(*retire)
    shape = {
        "ok": bool,
        "dry_run": bool,
        "key_file": str,
        "key_id": str,
        "older": [str],
        "failed": [dict],
    }
    assert same_shape(shown, shape)
    assert (shown["dry_run"], len(shown["older"])) == (True, 1)
    assert SECRET in keys.read_text()
    assert "removed 1 keys" in shell.text(*retire, "--yes")
    assert keys.read_text() == f"# ours\nOTHER=1\nGOLDEN_SECRET={OTHER_SECRET}\n"
    assert shell.json(*retire, "--yes")["older"] == []
    assert "cannot read the key file" in shell.refusal(*retire[:-1], "none")


# settings of services


def test_settings_are_set_and_taken_back(shell: CommandShell) -> None:
    file = shell.folder / "etc" / "worker.env"
    config = {"AOS_WORKER_ENV": str(file)}
    found = shell.json("config", "set-env", "WORKFLOW_EMERGENCY_STOP=true", **config)
    assert found == {
        "ok": True,
        "file": str(file),
        "changed": {"WORKFLOW_EMERGENCY_STOP": "true"},
    }
    shell.run("config", "set-env", "GOLDEN_DIR=/x", "WORKFLOW_EMERGENCY_STOP=false", **config)
    assert file.read_text() == "GOLDEN_DIR=/x\nWORKFLOW_EMERGENCY_STOP=false\n"
    assert "is not set" in shell.text("config", "unset-env", "GOLDEN_DIR", **config)
    assert file.read_text() == "WORKFLOW_EMERGENCY_STOP=false\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("GOLDEN_SECRET=x", "holds a secret"),
        ("DATABASE_URL=x", "holds a secret"),
        ("NO_SUCH=1", "no setting of ours"),
        ("GOLDEN_DIR", "NAME=VALUE"),
        ("GOLDEN_DIR=a b", "NAME=VALUE"),
        ("GOLDEN_DIR=$(id)", "NAME=VALUE"),
    ],
)
def test_settings_that_are_refused(shell: CommandShell, given: str, said: str) -> None:
    assert said in shell.refusal("config", "set-env", given, "--file", "worker.env")
    assert not (shell.folder / "worker.env").exists()


# every command


def commands(group: Any = None, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, with the words that lead to it."""
    group = get_command(app) if group is None else group
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


COMMANDS = dict(commands())
WITHOUT_JSON = {("worker",), ("serve",), ("completion",)}
"""They run until they are ended, or write for a shell."""


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_and_json(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    if not getattr(command, "hidden", False):
        assert f"aos-workflow {' '.join(path)}" in (command.epilog or "")
    options = {name for parameter in command.params for name in parameter.opts}
    assert ("--json" in options) is (path not in WITHOUT_JSON)


def test_the_page_of_commands_names_each() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `aos-workflow ([a-z -]+)` \|", page, re.MULTILINE)
    shown = {" ".join(path) for path, command in COMMANDS.items() if not command.hidden}
    assert set(named) == shown


def test_aos_is_the_same(shell: CommandShell) -> None:
    help_text = shell.run("workflow", "--help", program="aos").stdout
    assert all(name in help_text for name in ("inspect", "resume", "golden"))
    version = shell.run("workflow", "version", "--json", program="aos").stdout
    assert json.loads(version)["ok"]
    assert "No such command" in shell.run("nonsense", program="aos", expect=2).stderr


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: CommandShell, kind: str) -> None:
    text = shell.text("completion", kind)
    assert "_AOS_WORKFLOW_COMPLETE" in text
    assert "_AOS_COMPLETE" in text


def test_completion(shell: CommandShell) -> None:
    found = shell.text(
        COMP_WORDS="aos-workflow golden ver",
        COMP_CWORD="2",
        _AOS_WORKFLOW_COMPLETE="complete_bash",
    )
    assert found.split() == ["verify"]
    assert "powershell" in shell.refusal("completion", "powershell")


def test_the_bash_script_is_one(shell: CommandShell) -> None:
    text = shell.text("completion", "bash")
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
