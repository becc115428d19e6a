"""Which label a cause gets: it names what must be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aos_workflow.doctor.child.sets import OF_FUTURES, OF_TASKS
from aos_workflow.doctor.difference import Difference, leaf_only, numeric_texts
from aos_workflow.doctor.lab import Site

__all__ = ["FIXES", "label_of", "seed_at_hand"]

DURATIONS = ("monotonic", "perf_counter", "process_time", "thread_time")
BY_AXIS = {
    "uuid": "uuid", "entropy": "os-entropy", "hash": "hash-order", "identity": "object-identity", "folders": "fs-order",
    "environment": "env-leak", "timezone": "locale-timezone", "locale": "locale-timezone",
    "external": "external-call", "volatile": "volatile-field", "threads": "thread-race", "async": "async-order",
    "repeat": "shared-state", "clock": "wall-clock", "random": "unseeded-random",
}  # fmt: skip

FIXES = {
    "unseeded-random": "Draw from a generator that is seeded: rng = random.Random(seed), passed as an argument.",
    "seed-not-propagated": "Pass the seeded generator on, or a child of it: random.Random(f'{seed}/name').",
    "wall-clock": "Take the time as an argument (now), or from a clock that a test can fix.",
    "uuid": "Derive the id: uuid.uuid5(NAMESPACE, content), or take an id factory as an argument.",
    "os-entropy": "Take the source of tokens as an argument; in tests one that is fixed.",
    "hash-order": "Sort before the order matters: sorted(values), or dict.fromkeys(values) to keep insertion order.",
    "object-identity": "Use what the object is, not where it is: a __repr__, a name, a counter instead of id().",
    "thread-race": "Take results in the order of submission (executor.map), by key, or write under a lock and sort.",
    "async-order": "Use the order of asyncio.gather, or key results by task; do not append as tasks finish.",
    "fs-order": "Sort the listing: sorted(folder.iterdir()).",
    "env-leak": "Take the setting as an explicit argument.",
    "locale-timezone": "Name the zone, locale or encoding: tz=timezone.utc, encoding='utf-8'.",
    "external-call": "Take the answer as an argument, or record it and replay it.",
    "shared-state": "Create the state inside the call; key caches by everything the value depends on.",
    "float-order": "Sum in a fixed order or exactly: math.fsum(sorted(values)).",
    "volatile-field": "Mask the field in the golden; nothing can make it stable.",
}


def seed_at_hand(raw: Mapping[str, Any]) -> bool:
    """Whether some generator of the run was seeded with something that follows the function's own seed."""
    calls = [tuple(seeds) for seeds in raw.get("seedings", ())]
    if len(calls) == 1:
        return bool(calls[0])
    return len(set(calls)) > 1


def label_of(
    axis: str,
    site: Site,
    found: Sequence[Difference],
    *,
    seeded: bool,
    measured: bool,
    steers: bool = False,
) -> str:
    """The label for a site. ``measured``: only time that passes between reads shows it."""
    if axis == "random":
        return "seed-not-propagated" if seeded else "unseeded-random"
    if axis == "clock":
        if steers:
            return "wall-clock"
        passed = measured and site.name != "date.today"
        duration = passed or site.name.removesuffix("_ns").endswith(DURATIONS)
        return (
            "volatile-field"
            if duration and leaf_only(found) and numeric_texts(found)
            else "wall-clock"
        )
    if axis == "identity" and site.name.endswith((OF_TASKS, OF_FUTURES)):
        return "async-order" if site.name.endswith(OF_TASKS) else "thread-race"
    return BY_AXIS[axis]
