"""Atomic writing keeps what a file is known by from outside. Crashes are in tests/contract/test_crash.py."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from aos_workflow.determinism import SeededEntropy
from aos_workflow.golden.atomic import TEMPORARY_SUFFIX, write_atomic

OLD_NS = 1_600_000_000_123_456_789


def old_file(folder: Path, mode: int = 0o640) -> Path:
    path = folder / "a.json"
    path.write_bytes(b"old")
    path.chmod(mode)
    os.utime(path, ns=(OLD_NS, OLD_NS))
    return path


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_atomic(tmp_path / "a", b"new")
        write_atomic(tmp_path / "b", b"new", new_mode=0o600)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"]
    assert modes == [0o644, 0o600]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_permissions_stay(mode: int, tmp_path: Path) -> None:
    path = old_file(tmp_path, mode)
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
def test_the_owner_stays(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    os.chown(path, 1234, 4321)
    write_atomic(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_times_stay_on_demand(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    write_atomic(path, b"new", keep_times=True)
    assert path.stat().st_mtime_ns == OLD_NS
    write_atomic(path, b"newer")
    assert path.stat().st_mtime_ns > OLD_NS


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path = old_file(tmp_path / "real")
    link = tmp_path / "link.json"
    link.symlink_to(path)
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, os.fsdecode(b"caf\xe9" * 20), "a"])
def test_any_name_that_the_file_system_takes_can_be_written(name: str, tmp_path: Path) -> None:
    write_atomic(tmp_path / name, b"new")
    write_atomic(tmp_path / name, b"newer")
    assert (tmp_path / name).read_bytes() == b"newer"


def test_an_unfinished_file_in_the_way_is_not_taken_for_ours(tmp_path: Path) -> None:
    token = SeededEntropy(5).token_hex(6)
    stale = tmp_path / f".a.{token}{TEMPORARY_SUFFIX}"
    stale.write_bytes(b"of somebody else")
    with pytest.raises(FileExistsError):
        write_atomic(tmp_path / "a", b"new", entropy=SeededEntropy(5))
    assert stale.read_bytes() == b"of somebody else"
    assert not (tmp_path / "a").exists()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "none" / "a", b"new")
