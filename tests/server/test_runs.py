"""Runs through the API, from their start to their end, in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.server.rig import IS_BROKEN, Rig, rig

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import RunStatus, SpecRow, Transition, WorkerRow
from aos_workflow.spec import parse_spec


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(golden=tmp_path / "golden", stop_file=tmp_path / "stop") as found:
        yield found


async def test_a_run_from_start_to_end(api: Rig) -> None:
    started = await api.start("billing", "r1", inputs={"amount": 5}, seed=7, labels={"a": "b"})
    assert (started["status"], started["seed"], started["labels"]) == ("queued", 7, {"a": "b"})
    await api.work()
    found = (await api.ask("GET", "/workflows/r1")).json()
    assert (found["status"], found["inputs"], found["output"]) == (
        "completed",
        {"amount": 5},
        "paid 5",
    )
    assert found["workflow_hash"]


async def test_starting_again_gives_the_same_run_and_another_is_a_conflict(api: Rig) -> None:
    first = await api.start("billing", "r1", inputs={"amount": 5}, seed=7)
    assert (await api.start("billing", "r1", inputs={"amount": 5}, seed=7)) == first
    body = {"workflow": "billing", "run_id": "r1", "inputs": {"amount": 6}, "seed": 7}
    answer = await api.ask("POST", "/workflows", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "RUN_CONFLICT")


async def test_a_new_run_says_where_it_is(api: Rig) -> None:
    answer = await api.ask("POST", "/workflows", {"workflow": "billing", "inputs": {"amount": 1}})
    assert answer.headers["location"] == f"/workflows/{answer.json()['run_id']}"


async def test_a_workflow_that_is_data_is_started_from_the_store(api: Rig) -> None:
    step = {"step_id": "p", "skill": "pay", "inputs": {"amount": 1}}
    text = json.dumps({"workflow_id": "data", "version": "1", "steps": [step]})
    parse_spec(text)
    await api.engine.store.save_spec(SpecRow("other-hash", "data", "1", text.encode()))
    await api.start("data", "r1")
    await api.work()
    assert (await api.ask("GET", "/workflows/r1")).json()["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"workflow": "nope"}, 404, "WORKFLOW_NOT_FOUND"),
        ({"workflow": "billing"}, 422, "RUN_INPUTS_INVALID"),
        ({"workflow": "billing", "inputs": {"amount": 1}, "seed": "7"}, 422, "INVALID_REQUEST"),
        ({"workflow": "billing", "inputs": {"amount": 1}, "x": 1}, 422, "INVALID_REQUEST"),
        ({"workflow": "a\0b"}, 422, "INVALID_REQUEST"),
        ({"workflow": "billing", "run_id": "../x"}, 422, "INVALID_REQUEST"),
        ({"workflow": "billing", "labels": {"a\0": "b"}}, 422, "INVALID_REQUEST"),
        ([], 422, "INVALID_REQUEST"),
    ],
)
async def test_what_cannot_be_started(api: Rig, body: Any, status: int, code: str) -> None:
    answer = await api.ask("POST", "/workflows", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}", b"NaN"]
)
async def test_a_body_that_is_no_json_of_ours(api: Rig, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await api.client.post("/workflows", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["status"] == answer.status_code


async def test_listing_in_pages(api: Rig) -> None:
    for number in range(5):
        await api.start("billing", f"r{number}", inputs={"amount": number})
    await api.work()
    await api.start("asks", "waiting")
    pages, path = [], "/workflows?workflow=billing&limit=2"
    while path:
        page = (await api.ask("GET", path)).json()
        pages.append([run["run_id"] for run in page["runs"]])
        after = page["next"]
        path = f"/workflows?workflow=billing&limit=2&cursor={after}" if after else ""
    assert sorted(name for page in pages for name in page) == [f"r{n}" for n in range(5)]
    assert [len(page) for page in pages] == [2, 2, 1]
    queued = (await api.ask("GET", "/workflows?status=queued&status=suspended")).json()
    assert [run["run_id"] for run in queued["runs"]] == ["waiting"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "bm8", "MSAA", "%00"])
async def test_a_cursor_that_was_not_given_here(api: Rig, cursor: str) -> None:
    answer = await api.ask("GET", f"/workflows?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_PAGE")


@pytest.mark.parametrize("limit", ["0", "1001", "1.0", " 5", "5_0", "x"])
async def test_limits_of_pages(api: Rig, limit: str) -> None:
    assert (await api.ask("GET", "/workflows", params={"limit": limit})).status_code == 422


async def test_a_failed_run_is_resumed_and_does_nothing_twice(
    api: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.start("checks", "r1")
    await api.work()
    failed = (await api.ask("GET", "/workflows/r1")).json()
    assert (failed["status"], failed["error_code"]) == ("failed", "EXECUTION_ERROR")
    monkeypatch.setitem(IS_BROKEN, "yes", False)
    again = await api.ask("POST", "/workflows/r1/resume")
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    assert (await api.ask("POST", "/workflows/r1/resume")).status_code == 202
    await api.work()
    assert (await api.ask("GET", "/workflows/r1")).json()["output"] == "checked"


async def test_resuming_a_run_that_is_over_or_not_there(api: Rig) -> None:
    await api.start("billing", "r1", inputs={"amount": 1})
    await api.work()
    over = await api.ask("POST", "/workflows/r1/resume")
    assert (over.status_code, over.json()["code"]) == (409, "RUN_STATE")
    nothing = await api.ask("POST", "/workflows/nope/resume")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "RUN_NOT_FOUND")


async def test_a_run_is_taken_from_a_dead_worker_only() -> None:
    store = MemoryStore()
    async with rig(store=store) as api:
        await api.start("asks", "r1")
        await store.join(WorkerRow("w1"))
        (head,) = await store.claim("w1")
        alive = await api.ask("POST", "/workflows/r1/resume")
        assert (alive.status_code, alive.json()["code"]) == (409, "RUN_LEASED")
        store._workers["w1"] = replace(store._workers["w1"], heartbeat_at_s=1.0)
        answer = await api.ask("POST", "/workflows/r1/resume")
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
        assert answer.json()["version"] == head.version + 1


async def test_a_quarantined_run_is_looked_at_first() -> None:
    store = MemoryStore()
    async with rig(store=store) as api:
        await api.start("asks", "r1")
        await store.join(WorkerRow("w1"))
        await store.claim("w1")
        await store.transition(Transition("r1", RunStatus.QUARANTINED, by="test"))
        assert (await api.ask("POST", "/workflows/r1/resume")).status_code == 409


async def test_a_retry_stays_one_while_it_waits_for_people(api: Rig) -> None:
    await api.start("asks", "r1")
    await api.work()
    suspended = (await api.ask("GET", "/workflows/r1")).json()
    assert suspended["status"] == "suspended"
    resumed = (await api.ask("POST", "/workflows/r1/resume")).json()
    assert resumed["reason"] == suspended["reason"]


async def test_cancelling(api: Rig) -> None:
    await api.start("asks", "r1")
    answer = await api.ask("POST", "/workflows/r1/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert (await api.ask("POST", "/workflows/r1/cancel")).status_code == 409


async def test_people_answer(api: Rig) -> None:
    await api.start("asks", "r1")
    await api.work()
    (question,) = (await api.ask("GET", "/approvals")).json()["approvals"]
    assert (question["run_id"], question["name"], question["decision"]) == ("r1", "go on", None)
    wanted = {"name": "go on", "decision": "approved", "payload": {"n": 1}}
    answer = (await api.ask("POST", "/workflows/r1/approvals", wanted)).json()
    assert (answer["decision"], answer["decided_by"]) == ("approved", "api:local")
    assert (await api.ask("GET", "/approvals")).json() == {"approvals": []}
    assert len((await api.ask("GET", "/approvals?decided=true")).json()["approvals"]) == 1
    await api.work()
    assert (await api.ask("GET", "/workflows/r1")).json()["output"] == {"n": 1}
    again = await api.ask("POST", "/workflows/r1/approvals", wanted)
    assert again.status_code == 409


async def test_events_in_pages(api: Rig) -> None:
    await api.start("checks", "r1")
    empty = (await api.ask("GET", "/workflows/r1/events")).json()
    assert empty == {"run_id": "r1", "events": [], "next": -1}
    await api.work()
    first = (await api.ask("GET", "/workflows/r1/events?limit=1")).json()
    assert ([e["step_path"] for e in first["events"]], first["next"]) == (["1:pay"], 0)
    rest = (await api.ask("GET", "/workflows/r1/events?after=0")).json()
    assert [e["event"] for e in rest["events"]] == ["step", "run_end"]
    assert rest["events"][0]["error_code"] == "EXECUTION_ERROR"
    assert rest["next"] is None
    assert (await api.ask("GET", "/workflows/r1/events?after=2")).json()["next"] is None


def events_of(text: str) -> list[tuple[str, str]]:
    blocks = [block for block in text.split("\n\n") if "event: " in block]
    fields = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
    assert all(json.loads(each["data"])["index"] == int(each["id"]) for each in fields)
    return [(each["id"], each["event"]) for each in fields]


async def test_events_as_a_stream_to_the_end(api: Rig) -> None:
    await api.start("checks", "r1")
    await api.work()
    answer = await api.ask("GET", "/workflows/r1/events/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events_of(answer.text) == [("0", "step"), ("1", "step"), ("2", "run_end")]
    again = await api.ask("GET", "/workflows/r1/events/stream", headers={"Last-Event-ID": "1"})
    assert events_of(again.text) == [("2", "run_end")]
    assert api.server.backend.streams == 0


async def test_goldens_are_read_verified_and_damage_is_told(api: Rig, tmp_path: Path) -> None:
    await api.start("billing", "r1", inputs={"amount": 5})
    await api.work()
    path = tmp_path / "golden" / "r1.steps.jsonl"
    assert (await api.ask("GET", "/workflows/r1/golden")).content == path.read_bytes()
    fine = (await api.ask("POST", "/workflows/r1/golden/verify")).json()
    assert (fine["ok"], fine["code"], fine["signature"]) == (True, "OK", "valid")
    path.write_bytes(path.read_bytes().replace(b"paid 5", b"paid 6"))
    bad = (await api.ask("POST", "/workflows/r1/golden/verify")).json()
    assert (bad["ok"], bad["code"]) == (False, "TAMPER_DETECTED")
    metrics = (await api.ask("GET", "/metrics")).text
    assert 'nova_workflow_golden_mismatches_total{cause="tampered"} 1' in metrics


async def test_a_run_without_a_golden(api: Rig) -> None:
    await api.start("billing", "r1", inputs={"amount": 5})
    answer = await api.ask("GET", "/workflows/r1/golden")
    assert (answer.status_code, answer.json()["code"]) == (404, "GOLDEN_MISSING")


async def test_a_server_without_goldens() -> None:
    async with rig() as api:
        await api.start("billing", "r1", inputs={"amount": 5})
        assert (await api.ask("POST", "/workflows/r1/golden/verify")).json()["code"] == "NO_GOLDENS"


async def test_the_fleet_is_stopped_and_let_go(api: Rig, tmp_path: Path) -> None:
    assert (await api.ask("GET", "/stop")).json()["stopped"] is False
    stopped = (await api.ask("PUT", "/stop", {"stopped": True, "reason": "INC-1"})).json()
    assert (stopped["stopped"], stopped["source"]) == (True, "database")
    refused = await api.ask("POST", "/workflows", {"workflow": "asks"})
    assert (refused.status_code, refused.json()["code"]) == (409, "EMERGENCY_STOP")
    assert "nova_workflow_emergency_stop 1" in (await api.ask("GET", "/metrics")).text
    await api.ask("PUT", "/stop", {"stopped": False})
    (tmp_path / "stop").touch()
    assert (await api.ask("GET", "/stop")).json()["source"] == "file"


async def test_skills_are_switched(api: Rig) -> None:
    typo = await api.ask("PUT", "/skills/pai", {"enabled": False, "reason": "INC-123"})
    assert (typo.status_code, typo.json()["code"]) == (404, "SKILL_NOT_FOUND")
    early = {"enabled": False, "reason": "INC-122", "unregistered": True}
    off = await api.ask("PUT", "/skills/bomb", early)
    assert off.json() == {"skill_id": "bomb", "enabled": False, "versions": 1}
    await api.work()
    off = await api.ask("PUT", "/skills/pay", {"enabled": False, "reason": "INC-123"})
    assert off.json() == {"skill_id": "pay", "enabled": False, "versions": 1}
    rows = (await api.ask("GET", "/skills")).json()["skills"]
    reasons = {row["skill_id"]: row["disabled_reason"] for row in rows}
    assert (reasons["bomb"], reasons["pay"]) == ("INC-122", "INC-123")
    await api.start("billing", "r1", inputs={"amount": 1})
    await api.work()
    assert (await api.ask("GET", "/workflows/r1")).json()["error_code"] == "SKILL_DISABLED"


async def test_the_limits_in_force(api: Rig) -> None:
    found = (await api.ask("GET", "/policy")).json()
    assert found == {"limits": [{"name": "n", "value": 1, "source": "default"}]}
