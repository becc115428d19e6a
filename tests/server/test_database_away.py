"""A real database that goes away and comes back, and a store of budgets that does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.databases import fresh_database, server
from tests.postgres_proxy import Proxy
from tests.server.rig import rig
from tests.stack_homes import open_folder

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.policies import PolicyEnforcer, RedisBudgets
from aos_workflow.server import ServerSettings
from aos_workflow.stack.ports import free_port


@pytest.fixture
def database() -> Iterator[str]:
    with open_folder() as home, server(home) as found, fresh_database(found) as url:
        yield url


async def test_503_while_it_is_away_and_fine_when_it_is_back(database: str) -> None:
    async with Proxy(database) as proxy:
        store = CheckpointStore(proxy.url, tries=2, statement_timeout_s=2.0)
        settings = ServerSettings(census_every_s=0.0, database_s=1.0)
        async with store, rig(store=store, settings=settings) as api:
            await api.start("asks", "r1")
            proxy.refuse = True
            proxy.cut()
            for method, path in (
                ("GET", "/workflows/r1"),
                ("GET", "/workflows"),
                ("POST", "/workflows/r1/resume"),
                ("POST", "/workflows/r1/cancel"),
                ("GET", "/workflows/r1/events"),
                ("GET", "/approvals"),
                ("GET", "/health"),
                ("GET", "/ready"),
            ):
                answer = await api.ask(method, path)
                assert answer.status_code == 503, (path, answer.text)
                assert answer.headers["retry-after"]
            assert "nova_workflow_database_up 0" in (await api.ask("GET", "/metrics")).text
            proxy.refuse = False
            assert (await api.ask("GET", "/health")).status_code == 200
            assert (await api.ask("GET", "/workflows/r1")).json()["status"] == "queued"


async def test_health_names_a_store_of_budgets_that_is_away_and_the_loss_is_counted() -> None:
    async with rig() as api:
        url = f"redis://127.0.0.1:{free_port()}/0"
        api.engine.policy = PolicyEnforcer(store=RedisBudgets(url, timeout_s=0.2))
        api.server.backend.has_shared_budgets = True
        answer = await api.ask("GET", "/health")
        assert answer.status_code == 503
        checks = answer.json()["checks"]
        assert (checks["database"]["ok"], checks["budgets"]["ok"]) == (True, False)
        assert checks["budgets"]["error"] == "POLICY_STORE_LOST"
        assert (
            "nova_workflow_policy_store_losses_total 1" in (await api.ask("GET", "/metrics")).text
        )
