"""What runs ask people, and signals that came before they were asked for, in the memory of this process."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace

from aos_workflow.checkpoint.records import Decision

__all__ = ["MemoryQuestions"]

_EARLY = "?"
"""Begins the path of a signal that no step asked for yet."""


class MemoryQuestions:
    """Questions by run and step."""

    def __init__(self) -> None:
        self._by_step: dict[tuple[str, str], Decision] = {}

    def all(self) -> Iterable[Decision]:
        """Every question and every signal that waits."""
        return self._by_step.values()

    def run_ids(self) -> list[str]:
        """The runs that have asked something, each once."""
        return list(dict.fromkeys(run_id for run_id, _ in self._by_step))

    def keep(self, question: Decision) -> None:
        """Put a question in the place of what stood there."""
        self._by_step[question.run_id, question.step_path] = question

    def forget(self, run_id: str) -> None:
        """Drop what a run asked."""
        self._by_step = {key: q for key, q in self._by_step.items() if key[0] != run_id}

    def ask(self, question: Decision, now_s: float, expires_in_s: float | None) -> Decision:
        """The question as it stands: new, known, answered or expired."""
        found = self._by_step.get((question.run_id, question.step_path)) or self._take_early(
            question
        )
        if found is None:
            limit_s = None if expires_in_s is None else now_s + expires_in_s
            found = replace(question, requested_at_s=now_s, expires_at_s=limit_s)
        if found.decision is None and _is_expired(found, now_s):
            found = replace(found, decision="expired", decided_at_s=now_s)
        self.keep(found)
        return found

    def open_one(
        self, run_id: str, name: str, step_path: str | None, now_s: float
    ) -> Decision | None:
        """The oldest question of that name that may be answered."""
        asked = [
            question
            for question in self._by_step.values()
            if (question.run_id, question.name, question.decision) == (run_id, name, None)
            and step_path in (None, question.step_path)
            and not _is_expired(question, now_s)
        ]
        return min(asked, key=lambda q: (q.requested_at_s, q.step_path), default=None)

    def early_signal(self, run_id: str, name: str, now_s: float) -> Decision:
        """A place for a signal that nobody asked for yet."""
        number = sum(run == run_id and path.startswith(_EARLY) for run, path in self._by_step)
        return Decision(run_id, f"{_EARLY}{number}", "signal", name, requested_at_s=now_s)

    def has_answer(self, run_id: str, steps: Container[str], now_s: float) -> bool:
        """Whether something is answered or expired that is not among these steps yet."""
        return any(
            question.run_id == run_id
            and question.step_path not in steps
            and not question.step_path.startswith(_EARLY)
            and (question.decision is not None or _is_expired(question, now_s))
            for question in self._by_step.values()
        )

    def _take_early(self, question: Decision) -> Decision | None:
        """A signal that came before it was asked for; used up."""
        if question.kind != "signal":
            return None
        for key in sorted(self._by_step):
            kept = self._by_step[key]
            if (
                key[0] == question.run_id
                and key[1].startswith(_EARLY)
                and kept.name == question.name
            ):
                del self._by_step[key]
                return replace(
                    kept, step_path=question.step_path, request_json=question.request_json
                )
        return None


def _is_expired(question: Decision, now_s: float) -> bool:
    return question.expires_at_s is not None and question.expires_at_s <= now_s
