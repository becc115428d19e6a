"""Health, readiness, workers and metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from aos_workflow import __version__
from aos_workflow.checkpoint.records import RunFilter, RunStatus
from aos_workflow.metrics import CONTENT_TYPE, exposition
from aos_workflow.server.answers import Json, dumped
from aos_workflow.server.asking import Back, Reader, Settings
from aos_workflow.server.documents import worker_of
from aos_workflow.server.health import checks
from aos_workflow.server.problems import ProblemError
from aos_workflow.server.schemas import Health, Ready, Workers

__all__ = ["router"]

router = APIRouter(tags=["operations"])
_HEALTHY = b'{"status": "healthy"}'
"""These bytes, which the runbook's table has."""
_MOST_RUNS = 1_000
_RUNS_SHOWN = 20
Verbose = Annotated[bool, Query(description="Also what was checked, and the version.")]


@router.get("/health", response_model=Health, response_model_exclude_none=True)
async def health(back: Back, settings: Settings, verbose: Verbose = False) -> Response:
    """Whether the server and what it needs are well. 503 names what is not."""
    found = await checks(back, settings.database_s)
    is_healthy = all(check["ok"] for check in found.values())
    if is_healthy and not verbose:
        return Response(_HEALTHY, media_type="application/json")
    status = "healthy" if is_healthy else "unhealthy"
    body = {"status": status, "version": __version__, "checks": found}
    headers = {} if is_healthy else {"Retry-After": "5"}
    return Json(body, 200 if is_healthy else 503, headers)


@router.get("/ready", response_model=Ready, response_model_exclude_none=True)
async def ready(back: Back, settings: Settings) -> Response:
    """Whether requests should be sent here."""
    if back.is_leaving:
        reason = "the server is shutting down"
    else:
        database = (await checks(back, settings.database_s))["database"]
        if database["ok"]:
            return Json({"status": "ready"})
        reason = "the database cannot be reached"
    return Json({"status": "not ready", "reason": reason}, 503, {"Retry-After": "5"})


@router.get("/workers/status", response_model=Workers)
async def workers(back: Back, caller: Reader) -> Response:
    """Every worker, how long its heart has not beaten, and what it runs."""
    rows = await back.store.workers()
    which = RunFilter(
        statuses=(RunStatus.RUNNING,), tenant_id=caller.tenant_id or None, limit=_MOST_RUNS
    )
    has: dict[str | None, list[str]] = {}
    for head in await back.store.list_runs(which) if rows else ():
        has.setdefault(head.owner, []).append(head.run_id)
    now_s = back.engine.clock.now().timestamp()
    found = [worker_of(row, has.get(row.worker_id, [])[:_RUNS_SHOWN], now_s) for row in rows]
    return Response(dumped({"workers": found}), media_type="application/json")


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(back: Back, caller: Reader) -> Response:
    """Every metric, for Prometheus. Answers also while the database does not."""
    if caller.tenant_id:
        raise ProblemError(
            403, "FORBIDDEN", f"metrics are of every tenant; key {caller.key_id!r} of one"
        )
    await back.fleet.refresh()
    return Response(exposition(back.registry), media_type=CONTENT_TYPE)
