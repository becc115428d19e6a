"""Where batches are run, as a port; and the workers of this machine."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import Protocol

from aos_workflow.shadow.pair import Lost, Outcome, Pair
from aos_workflow.shadow.schedule import Batch
from aos_workflow.shadow.side import SideSetup

__all__ = ["Fleet", "LocalFleet"]

_JOIN_LIMIT_S = 10.0


class Fleet(Protocol):
    """Workers somewhere. Each batch that is submitted comes back once, done or lost, until ``close``."""

    @property
    def workers(self) -> int:
        """How many batches can run at the same time."""
        ...

    def start(self, hash_seed: int) -> str:
        """Get ready, and return the fingerprint of the code that cycles run.

        Raises:
            UsageError: the campaign's workflows cannot be loaded.
            ShadowError: there are no workers.
        """
        ...

    def submit(self, batch: Batch) -> None:
        """Have a batch run. Returns at once."""
        ...

    def next(self, limit_s: float) -> Outcome | None:
        """What came of a batch; ``None`` if nothing did in this time."""
        ...

    def pids(self) -> tuple[int, ...]:
        """The processes on this machine."""
        ...

    def close(self) -> None:
        """End every worker. What they were doing is lost."""
        ...


class LocalFleet:
    """Pairs of processes on this machine, each with a thread that waits for it."""

    def __init__(self, setup: SideSetup, workers: int) -> None:
        self._pairs = [Pair(setup) for _ in range(workers)]
        self._orders: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._closing = False
        self._threads = [
            threading.Thread(target=self._work, args=(pair,), name="shadow-pair", daemon=True)
            for pair in self._pairs
        ]

    @property
    def workers(self) -> int:
        return len(self._pairs)

    def start(self, hash_seed: int) -> str:
        fingerprint = self._pairs[0].start(hash_seed)
        for thread in self._threads:
            thread.start()
        return fingerprint

    def submit(self, batch: Batch) -> None:
        self._orders.put(batch)

    def next(self, limit_s: float) -> Outcome | None:
        with contextlib.suppress(queue.Empty):
            return self._outcomes.get(timeout=limit_s)
        return None

    def pids(self) -> tuple[int, ...]:
        return tuple(pid for pair in self._pairs for pid in pair.pids)

    def close(self) -> None:
        self._closing = True
        for _ in self._threads:
            self._orders.put(None)
        for pair in self._pairs:
            pair.kill()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_JOIN_LIMIT_S)

    def _work(self, pair: Pair) -> None:
        while (batch := self._orders.get()) is not None and not self._closing:
            self._outcomes.put(_safe_run(pair, batch))
        pair.close()


def _safe_run(pair: Pair, batch: Batch) -> Outcome:
    """A thread that died would leave its batch waiting for ever: whatever happens becomes an outcome."""
    try:
        return pair.run(batch)
    except Exception as error:  # noqa: BLE001
        return Lost(batch, f"{type(error).__name__}: {error}")
