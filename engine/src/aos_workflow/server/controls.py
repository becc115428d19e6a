"""What operators switch for the whole fleet, and the limits in force."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from aos_workflow.errors import EmergencyStopError
from aos_workflow.server.answers import Json
from aos_workflow.server.asking import Admin, Back, Reader
from aos_workflow.server.backend import Backend
from aos_workflow.server.documents import skill_of
from aos_workflow.server.keys import Caller
from aos_workflow.server.problems import ProblemError
from aos_workflow.server.schemas import (
    Policy,
    SkillName,
    Skills,
    Stopping,
    StopState,
    Switch,
    Switched,
)

__all__ = ["router"]

router = APIRouter(tags=["fleet"])


@router.get("/policy", response_model=Policy)
async def policy(back: Back, caller: Reader) -> Response:
    """Every limit in force, and where it was set."""
    return Json({"limits": list(back.limits)})


@router.get("/stop", response_model=StopState)
async def stop_state(back: Back, caller: Reader) -> Response:
    """Whether the fleet is stopped, and by what."""
    return Json(await _stop_state(back))


@router.put("/stop", response_model=StopState)
async def stop(wanted: Stopping, back: Back, caller: Admin) -> Response:
    """Stop the whole fleet before each next step, or let it go on; suspended runs are resumed one by one."""
    _for_every_tenant(caller)
    await back.store.set_stop(wanted.stopped, by=caller.name, reason=wanted.reason)
    return Json(await _stop_state(back))


@router.get("/skills", response_model=Skills)
async def skills(back: Back, caller: Reader) -> Response:
    """Every skill that a worker has registered, and whether it may be used."""
    return Json({"skills": [skill_of(row) for row in await back.store.skills()]})


@router.put("/skills/{skill_id}", response_model=Switched)
async def switch(skill_id: SkillName, wanted: Switch, back: Back, caller: Admin) -> Response:
    """Switch a skill on or off, everywhere, from the next step on; 404 if no worker has registered it.

    With `unregistered`, one is switched off that is not registered yet, and versions that are to come.
    """
    _for_every_tenant(caller)
    count = await back.store.set_skill(
        skill_id,
        enabled=wanted.enabled,
        by=caller.name,
        reason=wanted.reason,
        unregistered=wanted.unregistered,
    )
    return Json({"skill_id": skill_id, "enabled": wanted.enabled, "versions": count})


def _for_every_tenant(caller: Caller) -> None:
    if caller.tenant_id is not None:
        raise ProblemError(
            403, "FORBIDDEN", f"this concerns every tenant; key {caller.key_id!r} is of one"
        )


async def _stop_state(back: Backend) -> dict[str, object]:
    controls = await back.store.controls()
    if back.engine.emergency is None:
        source = "database" if controls.stopped else None
        return {"stopped": controls.stopped, "source": source, "reason": controls.stop_reason}
    try:
        back.engine.emergency.check_step(
            db_stopped=controls.stopped, db_reason=controls.stop_reason
        )
    except EmergencyStopError as error:
        return {"stopped": True, "source": error.source, "reason": error.message}
    return {"stopped": False, "source": None, "reason": None}
