"""Questions that runs put to people, and the answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from aos_workflow.server.answers import Json
from aos_workflow.server.asking import Back, Operator, Reader
from aos_workflow.server.documents import approval_of
from aos_workflow.server.schemas import Approval, Approvals, Decide, Limit, RunId, RunName

__all__ = ["router"]

router = APIRouter(tags=["approvals"])


@router.get("/approvals", response_model=Approvals)
async def approvals(
    back: Back,
    caller: Reader,
    run_id: Annotated[RunName | None, Query(description="Of this run.")] = None,
    decided: Annotated[
        bool, Query(description="Also those that are answered.", json_schema_extra={})
    ] = False,
    limit: Limit = 100,
) -> Response:
    """What waits for people, oldest first."""
    found = await back.store.decisions(
        run_id=run_id, tenant_id=caller.tenant_id, open_only=not decided, limit=limit
    )
    return Json({"approvals": [approval_of(question) for question in found]})


@router.post("/workflows/{run_id}/approvals", response_model=Approval)
async def decide(run_id: RunId, wanted: Decide, back: Back, caller: Operator) -> Response:
    """Answer the oldest open question of that name; the run that waits for it is queued."""
    await back.head(run_id, caller)
    answer = await back.engine.approve(
        run_id,
        wanted.name,
        by=caller.name,
        payload=wanted.payload,
        approved=wanted.decision == "approved",
    )
    return Json(approval_of(answer))
