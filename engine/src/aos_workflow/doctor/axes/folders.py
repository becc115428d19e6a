"""Directory order."""

from __future__ import annotations

import glob
import os
from typing import Any

from aos_workflow.doctor.child.elements import order_key
from aos_workflow.doctor.child.run import Reading, Run

NAME = "folders"
LABEL = "fs-order"


def provoke(budget: str) -> list[Any]:
    """The reverse order, then shuffled ones."""
    return ["reverse"] if budget == "quick" else ["reverse", "a", "b"]


class _Scan:
    """What ``os.scandir`` gives."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """As ``os.scandir().close``."""
        self._entries = iter(())


def control(run: Run) -> dict[str, Any]:
    """Listings sorted by name."""
    listdir, scandir = os.listdir, os.scandir

    def sorted_listdir(path: Any = None) -> list[Any]:
        names = listdir(path)
        reading = run.visit(NAME, "os.listdir", count=False)
        return names if reading is None else _arranged(reading, sorted(names, key=str), str)

    def sorted_scandir(path: Any = None) -> Any:
        reading = run.visit(NAME, "os.scandir", count=False)
        if reading is None:
            return scandir(path)
        with scandir(path) as found:
            entries = sorted(found, key=lambda e: str(e.name))
        return _Scan(_arranged(reading, entries, lambda e: str(e.name)))

    sorted_listdir.__name__, sorted_scandir.__name__ = "listdir", "scandir"
    os.listdir, os.scandir = sorted_listdir, sorted_scandir
    for kind in vars(glob).values():  # from 3.13 on it holds functions of its own
        if isinstance(kind, type) and "scandir" in vars(kind):
            kind.scandir = staticmethod(sorted_scandir)  # type: ignore[attr-defined]
    return {}


def _arranged(reading: Reading, found: list[Any], name: Any) -> list[Any]:
    variant = reading.variant
    if variant is None:
        return found
    if variant == "reverse":
        return found[::-1]
    return sorted(found, key=lambda entry: order_key(variant, name(entry)))
