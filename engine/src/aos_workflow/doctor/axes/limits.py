"""Time limits of waiting for threads: where one is let go, it ends only when nothing else can happen."""

from __future__ import annotations

import concurrent.futures as futures
import inspect
import queue
import threading
from typing import Any

from aos_workflow.doctor.child.run import Run

__all__ = ["TIMEOUT", "control"]

TIMEOUT = "time limit"
"""Not let go as others are: sites where waiting is given a time limit. Where it is thawed, the limit never ends."""
ENDLESS_S = 1e6
"""Not ``None``: who waits for what nobody does must still be told so."""
WAITING: tuple[tuple[Any, str], ...] = (
    (futures.Future, "result"),
    (futures.Future, "exception"),
    (queue.Queue, "get"),
    (queue.Queue, "put"),
    (threading.Condition, "wait"),
    (threading.Condition, "wait_for"),
    (threading.Event, "wait"),
    (threading.Semaphore, "acquire"),
    (threading.Barrier, "wait"),
    (threading.Thread, "join"),
)


def control(run: Run) -> None:
    """What waits for threads, for a time that is given."""
    for owner, name in WAITING:
        setattr(owner, name, _limited(run, getattr(owner, name), f"{owner.__name__}.{name}"))
    wait = _limited(run, futures.wait, "futures.wait")
    futures.wait = futures._base.wait = wait


def _limited(run: Run, original: Any, name: str) -> Any:
    position = list(inspect.signature(original).parameters).index("timeout")

    def waiting(*args: Any, **kwargs: Any) -> Any:
        given = kwargs.get("timeout", args[position] if len(args) > position else None)
        if not given or given < 0 or not run.active:
            return original(*args, **kwargs)
        reading = run.visit(TIMEOUT, name, count=False)
        if reading is None or reading.thaw is None:
            return original(*args, **kwargs)
        if len(args) > position:
            args = (*args[:position], ENDLESS_S, *args[position + 1 :])
        else:
            kwargs["timeout"] = ENDLESS_S
        return original(*args, **kwargs)

    waiting.__name__, waiting.__qualname__ = original.__name__, original.__qualname__
    return waiting
