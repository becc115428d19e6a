"""A whole server over a store in memory, and somebody who asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from aos_workflow.checkpoint import MemoryStore, Store
from aos_workflow.determinism import Clock, SeededEntropy, SystemClock
from aos_workflow.engine import Context, Worker, WorkflowEngine, workflow
from aos_workflow.golden import GoldenRecorder
from aos_workflow.policies import EmergencyStop
from aos_workflow.server import ApiKeys, Backend, Scope, Server, ServerSettings
from aos_workflow.server.keys import ANY_TENANT, new_key
from aos_workflow.skills import SkillRegistry, skill

__all__ = ["KEYS", "TOKENS", "Rig", "rig"]

IS_BROKEN = {"yes": True}


@skill("pay", side_effects="writes", cost_cents=3)
async def pay(amount: int) -> str:
    return f"paid {amount}"


@skill("check", side_effects="reads")
async def check() -> str:
    if IS_BROKEN["yes"]:
        raise RuntimeError("broken")
    return "checked"


@workflow("billing")
async def billing(ctx: Context, amount: int) -> Any:
    return await ctx.step(pay, amount)


@workflow("checks")
async def checks(ctx: Context) -> Any:
    await ctx.step(pay, 1)
    return await ctx.step(check)


@workflow("asks")
async def asks(ctx: Context) -> Any:
    answer = await ctx.approve("go on")
    return answer.payload


_ENTROPY = SeededEntropy(1)  # tests are named after these keys, the same in every process
_MADE = {
    name: new_key(name, scope, tenant, _ENTROPY)
    for name, scope, tenant in (
        ("reader", Scope.READ, ANY_TENANT),
        ("operator", Scope.OPERATE, ANY_TENANT),
        ("admin", Scope.ADMIN, ANY_TENANT),
        ("acme", Scope.ADMIN, "acme"),
        ("globex", Scope.ADMIN, "globex"),
    )
}
TOKENS = {name: token for name, (token, _) in _MADE.items()}
KEYS = ApiKeys(key for _, key in _MADE.values())


class Rig:
    """``ask`` as somebody; without keys, as whoever sits at this machine."""

    def __init__(self, server: Server, engine: WorkflowEngine, client: httpx.AsyncClient) -> None:
        self.server = server
        self.engine = engine
        self.client = client
        self.logged: list[tuple[str, dict[str, object]]] = []

    async def ask(
        self, method: str, path: str, body: Any = None, *, by: str | None = None, **options: Any
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if by is not None:
            headers["Authorization"] = f"Bearer {TOKENS[by]}"
        if body is not None:
            options["json"] = body
        return await self.client.request(method, path, headers=headers, **options)

    async def start(self, name: str, run_id: str, by: str | None = None, **fields: Any) -> Any:
        body = {"workflow": name, "run_id": run_id, **fields}
        answer = await self.ask("POST", "/workflows", body, by=by)
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def work(self) -> None:
        """Do what is queued."""
        await Worker(self.engine).run_until_idle()


@asynccontextmanager
async def rig(
    *,
    keys: ApiKeys | None = None,
    store: Store | None = None,
    golden: Path | None = None,
    stop_file: Path | None = None,
    settings: ServerSettings | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Rig]:
    """A server, and a client that talks to it without a network."""
    found = settings or ServerSettings(stream_every_s=0.01, census_every_s=0.0)
    engine = WorkflowEngine(
        SkillRegistry(pay, check),
        store or MemoryStore(),
        golden=None if golden is None else GoldenRecorder(golden, secret="a long secret of tests"),
        policy=None,
        emergency=EmergencyStop(stop_file=stop_file),
        workflows=[billing, checks, asks],
        clock=clock or SystemClock(),
    )
    logged: list[tuple[str, dict[str, object]]] = []
    backend = Backend.of(engine, found, limits=[{"name": "n", "value": 1, "source": "default"}])
    server = Server(backend, keys or ApiKeys(), found, log=lambda *line: logged.append(line))
    transport = httpx.ASGITransport(server, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        made = Rig(server, engine, client)
        made.logged = logged
        try:
            yield made
        finally:
            await engine.close()
