"""A process that runs runs, as the store knows it: alive while its heart beats."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import SkillRow, WorkerRow
from aos_workflow.errors import StoreError
from aos_workflow.skills.registry import SkillRegistry
from aos_workflow.skills.skill import Skill

__all__ = ["BEAT_EVERY_S", "Presence"]

BEAT_EVERY_S = 5.0
"""A worker counts as unresponsive after 30 s, and as dead after 180 s: several beats may be lost."""


class Presence:
    """Joins at the first use, with its skills, and beats until it leaves."""

    def __init__(
        self,
        store: Store,
        worker: WorkerRow,
        skills: SkillRegistry,
        *,
        beat_every_s: float = BEAT_EVERY_S,
    ) -> None:
        self._store = store
        self.worker = worker
        self._skills = skills
        self._beat_every_s = beat_every_s
        self._beating: asyncio.Task[None] | None = None
        self._joining: asyncio.Lock | None = None

    @property
    def worker_id(self) -> str:
        return self.worker.worker_id

    async def ensure(self) -> None:
        """Be known to the store from now on. Raises StoreUnavailableError."""
        if self._beating is not None and not self._beating.done():
            return
        self._joining = self._joining or asyncio.Lock()
        async with self._joining:
            if self._beating is None or self._beating.done():
                await self._join()
                self._beating = asyncio.get_running_loop().create_task(self._beat())

    async def leave(self) -> None:
        """Be gone: what this worker still had is queued again."""
        if self._beating is None:
            return
        self._beating.cancel()
        with suppress(asyncio.CancelledError):
            await self._beating
        self._beating = None
        with suppress(StoreError):
            await self._store.leave(self.worker_id)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_every_s)
            with suppress(
                StoreError
            ):  # the next beat may get through; if none does, others take over
                if not await self._store.beat(self.worker_id):
                    await self._join()

    async def _join(self) -> None:
        """Be there, and have the store know the skills, so that operators can switch each off."""
        await self._store.join(self.worker)
        rows = [_row(item) for item in self._skills]
        if rows:
            await self._store.register_skills(rows)


def _row(item: Skill) -> SkillRow:
    inputs, output = item.schema_json
    return SkillRow(
        item.id,
        item.version,
        item.side_effects.value,
        input_schema_json=inputs,
        output_schema_json=output,
    )
