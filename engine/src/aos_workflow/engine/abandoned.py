"""Steps that the program began and then cancelled: a failing group, a time limit, a race that another one won.

They have no outcome, so they are no steps of the record. That they were abandoned is journaled as a draw is, under a
key of its own. A run that is repeated asks for such a step again: it must be the same call, and it never ends, so that
the program cancels it again and takes the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aos_workflow.checkpoint.records import StepRecord, StepStatus

__all__ = ["SUFFIX", "Abandoned", "abandoned_key"]

SUFFIX = "!abandoned"
PATIENCE_S = 60.0


def abandoned_key(path: str) -> str:
    """The key among the draws that says that the step at this path was abandoned."""
    return f"{path}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The call, and when it was cancelled: so many seconds after the execution began."""

    kind: str
    skill_id: str | None
    skill_version: str | None
    input_hash: str
    after_s: int

    @classmethod
    def of(cls, data: dict[str, Any]) -> Abandoned:
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def call(self, path: str) -> StepRecord:
        """What was asked for, to be compared."""
        return StepRecord(
            step_path=path,
            step_index=-1,
            step_id=path,
            kind=self.kind,
            status=StepStatus.FAILED,
            skill_id=self.skill_id,
            skill_version=self.skill_version,
            input_hash=self.input_hash,
            output_hash=None,
            output_json=None,
            step_hash="",
        )

    @property
    def patience_s(self) -> float:
        """How long a repetition waits to be cancelled: its own time limits begin anew, and some may be in a row."""
        return PATIENCE_S + 2 * self.after_s
