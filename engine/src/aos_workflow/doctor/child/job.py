"""One job in a process of its own: import the user's module, call the function, say what came out and what was read."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import re
import sys
import time
from typing import Any

from aos_workflow.doctor.child import schedule, trace
from aos_workflow.doctor.child.elements import stable_text
from aos_workflow.doctor.child.roots import cached_functions
from aos_workflow.doctor.child.run import Run, Thaw
from aos_workflow.doctor.child.state import Roots
from aos_workflow.doctor.child.target import Sources

__all__ = ["perform"]

_ADDRESS = re.compile(r"(?<= at )0x[0-9a-fA-F]{6,}")
MAX_YIELDED = 10_000
WATCHED = frozenset({"open", "socket.connect", "os.fork"})
_perf = time.perf_counter


def perform(job: dict[str, Any], sources: Sources, run: Run, place: str) -> dict[str, Any]:
    """The result of a job as JSON data; whatever the user's code raises is part of it."""
    run.thaws = {axis: _thaw(data) for axis, data in job.get("thaws", {}).items()}
    variant = next((t.variant for a, t in run.thaws.items() if a in ("threads", "async")), None)
    scheduler = schedule.scheduler
    scheduler.begin(None)
    sys.addaudithook(_watch(run))
    outputs: list[dict[str, Any]] = []
    seedings: list[list[str]] = []
    tracer = trace.start(job.get("trace"), run)
    started = _perf()
    extra: dict[str, Any] = {}
    try:
        run.active = True
        function = sources.load()
        if job.get("state") or job.get("trace", {}).get("mode") == "roots":
            sources.load_more(function, job["calls"][0])
        roots = Roots(sources, run) if job.get("state") else None
        for position, call in enumerate(job["calls"]):
            if roots is not None:
                roots.before(position, job["state"])
            run.begin()
            scheduler.begin(None if variant is None else str(variant))
            tracer.begin(position)
            outputs.append(_outcome(function, call, place, run.given))
            tracer.end()
            seedings.append(list(run.seedings))
        if roots is not None:
            extra["changed"] = roots.changed()
    except Exception as error:  # noqa: BLE001 - the user's module may raise anything when it is imported
        outputs.append(_failure(error, "import"))
    finally:
        run.active = False
    extra["trace"] = tracer.result()
    if job.get("trace", {}).get("mode") == "roots":
        extra["caches"] = cached_functions(sources)
    return {
        "outputs": outputs,
        "hits": _hits(run),
        "limits": sorted(run.limits),
        "seconds": _perf() - started,
        "seedings": seedings,
        "threads": len(scheduler.fibers) > 1,
        "loops": run.loops,
        **extra,
    }


def _watch(run: Run) -> Any:
    """What the function does beyond its own process and folder, for the limits."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event not in WATCHED or not run.active:
            return
        if event == "open":
            path, _, flags = args
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not writes or not isinstance(path, str) or path.startswith(("/dev/", run.place)):
                return
            if os.path.isabs(path):  # noqa: PTH117 - called for every file that is opened
                run.limits.add(f"it writes outside its own folder: {path}")
        elif event == "socket.connect":
            host = args[1][0] if isinstance(args[1], tuple) else "127.0.0.1"
            if not str(host).startswith(("127.", "::1", "localhost")):
                run.limits.add(f"it connects to {host}: what others answer was not held still")
        else:
            run.limits.add("it forks: what its child processes do was not seen")

    return hook


def _thaw(data: dict[str, Any]) -> Thaw:
    only = data.get("only")
    return Thaw(
        data["variant"],
        frozenset((f, n) for f, n in data.get("frozen", ())),
        None if only is None else frozenset((f, n) for f, n in only),
    )


def _outcome(function: Any, call: dict[str, Any], place: str, given: set[str]) -> dict[str, Any]:
    try:
        value = function(*call["args"], **call["kwargs"])
        if inspect.isawaitable(value):
            value = _awaited(value)
        if inspect.isgenerator(value):
            value = list(itertools.islice(value, MAX_YIELDED))
        return _encoded(value, place, given)
    except Exception as error:  # noqa: BLE001 - the user's function may raise anything
        return _failure(error, "call")
    except SystemExit as error:
        return _failure(error, "call")


def _awaited(awaitable: Any) -> Any:
    import asyncio

    async def main() -> Any:
        return await awaitable

    return asyncio.run(main())


def _encoded(value: Any, place: str, given: set[str]) -> dict[str, Any]:
    kind = "json"
    try:
        text = json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        kind, text = "adapted", _adapted(value)
    masked = _ADDRESS.sub(lambda m: m[0] if m[0] in given else "0xADDRESS", text)
    raw = masked != text
    return {"kind": kind, "text": masked.replace(place, "/tmp/aos-run"), "addresses": raw}


def _adapted(value: Any) -> str:
    """Values that JSON does not know, as the golden kernel spells them; else what they hold, without addresses."""
    try:
        from aos_workflow.golden import canonical_bytes

        return canonical_bytes(value).decode()
    except Exception:  # noqa: BLE001 - values of any class
        return json.dumps({"content": stable_text(value)})


def _failure(error: BaseException, when: str) -> dict[str, Any]:
    line = 0
    trace_ = error.__traceback__
    while trace_ is not None:
        line = (
            trace_.tb_lineno if "aos_workflow" not in trace_.tb_frame.f_code.co_filename else line
        )
        trace_ = trace_.tb_next
    message = _ADDRESS.sub("0xADDRESS", str(error))[:300]
    return {
        "kind": "error",
        "when": when,
        "type": type(error).__name__,
        "text": message,
        "line": line,
    }


def _hits(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "axis": axis, "file": file, "line": line, "function": hit.function, "name": hit.name,
            "chain": hit.chain, "imported": hit.imported, "count": hit.count, "last": hit.last,
            "values": hit.values,
        }
        for (axis, file, line), hit in list(run.hits.items())
    ]  # fmt: skip


def send(stream: int, result: dict[str, Any]) -> None:
    """Write the result to a pipe, whole."""
    data = json.dumps(result).encode()
    view = memoryview(data)
    while view:
        view = view[os.write(stream, view) :]
