"""Driving a program through a run, until it ends or must wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aos_workflow.engine.abandoned import SUFFIX
from aos_workflow.engine.executor import describe
from aos_workflow.engine.lineage import Scope, lineage_loop, scope
from aos_workflow.engine.outcome import Completed, Diverged, Failed, Outcome
from aos_workflow.engine.program import Program
from aos_workflow.engine.run import Run
from aos_workflow.engine.services import Services
from aos_workflow.errors import DivergenceError, StepFailedError

__all__ = ["drive"]

_LAST_WORDS_S = 10.0
"""How long cancelled tasks of a workflow may take to end."""


async def drive(
    run: Run,
    program: Program,
    services: Services,
    inputs: Mapping[str, Any],
    *,
    time_left_s: float | None = None,
    checked: bool = True,
) -> Outcome:
    """Execute the program until it has an output, fails, or the run is stopped; nothing of it is left running.

    Raises:
        asyncio.CancelledError: the caller was cancelled; the program is, too.
    """
    root = Scope("")

    async def main() -> Any:
        with scope(root):
            return await program.execute(run, services, inputs)

    with lineage_loop(asyncio.get_running_loop()):
        task = asyncio.create_task(main())
        try:
            await asyncio.wait(
                (task, run.outcome), timeout=time_left_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not task.done() and not run.outcome.done():
                run.stop(
                    Failed("STEP_TIMEOUT", f"the run took longer than {program.timeout_s:g} s")
                )
            while not run.outcome.done() and root.tasks:
                await asyncio.wait({*root.tasks, run.outcome}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            run.is_leaving = True
            await _cancel(task, root)
    if not run.outcome.done():
        run.stop(_outcome_of(task))
    outcome = run.outcome.result()
    return _checked(run, outcome) if checked else outcome


async def _cancel(task: asyncio.Task[Any], root: Scope) -> None:
    """End whatever is left, and wait for it: a while, for user code may hold on."""
    left = {each for each in (task, *root.tasks) if not each.done()}
    for each in left:
        each.cancel()
    if left:
        await asyncio.wait(left, timeout=_LAST_WORDS_S)
    for each in (task, *left):
        if each.done() and not each.cancelled():
            each.exception()  # asked for, so that nobody complains that it was not


def _outcome_of(task: asyncio.Task[Any]) -> Outcome:
    if task.cancelled():
        return Failed("EXECUTION_ERROR", "the workflow cancelled itself")
    error = task.exception()
    if error is None:
        return Completed(task.result())
    if isinstance(error, StepFailedError):
        return Failed(error.error_code, describe(error)[1])
    if isinstance(error, Exception):
        return Failed(*describe(error))
    raise error


def _checked(run: Run, outcome: Outcome) -> Outcome:
    """A program that ended without having asked for all that it did before does not repeat it."""
    if not isinstance(outcome, (Completed, Failed)):
        return outcome
    missing = [step.step_path for step in run.journal.left]
    if run.journal.strict:
        missing += run.journal.draws_left
    ended = {_task_of(key) for key in run.journal.draws_left if key.endswith(SUFFIX)}
    missing = [
        path
        for path in missing
        if not ((isinstance(outcome, Failed) or _task_of(path) in ended) and _cut_short(run, path))
    ]
    if not missing:
        return outcome
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return Diverged(
        DivergenceError(
            f"run {run.identity.run_id!r} does not repeat its record: it ended without {missing[0]!r}{more}, which "
            "was recorded",
            kind="missing",
            expected=missing[0],
            run_id=run.identity.run_id,
            step_path=missing[0],
            hint="undo the change for runs that have begun, or give the workflow a new version",
        )
    )


def _task_of(path: str) -> str:
    return path.partition("/")[0]


def _cut_short(run: Run, path: str) -> bool:
    """Whether a step was recorded in a task that something beside it ends: served at once, it ends it sooner now."""
    if "/" not in path:
        return False
    if path.endswith(SUFFIX):
        run.draw(path, None)
    for record in run.journal.left:
        if record.step_path == path and path in run.journal.inputs:
            run.steps[path] = record
    return True
