"""All frozen sources, put in place in the order in which they build on each other."""

from __future__ import annotations

import builtins
import os
import sys
import time
from typing import Any

from aos_workflow.doctor.child.captured import Captured
from aos_workflow.doctor.child.run import Run

__all__ = ["install"]


def install(run: Run, imports: set[str], setup: dict[str, Any]) -> dict[str, Any]:
    """Freeze every axis; the names that user modules shall see in place of builtins."""
    from aos_workflow.doctor.axes import (
        clock,
        entropy,
        environment,
        external,
        folders,
        hashing,
        identity,
        locales,
        randomness,
        threads,
        timezone,
        uuids,
        volatile,
    )  # fmt: skip

    os.environ["TZ"] = "UTC"
    time.tzset()
    captured = Captured()
    names: dict[str, Any] = {}
    for axis in (
        entropy, randomness, uuids, clock, timezone, locales, folders, environment, volatile,
        threads, hashing, identity,
    ):  # fmt: skip
        names |= axis.control(run)
    external.control(run, setup.get("recording"))
    if any(
        name.partition(".")[0] in ("asyncio", "anyio", "trio", "aiohttp") for name in imports
    ) or setup.get("asynchronous"):
        from aos_workflow.doctor.axes import loop

        loop.control(run)
    roots = {name.partition(".")[0] for name in imports}
    if "multiprocessing" in roots or "concurrent" in roots:
        from aos_workflow.doctor.axes import pools

        pools.control(run)
    if "sqlite3" in roots:
        from aos_workflow.doctor.axes import database

        database.control(run)
    captured.replace()
    names["hash"] = builtins.hash
    if sys.version_info >= (3, 12):
        from aos_workflow.doctor.child.exact import plain_sum

        names["sum"] = plain_sum
    if setup.get("exact"):
        from aos_workflow.doctor.child import exact

        names |= exact.control(run)
    return names
