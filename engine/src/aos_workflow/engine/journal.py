"""What a run has done before, served by path: from the store after a crash, from a golden in a replay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aos_workflow.checkpoint.records import StepRecord, StepStatus
from aos_workflow.engine.abandoned import SUFFIX, Abandoned, abandoned_key
from aos_workflow.engine.lineage import program_order
from aos_workflow.engine.payload import decode

__all__ = ["NOT_DRAWN", "Journal"]

NOT_DRAWN = object()
"""What :meth:`Journal.draw` gives for a draw that was never made."""


class Journal:
    """The recorded steps and draws of a run, each served once.

    A ``strict`` journal is the whole run: a step that is not in it must not happen. ``inputs`` are the recorded inputs
    by path, where they were kept; ``repeats`` the paths of the steps that a replay executes
    again. ``in_program_order`` says that the paths are lineage paths.
    """

    def __init__(
        self,
        steps: Iterable[StepRecord] = (),
        draws: Mapping[str, Any] | None = None,
        *,
        inputs: Mapping[str, bytes] | None = None,
        repeats: Collection[str] = (),
        strict: bool = False,
        in_program_order: bool = True,
    ) -> None:
        self.strict = strict
        self.inputs = inputs or {}
        self.repeats = repeats
        self._steps = {step.step_path: step for step in steps}
        self._draws = dict(draws or {})
        self._last = _last_ordinals(self._steps) if in_program_order else {}

    @property
    def left(self) -> tuple[StepRecord, ...]:
        """The steps that were recorded and not asked for so far, as they were recorded."""
        return tuple(self._steps.values())

    @property
    def draws_left(self) -> Mapping[str, Any]:
        return self._draws

    def take(self, path: str) -> StepRecord | None:
        """The recorded step at this path, which is then served."""
        return self._steps.pop(path, None)

    def draw(self, path: str) -> Any:
        """The value that was drawn at this path, or ``NOT_DRAWN``."""
        return self._draws.pop(path, NOT_DRAWN)

    def abandoned(self, path: str) -> Abandoned | None:
        """That the step at this path was abandoned, if it was."""
        found = self._draws.pop(abandoned_key(path), None)
        return None if found is None else Abandoned.of(found)

    def forgive(self) -> None:
        """Forget the failures that ended the run, so that a retry does these steps again.

        A failed step after which its task went on was dealt with by the program, and stays.
        """
        for path, step in list(self._steps.items()):
            if step.status is not StepStatus.FAILED:
                continue
            if self._last and self._went_on_after(path):
                continue
            del self._steps[path]
            for key in decode(step.draws_json or b"{}"):
                if key.endswith(SUFFIX):  # done again, and perhaps not abandoned
                    self._draws.pop(key, None)
        if self._last:
            self._last = _last_ordinals(self._steps)

    def _went_on_after(self, path: str) -> bool:
        *task, ordinal = program_order(path)
        return self._last.get(tuple(task), 0) > ordinal

    def contradicts(self, path: str) -> bool:
        """Whether a step that is not recorded cannot be new, because its task had come further when it was recorded.

        A task does one thing after the other. So where a later thing of the same task is recorded, or another one at
        the same number, a step was put in, taken out or renamed.
        """
        if not self._last:
            return False
        *task, ordinal = program_order(path)
        return self._last.get(tuple(task), 0) >= ordinal


def _last_ordinals(paths: Iterable[str]) -> dict[tuple[int, ...], int]:
    """By task, the number of the last thing it is known to have done."""
    last: dict[tuple[int, ...], int] = {}
    for path in paths:
        order = program_order(path)
        for depth, ordinal in enumerate(order):
            task = order[:depth]
            last[task] = max(last.get(task, 0), ordinal)
    return last
