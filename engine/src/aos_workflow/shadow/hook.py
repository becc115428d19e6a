"""``SHADOW_HOOK``: what happens, told to a web server, which may be slow, broken or gone.

Threads send, so the run never waits. What cannot be delivered is given up after some tries, and the run says so.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from aos_workflow.determinism import Clock, SystemClock, SystemEntropy, rfc3339
from aos_workflow.errors import UsageError

__all__ = ["Hook", "HookSettings", "NoHook", "Teller", "signature"]

_WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Between six tries: about 20 s if the server refuses, and 80 s if it never answers."""
_MOST_UNDER_WAY = 32
_IN_ORDER_S = 1.0
"""How long an event waits for the first try of the one before it, so that they arrive in order."""
_ACCEPTED = range(200, 300)


@dataclass(frozen=True, slots=True)
class HookSettings:
    """Where to, signed with what; ``detail`` allows step values to go out. A user and password in ``url`` log in."""

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    detail: bool = False
    limit_s: float = 10.0
    waits_s: tuple[float, ...] = _WAITS_S

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
            is_address = is_address and (parts.port is None or parts.port > 0)
        except ValueError:
            is_address = False
        if not is_address:
            raise UsageError(
                "SHADOW_HOOK is not an http or https address", hint="unset SHADOW_HOOK"
            )

    @property
    def address(self) -> str:
        """The url without user and password."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def authorization(self) -> str | None:
        """User and password as the header has them."""
        parts = urlsplit(self.url)
        if parts.username is None:
            return None
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return f"Basic {base64.b64encode(login.encode()).decode()}"


class Teller(Protocol):
    """Whom a run tells."""

    detail: bool

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        """Tell that something happened. Returns at once, and never fails."""
        ...

    def counts(self) -> dict[str, int]:
        """How much was told, and how much of it delivered and given up so far; empty if nobody listens."""
        ...

    def failures(self) -> list[str]:
        """What was given up since this was asked the last time, with the reason; nothing secret."""
        ...

    def close(self, limit_s: float) -> dict[str, int]:
        """Wait for what is under way, at most that long, and give up the rest; the counts."""
        ...


class NoHook:
    """Nobody."""

    detail = False

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        """Nothing."""

    def counts(self) -> dict[str, int]:
        return {}

    def failures(self) -> list[str]:
        return []

    def close(self, limit_s: float) -> dict[str, int]:
        return {}


class _Delivery:
    """One event on its way. ``tried`` is set once its first try is over, ``over`` once there will be no other."""

    def __init__(self, event: str, body: bytes) -> None:
        self.event = event
        self.body = body
        self.id = SystemEntropy().token_hex(16)
        self.tries = 0
        self.problem: str | None = "no answer"
        self.tried = threading.Event()
        self.over = threading.Event()


class Hook:
    """A web server. Each delivery has an id of its own, the same for each try; none waits for another's tries."""

    def __init__(self, settings: HookSettings, clock: Clock | None = None) -> None:
        self.detail = settings.detail
        self._settings = settings
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._under_way: list[_Delivery] = []
        self._failures: list[str] = []
        self._told = self._delivered = self._failed = 0
        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
        ):
            opener.add_handler(handler)  # not the one that follows redirects, and none for errors
        self._opener = opener

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        body = {"event": event, "at": rfc3339(self._clock.now()), **fields}
        delivery = _Delivery(event, json.dumps(body, separators=(",", ":")).encode())
        with self._lock:
            self._told += 1
            if len(self._under_way) >= _MOST_UNDER_WAY:  # a server that is that slow misses some
                self._give_up(delivery, f"{_MOST_UNDER_WAY} others are under way")
                return
            before = self._under_way[-1] if self._under_way else None
            self._under_way.append(delivery)
        threading.Thread(
            target=self._deliver, args=(delivery, before), name="shadow-hook", daemon=True
        ).start()

    def counts(self) -> dict[str, int]:
        return {"told": self._told, "delivered": self._delivered, "failed": self._failed}

    def failures(self) -> list[str]:
        with self._lock:
            found, self._failures = self._failures, []
        return found

    def close(self, limit_s: float) -> dict[str, int]:
        until_s = time.monotonic() + limit_s
        for delivery in tuple(self._under_way):
            delivery.over.wait(max(0.0, until_s - time.monotonic()))
        self._hurry.set()
        with self._lock:
            for delivery in self._under_way:
                self._conclude(delivery, ", and the run is over")
            self._under_way = []
            return self.counts()

    def _deliver(self, delivery: _Delivery, before: _Delivery | None) -> None:
        if before is not None:
            before.tried.wait(_IN_ORDER_S)
        for wait_s in (*self._settings.waits_s, None):
            delivery.tries += 1
            delivery.problem = self._send(delivery)
            delivery.tried.set()
            if delivery.problem is None or wait_s is None or self._hurry.wait(wait_s):
                break
        with self._lock:
            if delivery in self._under_way:  # else it is given up already
                self._under_way.remove(delivery)
                self._conclude(delivery)
        delivery.over.set()

    def _conclude(self, delivery: _Delivery, because: str = "") -> None:
        if delivery.problem is None:
            self._delivered += 1
        else:
            self._give_up(delivery, f"{delivery.problem}{because}")

    def _give_up(self, delivery: _Delivery, problem: str) -> None:
        self._failed += 1
        tries = f"{delivery.tries} {'try' if delivery.tries == 1 else 'tries'}"
        self._failures.append(
            f"SHADOW_HOOK was not told of {delivery.event!r}, after {tries}: {problem}"
        )

    def _send(self, delivery: _Delivery) -> str | None:
        """Why it was not accepted, if it was not."""
        headers = self._headers(delivery.event, delivery.id, delivery.body)
        limit_s = self._settings.limit_s
        try:
            request = urllib.request.Request(self._settings.address, delivery.body, headers)
            with self._opener.open(request, timeout=limit_s) as answer:
                return None if answer.status in _ACCEPTED else f"status {answer.status}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _reason(error, limit_s)

    def _headers(self, event: str, delivery: str, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "aos-workflow-shadow",
            "X-AOS-Event": event,
            "X-AOS-Delivery": delivery,
        }
        if self._settings.authorization:
            headers["Authorization"] = self._settings.authorization
        if self._settings.secret:
            at = str(int(self._clock.now().timestamp()))
            headers["X-AOS-Timestamp"] = at
            headers["X-AOS-Signature"] = signature(self._settings.secret, at, body)
        return headers


def _reason(error: BaseException, limit_s: float) -> str:
    """In words that hold no part of the address."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason, limit_s)
    if isinstance(error, TimeoutError):
        return f"no answer within {limit_s:g} s"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``sha256=`` and the HMAC over timestamp, a dot and the body, as receivers compute it."""
    message = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
