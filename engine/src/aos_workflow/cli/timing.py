"""Where the time of a run went: its steps by duration, and how long it only waited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.checkpoint.records import Checkpoint, StepRecord

__all__ = ["Timing", "timing_of"]

_WAITING_KINDS = frozenset({"approval", "signal", "sleep"})


@dataclass(frozen=True, slots=True)
class Timing:
    """``steps`` are (path, kind, seconds), longest first. Waiting is when no step worked: queue, people, sleep."""

    total_s: float
    waiting_s: float
    steps: tuple[tuple[str, str, float], ...]

    @property
    def waiting_share(self) -> float:
        return self.waiting_s / self.total_s if self.total_s > 0 else 0.0

    def share(self, duration_s: float) -> float:
        """Of the whole; steps that ran at the same time add up to more than one."""
        return duration_s / self.total_s if self.total_s > 0 else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "total_s": round(self.total_s, 6),
            "waiting_s": round(self.waiting_s, 6),
            "waiting_share": round(self.waiting_share, 4),
            "steps": [
                {
                    "step_path": path,
                    "kind": kind,
                    "took_s": round(took_s, 6),
                    "share": round(self.share(took_s), 4),
                }
                for path, kind, took_s in self.steps
            ],
        }


def timing_of(head: Checkpoint, steps: Sequence[StepRecord]) -> Timing:
    """From the moment the run was created to its end, or to its last change."""
    end_s = head.completed_at_s or head.updated_at_s
    spans = [(step, max(0.0, step.completed_at_s - step.started_at_s)) for step in steps]
    worked = [
        (step.started_at_s, step.completed_at_s)
        for step in steps
        if step.kind not in _WAITING_KINDS and step.started_at_s
    ]
    total_s = max(0.0, end_s - head.created_at_s)
    ranked = sorted(spans, key=lambda pair: (-pair[1], pair[0].step_index))
    return Timing(
        total_s,
        max(0.0, total_s - _covered_s(worked)),
        tuple((step.step_path, step.skill_id or step.kind, took_s) for step, took_s in ranked),
    )


def _covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """The length of what the spans cover together."""
    covered_s, reached_s = 0.0, float("-inf")
    for begun_s, ended_s in sorted(spans):
        covered_s += max(0.0, ended_s - max(begun_s, reached_s))
        reached_s = max(reached_s, ended_s)
    return covered_s
