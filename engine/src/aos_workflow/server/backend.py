"""What the API works with: a store of its own patience, an engine that starts runs, and the goldens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aos_workflow.assembly.metering import registry_for, watch
from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Checkpoint
from aos_workflow.engine import WorkflowEngine
from aos_workflow.golden import GoldenRecorder
from aos_workflow.logs import Mask
from aos_workflow.metrics import EngineMeter, Registry
from aos_workflow.server.fleet import FleetMetrics
from aos_workflow.server.keys import Caller
from aos_workflow.server.problems import ProblemError
from aos_workflow.server.settings import ServerSettings

__all__ = ["Backend"]


@dataclass
class Backend:
    """``modules`` are what workflows were loaded from; ``limits`` what ``GET /policy`` shows."""

    engine: WorkflowEngine
    registry: Registry
    meter: EngineMeter
    fleet: FleetMetrics
    modules: tuple[str, ...] = ()
    limits: Sequence[Mapping[str, Any]] = ()
    has_shared_budgets: bool = False
    """Whether health asks the store of budgets too."""
    mask: Mask = field(default_factory=Mask)
    """Takes secrets out of the messages of errors."""
    streams: int = 0
    is_leaving: bool = False
    replaying: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, engine: WorkflowEngine, settings: ServerSettings, **options: Any) -> Backend:
        """A backend around an engine, with metrics of its own."""
        registry = registry_for("engine", "server")
        watch(registry, engine)
        fleet = FleetMetrics(
            engine.store,
            registry,
            engine.clock,
            every_s=settings.census_every_s,
            limit_s=settings.database_s,
            shadow_folders=settings.shadow_folders,
        )
        return cls(engine, registry, EngineMeter(registry), fleet, **options)

    async def close(self) -> None:
        """Let go of the store, and of the store of budgets."""
        self.is_leaving = True
        if self.engine.policy is not None:
            await self.engine.policy.aclose()
        await self.store.close()

    @property
    def store(self) -> Store:
        return self.engine.store

    @property
    def recorder(self) -> GoldenRecorder:
        """The goldens. Raises ProblemError: the server has none."""
        if self.engine.recorder is None:
            raise ProblemError(
                404,
                "NO_GOLDENS",
                "this server knows of no goldens",
                hint="start it with --golden FOLDER, or set GOLDEN_DIR",
            )
        return self.engine.recorder

    def golden_of(self, run_id: str) -> Path:
        """The golden of a run. Raises ProblemError: there is none."""
        path = self.recorder.path_of(run_id)
        if not path.is_file():
            raise ProblemError(404, "GOLDEN_MISSING", f"run {run_id!r} has no golden here")
        return path

    async def head(self, run_id: str, caller: Caller) -> Checkpoint:
        """A run that this caller may see. Of another tenant's it is not even said that it is there.

        Raises:
            ProblemError: there is none.
        """
        head = await self.store.load_head(run_id)
        if head is None or not caller.sees(head.tenant_id):
            raise ProblemError(
                404, "RUN_NOT_FOUND", f"no run {run_id!r} is in the store", hint="GET /workflows"
            )
        return head
