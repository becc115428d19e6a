"""Commands that read a run's golden, and need no database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aos_workflow.cli.options import AsJson, GoldenDir, KeyFile, Modules, RunId
from aos_workflow.cli.output import Output
from aos_workflow.cli.run_data import result_data

__all__ = ["golden_tail", "replay_local"]

FAILED = 1


def golden_tail(
    run: RunId,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000)] = 30,
    golden: GoldenDir = None,
    as_json: AsJson = False,
) -> None:
    """Print the last events of a run's golden, also of one that is still being written."""
    import json

    output = Output(as_json=as_json)
    events = [event.to_json() for event in _recorder(golden).tail(run, lines)]
    output.lines([json.dumps(event, sort_keys=True) for event in events])
    output.document({"ok": True, "run_id": run, "events": events})


def replay_local(
    run: RunId,
    workflows: Modules = None,
    golden: GoldenDir = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Replay a run from its golden alone: no database, no network. Exit code 1 if it is not the same."""
    import asyncio

    from aos_workflow.assembly.modules import load
    from aos_workflow.checkpoint import MemoryStore
    from aos_workflow.engine import WorkflowEngine
    from aos_workflow.errors import DivergenceError, ExternalCallBlockedError

    output = Output(as_json=as_json)
    loaded = load(workflows or ())
    engine = WorkflowEngine(
        loaded.registry,
        MemoryStore(),
        golden=_recorder(golden, key_file),
        policy=None,
        emergency=None,
        workflows=loaded.workflows,
    )
    try:
        result = asyncio.run(engine.replay(run_id=run))
    except (DivergenceError, ExternalCallBlockedError) as error:
        output.error(error)
        output.document({"ok": False, "run_id": run, "error": error.to_dict()})
        raise typer.Exit(FAILED) from None
    output.lines([f"match {step.step_path} {step.output_hash}" for step in result.step_results])
    output.line(f"match {result.status.value} {result.workflow_hash}")
    output.document({"ok": True, **result_data(result)})


def _recorder(golden: Path | None, key_file: Path | None = None) -> Any:
    from aos_workflow.assembly.engines import recorder
    from aos_workflow.errors import UsageError
    from aos_workflow.golden import GoldenRecorder, KeyRing

    if key_file is not None and golden is not None:
        return GoldenRecorder(golden, ring=KeyRing.from_file(key_file))
    found = recorder(golden)
    if found is None:
        raise UsageError("no folder of goldens is named", hint="--golden FOLDER, or set GOLDEN_DIR")
    return found
