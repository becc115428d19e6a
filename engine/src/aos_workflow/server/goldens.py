"""Goldens of runs: read, verify, repeat."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from aos_workflow.server.answers import Json
from aos_workflow.server.asking import Back, Operator, Reader, Settings
from aos_workflow.server.backend import Backend
from aos_workflow.server.problems import ProblemError
from aos_workflow.server.schemas import Golden, Replayed, RunId

__all__ = ["router"]

router = APIRouter(prefix="/workflows", tags=["goldens"])
_NDJSON = "application/x-ndjson"
_MAX_ANSWER = 1024 * 1024


@router.get(
    "/{run_id}/golden",
    response_class=FileResponse,
    responses={200: {"content": {_NDJSON: {"schema": {"type": "string"}}}}},
)
async def golden(run_id: RunId, back: Back, caller: Reader) -> Response:
    """The golden as it lies on disk, so that whoever has the key can verify it: one event a line."""
    await back.head(run_id, caller)
    return FileResponse(back.golden_of(run_id), media_type=_NDJSON)


@router.post("/{run_id}/golden/verify", response_model=Golden)
async def verify(run_id: RunId, back: Back, caller: Operator) -> Response:
    """Check digests, chain and, if the server has a key, the signature. Damage is an answer, not an error."""
    await back.head(run_id, caller)
    path = back.golden_of(run_id)
    verdict = await asyncio.to_thread(back.recorder.check_golden, path)
    if not verdict:
        back.meter.golden_refused(verdict.code)
    told = verdict.to_json()
    names = ("ok", "code", "signature", "key_id", "hash", "message", "line")
    return Json({"run_id": run_id, **{name: told.get(name) for name in names}})


@router.post("/{run_id}/golden/replay", response_model=Replayed)
async def replay(run_id: RunId, back: Back, caller: Operator, settings: Settings) -> Response:
    """Repeat the run from its golden alone, in a process of its own, with the workflows that the server was given."""
    await back.head(run_id, caller)
    path = back.golden_of(run_id)
    found = await _replayed(back, run_id, path.parent, settings.replay_s)
    error = found.get("error") or {}
    ok = found.get("ok") is True
    if not ok and error.get("category") == "replay":
        back.meter.replay_failed(error["code"])
    elif not ok and error.get("category") == "golden":
        back.meter.golden_refused(error["code"])
    told = {name: error.get(name) for name in ("message", "hint")}
    return Json({"run_id": run_id, "ok": ok, "code": error.get("code", "OK"), **told})


async def _replayed(back: Backend, run_id: str, folder: Path, limit_s: float) -> dict[str, Any]:
    """What ``replay-local`` says. One at a time: a replay may take all of a processor.

    Raises:
        ProblemError: 409 if another one goes on; 422 if there is no answer in time.
    """
    if back.replaying.locked():
        raise ProblemError(
            409, "REPLAY_UNDER_WAY", "another replay is under way", headers={"Retry-After": "5"}
        )
    modules = [word for module in back.modules for word in ("-w", module)]
    command = ("replay-local", "--run", run_id, "--golden", str(folder), "--json", *modules)
    async with back.replaying:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "aos_workflow.cli",
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(limit_s):
                output, _ = await process.communicate()
        except TimeoutError:
            raise ProblemError(
                422, "REPLAY_TIMEOUT", f"the replay did not end within {limit_s:g} s"
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError:
        return {
            "ok": False,
            "error": {"code": "REPLAY_BROKE", "message": "the replay said nothing"},
        }
    return found
