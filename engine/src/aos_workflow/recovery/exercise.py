"""Following a runbook: what was expected, what happened, whether that is the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aos_workflow.determinism import Clock, SystemClock
from aos_workflow.recovery.page import Command, Procedure, Runbook, Step
from aos_workflow.recovery.shell import Done

__all__ = ["Outcome", "Verdict", "walk"]

Run = Callable[[Sequence[str]], list[Done]]
"""Commands in one shell. See :func:`aos_workflow.recovery.shell.run_commands`."""
Missing = Callable[[str], str | None]
"""What a command needs and is not there; ``None`` if nothing."""

_MAX_ACTUAL = 2_000


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    """By hand, or what it needs is not there. No failure, and no proof."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step. ``actual`` is the output, or why it was not run."""

    page: str
    procedure: str
    title: str
    line: int
    number: str
    command: str
    expected: str
    actual: str
    verdict: Verdict
    took_s: float = 0.0


def walk(
    runbook: Runbook, run: Run, missing: Missing, *, clock: Clock | None = None, only: str = ""
) -> Iterator[Outcome]:
    """Follow a runbook from top to bottom, each procedure in a shell of its own.

    ``only`` leaves out procedures without this text in their title.
    """
    time = clock or SystemClock()
    for procedure in runbook.procedures:
        if procedure.steps and only.lower() in procedure.title.lower():
            yield from _follow(runbook.file.name, procedure, run, missing, time)


def _follow(
    page: str, procedure: Procedure, run: Run, missing: Missing, clock: Clock
) -> Iterator[Outcome]:
    lacking = missing(procedure.drill)
    reasons = {step: lacking or _reason(step, missing) for step in procedure.steps}
    steps = [step for step in procedure.steps if reasons[step] is None]
    drills = [procedure.drill] if procedure.drill else []
    begun_s = clock.monotonic()
    results = run([*drills, *(text for step in steps for text in _texts(step))]) if steps else []
    took_s = (clock.monotonic() - begun_s) / max(1, len(steps))
    begin, results = (results[0], results[1:]) if drills and results else (None, results)
    for step in procedure.steps:
        reason = reasons[step]
        if reason is not None:
            yield _outcome(page, procedure, step, reason, Verdict.NOT_RUN)
            continue
        count = len(_texts(step))
        own, results = results[:count], results[count:]
        problems, output = _judged(step, begin, own)
        verdict = Verdict.FAILED if problems else Verdict.PASSED
        yield _outcome(page, procedure, step, "\n".join([*problems, output]), verdict, took_s)


def _texts(step: Step) -> list[str]:
    """What is run for a step: its drill, and its commands."""
    return [*([step.drill] if step.drill else []), *(each.text for each in step.commands)]


def _reason(step: Step, missing: Missing) -> str | None:
    if step.by_hand is not None:
        return f"by hand: {step.by_hand}"
    return next((said for text in _texts(step) if (said := missing(text))), None)


def _judged(step: Step, begin: Done | None, results: list[Done]) -> tuple[list[str], str]:
    """What is not as the page says, and the output. Nothing can be said about a step that could not be prepared."""
    own = results[:1] if step.drill else []
    for drill in (begin, *own):
        if drill is not None and drill.exit_code != 0:
            return ["the exercise could not be prepared:"], drill.output
    said = results[len(own) :]
    return list(_problems(step.commands, said)), "\n".join(d.output.strip("\n") for d in said)


def _problems(commands: Sequence[Command], results: Sequence[Done]) -> Iterator[str]:
    """What is not as the page says."""
    for number, command in enumerate(commands):
        first = command.text.partition("\n")[0]
        if number >= len(results):
            yield f"never begun: {first}"
            return
        done = results[number]
        if done.exit_code is None:
            yield f"did not end: {first}"
        elif done.exit_code != command.exit_code:
            yield f"exit code {done.exit_code}, expected {command.exit_code}: {first}"
        for text in _unsaid(command.expected, done.output):
            yield f"not in the output: {text}"


def _unsaid(expected: Sequence[str], output: str) -> Iterator[str]:
    """What should stand in the output and does not, in this order. ``...`` in a line is any text."""
    lines = iter(output.splitlines())
    for text in expected:
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in text.split("...")))
        if not any(pattern.search(line) for line in lines):
            yield text
            return


def _outcome(
    page: str,
    procedure: Procedure,
    step: Step,
    actual: str,
    verdict: Verdict,
    took_s: float = 0.0,
) -> Outcome:
    expected = [text for command in step.commands for text in command.expected]
    codes = [command.exit_code for command in step.commands]
    if not expected:
        expected = [f"exit code {codes[-1] if codes else 0}"]
    return Outcome(
        page,
        procedure.title,
        step.title,
        step.line,
        step.number,
        step.shown,
        "\n".join(expected),
        actual.strip("\n")[:_MAX_ACTUAL],
        verdict,
        round(took_s, 3),
    )
