"""Workers on the machines of a Ray cluster. The only module that imports Ray.

Each worker is an actor that keeps a pair of processes on its machine. Whatever ends an actor, or the machine under it,
loses the batch that it ran; the batch is run again, and an actor is started in its place, here or elsewhere.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import deque
from pathlib import Path
from typing import Any

from aos_workflow.errors import AosError, FleetMissingError, ShadowWorkerError
from aos_workflow.shadow.pair import Lost, Outcome, Pair
from aos_workflow.shadow.schedule import Batch
from aos_workflow.shadow.side import SideSetup

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of its future
import ray
import ray.exceptions

__all__ = ["RayFleet"]

_START_LIMIT_S = 120.0
_MOST_FAILURES = 20
"""Actors in a row that fail to start."""


class _Worker:
    """What runs on the cluster."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self._pair = Pair(SideSetup.from_json(setup))

    def start(self, hash_seed: int) -> str:
        return self._pair.start(hash_seed)

    def ready(self) -> None:
        """Nothing: it can be asked."""

    def run(self, batch: Batch) -> Outcome:
        return self._pair.run(batch)


class RayFleet:
    """``address`` is ``ray`` (the cluster that this machine is in, or else one of its own) or ``ray://host:port``."""

    def __init__(self, setup: SideSetup, workers: int | None, address: str) -> None:
        """Connect.

        Raises:
            FleetMissingError: there is no cluster at that address.
        """
        self._setup = setup.to_json()
        self._connect(address, setup)
        self._count = workers or _processors()
        worker: Any = ray.remote(_Worker)
        self._kind = worker.options(num_cpus=1, max_restarts=0)
        self._orders: deque[Batch] = deque()
        self._starting: dict[
            Any, Any
        ] = {}  # an actor may wait long for a machine; it gets no batch before it has one
        self._idle: deque[Any] = deque()
        self._running: dict[Any, tuple[Any, Batch]] = {}
        self._failures = 0

    @property
    def workers(self) -> int:
        return self._count

    def start(self, hash_seed: int) -> str:
        for _ in range(self._count):
            actor = self._kind.remote(self._setup)
            self._starting[actor.start.remote(hash_seed)] = actor
        ready, _ = ray.wait(list(self._starting), num_returns=1, timeout=_START_LIMIT_S)
        if not ready:
            raise ShadowWorkerError(f"no worker has started after {_START_LIMIT_S:.0f} s")
        try:
            found: str = ray.get(ready[0])
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, AosError):
                raise error.cause from None
            raise ShadowWorkerError(f"a worker did not start: {_words(error)}") from None
        except ray.exceptions.RayError as error:
            raise ShadowWorkerError(f"a worker did not start: {_words(error)}") from None
        self._idle.append(self._starting.pop(ready[0]))
        return found

    def submit(self, batch: Batch) -> None:
        self._orders.append(batch)
        self._hand_out()

    def next(self, limit_s: float) -> Outcome | None:
        waiting = [*self._running, *self._starting]
        if not waiting:
            time.sleep(limit_s)
            return None
        ready, _ = ray.wait(waiting, num_returns=1, timeout=limit_s)
        if not ready:
            return None
        if ready[0] in self._starting:
            self._take_in(ready[0])
            return None
        return self._outcome(ready[0])

    def pids(self) -> tuple[int, ...]:
        return ()  # they are on other machines

    def close(self) -> None:
        self._orders.clear()
        busy = (actor for actor, _ in self._running.values())
        for actor in (*self._idle, *self._starting.values(), *busy):
            with contextlib.suppress(ray.exceptions.RayError):
                ray.kill(actor)
        ray.shutdown()

    def _outcome(self, reference: Any) -> Outcome:
        """What came of a batch. An actor that is gone is replaced."""
        actor, batch = self._running.pop(reference)
        try:
            outcome: Outcome = ray.get(reference)
            self._idle.append(actor)
        except ray.exceptions.RayError as error:
            outcome = Lost(batch, f"worker lost: {_words(error)}")
            self._replace(actor)
        self._hand_out()
        return outcome

    def _take_in(self, reference: Any) -> None:
        """An actor has started, or failed to: then another one may find a machine."""
        actor = self._starting.pop(reference)
        try:
            ray.get(reference)
            self._idle.append(actor)
            self._failures = 0
        except ray.exceptions.RayError as error:
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                raise ShadowWorkerError(f"workers do not start: {_words(error)}") from None
            self._replace(actor)
        self._hand_out()

    def _replace(self, actor: Any) -> None:
        with contextlib.suppress(ray.exceptions.RayError):
            ray.kill(actor)
        another = self._kind.remote(self._setup)
        self._starting[another.ready.remote()] = another

    def _hand_out(self) -> None:
        while self._orders and self._idle:
            actor, batch = self._idle.popleft(), self._orders.popleft()
            self._running[actor.run.remote(batch)] = (actor, batch)

    def _connect(self, address: str, setup: SideSetup) -> None:
        given: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address == "ray":
            given |= {"include_dashboard": False}
        else:
            given |= {"address": address}
            if setup.campaign.workflows:
                given |= {"runtime_env": {"working_dir": str(Path.cwd())}}
        try:
            ray.init(**given)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise FleetMissingError(
                f"no Ray cluster at {address}: {_words(error)}", hint="ray start --head"
            ) from None


def _processors() -> int:
    cluster: Any = ray
    return max(1, int(cluster.cluster_resources().get("CPU", 1)))


def _words(error: BaseException) -> str:
    """The first line of what Ray has to say, which is much."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
