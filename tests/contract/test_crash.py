"""kill -9 at every point of a commit: afterwards each golden is the old one or the new one, whole.

What a crash may leave beside goldens: temporary files that begin with a dot and end with ``.aos-tmp``, which no reader
sees and which the next command that writes there removes once they are an hour old; and the ``.part`` of a run that was
not finished, which recording that run again removes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from tests.golden_samples import SECRET, record_run, value_golden

from aos_workflow.cli import main
from aos_workflow.determinism import FixedClock
from aos_workflow.golden import GoldenRecorder, KeyRing, files
from aos_workflow.golden.atomic import STALE_AFTER, TEMPORARY_SUFFIX, remove_stale, write_atomic

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
ROOT = Path(__file__).parents[2]


def survey(operation: str, points: str, folder: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash_child", operation, points, str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("operation", "at_least"),
    [("write", 9), ("record", 30), ("resign", 30), ("migrate", 15), ("append-key", 2)],
)
def test_a_crash_at_any_file_operation_leaves_whole_goldens(
    operation: str, at_least: int, tmp_path: Path
) -> None:
    found = survey(operation, "audit", tmp_path)
    assert found["problems"] == []
    assert isinstance(found["points"], int)
    assert found["points"] >= at_least


@pytest.mark.parametrize("operation", ["write", "append-key"])
def test_a_crash_at_any_line_that_writes_leaves_whole_goldens(
    operation: str, tmp_path: Path
) -> None:
    found = survey(operation, "line", tmp_path)
    assert found["problems"] == []


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["record", "resign", "migrate"])
def test_a_crash_at_any_line_of_a_long_operation_leaves_whole_goldens(
    operation: str, tmp_path: Path
) -> None:
    found = survey(operation, "line", tmp_path)
    assert found["problems"] == []


def test_the_survey_does_find_leftovers(tmp_path: Path) -> None:
    assert survey("write", "audit", tmp_path)["with_leftovers"]


def leave(folder: Path, name: str = f".a.golden.json.0123456789ab{TEMPORARY_SUFFIX}") -> Path:
    path = folder / name
    path.write_bytes(b'{"torn')
    return path


def aged(path: Path, clock: FixedClock, age: timedelta) -> Path:
    seconds = (clock.now() - age).timestamp()
    os.utime(path, (seconds, seconds))
    return path


def test_readers_pass_over_leftovers(tmp_path: Path) -> None:
    record_run(tmp_path)
    leave(tmp_path)
    assert [path.name for path in files.golden_files(tmp_path)] == ["run-1.steps.jsonl"]
    assert main(["golden", "verify", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("age", "goes"),
    [
        (STALE_AFTER - timedelta(seconds=1), False),
        (STALE_AFTER, False),
        (STALE_AFTER + timedelta(seconds=1), True),
    ],
)
def test_only_what_no_writer_can_still_be_at_work_on_is_removed(
    age: timedelta, goes: bool, tmp_path: Path
) -> None:
    clock = FixedClock()
    path = aged(leave(tmp_path), clock, age)
    assert remove_stale(tmp_path, clock=clock) == ([path] if goes else [])
    assert path.exists() is not goes


def test_only_names_of_ours_are_removed(tmp_path: Path) -> None:
    clock = FixedClock()
    names = ["a.golden.json", ".hidden", f"visible{TEMPORARY_SUFFIX}", ".x.aos-tmp.txt"]
    for name in names:
        aged(leave(tmp_path, name), clock, timedelta(days=9))
    assert remove_stale(tmp_path, clock=clock) == []
    assert remove_stale(tmp_path / "missing", clock=clock) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_recording_and_signing_clean_up(tmp_path: Path) -> None:
    clock = FixedClock()
    path = aged(leave(tmp_path), clock, timedelta(hours=2))
    GoldenRecorder(tmp_path, clock=clock).record_run_start("r", spec_id="s", seed=1)
    assert not path.exists()
    (tmp_path / "v.golden.json").write_bytes(value_golden())
    (tmp_path / "keys").write_text(SECRET)
    path = leave(tmp_path)
    os.utime(path, (0, 0))
    assert main(["golden", "sign", "--key-file", str(tmp_path / "keys"), str(tmp_path)]) == 0
    assert not path.exists()


def test_a_torn_recording_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    recorder = GoldenRecorder(tmp_path, clock=FixedClock())
    recorder.record_run_start("r", spec_id="s", seed=1)
    recorder.record_step("r", step_id="a", output=1)
    part = tmp_path / "r.steps.jsonl.part"
    data = part.read_bytes()
    first = data.index(b"\n") + 1
    for length in range(len(data) + 1):
        part.write_bytes(data[:length])
        whole = 0 if length < first else 1 if length < len(data) else 2
        assert len(recorder.tail("r")) == whole


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.golden.json"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_whose_golden_could_not_be_written_can_be_ended_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = GoldenRecorder(tmp_path, ring=KeyRing.of(SECRET), clock=FixedClock())
    recorder.record_run_start("r", spec_id="s", seed=1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(OSError, match="full"):
            recorder.record_run_end("r")
    path = recorder.record_run_end("r")
    assert [event.event_type for event in recorder.load_golden(path)] == ["run_start", "run_end"]
    assert recorder.verify_golden(path)
