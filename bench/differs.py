"""One differ over two files, in a process of its own so that its memory is its own: prints one JSON line.

python -m bench.differs NAME EXPECTED GOT [ROUNDS]
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.measure import timed

__all__ = ["DIFFERS", "measure"]

Differ = Callable[[Any, Any], int]
"""Compares two parsed documents and returns the number of differences it reports."""


def _ours() -> Differ:
    from aos_workflow.golden.diff import diff

    return lambda expected, got: diff(expected, got).total


def _deepdiff() -> Differ:
    from deepdiff import DeepDiff

    return lambda expected, got: sum(len(found) for found in DeepDiff(expected, got).values())


def _jsonpatch() -> Differ:
    import jsonpatch

    return lambda expected, got: len(jsonpatch.make_patch(expected, got).patch)


DIFFERS: dict[str, Callable[[], Differ]] = {
    "ours": _ours,
    "ours and parsers": _ours,
    "jsonpatch": _jsonpatch,
    "deepdiff": _deepdiff,
}


def measure(name: str, expected: bytes, got: bytes, rounds: int) -> dict[str, Any]:
    """Median CPU seconds of parsing both documents in several ways and of their diff, taking turns."""
    import orjson

    from aos_workflow.golden.strict_json import loads

    differ = DIFFERS[name]()
    left, right = orjson.loads(expected), orjson.loads(got)
    entries: list[int] = []
    actions: dict[str, Callable[[], object]] = {
        "diff": lambda: entries.append(differ(left, right)),
    }
    if name == "ours and parsers":
        actions["orjson"] = lambda: (orjson.loads(expected), orjson.loads(got))
        actions["json"] = lambda: (json.loads(expected), json.loads(got))
        actions["strict"] = lambda: (loads(expected), loads(got))
    times: dict[str, list[float]] = {action: [] for action in actions}
    for _ in range(rounds):
        for action, call in actions.items():
            times[action].append(timed(call))
    medians = {action: statistics.median(found) for action, found in times.items()}
    return {"entries": entries[0], "cpu_s": medians}


def _main() -> None:
    name, expected, got = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    found = measure(name, Path(expected).read_bytes(), Path(got).read_bytes(), rounds)
    print(json.dumps(found))


if __name__ == "__main__":
    _main()
