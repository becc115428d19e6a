"""What is still to be run, and when: batches in order, the lost ones first."""

from __future__ import annotations

import collections
from dataclasses import replace
from typing import Final

from aos_workflow.errors import ShadowWorkerError
from aos_workflow.shadow.folder import Settings
from aos_workflow.shadow.pair import Lost
from aos_workflow.shadow.schedule import Batch, batch_from
from aos_workflow.shadow.tally import Tally

__all__ = ["Workload"]

KILLS: Final = 3
"""Processes that a cycle may end, before it is given up."""
STARTS: Final = 8
"""Batches lost in a row without a cycle to blame, before it is the workers that do not work."""


class Workload:
    """The batches of a simulation that are not done yet. ``stop`` ends it early."""

    def __init__(self, settings: Settings, tally: Tally) -> None:
        self._settings = settings
        self._tally = tally
        self._next = tally.done_below
        self._again: collections.deque[Batch] = collections.deque()
        self._kills: collections.Counter[int] = collections.Counter()
        self._unexplained = 0
        self._stopped = False
        self.lost = 0

    def stop(self) -> None:
        """Give out nothing more."""
        self._stopped = True

    def peek(self) -> Batch | None:
        """What is to be run next; ``None`` if everything is given out."""
        if self._stopped:
            return None
        if self._again:
            return self._again[0]
        end = self._settings.cycles
        while end is None or self._next < end:
            counted_to = self._tally.end_of(self._next)
            if counted_to is None:
                seed, size = self._settings.campaign.seed, self._settings.batch_size
                return batch_from(seed, self._next, end, size)
            self._next = counted_to
        return None

    def take(self) -> Batch:
        """The batch that ``peek`` showed."""
        batch = self.peek()
        assert batch is not None
        if self._again:
            self._again.popleft()
        else:
            self._next = batch.end
        return batch

    def due_s(self, batch: Batch) -> float:
        """When it may begin, in seconds from the start of the simulation."""
        return batch.first // self._settings.together * self._settings.interval_s

    def done(self) -> None:
        """A batch came back whole."""
        self._unexplained = 0

    def give_back(self, lost: Lost) -> None:
        """A batch is to be run again: without the cycle that ends its process, if that happened again and again.

        Raises:
            ShadowWorkerError: it makes no sense any more.
        """
        self.lost += 1
        batch = lost.batch
        if lost.at is None:
            self._unexplained += 1
            if self._unexplained >= STARTS:
                raise ShadowWorkerError(
                    f"{self._unexplained} batches in a row were lost: {lost.reason}",
                    hint="aos-workflow shadow run --quick --workers 1",
                )
        else:
            self._kills[lost.at] += 1
            if self._kills[lost.at] >= KILLS:
                batch = replace(batch, given_up={**batch.given_up, lost.at: lost.reason})
        self._again.append(batch)
