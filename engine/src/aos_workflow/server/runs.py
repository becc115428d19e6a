"""Runs: start, list, read, resume, cancel."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from aos_workflow.checkpoint.records import RunFilter, RunStatus
from aos_workflow.engine.program import Program
from aos_workflow.errors import WorkflowNotFoundError
from aos_workflow.server.answers import Json
from aos_workflow.server.asking import Back, Operator, Reader
from aos_workflow.server.backend import Backend
from aos_workflow.server.documents import run_detail_of, run_of
from aos_workflow.server.keys import Caller
from aos_workflow.server.problems import ProblemError
from aos_workflow.server.resuming import queue_again
from aos_workflow.server.schemas import (
    Limit,
    Run,
    RunDetail,
    RunId,
    RunPage,
    StartRun,
    Status,
    Text,
)
from aos_workflow.spec import parse_spec

__all__ = ["router"]

router = APIRouter(prefix="/workflows", tags=["runs"])
_DEFAULT_TENANT = "default"


@router.post("", status_code=202, response_model=Run)
async def start(wanted: StartRun, back: Back, caller: Operator) -> Response:
    """Queue a run for the workers. With the `run_id` or `idempotency_key` of a run that exists, that one is given."""
    program = await _program(back, wanted.workflow)
    fields = wanted.model_dump(exclude={"workflow", "tenant_id"}, exclude_none=True)
    tenant_id = _tenant(caller, wanted.tenant_id)
    head = await back.engine.start(program.source, tenant_id=tenant_id, **fields)
    location = {"Location": f"/workflows/{head.run_id}"}
    return Json(run_of(head, back.mask), 202, location)


@router.get("", response_model=RunPage)
async def list_runs(
    back: Back,
    caller: Reader,
    status: Annotated[list[Status] | None, Query(description="Any of these states.")] = None,
    workflow: Annotated[Text | None, Query(description="Of this workflow.")] = None,
    limit: Limit = 50,
    cursor: Annotated[
        str | None, Query(max_length=500, description="`next` of the page before.")
    ] = None,
) -> Response:
    """Runs, newest change first."""
    heads = await back.store.list_runs(
        RunFilter(
            statuses=tuple(RunStatus(word) for word in status) if status else None,
            workflow_id=workflow,
            tenant_id=caller.tenant_id,
            before=None if cursor is None else _from_cursor(cursor),
            limit=limit,
        )
    )
    last = heads[-1] if len(heads) == limit else None
    after = None if last is None else _cursor(last.updated_at_s, last.run_id)
    return Json({"runs": [run_of(head, back.mask) for head in heads], "next": after})


@router.get("/{run_id}", response_model=RunDetail)
async def read(run_id: RunId, back: Back, caller: Reader) -> Response:
    """A run with its inputs and, once it is over, its output."""
    return Json(run_detail_of(await back.head(run_id, caller), back.mask))


@router.post("/{run_id}/resume", status_code=202, response_model=Run)
async def resume(run_id: RunId, back: Back, caller: Operator) -> Response:
    """Have a worker go on from the last checkpoint of a run that is suspended, failed, or whose worker is dead."""
    head = await back.head(run_id, caller)
    now_s = back.engine.clock.now().timestamp()
    again = await queue_again(back.store, head, by=caller.name, now_s=now_s)
    return Json(run_of(again, back.mask), 202)


@router.post("/{run_id}/cancel", status_code=202, response_model=Run)
async def cancel(run_id: RunId, back: Back, caller: Operator) -> Response:
    """End a run: at once if nobody has it, else before its next step."""
    await back.head(run_id, caller)
    head = await back.store.request_cancel(run_id, by=caller.name)
    return Json(run_of(head, back.mask), 202)


# inside


async def _program(back: Backend, workflow: str) -> Program:
    """A workflow that the server was started with, or one that is data. Raises WorkflowNotFoundError."""
    try:
        return back.engine.programs.of(workflow)
    except WorkflowNotFoundError:
        row = await back.store.newest_spec(workflow)
        if row is None:
            raise
        if b'"code"' in row.spec_json and b'"steps"' not in row.spec_json:
            raise
        return back.engine.programs.of(parse_spec(row.spec_json.decode()))


def _tenant(caller: Caller, wanted: str | None) -> str:
    if wanted is None:
        return caller.tenant_id or _DEFAULT_TENANT
    if not caller.sees(wanted):
        raise ProblemError(403, "FORBIDDEN", f"key {caller.key_id!r} is not of tenant {wanted!r}")
    return wanted


def _cursor(updated_at_s: float, run_id: str) -> str:
    return base64.urlsafe_b64encode(f"{updated_at_s!r} {run_id}".encode()).decode().rstrip("=")


def _from_cursor(cursor: str) -> tuple[float, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        at_s, _, run_id = text.partition(" ")
        found = float(at_s)
        if not 0 <= found < 1e11 or not run_id or "\0" in run_id:
            raise ValueError(cursor)
    except (ValueError, binascii.Error, UnicodeError):
        raise ProblemError(404, "NO_SUCH_PAGE", "no page begins at this cursor") from None
    return found, run_id
