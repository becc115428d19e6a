"""What every request passes: a name for it, who asks, its size, its time, and an answer whatever happens inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aos_workflow.determinism import Clock, Entropy
from aos_workflow.metrics import Registry
from aos_workflow.metrics import catalogue as m
from aos_workflow.server.admission import Admission, Request
from aos_workflow.server.keys import Caller
from aos_workflow.server.problems import PROBLEM_TYPE, ProblemError, problem_of_bug
from aos_workflow.server.settings import ServerSettings

__all__ = ["CALLER", "REQUEST_ID", "Gate"]

CALLER = "aos.caller"
REQUEST_ID = "aos.request_id"
Log = Callable[[str, dict[str, object]], None]
_ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_QUIET = frozenset({"/health", "/ready", "/metrics"})
"""Asked every few seconds by machines; logged only when they fail."""


class Gate:
    """An ASGI application around another one."""

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        settings: ServerSettings,
        registry: Registry,
        *,
        clock: Clock,
        entropy: Entropy,
        log: Log,
    ) -> None:
        self._app = app
        self._admission = admission
        self._settings = settings
        self._requests = registry[m.HTTP_REQUESTS]
        self._seconds = registry[m.HTTP_SECONDS]
        self._clock = clock
        self._entropy = entropy
        self._log = log
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_s = self._clock.monotonic()
        answer = _Answer(send, self._entropy.token_hex(8))
        scope[REQUEST_ID] = answer.request_id
        self._under_way += 1
        failed: str | None = None
        try:
            await self._answered(scope, receive, answer)
        except ProblemError as problem:
            await answer.problem(problem)
        except _LeftError:
            failed = "the client left"
        except asyncio.CancelledError:
            failed = "cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the connection without an answer
            failed = f"{type(error).__name__}: {error}"
            self._log("request_failed", {"request_id": answer.request_id, "exc_info": error})
            await answer.problem(problem_of_bug())
        finally:
            self._under_way -= 1
            self._count(scope, answer, self._clock.monotonic() - began_s, failed)

    async def _answered(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if self._under_way > self._settings.max_requests:
            raise ProblemError(
                429, "TOO_MANY_REQUESTS", "the server is busy", headers={"Retry-After": "1"}
            )
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        client = scope["client"][0] if scope.get("client") else "local"
        request = Request(scope["path"], client, headers)
        scope[CALLER] = self._admission.admit(request, self._clock.monotonic())
        body = await self._body(headers, receive)
        await self._app(scope, _replayed(body, receive), answer)

    async def _body(self, headers: MutableMapping[str, str], receive: Receive) -> bytes:
        """All of the body, which is small and in time.

        Raises:
            ProblemError: 413, 408.
        """
        most = self._settings.max_body_bytes
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdecimal() and int(length) > most:
            raise _too_large(most)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._settings.read_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _LeftError
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise _too_large(most)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise ProblemError(
                408,
                "REQUEST_TIMEOUT",
                f"the request did not come within {self._settings.read_s:g} s",
            ) from None

    def _count(self, scope: Scope, answer: _Answer, seconds: float, failed: str | None) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        status = answer.status or 499
        self._requests.value(method, route, str(status)).add()
        self._seconds.histogram(route).observe(seconds)
        if route in _QUIET and status < 400:
            return
        caller: Caller | None = scope.get(CALLER)
        fields: dict[str, object] = {
            "request_id": answer.request_id,
            "method": method,
            "path": scope["path"][:200],
            "route": route,
            "status": status,
            "took_ms": round(seconds * 1000, 1),
            "by": caller.name if caller is not None else None,
        }
        if failed is not None:
            fields["failed"] = failed
        self._log("request", fields)


class _LeftError(Exception):
    """Nobody is there to be answered."""


class _Answer:
    """The way out: headers that every answer has, and what became of it."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = [*_ALWAYS, (b"x-request-id", self.request_id.encode())]
            message = {**message, "headers": [*message.get("headers", ()), *own]}
        await self._send(message)

    async def problem(self, problem: ProblemError) -> None:
        """Answer with a problem, unless an answer has begun."""
        if self.status is not None:
            return
        body = problem.body(self.request_id)
        headers = {
            "content-type": PROBLEM_TYPE,
            "content-length": str(len(body)),
            **problem.headers,
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self({"type": "http.response.start", "status": problem.status, "headers": raw})
        await self._send({"type": "http.response.body", "body": body})


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, then whatever comes: that the client leaves."""
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        found: dict[str, Any] = {"type": "http.request", "body": body, "more_body": False}
        return found

    return again


def _too_large(most: int) -> ProblemError:
    return ProblemError(
        413,
        "BODY_TOO_LARGE",
        f"the body is larger than {most:,} bytes",
        hint="keep it elsewhere and send its address, or start the server with a higher --max-body",
    )
