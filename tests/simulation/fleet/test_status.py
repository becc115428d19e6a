"""What to think of a status, seen from outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aos_workflow.errors import ShadowFolderError
from aos_workflow.shadow.gauge import Gauge
from aos_workflow.shadow.status import (
    Sample,
    State,
    Status,
    as_seen,
    checks,
    read_status,
    state_of,
    write_status,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FINE = Status(
    state=State.RUNNING,
    cycles=1000,
    matches=1000,
    mismatches=0,
    errors=0,
    rate_per_s=100.0,
    elapsed_s=10.0,
    updated_at="2026-01-01T00:00:00.000Z",
    started_at="2026-01-01T00:00:00.000Z",
    pid=1,
    host="h",
    workers=2,
    fleet="local",
    disk_free_bytes=10 << 30,
    memory_bytes=100 << 20,
)


def failed(status: Status, *, held: bool = True, now: datetime = NOW) -> set[str]:
    return {check.name for check in checks(status, now=now, held=held) if not check.ok}


@pytest.mark.parametrize(
    ("state", "held", "age_s", "expected"),
    [
        (State.RUNNING, True, 60, State.RUNNING),
        (State.RUNNING, True, 61, State.STALLED),
        (State.RUNNING, False, 0, State.FAILED),
        (State.STALLED, True, 0, State.STALLED),
        (State.STALLED, False, 0, State.FAILED),
        (State.DONE, False, 1e6, State.DONE),
        (State.FAILED, False, 0, State.FAILED),
    ],
)
def test_the_state(state: State, held: bool, age_s: float, expected: State) -> None:
    now = NOW + timedelta(seconds=age_s)
    assert state_of(replace(FINE, state=state), now=now, held=held) is expected


def test_a_killed_one_says_so() -> None:
    seen = as_seen(FINE, now=NOW, held=False)
    assert (seen.state, seen.problem) == (
        State.FAILED,
        "its process 1 on h is gone: killed, or the machine ended",
    )
    (check, *_) = checks(FINE, now=NOW, held=False)
    assert "its process 1 on h is gone" in check.text
    for fine in (as_seen(FINE, now=NOW, held=True), replace(FINE, state=State.DONE)):
        assert fine.problem is None


def test_all_is_well() -> None:
    assert failed(FINE) == set()
    assert failed(replace(FINE, state=State.DONE), held=False) == set()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("simulation", {"state": State.FAILED}),
        ("progress", {"cycles": 0}),
        ("mismatches", {"mismatches": 1}),
        ("errors", {"errors": 1}),
        ("disk free", {"disk_free_bytes": (500 << 20) - 1}),
        ("disk used", {"disk_used_bytes": (2 << 30) + 1}),
        ("memory", {"memory_bytes": (300 << 20) + 1}),
    ],
)
def test_each_check(name: str, changes: dict[str, object]) -> None:
    assert failed(replace(FINE, **changes)) == {name}


def test_rate_and_memory_count_from_four_hours_on() -> None:
    def after(hours: float, late_rate: float, late_mb: int) -> Status:
        early = [Sample(s, s * 100, 100 << 20) for s in range(0, 3601, 600)]
        late = [
            Sample(h, int(1e6 + (h - (hours - 1) * 3600) * late_rate), late_mb << 20)
            for h in range(int((hours - 1) * 3600), int(hours * 3600) + 1, 600)
        ]
        return replace(FINE, elapsed_s=hours * 3600, samples=(*early, *late))

    assert failed(after(5, 100, 119)) == set()
    assert failed(after(5, 49, 100)) == {"rate over time"}
    assert failed(after(5, 100, 121)) == {"memory over time"}
    assert failed(after(3.9, 10, 200)) == set()


def test_a_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    status = replace(FINE, samples=(Sample(1.0, 2, 3),), first_mismatch={"cycle": 1})
    write_status(path, status)
    assert read_status(path) == status


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1}'])
def test_a_status_that_cannot_be_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "status.json").write_bytes(data)
    with pytest.raises(ShadowFolderError, match="no simulation in") as found:
        read_status(tmp_path / "status.json")
    assert "Error" not in str(found.value)
    assert "--resume" in (found.value.hint or "")


def test_the_gauge_is_of_the_last_minute_and_bounded(tmp_path: Path) -> None:
    gauge = Gauge(tmp_path, 0.0, 0)
    for second in range(0, 100_000, 10):
        gauge.read(second, second * (1 if second < 50_000 else 2), ())
    assert gauge.rate_per_s == pytest.approx(2.0, rel=0.2)
    assert len(gauge.samples) <= 240
    assert gauge.samples[0].elapsed_s == 0
    assert gauge.disk_free_bytes > 0
