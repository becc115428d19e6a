"""What one call leaves for the next: roots, digested before and after a call, and put back to what they were."""

from __future__ import annotations

import copy
import itertools
import random
from collections import deque
from typing import Any

from aos_workflow.doctor.child.digest import digest
from aos_workflow.doctor.child.library import FILES
from aos_workflow.doctor.child.root import Root
from aos_workflow.doctor.child.roots import MAX_ROOTS, SKIPPED, all_roots
from aos_workflow.doctor.child.run import Run
from aos_workflow.doctor.child.target import Sources

__all__ = ["Roots"]


class Roots:
    """All roots of a process, as they were before the first call."""

    def __init__(self, sources: Sources, run: Run) -> None:
        self.run = run
        self.sources = sources
        self.roots = self._now()
        self.digests: dict[str, str] = {}
        self.copies: dict[str, Any] = {}
        self.after_first: list[str] = []

    def _now(self) -> dict[str, Root]:
        return {root.name: root for root in itertools.islice(all_roots(self.sources), MAX_ROOTS)}

    def before(self, position: int, wish: dict[str, Any]) -> None:
        """Called before each call: remember, or put back what ``wish["restore"]`` names."""
        self.run.active = False
        try:
            if position == 0:
                self._remember(set(wish.get("restore", ())))
                return
            if position == 1:
                self.after_first = self._differing()
            for name in wish.get("restore", ()):
                self._restore(name)
        finally:
            self.run.active = True

    def changed(self) -> list[str]:
        """The roots that the first call changed."""
        self.run.active = False
        return self.after_first or self._differing()

    def _remember(self, wanted: set[str]) -> None:
        for name, root in self.roots.items():
            self.digests[name] = digest(root.read())
            if name in wanted:
                try:
                    self.copies[name] = copy.deepcopy(root.read())
                except Exception:  # noqa: BLE001 - objects of any class
                    continue

    def _differing(self) -> list[str]:
        changed = [
            n for n, root in self.roots.items() if digest(root.read()) != self.digests.get(n)
        ]
        new = [n for n, root in self._now().items() if n not in self.roots and root.remove]
        return [*changed, *new]

    def _restore(self, name: str) -> None:
        root = self.roots.get(name)
        if root is None:
            self._remove(name)
            return
        if name not in self.copies:
            if hasattr(root.read(), "cache_clear"):
                root.read().cache_clear()
            return
        before = self.copies[name]
        now = root.read()
        try:
            kept = copy.deepcopy(before)
            if name == FILES or (not _refill(now, before) and root.write is not None):
                root.write(before)  # type: ignore[misc]
            self.copies[name] = kept
        except Exception:  # noqa: BLE001 - objects of any class
            return

    def _remove(self, name: str) -> None:
        """Do away with what was not there before the first call."""
        root = self._now().get(name)
        if root is not None and root.remove is not None:
            root.remove()


def _refill(now: Any, before: Any) -> bool:
    """Put the content back into the same object, so that everybody who holds it sees it."""
    if hasattr(now, "cache_clear"):
        now.cache_clear()
        return True
    if type(now) is not type(before):
        return False
    if isinstance(now, dict):
        now.clear()
        now.update(before)
    elif isinstance(now, list):
        now[:] = before
    elif isinstance(now, set):
        set.clear(now)
        set.update(now, before)
    elif isinstance(now, deque):
        now.clear()
        now.extend(before)
    elif isinstance(now, random.Random):
        now.setstate(before.getstate())
    elif isinstance(getattr(now, "__dict__", None), dict) and not isinstance(now, SKIPPED):
        now.__dict__.clear()
        now.__dict__.update(before.__dict__)
    else:
        return False
    return True
