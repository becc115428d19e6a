"""Archives of goldens: what was packed comes back, and nothing else; and which goldens age lets go."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.golden_samples import (
    OTHER_RING,
    RING,
    SECRET,
    legacy_golden,
    record_run,
    run_golden,
    value_golden,
)

from aos_workflow.determinism import FixedClock
from aos_workflow.errors import (
    GoldenExistsError,
    GoldenForeignError,
    GoldenMissingError,
    GoldenTamperedError,
    GoldenTruncatedError,
    GoldenUnsignedError,
    UsageError,
)
from aos_workflow.golden import GoldenRecorder, Policy
from aos_workflow.golden.archive import (
    MANIFEST,
    Archived,
    check_archive,
    restore_archive,
    write_archive,
)
from aos_workflow.golden.retention import Keep, judge

NOW = datetime(2026, 1, 31, tzinfo=UTC)
CLOCK = FixedClock(NOW)
DAY_S = 86_400


@pytest.fixture
def goldens(tmp_path: Path) -> Path:
    folder = tmp_path / "golden"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.steps.jsonl").write_bytes(run_golden(run_id="a", ring=RING))
    (folder / "deep" / "b.golden.json").write_bytes(value_golden(ring=RING))
    (folder / "old.json").write_bytes(legacy_golden())
    (folder / "c.steps.jsonl.part").write_bytes(b"{")
    for number, path in enumerate(sorted(folder.rglob("*.json*"))):
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    return folder


def by_name(found: tuple[Archived, ...]) -> dict[str, Archived]:
    return {entry.name: entry for entry in found}


def repacked(archive: Path, **changes: bytes | None) -> Path:
    """The archive with some members changed, added or left out."""
    with tarfile.open(archive) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    for name, data in changes.items():
        if data is None:
            members.pop(name)
        else:
            members[name] = data
    new = archive.with_name(f"new-{archive.name}")
    with tarfile.open(new, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return new


def test_what_was_packed_comes_back_with_its_times(goldens: Path, tmp_path: Path) -> None:
    archive = tmp_path / "x.tgz"
    packed = write_archive(goldens, archive, ring=RING, policy=Policy.REQUIRE, clock=CLOCK)
    assert [entry.name for entry in packed] == ["a.steps.jsonl", "old.json", "deep/b.golden.json"]
    assert all(packed)
    found = check_archive(archive, ring=RING, policy=Policy.REQUIRE)
    assert found == packed
    there = tmp_path / "there"
    assert restore_archive(archive, there, by_name(found)) == [entry.name for entry in packed]
    for entry in packed:
        assert (there / entry.name).read_bytes() == (goldens / entry.name).read_bytes()
        assert (there / entry.name).stat().st_mtime == (goldens / entry.name).stat().st_mtime
    assert restore_archive(archive, there, by_name(found)) == []
    assert sorted(p.name for p in there.rglob("*") if p.is_file()) == [
        "a.steps.jsonl",
        "b.golden.json",
        "old.json",
    ]


def test_the_same_goldens_make_the_same_bytes(goldens: Path, tmp_path: Path) -> None:
    for name in ("one.tgz", "two.tgz"):
        write_archive(goldens, tmp_path / name, ring=RING, clock=CLOCK)
    assert (tmp_path / "one.tgz").read_bytes() == (tmp_path / "two.tgz").read_bytes()


def test_plain_tar_unpacks_it_and_the_manifest_is_no_golden(goldens: Path, tmp_path: Path) -> None:
    archive, there = tmp_path / "x.tgz", tmp_path / "there"
    write_archive(goldens, archive, ring=RING)
    there.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", there], check=True)
    assert (there / MANIFEST).exists()
    assert not list(there.glob("*manifest*.json"))
    again = write_archive(there, tmp_path / "again.tgz", ring=RING)
    assert [entry.name for entry in again] == ["a.steps.jsonl", "old.json", "deep/b.golden.json"]


def test_an_archive_of_plain_tar_is_checked_by_the_goldens_seals(
    goldens: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "golden_archive_20251201_000000.tgz"
    subprocess.run(["tar", "-czf", archive, "-C", goldens, "."], check=True)
    found = by_name(check_archive(archive, ring=RING, policy=Policy.REQUIRE))
    assert sorted(found) == ["a.steps.jsonl", "deep/b.golden.json", "old.json"]
    assert all(found.values())


def test_a_damaged_golden_is_packed_as_evidence(goldens: Path, tmp_path: Path) -> None:
    path = goldens / "a.steps.jsonl"
    path.write_bytes(path.read_bytes().replace(b"1.5", b"9.5"))
    packed = by_name(write_archive(goldens, tmp_path / "x.tgz", ring=RING))
    assert isinstance(packed["a.steps.jsonl"].error, GoldenTamperedError)
    found = by_name(check_archive(tmp_path / "x.tgz", ring=RING))
    assert not found["a.steps.jsonl"]
    assert found["old.json"]


def test_one_that_cannot_be_read_is_left_out_and_said(goldens: Path, tmp_path: Path) -> None:
    (goldens / "gone.steps.jsonl").symlink_to(tmp_path / "nowhere")
    packed = by_name(write_archive(goldens, tmp_path / "x.tgz", ring=RING))
    assert not packed["gone.steps.jsonl"]
    found = check_archive(tmp_path / "x.tgz", ring=RING)
    assert all(found)
    assert len(found) == len(packed) - 1


def test_every_change_of_an_archive_is_found(goldens: Path, tmp_path: Path) -> None:
    archive = tmp_path / "x.tgz"
    write_archive(goldens, archive, ring=RING)
    intruder = run_golden(run_id="intruder")
    changes = {
        "is not the file": {"old.json": legacy_golden({"other": 1}, secret=SECRET)},
        "is not in the manifest": {"z.steps.jsonl": intruder},
        "not in the archive": {"deep/b.golden.json": None},
    }
    for problem, change in changes.items():
        found = check_archive(repacked(archive, **change), ring=RING)
        (bad,) = [entry for entry in found if not entry]
        assert problem in str(bad.error)
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile(MANIFEST).read()  # type: ignore[union-attr]
    for forged in (manifest.replace(b"1700000000", b"1700000009"), b"{}\n", b"not json"):
        with pytest.raises((GoldenTamperedError, GoldenForeignError, GoldenTamperedError.__base__)):
            check_archive(repacked(archive, **{MANIFEST: forged}), ring=RING)


def test_an_unsigned_manifest_is_refused_where_signatures_are_required(
    goldens: Path, tmp_path: Path
) -> None:
    write_archive(goldens, tmp_path / "x.tgz")
    with pytest.raises(GoldenUnsignedError):
        check_archive(tmp_path / "x.tgz", ring=RING, policy=Policy.REQUIRE)
    write_archive(goldens, tmp_path / "y.tgz", ring=OTHER_RING)
    with pytest.raises(GoldenTamperedError.__base__, match="key"):
        check_archive(tmp_path / "y.tgz", ring=RING, policy=Policy.REQUIRE)


@pytest.mark.parametrize("name", ["../out.json", "/etc/out.json", "a/../../out.json", "a\\b.json"])
def test_names_that_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as tar:
        info = tarfile.TarInfo(name)
        tar.addfile(info, io.BytesIO())
    with pytest.raises(GoldenTamperedError, match="leads out"):
        check_archive(tmp_path / "x.tgz")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as tar:
        info = tarfile.TarInfo("a.json")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(GoldenTamperedError, match="is no file"):
        check_archive(tmp_path / "x.tgz")


def test_what_is_no_archive(goldens: Path, tmp_path: Path) -> None:
    archive = tmp_path / "x.tgz"
    write_archive(goldens, archive)
    whole = archive.read_bytes()
    (tmp_path / "cut.tgz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tgz").write_bytes(b"hello")
    (tmp_path / "zip.tgz").write_bytes(gzip.compress(b"hello" * 1000))
    with pytest.raises(GoldenTruncatedError):
        check_archive(tmp_path / "cut.tgz")
    for name in ("text.tgz", "zip.tgz"):
        with pytest.raises(GoldenForeignError):
            check_archive(tmp_path / name)
    with pytest.raises(GoldenMissingError):
        check_archive(tmp_path / "none.tgz")
    with pytest.raises(GoldenExistsError):
        write_archive(goldens, archive)
    with pytest.raises(GoldenMissingError):
        write_archive(tmp_path / "none", tmp_path / "y.tgz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        write_archive(tmp_path / "empty", tmp_path / "y.tgz")
    assert not list(tmp_path.glob(".*"))


def test_an_archive_that_changes_after_the_check_is_refused(goldens: Path, tmp_path: Path) -> None:
    archive = tmp_path / "x.tgz"
    write_archive(goldens, archive)
    checked = by_name(check_archive(archive))
    other = repacked(archive, **{"a.steps.jsonl": run_golden(run_id="other")})
    with pytest.raises(GoldenTamperedError, match="changed since"):
        restore_archive(other, tmp_path / "there", checked)


def test_age_lets_go_of_runs_and_never_of_mismatches(tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    for name in ("old", "young", "edge", "tampered"):
        record_run(folder, name)
    (folder / "older.json").write_bytes(legacy_golden())
    (folder / "test.golden.json").write_bytes(value_golden())
    evidence = folder / "mismatches" / "17"
    evidence.mkdir(parents=True)
    (evidence / "primary.steps.jsonl").write_bytes(run_golden())
    bad = folder / "tampered.steps.jsonl"
    bad.write_bytes(bad.read_bytes().replace(b'"completed"', b'"complated"'))
    ages_s = {"young.steps.jsonl": 6 * DAY_S, "edge.steps.jsonl": 7 * DAY_S}
    for path in folder.rglob("*.json*"):
        at = NOW.timestamp() - ages_s.get(path.name, 8 * DAY_S)
        os.utime(path, (at, at))
    found = {each.path.name: each.keep for each in judge(folder, timedelta(days=7), clock=CLOCK)}
    assert found == {
        "old.steps.jsonl": None,
        "older.json": None,
        "young.steps.jsonl": Keep.YOUNG,
        "edge.steps.jsonl": Keep.YOUNG,
        "tampered.steps.jsonl": Keep.MISMATCH,
        "primary.steps.jsonl": Keep.MISMATCH,
        "test.golden.json": Keep.TEST,
    }


def test_a_run_in_quarantine_is_evidence(tmp_path: Path) -> None:
    recorder = GoldenRecorder(tmp_path)
    recorder.record_run_start("q", spec_id="s", seed=1)
    recorder.record_run_end("q", status="quarantined")
    (found,) = judge(tmp_path, timedelta(days=7), clock=FixedClock(NOW + timedelta(days=9999)))
    assert found.keep is Keep.MISMATCH
