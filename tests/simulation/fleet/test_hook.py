"""The webhook, against a real server that is well, slow, broken or gone."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.fleet.simulate import QUICK, Watcher, settings, simulate

from aos_workflow import config
from aos_workflow.errors import UsageError
from aos_workflow.shadow.hook import Hook, HookSettings, signature
from aos_workflow.shadow.status import read_status

WAITS_S = (0.01, 0.02)


class Server:
    """Answers with one status after the other, the last one for ever. ``hang`` answers never."""

    def __init__(self, *statuses: int, hang: bool = False) -> None:
        self.received: list[tuple[Message, bytes]] = []
        self._statuses = list(statuses)
        self._over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.received.append((self.headers, body))
                if hang:
                    server._over.wait(30)
                    return
                status = server._statuses[0]
                if len(server._statuses) > 1:
                    server._statuses.pop(0)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook?token=hidden"

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serving(*statuses: int, hang: bool = False) -> Iterator[Server]:
    server = Server(*statuses, hang=hang)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def hook_of(url: str, **given: Any) -> Hook:
    return Hook(HookSettings(url, waits_s=WAITS_S, limit_s=given.pop("limit_s", 5.0), **given))


def test_a_signed_delivery() -> None:
    with serving(200) as server:
        hook = hook_of(server.url, secret="key")
        hook.tell("end", {"cycles": 3})
        assert hook.close(5) == {"told": 1, "delivered": 1, "failed": 0}
    ((headers, body),) = server.received
    assert json.loads(body)["event"] == headers["X-AOS-Event"] == "end"
    assert headers["X-AOS-Signature"] == signature("key", headers["X-AOS-Timestamp"], body)
    assert headers["X-AOS-Signature"] != signature("other", headers["X-AOS-Timestamp"], body)
    assert headers["Content-Type"] == "application/json"


def test_without_a_secret_there_is_no_signature() -> None:
    with serving(204) as server:
        hook = hook_of(server.url)
        hook.tell("end", {})
        assert hook.close(5)["delivered"] == 1
    assert "X-AOS-Signature" not in server.received[0][0]


@pytest.mark.parametrize("login", ["user:p%40ss", "user"])
def test_who_is_in_the_address_logs_in(login: str) -> None:
    with serving(200) as server:
        settings_ = HookSettings(server.url.replace("http://", f"http://{login}@"))
        hook = Hook(settings_)
        hook.tell("end", {})
        assert hook.close(5)["delivered"] == 1
    ((headers, _),) = server.received
    expected = {"user:p%40ss": b"user:p@ss", "user": b"user:"}[login]
    assert headers["Authorization"] == f"Basic {base64.b64encode(expected).decode()}"
    assert headers["Host"] == settings_.address.split("/")[2]
    assert "user" not in repr(settings_)


def test_a_delivery_is_tried_again_under_the_same_id() -> None:
    with serving(500, 503, 200) as server:
        hook = hook_of(server.url, secret="key")
        hook.tell("mismatch", {})
        assert hook.close(5) == {"told": 1, "delivered": 1, "failed": 0}
    assert len({headers["X-AOS-Delivery"] for headers, _ in server.received}) == 1
    assert len({body for _, body in server.received}) == 1
    assert len(server.received) == 3


@pytest.mark.parametrize("status", [500, 404, 302])
def test_tries_are_bounded_and_nothing_is_followed(status: int) -> None:
    with serving(status) as server:
        hook = hook_of(server.url)
        hook.tell("mismatch", {})
        assert hook.close(5) == {"told": 1, "delivered": 0, "failed": 1}
    assert len(server.received) == len(WAITS_S) + 1


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        hook = hook_of(f"http://127.0.0.1:{unused.getsockname()[1]}/")
        hook.tell("end", {})
        assert hook.close(5) == {"told": 1, "delivered": 0, "failed": 1}


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ({"status": 500}, "after 3 tries: status 500"),
        ({"status": 302}, "after 3 tries: status 302"),
        ({"status": 200, "hang": True}, "after 3 tries: no answer within 0.1 s"),
    ],
)
def test_what_is_not_delivered_is_said_with_its_reason(server: dict[str, int], why: str) -> None:
    with serving(server["status"], hang=bool(server.get("hang"))) as listening:
        hook = hook_of(listening.url.replace("http://", "http://me:hidden@"), limit_s=0.1)
        hook.tell("mismatch", {})
        hook.close(5)
    assert hook.failures() == [f"SHADOW_HOOK was not told of 'mismatch', {why}"]
    assert hook.failures() == []


def test_a_refused_connection_is_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        hook = hook_of(f"http://me:hidden@127.0.0.1:{unused.getsockname()[1]}/")
        hook.tell("end", {})
        hook.close(5)
    assert hook.failures()[0].endswith("after 3 tries: Connection refused")


def test_an_event_has_its_tries_while_another_one_hangs() -> None:
    with serving(200, hang=True) as server:
        hook = hook_of(server.url, limit_s=0.3)
        hook.tell("mismatch", {})
        hook.tell("end", {})
        hook.close(5)
    assert Counter(headers["X-AOS-Event"] for headers, _ in server.received) == {
        "mismatch": len(WAITS_S) + 1,
        "end": len(WAITS_S) + 1,
    }


def test_telling_never_waits() -> None:
    with serving(200, hang=True) as server:
        hook = hook_of(server.url, limit_s=20)
        begun = time.monotonic()
        for _ in range(1000):
            hook.tell("stall", {})
        assert time.monotonic() - begun < 1
        assert hook.close(0.1) == {"told": 1000, "delivered": 0, "failed": 1000}
        assert len(hook.failures()) == 1000
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize("kind", ["hangs", "fails"])
def test_a_bad_hook_does_not_keep_a_simulation(tmp_path: Path, kind: str) -> None:
    limits = QUICK.__class__(tick_s=0.02, hook_s=0.2)
    with serving(500, hang=kind == "hangs") as server:
        hook = hook_of(server.url, limit_s=20)
        asked, watcher = settings("mismatch=1", cycles=20), Watcher()
        summary = simulate(tmp_path, asked, hook=hook, limits=limits, watcher=watcher)
    assert summary["result"]["cycles"] == 20
    assert summary["run"]["hook"] == {"told": 2, "delivered": 0, "failed": 2}
    assert summary["run"]["elapsed_s"] < 5
    assert read_status(tmp_path / "status.json").hook == summary["run"]["hook"]
    assert [line.split(",")[0] for line in watcher.warnings] == [
        "SHADOW_HOOK was not told of 'mismatch'",
        "SHADOW_HOOK was not told of 'end'",
    ]
    assert not [line for line in watcher.warnings if "hidden" in line or "127.0.0.1" in line]


def test_what_a_simulation_tells(tmp_path: Path) -> None:
    with serving(200) as server:
        simulate(
            tmp_path, settings("mismatch=7,19,40", cycles=100), hook=hook_of(server.url, secret="k")
        )
    first, last = server.bodies()
    assert (first["event"], first["severity"], first["cycle"]) == ("mismatch", "HIGH", 7)
    assert first["command"] == f"aos-workflow shadow reproduce {tmp_path}/mismatches/cycle_7"
    assert first["folder"] == str(tmp_path)
    assert first["divergence"] == {"step": "1:step", "skill": "step", "kind": "output"}
    assert (last["event"], last["mismatches"], last["cycles"]) == ("end", 3, 100)
    assert b"SECRET" not in b"".join(body for _, body in server.received)


def test_values_are_told_only_if_that_is_allowed(tmp_path: Path) -> None:
    with serving(200) as server:
        simulate(tmp_path, settings("mismatch=7", cycles=10), hook=hook_of(server.url, detail=True))
    assert server.bodies()[0]["divergence"]["expected"] == "SECRET"


def test_a_mismatch_is_told_once_also_when_resumed(tmp_path: Path) -> None:
    with serving(200) as server:
        asked = settings("mismatch=7,30", cycles=20)
        simulate(tmp_path, asked, hook=hook_of(server.url))
        asked = settings("mismatch=7,30", cycles=40)
        simulate(tmp_path, asked, hook=hook_of(server.url), resume=True)
    assert [body["event"] for body in server.bodies()] == ["mismatch", "end", "end"]


def test_the_environment() -> None:
    assert config.shadow_hook({}) is None
    found = config.shadow_hook(
        {"SHADOW_HOOK": "https://x.test/1", "SHADOW_HOOK_SECRET": "s", "SHADOW_HOOK_DETAIL": "1"}
    )
    assert found == HookSettings("https://x.test/1", "s", detail=True)
    for url in ("ftp://x", "x", "http://", "http://[bad", "http://u:pw@x:y/"):
        with pytest.raises(UsageError) as raised:
            config.shadow_hook({"SHADOW_HOOK": url})
        assert url not in str(raised.value) or url == "x"
