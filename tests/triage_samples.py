"""Runs and simulations to triage: small, each with one thing wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aos_workflow.golden import DEFAULT_RULES, KeyRing, Rules, content_hash
from aos_workflow.golden.hashing import CHAIN_START
from aos_workflow.golden.run_golden import Event, render_event, render_trailer
from aos_workflow.golden.triage import Subject, Triage, subject_of, triage

PROVENANCE = {
    "platform": "linux-x86_64",
    "python": "CPython 3.11.7",
    "recorded_at": "2026-01-01T00:00:00.000Z",
    "tool": "aos-workflow 0.1.0",
}
SPEC = "ab" * 32

Step = Mapping[str, Any]


def step(path: str, output: Any, given: Any = None, **more: Any) -> dict[str, Any]:
    """A step as the engine records it; ``path`` is its lineage path, ``2:score``."""
    skill = path.partition(":")[2]
    given = {"query": path} if given is None else given
    return {
        "step_id": skill,
        "step_path": path,
        "kind": "skill",
        "status": "completed",
        "skill_id": skill,
        "skill_version": "1",
        "input": given,
        "input_hash": content_hash(given),
        "output": output,
        "output_hash": content_hash(output),
        **more,
    }


STEPS = (
    step("1:search", ["a", "b"]),
    step("2:score", {"score": 3, "label": "good"}),
    step("3:report", {"text": "all is well"}),
)


def run(
    steps: Sequence[Step] = STEPS,
    *,
    seed: int = 7,
    spec_hash: str | None = SPEC,
    inputs: Any = None,
    output: Any = None,
    others: Sequence[tuple[str, Mapping[str, Any]]] = (),
    provenance: Mapping[str, Any] = PROVENANCE,
    rules: Rules = DEFAULT_RULES,
    ring: KeyRing | None = None,
    run_id: str = "r1",
) -> bytes:
    """A run golden. ``others`` are events between the start and the steps."""
    start = {"spec_id": "remediate", "seed": seed, "inputs": inputs or {"service": "billing"}}
    if spec_hash is not None:
        start["spec_hash"] = spec_hash
    data = [
        ("run_start", start),
        *others,
        *(("step", {"index": index, **each}) for index, each in enumerate(steps)),
        ("run_end", {"status": "completed", "output": output}),
    ]
    lines, events, chain = [], [], CHAIN_START
    for index, (kind, content) in enumerate(data):
        event = Event(kind, run_id, index, "2026-01-01T00:00:00.000Z", content)
        line, chain = render_event(event, chain)
        lines.append(line)
        events.append(event)
    trailer = render_trailer(events, chain, provenance=provenance, rules=rules, ring=ring)
    return b"".join((*lines, trailer))


def changed(place: int, **more: Any) -> list[Step]:
    """The steps with one of them changed."""
    return [{**each, **more} if at == place else each for at, each in enumerate(STEPS)]


def subject(data: bytes, name: str = "a.steps.jsonl", **more: Any) -> Subject:
    return subject_of(data, file=name, **more)


def runs(a: bytes, b: bytes, **more: Any) -> Triage:
    """Triage of two run goldens."""
    return triage(subject(a), subject(b, "b.steps.jsonl"), **more)


def values(a: Any, b: Any, **more: Any) -> Triage:
    """Triage of two JSON documents."""
    left, right = (json.dumps(each).encode() for each in (a, b))
    return triage(subject(left, "a.json"), subject(right, "b.json"), **more)


# simulations


def report(number: int, verdict: str = "match", **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "seed": 1000 + number,
        "workflow": "remediate",
        "verdict": verdict,
        "primary_hash": "a" * 64,
        "shadow_hash": ("a" if verdict == "match" else "b") * 64,
        "steps": 3,
        "faults": [],
        "perturbations": ["schedule"],
        "cause": None,
        "divergence": None,
        "message": None,
        **more,
    }


def simulation(
    folder: Path,
    reports: Sequence[Mapping[str, Any]],
    goldens: Mapping[int, tuple[bytes, bytes]] | None = None,
    status: Mapping[str, Any] | None = None,
) -> Path:
    """The output folder of a simulation; ``goldens`` are those of its mismatches, by the number of the cycle."""
    (folder / "reports").mkdir(parents=True)
    lines = "".join(json.dumps(each) + "\n" for each in reports)
    (folder / "reports" / "cycle_0000000.jsonl").write_text(lines)
    (folder / "status.json").write_text(json.dumps(status or {"state": "done"}))
    by_number = {each["number"]: each for each in reports}
    for number, (primary, shadow) in (goldens or {}).items():
        case = folder / "mismatches" / f"cycle_{number:07}"
        case.mkdir(parents=True)
        (case / "report.json").write_text(
            json.dumps(by_number.get(number) or report(number, "mismatch"))
        )
        (case / "primary.steps.jsonl").write_bytes(primary)
        (case / "shadow.steps.jsonl").write_bytes(shadow)
        (case / "reproduce.sh").write_text("#!/bin/sh\n")
    return folder
