"""Goldens to read, break and compare: one of each form, small and of realistic content."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from aos_workflow.determinism import FixedClock
from aos_workflow.golden import DEFAULT_RULES, GoldenRecorder, KeyRing, Rules, canonicalize
from aos_workflow.golden.hashing import CHAIN_START
from aos_workflow.golden.run_golden import Event, render_event, render_trailer
from aos_workflow.golden.value_golden import render_value_golden

SECRET = "5f0c1d7e4b2a99863c55aa10ffee4242"
OTHER_SECRET = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
RING = KeyRing.of(SECRET)
OTHER_RING = KeyRing.of(OTHER_SECRET)
PROVENANCE = {"recorded_at": "2026-01-01T00:00:00.000Z", "repeats": 2, "tool": "tests 1"}

PLAN: dict[str, Any] = {
    "cost": 1.25e-7,
    "big": 2**70,
    "created_at": "2026-01-01T00:00:00Z",
    "steps": [{"name": "plan", "ok": True}, {"name": "über 😀", "ok": None}],
    "text": 'a "quoted" line\n',
}


def value_golden(
    value: Any = PLAN,
    *,
    ring: KeyRing | None = None,
    key: str = "tests/test_plan.py::test_plan",
    seed: int = 7,
    rules: Rules = DEFAULT_RULES,
    hash_only: bool = False,
) -> bytes:
    return render_value_golden(
        canonicalize(value, rules),
        key=key,
        seed=seed,
        provenance=PROVENANCE,
        ring=ring,
        hash_only=hash_only,
    )


def run_events(steps: int = 3, run_id: str = "run-1") -> list[Event]:
    data: list[tuple[str, dict[str, Any]]] = [
        ("run_start", {"spec_id": "refund", "seed": 42, "budget_snapshot": {"usd": 5}})
    ]
    for index in range(steps):
        output = {"answer": index * 1.5, "note": f"größe {index}"}
        data.append(("step", {"index": index, "step_id": f"s{index}", "output": output}))
    data.append(("run_end", {"status": "completed"}))
    return [
        Event(kind, run_id, index, f"2026-01-01T00:00:0{index % 10}.000Z", item)
        for index, (kind, item) in enumerate(data)
    ]


def run_golden(steps: int = 3, *, ring: KeyRing | None = None, run_id: str = "run-1") -> bytes:
    events = run_events(steps, run_id)
    lines, chain = [], CHAIN_START
    for event in events:
        line, chain = render_event(event, chain)
        lines.append(line)
    lines.append(render_trailer(events, chain, provenance=PROVENANCE, ring=ring))
    return b"".join(lines)


def legacy_golden(value: dict[str, Any] = PLAN, secret: str = SECRET) -> bytes:
    """Exactly what the runbook's snippet writes."""
    content = json.dumps(value, sort_keys=True)
    signature = hmac.new(secret.encode(), content.encode(), hashlib.sha256).hexdigest()
    return json.dumps({**value, "signature": signature}, indent=2).encode()


def record_run(
    folder: Path,
    run_id: str = "run-1",
    *,
    secret: str | None = SECRET,
    steps: int = 3,
    answer: float = 1.5,
) -> Path:
    """Record a run as a user does."""
    recorder = GoldenRecorder(folder, secret=secret, clock=FixedClock())
    recorder.record_run_start(run_id, spec_id="refund", seed=42)
    for index in range(steps):
        recorder.record_step(run_id, step_id=f"s{index}", output={"answer": index * answer})
    return recorder.record_run_end(run_id)
