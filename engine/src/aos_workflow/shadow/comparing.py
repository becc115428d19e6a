"""Whether the two sides of a cycle are the same, and where they first differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from aos_workflow.golden.diff import diff
from aos_workflow.shadow.records import Cycle, CycleReport, SideResult, Verdict
from aos_workflow.shadow.redaction import shortened

__all__ = ["compare", "is_same"]

_STUCK, _FAILED = "stuck", "failed"
_MAX_DIFFS = 5
_MAX_SHOWN = 120


def is_same(primary: SideResult, shadow: SideResult) -> bool:
    """Whether the two are one run: status, error, and the hash over spec, seed, steps and output.

    Steps that differ only where the rules allow it have one hash. Where a run fails while steps run side by side, the
    others are cancelled, and which of them had come to their end is nobody's promise: so of two such runs, the steps
    that both did must be the same.
    """
    if primary.status == shadow.status == _FAILED and (_forks(primary) or _forks(shadow)):
        known = {step[0]: step[2] for step in primary.steps}
        return all(known.get(step[0], step[2]) == step[2] for step in shadow.steps)
    if (primary.status, primary.error_code) != (shadow.status, shadow.error_code):
        return False
    if primary.workflow_hash or shadow.workflow_hash:
        return primary.workflow_hash == shadow.workflow_hash
    return [s[:3] for s in primary.steps] == [s[:3] for s in shadow.steps]


def _forks(result: SideResult) -> bool:
    """Whether more than one task of the program did steps."""
    return any("/" in step[0] for step in result.steps)


def compare(cycle: Cycle, primary: SideResult, shadow: SideResult) -> CycleReport:
    """What came of a cycle. Of a mismatch, the first step that differs, in program order."""
    same = is_same(primary, shadow)
    stuck = same and primary.status == _STUCK
    verdict = Verdict.ERROR if stuck else Verdict.MATCH if same else Verdict.MISMATCH
    divergence = None if same else _divergence(primary, shadow)
    return CycleReport(
        number=cycle.number,
        seed=cycle.seed,
        workflow=cycle.workflow,
        verdict=verdict,
        primary_hash=primary.workflow_hash,
        shadow_hash=shadow.workflow_hash,
        steps=len(primary.steps),
        faults=tuple(sorted({*primary.injected, *shadow.injected})),
        perturbations=tuple(sorted(cycle.perturbations)),
        divergence=divergence,
        message=_message(cycle, primary, divergence, stuck),
    )


def _message(
    cycle: Cycle, primary: SideResult, divergence: Mapping[str, Any] | None, stuck: bool
) -> str | None:
    if stuck:
        return f"workflow {cycle.workflow!r} never ends ({primary.error_code})"
    if divergence is None:
        return None
    where = f"step {divergence['step']!r}" if divergence["step"] else "the run"
    kind, expected, got = divergence["kind"], divergence["expected"], divergence["got"]
    for entry in divergence["diffs"]:
        kind += entry["path"].removeprefix(f".{kind}")
        expected, got = entry.get("expected"), entry.get("got")
        break
    return f"{where}, {kind}: {_shown(expected)}, and in the shadow {_shown(got)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _divergence(primary: SideResult, shadow: SideResult) -> dict[str, Any]:
    for index in range(max(len(primary.steps), len(shadow.steps))):
        first = primary.steps[index] if index < len(primary.steps) else None
        second = shadow.steps[index] if index < len(shadow.steps) else None
        found = _of_step(first, second)
        if found is not None:
            return found | {"diffs": _diffs(primary, shadow, found)}
    found = _of_run(primary, shadow)
    return found | {"diffs": _diffs(primary, shadow, found)}


def _of_step(
    first: tuple[str, ...] | None, second: tuple[str, ...] | None
) -> dict[str, Any] | None:
    """How two steps at one place in the order differ, if they do: the path, then what was asked, then what came."""
    if first is None or second is None:
        known = first or second or ("", "")
        kind = "missing" if second is None else "extra"
        return _found(known, kind, first and first[0], second and second[0])
    if first[0] != second[0]:
        return _found(first, "path", first[0], second[0])
    if first[2] == second[2]:
        return None
    for number, kind in ((1, "skill"), (3, "input"), (4, "output")):
        if first[number] != second[number]:
            return _found(first, kind, first[number], second[number])
    return _found(first, "error", first[2], second[2])


def _found(step: tuple[str, ...], kind: str, expected: Any, got: Any) -> dict[str, Any]:
    return {"step": step[0], "skill": step[1], "kind": kind, "expected": expected, "got": got}


def _of_run(primary: SideResult, shadow: SideResult) -> dict[str, Any]:
    for kind in ("status", "error_code", "workflow_hash"):
        expected, got = getattr(primary, kind), getattr(shadow, kind)
        if expected != got:
            name = "output" if kind == "workflow_hash" else kind
            return {"step": None, "skill": None, "kind": name, "expected": expected, "got": got}
    raise AssertionError("two results that are the same differ nowhere")


def _diffs(
    primary: SideResult, shadow: SideResult, found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The values that differ there, where both sides recorded them."""
    key = found["kind"] if found["kind"] in ("input", "output") else None
    values = [_value(side.events, found["step"], key) for side in (primary, shadow)]
    if key is None or None in values:
        return []
    entries = diff(values[0], values[1]).entries[:_MAX_DIFFS]
    return [{k: shortened(value) for k, value in entry.to_json().items()} for entry in entries]


def _value(events: bytes, path: str | None, key: str | None) -> Any:
    """An input or output in wrapping, so that null is not nothing."""
    for event in _events(events):
        data = event["data"]
        wanted = "run_end" if path is None else "step"
        if event["event_type"] == wanted and (path is None or data["step_path"] == path):
            return {key: data.get(key)} if key else None
    return None


def _events(events: bytes) -> Iterator[dict[str, Any]]:
    for line in events.splitlines():
        yield orjson.loads(line)
