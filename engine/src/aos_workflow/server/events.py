"""What happened in a run: its committed steps and its end, in pages or as a stream of server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from aos_workflow.checkpoint.records import Checkpoint
from aos_workflow.errors import StoreError
from aos_workflow.server.answers import Json, dumped
from aos_workflow.server.asking import Back, Reader, Settings
from aos_workflow.server.backend import Backend
from aos_workflow.server.documents import end_of, event_of
from aos_workflow.server.problems import ProblemError
from aos_workflow.server.schemas import Events, Limit, Number, RunId
from aos_workflow.server.settings import ServerSettings

__all__ = ["router"]

router = APIRouter(prefix="/workflows", tags=["runs"])
_PORTION = 200
_SSE_SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
}
After = Annotated[
    int,
    Field(ge=-1, le=2**31 - 1),
    Number,
    Query(description="Only what is after this index."),
]


@router.get("/{run_id}/events", response_model=Events)
async def events(
    run_id: RunId, back: Back, caller: Reader, after: After = -1, limit: Limit = 100
) -> Response:
    """A page of events, oldest first."""
    head = await back.head(run_id, caller)
    found = await _page(back, head, after, limit)
    last = found[-1]["index"] if found else after
    is_last = head.status.is_final and (not found or found[-1]["event"] == "run_end")
    return Json({"run_id": run_id, "events": found, "next": None if is_last else last})


@router.get(
    "/{run_id}/events/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"itemSchema": _SSE_SCHEMA}}}},
)
async def stream(
    run_id: RunId,
    back: Back,
    caller: Reader,
    settings: Settings,
    after: After = -1,
    last_event_id: Annotated[
        str | None, Header(description="What a browser sends when it connects again.")
    ] = None,
) -> Response:
    """Events as they happen, until the run is over. Ends after a while; a client connects again by itself."""
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        after = max(after, min(int(last_event_id[:10]), 2**31 - 1))
    head = await back.head(run_id, caller)
    if back.streams >= settings.max_streams:
        raise ProblemError(
            429, "TOO_MANY_STREAMS", "too many streams are open", headers={"Retry-After": "10"}
        )
    lines = _lines(back, settings, head, after)
    return StreamingResponse(lines, media_type="text/event-stream")


async def _lines(
    back: Backend, settings: ServerSettings, head: Checkpoint, after: int
) -> AsyncIterator[bytes]:
    clock = back.engine.clock
    until_s = clock.monotonic() + settings.stream_s
    seen_version = -1
    async with _counted(back):
        yield b"retry: 2000\n\n"
        while clock.monotonic() < until_s and not back.is_leaving:
            if head.version != seen_version:
                while found := await _page(back, head, after, _PORTION):
                    for event in found:
                        after = event["index"]
                        yield _sse(event)
                    if found[-1]["event"] == "run_end":
                        return
                seen_version = head.version
                if head.status.is_final:
                    return
            else:
                yield b": still there\n\n"
            await asyncio.sleep(settings.stream_every_s)
            try:
                again = await back.store.load_head(head.run_id)
            except StoreError:
                return  # the client comes again
            if again is None:
                return
            head = again


@asynccontextmanager
async def _counted(back: Backend) -> AsyncIterator[None]:
    back.streams += 1
    try:
        yield
    finally:
        back.streams -= 1


async def _page(back: Backend, head: Checkpoint, after: int, limit: int) -> list[dict[str, Any]]:
    """Up to ``limit`` events after an index; the last one is the end, where that is reached."""
    steps = await back.store.load_steps(head.run_id, after=after, limit=limit)
    found = [event_of(step, back.mask) for step in steps]
    is_whole = len(found) < limit and head.status.is_final
    if is_whole and after < head.next_step_index:
        found.append(end_of(head, back.mask))
    return found


def _sse(event: dict[str, Any]) -> bytes:
    """One event; JSON has no line ends of its own."""
    head = f"id: {event['index']}\nevent: {event['event']}\ndata: "
    return head.encode() + dumped(event) + b"\n\n"
