"""Who is let in, to what, and how often."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.rig import KEYS, TOKENS, rig

from aos_workflow.determinism import FixedClock
from aos_workflow.errors import UsageError
from aos_workflow.logs import Mask
from aos_workflow.server import ApiKeys, Scope, ServerSettings
from aos_workflow.server.keys import new_key, read_keys, write_keys
from aos_workflow.server.limiting import Buckets
from aos_workflow.server.running import refuse_open_doors
from aos_workflow.server.settings import is_loopback

CLOSED = ServerSettings(open_operations=False, census_every_s=0.0)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKENS['reader']}", TOKENS["reader"]],
)
async def test_without_a_valid_key_nothing_is_told(authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with rig(keys=KEYS, settings=CLOSED) as api:
        for path in ("/workflows", "/workflows/x", "/metrics", "/workers/status", "/no/such/path"):
            answer = await api.ask("GET", path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await api.ask("GET", "/health")).status_code == 200


async def test_a_key_is_never_logged_or_answered() -> None:
    async with rig(keys=KEYS) as api:
        answer = await api.ask("GET", f"/workflows/{TOKENS['reader'][:60]}", by="reader")
        await api.ask("GET", "/workflows", headers={"Authorization": "Bearer a-wrong-key"})
    assert TOKENS["reader"] not in repr(api.logged) + answer.text
    assert "a-wrong-key" not in repr(api.logged)
    assert api.logged[0][1]["by"] == "api:reader"


@pytest.mark.parametrize(
    ("method", "path", "body", "needs"),
    [
        ("GET", "/workflows", None, Scope.READ),
        ("GET", "/approvals", None, Scope.READ),
        ("GET", "/stop", None, Scope.READ),
        ("GET", "/metrics", None, Scope.READ),
        ("POST", "/workflows", {"workflow": "asks"}, Scope.OPERATE),
        ("POST", "/workflows/x/resume", None, Scope.OPERATE),
        ("POST", "/workflows/x/cancel", None, Scope.OPERATE),
        ("POST", "/workflows/x/golden/verify", None, Scope.OPERATE),
        ("POST", "/workflows/x/golden/replay", None, Scope.OPERATE),
        ("POST", "/workflows/x/approvals", {"name": "n", "decision": "approved"}, Scope.OPERATE),
        ("PUT", "/stop", {"stopped": False}, Scope.ADMIN),
        ("PUT", "/skills/pay", {"enabled": True}, Scope.ADMIN),
    ],
)
async def test_each_route_needs_its_scope(method: str, path: str, body: Any, needs: Scope) -> None:
    async with rig(keys=KEYS, settings=CLOSED) as api:
        for name, scope in (("reader", 1), ("operator", 2), ("admin", 3)):
            answer = await api.ask(method, path, body, by=name)
            assert (answer.status_code == 403) == (scope < needs), (name, answer.text)


async def test_tenants_do_not_see_each_other(tmp_path: Path) -> None:
    async with rig(keys=KEYS, golden=tmp_path) as api:
        await api.start("asks", "of-acme", by="acme")
        await api.work()
        for method, path in (
            ("GET", "/workflows/of-acme"),
            ("GET", "/workflows/of-acme/events"),
            ("GET", "/workflows/of-acme/events/stream"),
            ("GET", "/workflows/of-acme/golden"),
            ("POST", "/workflows/of-acme/golden/verify"),
            ("POST", "/workflows/of-acme/golden/replay"),
            ("POST", "/workflows/of-acme/resume"),
            ("POST", "/workflows/of-acme/cancel"),
        ):
            answer = await api.ask(method, path, by="globex")
            assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND"), path
        approve = {"name": "go on", "decision": "approved"}
        answer = await api.ask("POST", "/workflows/of-acme/approvals", approve, by="globex")
        assert answer.status_code == 404
        for path, key in (("/workflows", "runs"), ("/approvals", "approvals")):
            assert (await api.ask("GET", path, by="globex")).json()[key] == []
            assert len((await api.ask("GET", path, by="acme")).json()[key]) == 1
            assert len((await api.ask("GET", path, by="reader")).json()[key]) == 1


async def test_a_tenant_starts_runs_of_its_own_only() -> None:
    async with rig(keys=KEYS) as api:
        assert (await api.start("asks", "r1", by="acme"))["tenant_id"] == "acme"
        assert (await api.start("asks", "r2", by="admin"))["tenant_id"] == "default"
        assert (await api.start("asks", "r3", by="admin", tenant_id="acme"))["tenant_id"] == "acme"
        body = {"workflow": "asks", "tenant_id": "acme"}
        assert (await api.ask("POST", "/workflows", body, by="globex")).status_code == 403
        taken = {"workflow": "asks", "run_id": "r1"}
        answer = await api.ask("POST", "/workflows", taken, by="globex")
        assert (answer.status_code, answer.json()["code"]) == (409, "RUN_CONFLICT")
        assert answer.json()["detail"] == "run id 'r1' cannot be used for tenant 'globex'"
        assert "acme" not in answer.text


async def test_an_idempotency_key_is_of_one_tenant() -> None:
    async with rig(keys=KEYS) as api:
        body = {"workflow": "asks", "idempotency_key": "k"}
        runs = {
            who: (await api.ask("POST", "/workflows", body, by=who)).json()["run_id"]
            for who in ("acme", "globex", "acme")
        }
        assert runs["acme"] != runs["globex"]
        other = body | {"inputs": {}, "run_id": runs["acme"]}
        answer = await api.ask("POST", "/workflows", other, by="globex")
        assert answer.json()["code"] == "RUN_CONFLICT"
        assert "acme" not in answer.text.replace(runs["acme"], "")
        again = await api.ask("POST", "/workflows", body, by="acme")
        assert again.json()["run_id"] == runs["acme"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/workflows?statuss=failed", "query/statuss: no such parameter; expected cursor, limit, "),
        ("/workflows/r1?x=1&status=failed", "query/status: no such parameter; none is expected"),
        ("/workflows/r1/events?after=0&limits=2", "query/limits: no such parameter"),
        ("/health?verbos=1", "query/verbos: no such parameter; expected verbose"),
        ("/stop?x=", "query/x: no such parameter"),
    ],
)
async def test_a_parameter_that_there_is_not_is_refused(path: str, said: str) -> None:
    async with rig() as api:
        answer = await api.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
        assert answer.headers["content-type"] == "application/problem+json"
        assert said in answer.json()["detail"]


async def test_a_message_is_shown_without_the_secrets_of_the_server() -> None:
    async with rig() as api:
        api.server.backend.mask = Mask(["broken"])
        await api.start("checks", "r1")
        await api.work()
        for path in ("/workflows", "/workflows/r1", "/workflows/r1/events"):
            text = (await api.ask("GET", path)).text
            assert "RuntimeError: ***" in text
            assert "broken" not in text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/stop", {"stopped": True}),
        ("PUT", "/skills/pay", {"enabled": False}),
        ("GET", "/metrics", None),
    ],
)
async def test_what_concerns_everybody_is_not_for_one_tenant(
    method: str, path: str, body: Any
) -> None:
    async with rig(keys=KEYS, settings=CLOSED) as api:
        assert (await api.ask(method, path, body, by="acme")).status_code == 403


async def test_without_keys_only_this_machine_is_answered() -> None:
    async with rig() as api:
        for host in ("localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "127.0.0.9"):
            assert (await api.ask("GET", "/workflows", headers={"host": host})).status_code == 200
        for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "10.0.0.1", ""):
            answer = await api.ask("GET", "/workflows", headers={"host": host})
            assert (answer.status_code, answer.json()["code"]) == (421, "MISDIRECTED"), host


async def test_without_keys_no_page_of_elsewhere_is_answered() -> None:
    async with rig() as api:
        await api.start("asks", "r1")
        for origin in ("https://evil.example", "null", "http://localhost.evil.example:80"):
            headers = {"origin": origin, "content-type": "text/plain"}
            answer = await api.ask("POST", "/workflows/r1/cancel", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "FOREIGN_ORIGIN"), origin
        headers = {"origin": "http://localhost:3000"}
        assert (await api.ask("GET", "/workflows", headers=headers)).status_code == 200


async def test_rates_are_for_each_key() -> None:
    settings = ServerSettings(rate_per_s=1.0, burst=2.0)
    clock = FixedClock()
    async with rig(keys=KEYS, settings=settings, clock=clock) as api:
        codes = [(await api.ask("GET", "/workflows", by="reader")).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        limited = await api.ask("GET", "/workflows", by="reader")
        assert limited.headers["retry-after"] == "1"
        assert (await api.ask("GET", "/workflows", by="admin")).status_code == 200
        clock.elapsed_s = 1.0
        assert (await api.ask("GET", "/workflows", by="reader")).status_code == 200


async def test_guessing_keys_is_slowed_down_and_valid_keys_are_not() -> None:
    settings = ServerSettings(refusals_per_s=1.0)
    async with rig(keys=KEYS, settings=settings, clock=FixedClock()) as api:
        wrong = {"Authorization": "Bearer wrong"}
        codes = [(await api.ask("GET", "/workflows", headers=wrong)).status_code for _ in range(6)]
        assert codes == [401] * 4 + [429] * 2
        assert (await api.ask("GET", "/workflows", by="reader")).status_code == 200


@pytest.mark.parametrize("size", [999, 1000, 1001])
@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_have_a_limit(size: int, chunked: bool) -> None:
    async def parts() -> Any:
        for start in range(0, size, 100):
            yield b"x" * min(100, size - start)

    async with rig(settings=ServerSettings(max_body_bytes=1000)) as api:
        content = parts() if chunked else b"x" * size
        answer = await api.client.post("/workflows", content=content)
        assert (answer.status_code == 413) == (size > 1000), answer.text


async def test_a_length_in_odd_digits_is_no_number() -> None:
    async with rig() as api:
        headers = {b"content-length": "²".encode("latin-1")}
        answer = await api.client.post("/workflows", content=b"{}", headers=headers)
        assert answer.status_code < 500


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> Any:
        yield b"x"
        await asyncio.Event().wait()

    async with rig(settings=ServerSettings(read_s=0.05)) as api:
        answer = await api.client.post("/workflows", content=never())
        assert (answer.status_code, answer.json()["code"]) == (408, "REQUEST_TIMEOUT")


async def test_who_leaves_in_the_middle_is_no_failure_of_ours() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    async with rig() as api:
        scope = {"type": "http", "method": "POST", "path": "/workflows", "headers": []}
        scope |= {"headers": [(b"host", b"localhost")], "query_string": b"", "client": None}
        await api.server(scope, receive, send)
        ((event, fields),) = api.logged
        assert (event, fields["status"], fields["failed"]) == ("request", 499, "the client left")


async def test_a_key_is_asked_for_before_a_body_is_read() -> None:
    async def never() -> Any:
        await asyncio.Event().wait()
        yield b""

    async with rig(keys=KEYS) as api:
        answer = await api.client.post("/workflows", content=never())
        assert answer.status_code == 401


async def test_every_answer_has_its_headers_and_no_other_origin_is_let_in() -> None:
    async with rig() as api:
        answers: list[httpx.Response] = [
            await api.ask("GET", "/health"),
            await api.ask("GET", "/nope"),
            await api.ask("OPTIONS", "/workflows", headers={"Origin": "https://evil.example"}),
        ]
        assert answers[2].status_code == 403
        answers.append(await api.ask("OPTIONS", "/workflows"))
        for answer in answers:
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-request-id"]
            assert "access-control-allow-origin" not in answer.headers
        assert answers[3].status_code == 405
        assert answers[3].headers["allow"] == "GET, POST"
        assert (await api.ask("GET", "/docs")).status_code == 404


async def test_too_many_streams() -> None:
    async with rig(settings=ServerSettings(max_streams=0, stream_every_s=0.01)) as api:
        await api.start("asks", "r1")
        answer = await api.ask("GET", "/workflows/r1/events/stream")
        assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_STREAMS")


# keys and buckets, alone


def test_only_digests_are_kept(tmp_path: Path) -> None:
    token, key = new_key("ci", Scope.OPERATE, "acme")
    file = tmp_path / "keys"
    write_keys(file, [key])
    assert token not in file.read_text()
    assert hashlib.sha256(token.encode()).hexdigest() in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_keys(file) == (key,)
    caller = ApiKeys(read_keys(file)).caller(token)
    assert caller is not None
    assert (caller.name, caller.scope, caller.tenant_id) == ("api:ci", Scope.OPERATE, "acme")


@pytest.mark.parametrize(
    "text",
    [
        "a read acme",
        "a read acme xyz",
        f"a root acme {'0' * 64}",
        f"a/b read acme {'0' * 64}",
        "\xff",
    ],
)
def test_a_file_of_keys_that_is_not_valid(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError):
        read_keys(file)


def test_the_key_of_the_environment_must_be_long() -> None:
    with pytest.raises(UsageError, match="expected 16 or more"):
        ApiKeys.of("short", None)
    caller = ApiKeys.of("0123456789abcdef", None).caller("0123456789abcdef")
    assert caller is not None
    assert (caller.scope, caller.tenant_id) == (Scope.ADMIN, None)


def test_a_server_without_keys_stays_on_this_machine() -> None:
    refuse_open_doors(ServerSettings(), ApiKeys())
    refuse_open_doors(ServerSettings(host="0.0.0.0"), KEYS)
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.com"):
        with pytest.raises(UsageError, match="without a key"):
            refuse_open_doors(ServerSettings(host=host), ApiKeys())


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_bucket_fills_up_to_its_burst() -> None:
    buckets = Buckets(per_s=2.0, burst=3.0)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 0.5) == 0.0
    assert [buckets.take("a", 100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("a", 99.0) > 0  # a clock that goes back gives nothing
