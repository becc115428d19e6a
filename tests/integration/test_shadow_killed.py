"""Processes that are killed without warning, and a disk that is full: no finding is lost or doubled."""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.simulation.fleet.command import (
    Process,
    alive,
    children,
    cycles,
    kill,
    run,
    start,
    wait_for,
)
from tests.simulation.fleet.simulate import numbers

MISMATCHES = [n for n in range(600) if n % 7 == 3]
SCRIPT = ("slow=0.0005", "big", f"mismatch={','.join(map(str, MISMATCHES))}")
WHOLE = {
    "match": [n for n in range(600) if n not in MISMATCHES],
    "mismatch": MISMATCHES,
    "error": [],
}


def folders_of(path: Path) -> list[int]:
    return sorted(
        int(found.name.removeprefix("cycle_")) for found in (path / "mismatches").iterdir()
    )


def assert_whole(path: Path) -> None:
    assert numbers(path) == WHOLE
    assert folders_of(path) == MISMATCHES
    for number in MISMATCHES:
        folder = path / "mismatches" / f"cycle_{number}"
        assert {file.name for file in folder.iterdir()} == {
            "report.json",
            "primary.steps.jsonl",
            "shadow.steps.jsonl",
            "reproduce.sh",
        }
        assert (folder / "report.json").read_text() == str(number)


def wait_for_progress(process: Process, path: Path) -> None:
    known = cycles(path)
    wait_for(lambda: process.poll() is not None or cycles(path) > known)


def wait_for_end_of(pids: list[int]) -> None:
    wait_for(lambda: not any(alive(pid) for pid in pids))


def test_the_coordinator_is_killed_again_and_again(tmp_path: Path) -> None:
    """At random moments, so also in the middle of writing a report; its workers end with it."""
    draw = random.Random(5)
    process = start("run", "--cycles", 600, "--out", tmp_path, "--workers", 2, script=SCRIPT)
    wait_for(lambda: cycles(tmp_path) > 0)
    for _ in range(5):
        wait_for_progress(process, tmp_path)
        time.sleep(draw.random() * 0.05)
        below = children(process.pid)
        kill(process.pid)
        process.wait()
        wait_for_end_of(below)
        process = start("run", "--resume", tmp_path, "--workers", 2)
    assert process.wait(60) == 1
    assert_whole(tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    assert summary["result"]["mismatches"] == len(MISMATCHES)


def test_workers_are_killed_again_and_again(tmp_path: Path) -> None:
    process = start("run", "--cycles", 600, "--out", tmp_path, "--workers", 2, script=SCRIPT)
    draw = random.Random(6)
    for _ in range(5):
        wait_for_progress(process, tmp_path)
        below = children(process.pid)
        if below:
            kill(draw.choice(below))
    assert process.wait(60) == 1
    assert_whole(tmp_path)


@pytest.mark.parametrize("victim", ["coordinator", "worker"])
def test_what_hangs_ends_with_who_started_it(tmp_path: Path, victim: str) -> None:
    """A cycle that would never end is no orphan, whoever is killed."""
    process = start("run", "--out", tmp_path, "--workers", 1, script=("hang=0",))
    try:
        wait_for(lambda: len(children(process.pid)) == 3)  # both sides, and the fork that hangs
        below = children(process.pid)
        (fork,) = (pid for side in below for pid in children(side))
        (parent,) = (pid for pid in below if fork in children(pid))
        kill(process.pid if victim == "coordinator" else parent)
        wait_for_end_of(below if victim == "coordinator" else [fork, parent])
    finally:
        kill(process.pid)
        process.wait()


def test_a_dead_simulation_is_seen_as_failed(tmp_path: Path) -> None:
    process = start("run", "--out", tmp_path, "--workers", 1, script=("slow=0.001",))
    wait_for(lambda: cycles(tmp_path) > 0)
    kill(process.pid)
    process.wait()
    found = run("status", tmp_path)
    assert (found.returncode, found.stdout.splitlines()[0]) == (1, "Status: FAILED")
    assert f"Problem: its process {process.pid} on " in found.stdout
    sanity = run("sanity", tmp_path).stdout
    assert "simulation  FAILED" in sanity
    for text in (found.stdout, sanity):
        assert text.endswith(f"next: aos-workflow shadow run --resume {tmp_path}\n")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to mount a small file system")
    try:
        yield path
    finally:
        ctypes.CDLL(None).umount2(os.fsencode(path), 2)  # lazily: also when somebody still looks


def fill(disk: Path) -> Path:
    """Take all the room there is but 8 KB."""
    path = disk / "filler"
    with path.open("wb") as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        file.write(b"x" * max(0, free - 8192))
    return path


def begun_on(disk: Path, log: Path) -> Process:
    with log.open("w") as file:
        process = start(
            *("run", "--cycles", 600, "--out", disk / "out", "--workers", 1),
            script=SCRIPT,
            stderr=file,
        )
    wait_for(lambda: cycles(disk / "out") > 30)
    return process


def test_a_full_disk_is_waited_for(small_disk: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = begun_on(small_disk, log)
    filler = fill(small_disk)
    wait_for(lambda: "No space left" in log.read_text())
    assert process.poll() is None
    known = cycles(small_disk / "out")
    shutil.move(small_disk / "out" / "golden", tmp_path / "golden")  # make some room for good
    (small_disk / "out" / "golden").mkdir()
    filler.unlink()
    wait_for(lambda: cycles(small_disk / "out") > known)
    process.terminate()
    process.wait(30)
    found = numbers(small_disk / "out")
    every = sorted(found["match"] + found["mismatch"])
    assert every == list(range(len(every)))
    assert folders_of(small_disk / "out") == found["mismatch"]


def test_a_simulation_that_is_stopped_on_a_full_disk_finds_it_all_when_resumed(
    small_disk: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    process = begun_on(small_disk, log)
    fill(small_disk)
    wait_for(lambda: "No space left" in log.read_text())
    process.terminate()
    assert process.wait(30) == 2
    text = log.read_text()
    assert "what could not be written is not counted" in text
    roomy = tmp_path / "roomy"
    shutil.copytree(small_disk / "out", roomy)
    assert run("run", "--resume", roomy, "--workers", 2).returncode == 1
    assert_whole(roomy)
