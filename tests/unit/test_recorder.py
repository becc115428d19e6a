"""Recording runs: what is written when, and what is refused."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.golden_samples import (
    OTHER_SECRET,
    SECRET,
    legacy_golden,
    record_run,
    run_golden,
    value_golden,
)

from aos_workflow.determinism import FixedClock
from aos_workflow.errors import (
    CanonicalError,
    GoldenExistsError,
    GoldenFileError,
    GoldenTamperedError,
    SecretFoundError,
    UsageError,
)
from aos_workflow.golden import (
    DEFAULT_RULES,
    GoldenRecorder,
    KeyRing,
    Rules,
    content_hash,
)
from aos_workflow.golden import (
    recorder as recorder_module,
)

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def recorder(tmp_path: Path, clock: FixedClock) -> GoldenRecorder:
    return GoldenRecorder(tmp_path, secret=SECRET, clock=clock)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# recording


def test_a_run_is_recorded_event_by_event_and_sealed_at_its_end(
    recorder: GoldenRecorder, tmp_path: Path, clock: FixedClock
) -> None:
    recorder.record_run_start("r1", spec_id="refund", seed=42, budget_snapshot={"usd": 5}, x=1)
    part = tmp_path / "r1.steps.jsonl.part"
    assert [line["event_type"] for line in lines_of(part)] == ["run_start"]
    clock.at += timedelta(seconds=1.5)
    recorder.record_step("r1", step_id="plan", output={"a": 1}, skill="planner")
    recorder.record_event("r1", "note", {"text": "é"})
    assert len(lines_of(part)) == 3
    path = recorder.record_run_end("r1", status="completed", cost=2)

    assert path == tmp_path / "r1.steps.jsonl"
    assert list(tmp_path.iterdir()) == [path]
    start, step, note, end = recorder.load_golden(path)
    assert (start.event_type, start.index, start.timestamp) == ("run_start", 0, "2026-01-01T00:00:00.000Z")  # fmt: skip
    assert start.data == {"spec_id": "refund", "seed": 42, "budget_snapshot": {"usd": 5}, "x": 1}
    assert step.timestamp == "2026-01-01T00:00:01.500Z"
    assert step.data == {
        "index": 0,
        "step_id": "plan",
        "output": {"a": 1},
        "output_hash": content_hash({"a": 1}, DEFAULT_RULES),
        "skill": "planner",
    }
    assert (note.event_type, note.data) == ("note", {"text": "é"})
    assert (end.event_type, end.data) == ("run_end", {"status": "completed", "cost": 2})


def test_steps_count_from_zero_or_from_where_they_are_told(recorder: GoldenRecorder) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    indexes = [
        recorder.record_step("r", step_id="x", index=index).data["index"]
        for index in (None, None, 7, None)
    ]
    assert indexes == [0, 1, 7, 8]


def test_an_output_hash_that_is_given_stays(recorder: GoldenRecorder) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    event = recorder.record_step("r", step_id="x", output=None, output_hash="ab")
    assert event.data["output_hash"] == "ab"


def test_python_values_are_recorded_in_their_documented_spelling(recorder: GoldenRecorder) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    output = {
        "set": {2, 1},
        "bytes": b"xy",
        "tuple": (1,),
        "time": datetime(2026, 1, 2, tzinfo=UTC),
    }
    step = recorder.record_step("r", step_id="x", output=output)
    assert step.data["output"]["set"] == {"$aos.set": [1, 2]}
    assert step.data["output"]["tuple"] == [1]
    assert step.data["output_hash"] == content_hash(output, DEFAULT_RULES)
    assert recorder.verify_golden(recorder.record_run_end("r"))


def test_several_runs_at_once(recorder: GoldenRecorder) -> None:
    for run_id in ("a", "b"):
        recorder.record_run_start(run_id, spec_id="s", seed=1)
    for run_id in ("a", "b"):
        recorder.record_step(run_id, step_id=run_id)
    for run_id in ("b", "a"):
        path = recorder.record_run_end(run_id)
        assert [event.run_id for event in recorder.load_golden(path)] == [run_id] * 3


@pytest.mark.parametrize("run_id", ["a", "0", "_", "run-1", "A.b_c-9", "x" * 200])
def test_run_ids_that_name_files(run_id: str, recorder: GoldenRecorder) -> None:
    recorder.record_run_start(run_id, spec_id="s", seed=1)
    assert recorder.verify_golden(recorder.record_run_end(run_id))


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", ".hidden", "-rf", "a/b", "../a", "a\\b", "a b", "a\n", "é", "a:b", "a\0", "x" * 201]
)  # fmt: skip
def test_run_ids_that_do_not(run_id: str, recorder: GoldenRecorder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot name a file"):
        recorder.record_run_start(run_id, spec_id="s", seed=1)
    assert list(tmp_path.iterdir()) == []


def test_calls_in_the_wrong_order_are_refused(recorder: GoldenRecorder) -> None:
    for call in (
        lambda: recorder.record_step("r", step_id="x"),
        lambda: recorder.record_event("r", "note", {}),
        lambda: recorder.record_run_end("r"),
    ):
        with pytest.raises(UsageError, match="is not being recorded"):
            call()
    recorder.record_run_start("r", spec_id="s", seed=1)
    with pytest.raises(UsageError, match="is being recorded already"):
        recorder.record_run_start("r", spec_id="s", seed=1)
    recorder.record_run_end("r")
    with pytest.raises(UsageError, match="is not being recorded"):
        recorder.record_run_end("r")


def test_the_event_type_of_the_seal_is_reserved(recorder: GoldenRecorder) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    with pytest.raises(UsageError, match="golden_seal"):
        recorder.record_event("r", "golden_seal", {})


@pytest.mark.parametrize("output", [float("nan"), {1: 2}, object(), "\ud800", {"$aos.set": []}])
def test_what_has_no_canonical_form_is_refused_and_leaves_nothing(
    output: Any, recorder: GoldenRecorder
) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    with pytest.raises(CanonicalError):
        recorder.record_step("r", step_id="x", output={"inner": output})
    assert recorder.record_step("r", step_id="y").data["index"] == 0
    events = recorder.load_golden(recorder.record_run_end("r"))
    assert [event.data.get("step_id") for event in events] == [None, "y", None]


def test_a_secret_is_refused_by_its_path_and_never_written(
    recorder: GoldenRecorder, tmp_path: Path
) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    with pytest.raises(SecretFoundError) as caught:
        recorder.record_step("r", step_id="x", output={"header": f"Bearer {TOKEN}"})
    assert caught.value.path == ".output.header"
    assert TOKEN not in str(caught.value)
    recorder.record_run_end("r")
    assert not any(TOKEN in path.read_text() for path in tmp_path.iterdir())


def test_a_start_that_is_refused_leaves_the_run_unopened(
    recorder: GoldenRecorder, tmp_path: Path
) -> None:
    with pytest.raises(SecretFoundError):
        recorder.record_run_start("r", spec_id="s", seed=1, token=TOKEN)
    assert not (tmp_path / "r.steps.jsonl.part").exists()
    recorder.record_run_start("r", spec_id="s", seed=1)


# what is there already


def test_the_same_content_leaves_the_file_alone(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    before = (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
    later = FixedClock(datetime(2027, 1, 1, tzinfo=UTC))
    again = GoldenRecorder(tmp_path, secret=SECRET, clock=later)
    again.record_run_start("run-1", spec_id="refund", seed=42)
    for index in range(3):
        again.record_step("run-1", step_id=f"s{index}", output={"answer": index * 1.5})
    assert again.record_run_end("run-1") == path
    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert list(tmp_path.iterdir()) == [path]


def test_other_content_or_other_rules_replace_it(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    path.chmod(0o640)
    before = path.read_bytes()
    record_run(tmp_path, answer=2.5)
    assert path.read_bytes() != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    before = path.read_bytes()
    other = GoldenRecorder(tmp_path, secret=SECRET, rules=Rules.of([".x: strip"]))
    other.record_run_start("run-1", spec_id="refund", seed=42)
    other.record_run_end("run-1")
    assert path.read_bytes() != before


def test_the_same_content_is_signed_if_it_was_not(tmp_path: Path) -> None:
    path = record_run(tmp_path, secret=None)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    record_run(tmp_path, secret=SECRET)
    assert GoldenRecorder(tmp_path, secret=SECRET).verify_golden(path)
    assert path.stat().st_mtime == 1_600_000_000


def test_a_golden_signed_with_an_unknown_key_is_not_replaced(tmp_path: Path) -> None:
    path = record_run(tmp_path, secret=OTHER_SECRET)
    before = path.read_bytes()
    recorder = GoldenRecorder(tmp_path, secret=SECRET)
    with pytest.raises(GoldenExistsError, match="not in the ring"):
        recorder.record_run_start("run-1", spec_id="s", seed=1)
    assert path.read_bytes() == before
    forced = GoldenRecorder(tmp_path, secret=SECRET, force=True)
    forced.record_run_start("run-1", spec_id="s", seed=1)
    assert forced.verify_golden(forced.record_run_end("run-1"))


def test_a_golden_that_was_damaged_during_the_run_is_not_replaced(
    recorder: GoldenRecorder, tmp_path: Path
) -> None:
    path = record_run(tmp_path)
    recorder.record_run_start("run-1", spec_id="s", seed=1)
    path.write_bytes(b"<<<<<<< HEAD\n")
    with pytest.raises(GoldenExistsError, match="damaged"):
        recorder.record_run_end("run-1")
    assert path.read_bytes() == b"<<<<<<< HEAD\n"


def test_force_replaces_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "r.steps.jsonl"
    path.write_bytes(b"rubbish")
    recorder = GoldenRecorder(tmp_path, force=True)
    recorder.record_run_start("r", spec_id="s", seed=1)
    assert recorder.verify_golden(recorder.record_run_end("r"))


def test_the_rest_of_an_interrupted_recording_is_dropped(
    recorder: GoldenRecorder, tmp_path: Path
) -> None:
    (tmp_path / "r.steps.jsonl.part").write_bytes(b"rubbish")
    recorder.record_run_start("r", spec_id="s", seed=1)
    assert recorder.verify_golden(recorder.record_run_end("r"))


def test_a_recording_that_somebody_else_wrote_into_is_not_sealed(
    recorder: GoldenRecorder, tmp_path: Path
) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    part = tmp_path / "r.steps.jsonl.part"
    part.write_bytes(part.read_bytes() * 2)
    with pytest.raises(GoldenTamperedError, match=r"r\.steps\.jsonl\.part:2"):
        recorder.record_run_end("r")
    assert not (tmp_path / "r.steps.jsonl").exists()


def test_a_golden_that_could_not_be_read_is_not_written(
    recorder: GoldenRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    monkeypatch.setattr(recorder_module, "MAX_FILE_BYTES", 500)
    with pytest.raises(GoldenFileError) as caught:
        recorder.record_run_end("r")
    assert caught.value.code == "GOLDEN_TOO_LARGE"


# reading


def test_the_folder_is_looked_into_first(recorder: GoldenRecorder, tmp_path: Path) -> None:
    path = record_run(tmp_path)
    for name in ("run-1.steps.jsonl", path, str(path)):
        assert recorder.verify_golden(name)


def test_the_golden_of_a_value_has_no_events(recorder: GoldenRecorder, tmp_path: Path) -> None:
    (tmp_path / "v.golden.json").write_bytes(value_golden())
    with pytest.raises(UsageError, match="golden of a value"):
        recorder.load_golden("v.golden.json")


def test_verifying_says_why_not(recorder: GoldenRecorder, tmp_path: Path) -> None:
    (tmp_path / "a.steps.jsonl").write_bytes(run_golden())
    (tmp_path / "b.steps.jsonl").write_bytes(run_golden(ring=KeyRing.of(OTHER_SECRET)))
    (tmp_path / "c.json").write_bytes(legacy_golden())
    codes = {
        name: recorder.check_golden(name).code
        for name in ("a.steps.jsonl", "b.steps.jsonl", "c.json", "none.json")
    }
    assert codes == {
        "a.steps.jsonl": "GOLDEN_UNSIGNED",
        "b.steps.jsonl": "GOLDEN_UNKNOWN_KEY",
        "c.json": "OK",
        "none.json": "GOLDEN_MISSING",
    }
    assert GoldenRecorder(tmp_path).verify_golden("a.steps.jsonl")


def test_the_tail_of_a_run_that_goes_on_and_of_one_that_is_done(recorder: GoldenRecorder) -> None:
    recorder.record_run_start("r", spec_id="s", seed=1)
    for name in ("a", "b"):
        recorder.record_step("r", step_id=name)
    assert [event.data.get("step_id") for event in recorder.tail("r", 2)] == ["a", "b"]
    assert len(recorder.tail("r")) == 3
    recorder.record_run_end("r")
    assert [event.event_type for event in recorder.tail("r", 1)] == ["run_end"]
    assert recorder.tail("r", 0) == []
    with pytest.raises(GoldenFileError, match="no such file"):
        recorder.tail("none")


# signing


def test_signing_keeps_content_hash_and_times(recorder: GoldenRecorder, tmp_path: Path) -> None:
    path = record_run(tmp_path, secret=None)
    os.utime(path, ns=(10**18, 10**18 + 123_456_789))
    body = path.read_bytes().splitlines()[:-1]
    before = recorder.load_golden(path)
    recorder.sign_golden(path)
    assert recorder.verify_golden(path)
    assert recorder.load_golden(path) == before
    assert path.read_bytes().splitlines()[:-1] == body
    assert path.stat().st_mtime_ns == 10**18 + 123_456_789


def test_signing_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no secret to sign with"):
        GoldenRecorder(tmp_path).sign_golden("x.steps.jsonl")


def test_a_secret_or_a_ring_not_both(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        GoldenRecorder(tmp_path, secret="a", ring=KeyRing.of("b"))
