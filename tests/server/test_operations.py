"""Health, readiness, workers and metrics, also while nothing works."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.server.rig import rig

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import Census, Checkpoint, Controls, WorkerRow
from aos_workflow.errors import StoreUnavailableError
from aos_workflow.metrics import CATALOGUE
from aos_workflow.server import ServerSettings

SETTINGS = ServerSettings(census_every_s=0.0, database_s=0.05)


class Gone(MemoryStore):
    """A store that cannot be reached, or that never answers, from one moment on."""

    how = "fine"

    async def _reach(self) -> None:
        if self.how == "away":
            raise StoreUnavailableError("the database cannot be reached")
        if self.how == "silent":
            await asyncio.Event().wait()

    async def controls(self) -> Controls:
        await self._reach()
        return await super().controls()

    async def load_head(self, run_id: str) -> Checkpoint | None:
        await self._reach()
        return await super().load_head(run_id)

    async def census(self, *, stale: int = 100) -> Census:
        await self._reach()
        return await super().census(stale=stale)


async def test_health_is_these_bytes() -> None:
    async with rig() as api:
        answer = await api.ask("GET", "/health")
        assert (answer.status_code, answer.content) == (200, b'{"status": "healthy"}')
        verbose = (await api.ask("GET", "/health?verbose=1")).json()
        assert (verbose["status"], verbose["checks"]["database"]["ok"]) == ("healthy", True)
        assert (await api.ask("GET", "/ready")).json() == {"status": "ready"}


@pytest.mark.parametrize(
    ("how", "error"), [("away", "STORE_UNAVAILABLE"), ("silent", "no answer within 0.05 s")]
)
async def test_health_names_what_is_down_and_metrics_still_answer(how: str, error: str) -> None:
    store = Gone()
    async with rig(store=store, settings=SETTINGS) as api:
        store.how = how
        answer = await api.ask("GET", "/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "unhealthy"
        assert answer.json()["checks"]["database"]["error"] == error
        assert (await api.ask("GET", "/ready")).status_code == 503
        metrics = await api.ask("GET", "/metrics")
        assert metrics.status_code == 200
        assert "nova_workflow_database_up 0" in metrics.text


async def test_requests_are_503_while_the_database_is_away() -> None:
    store = Gone()
    async with rig(store=store, settings=SETTINGS) as api:
        store.how = "away"
        answer = await api.ask("GET", "/workflows/r1")
        assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) > 0
        store.how = "fine"
        assert (await api.ask("GET", "/workflows/r1")).status_code == 404


async def test_a_bug_is_500_without_a_trace_and_its_log_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with rig() as api:

        async def broken(run_id: str) -> None:
            raise ZeroDivisionError("password=hunter22")

        monkeypatch.setattr(api.engine.store, "load_head", broken)
        answer = await api.ask("GET", "/workflows/r1")
        assert answer.status_code == 500
        assert answer.json()["code"] == "INTERNAL"
        assert "ZeroDivision" not in answer.text
        assert "hunter22" not in answer.text
        (failed,) = [fields for event, fields in api.logged if event == "request_failed"]
        assert isinstance(failed["exc_info"], ZeroDivisionError)


async def test_workers_by_state() -> None:
    store = MemoryStore()
    async with rig(store=store) as api:
        await api.start("asks", "r1")
        for name in ("alive", "silent", "dead"):
            await store.join(WorkerRow(name))
        await store.claim("alive")
        now_s = api.engine.clock.now().timestamp()
        for name, age_s in (("silent", 31), ("dead", 181)):
            store._workers[name] = replace(store._workers[name], heartbeat_at_s=now_s - age_s)
        found = {
            w["worker_id"]: w for w in (await api.ask("GET", "/workers/status")).json()["workers"]
        }
        assert {name: worker["state"] for name, worker in found.items()} == {
            "alive": "alive",
            "silent": "unresponsive",
            "dead": "dead",
        }
        assert (found["alive"]["running"], found["alive"]["runs"]) == (1, ["r1"])
        assert 31 <= found["silent"]["heartbeat_age_s"] < 40
        metrics = (await api.ask("GET", "/metrics")).text
        assert 'nova_workflow_workers{state="dead"} 1' in metrics
        assert 'nova_workflow_running_age_seconds{run_id="r1",workflow="asks"}' in metrics
        assert 'nova_workflow_live_runs{status="running"} 1' in metrics


async def test_every_metric_of_the_server_is_in_the_catalogue_and_parses() -> None:
    async with rig() as api:
        await api.start("asks", "r1")
        text = (await api.ask("GET", "/metrics")).text
    shown = {family.name for family in text_string_to_metric_families(text)}
    expected = {
        m.name.removesuffix("_total") for m in CATALOGUE if m.source in ("engine", "server")
    }
    assert shown == expected
    assert 'nova_workflow_queue_depth{queue="default"} 1' in text
    assert "workflow_checkpoint_duration" in text


async def test_a_simulation_is_shown_as_its_folder_says(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    (tmp_path / "empty").mkdir()
    status = {
        "state": "running",
        "cycles": 12,
        "mismatches": 1,
        "updated_at": "2026-01-01T00:00:00Z",
    }
    (folder / "status.json").write_text(json.dumps(status))
    settings = ServerSettings(census_every_s=0.0, shadow_folders=(folder, tmp_path / "empty"))
    async with rig(settings=settings) as api:
        text = (await api.ask("GET", "/metrics")).text
        assert 'nova_workflow_shadow_cycles_total{folder="night"} 12' in text
        assert 'nova_workflow_shadow_mismatches_total{folder="night"} 1' in text
        assert 'timestamp_seconds{folder="night",state="running"} 1767225600' in text
        (folder / "status.json").write_text('{"state": "do')
        assert 'folder="night"' not in (await api.ask("GET", "/metrics")).text


async def test_the_database_is_asked_once_however_often_metrics_are_read() -> None:
    asked: list[int] = []

    class Counting(MemoryStore):
        async def census(self, *, stale: int = 100) -> Census:
            asked.append(stale)
            return await super().census(stale=stale)

    async with rig(store=Counting(), settings=ServerSettings(census_every_s=60.0)) as api:
        await asyncio.gather(*(api.ask("GET", "/metrics") for _ in range(5)))
    assert asked == [100]


async def test_requests_are_counted_by_route_not_by_path() -> None:
    async with rig() as api:
        for number in range(3):
            await api.ask("GET", f"/workflows/r{number}")
        await api.ask("GET", "/no/such/path")
        text = (await api.ask("GET", "/metrics")).text
    assert (
        'nova_workflow_http_requests_total{method="GET",route="/workflows/{run_id}",code="404"} 3'
        in text
    )
    assert 'requests_total{method="GET",route="none",code="404"} 1' in text
