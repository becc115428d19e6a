"""``aos-workflow stats``: what the runs of one workflow came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output
from aos_workflow.cli.run_data import at, run_data, shown_message
from aos_workflow.cli.storing import with_store

if TYPE_CHECKING:
    from aos_workflow.checkpoint.records import Checkpoint, RunStatistics

__all__ = ["stats"]


def stats(
    spec: Annotated[str, typer.Option("--spec", metavar="WORKFLOW", help="The workflow's id.")],
    hours: Annotated[
        float | None,
        typer.Option(
            "--hours", min=0, metavar="HOURS", help="Only runs created since. Default: all."
        ),
    ] = None,
    failures: Annotated[
        int, typer.Option("--failures", min=0, max=1000, help="How many of the last to show.")
    ] = 5,
    as_json: AsJson = False,
) -> None:
    """Show a workflow's runs by state, their success, durations and cost, and the last failures.

    Success is the share of completed runs among those that are over. Durations are of completed runs.
    """
    output = Output(as_json=as_json)
    found, failed = with_store(lambda store: _read(store, spec, hours, failures))
    output.table(("", ""), _facts(found))
    if failed:
        output.line()
        output.table(
            ("failed run", "at", "error", "message"),
            [
                (
                    h.run_id,
                    at(h.updated_at_s),
                    h.error_code or "",
                    _first_line(shown_message(h.error_message)),
                )
                for h in failed
            ],
        )
    output.document({"ok": True, **_data(found), "failures": [run_data(head) for head in failed]})


async def _read(
    store: Any, workflow_id: str, hours: float | None, failures: int
) -> tuple[RunStatistics, tuple[Checkpoint, ...]]:
    from aos_workflow.checkpoint.records import RunFilter, RunStatus
    from aos_workflow.determinism import SystemClock
    from aos_workflow.errors import WorkflowNotFoundError

    since_s = None if hours is None else SystemClock().now().timestamp() - hours * 3600
    found = await store.statistics(workflow_id, since_s=since_s)
    if not found.runs and await store.newest_spec(workflow_id) is None:
        raise WorkflowNotFoundError(
            f"no run of a workflow {workflow_id!r} was ever started", hint="check the id"
        )
    which = RunFilter(
        statuses=(RunStatus.FAILED, RunStatus.QUARANTINED),
        workflow_id=workflow_id,
        limit=max(1, failures),
    )
    failed = await store.list_runs(which) if failures else ()
    return found, tuple(h for h in failed if since_s is None or h.created_at_s >= since_s)


def _facts(found: RunStatistics) -> list[tuple[str, str]]:
    counts = ", ".join(f"{count} {status}" for status, count in sorted(found.counts.items()))
    success = "-" if found.success is None else f"{found.success:.1%}"
    return [
        ("workflow", found.workflow_id),
        ("runs", f"{found.runs}  ({counts})" if counts else "0"),
        ("success", success),
        *((name, _seconds(value)) for name, value in _quantiles(found)),
        ("cost", f"{found.cost_cents:g} cents"),
    ]


def _quantiles(found: RunStatistics) -> tuple[tuple[str, float | None], ...]:
    return (("p50", found.p50_s), ("p95", found.p95_s), ("p99", found.p99_s))


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]


def _data(found: RunStatistics) -> dict[str, Any]:
    return {
        "workflow_id": found.workflow_id,
        "runs": found.runs,
        "counts": {status.value: count for status, count in sorted(found.counts.items())},
        "success": found.success,
        "duration_s": dict(_quantiles(found)),
        "cost_cents": found.cost_cents,
    }
