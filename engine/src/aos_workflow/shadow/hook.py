"""``SHADOW_HOOK``: what happens, told to a web server, which may be slow, broken or gone.

A thread of its own sends, so the run never waits. What cannot be delivered is given up after some tries.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from aos_workflow.determinism import Clock, SystemClock, SystemEntropy, rfc3339
from aos_workflow.errors import UsageError

__all__ = ["Hook", "HookSettings", "NoHook", "Teller", "signature"]

TRIES = 6
"""With the waits below: about half a minute."""
_WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_QUEUE = 32
_ACCEPTED = range(200, 300)


@dataclass(frozen=True, slots=True)
class HookSettings:
    """Where to, signed with what; ``detail`` allows step values to go out."""

    url: str
    secret: str | None = None
    detail: bool = False
    limit_s: float = 10.0
    waits_s: tuple[float, ...] = _WAITS_S

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_address = False
        if not is_address:
            raise UsageError(
                "SHADOW_HOOK is not an http or https address", hint="unset SHADOW_HOOK"
            )


class Teller(Protocol):
    """Whom a run tells."""

    detail: bool

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        """Tell that something happened. Returns at once, and never fails."""
        ...

    def close(self, limit_s: float) -> dict[str, int]:
        """Wait for what is under way, at most that long; how many were delivered and how many not."""
        ...


class NoHook:
    """Nobody."""

    detail = False

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        """Nothing."""

    def close(self, limit_s: float) -> dict[str, int]:
        return {}


class Hook:
    """A web server. Each delivery has an id of its own, the same for each try."""

    def __init__(self, settings: HookSettings, clock: Clock | None = None) -> None:
        self.detail = settings.detail
        self._settings = settings
        self._clock = clock or SystemClock()
        self._orders: queue.Queue[tuple[str, bytes] | None] = queue.Queue(_QUEUE)
        self._hurry = threading.Event()
        self._told = self._delivered = 0
        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
        ):
            opener.add_handler(handler)  # not the one that follows redirects, and none for errors
        self._opener = opener
        self._thread = threading.Thread(target=self._work, name="shadow-hook", daemon=True)
        self._thread.start()

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        body = {"event": event, "at": rfc3339(self._clock.now()), **fields}
        self._told += 1
        with contextlib.suppress(queue.Full):  # a server that is that slow misses some
            self._orders.put_nowait((event, json.dumps(body, separators=(",", ":")).encode()))

    def close(self, limit_s: float) -> dict[str, int]:
        with contextlib.suppress(queue.Full):
            self._orders.put_nowait(None)
        self._thread.join(limit_s)
        self._hurry.set()
        return {"told": self._told, "delivered": self._delivered}

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            event, body = order
            delivery = SystemEntropy().token_hex(16)
            for wait_s in (*self._settings.waits_s, None):
                if self._send(event, delivery, body):
                    self._delivered += 1
                    break
                if wait_s is None or self._hurry.wait(wait_s):
                    break

    def _send(self, event: str, delivery: str, body: bytes) -> bool:
        request = urllib.request.Request(
            self._settings.url, body, self._headers(event, delivery, body)
        )
        try:
            with self._opener.open(request, timeout=self._settings.limit_s) as answer:
                return answer.status in _ACCEPTED
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def _headers(self, event: str, delivery: str, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "aos-workflow-shadow",
            "X-AOS-Event": event,
            "X-AOS-Delivery": delivery,
        }
        if self._settings.secret:
            at = str(int(self._clock.now().timestamp()))
            headers["X-AOS-Timestamp"] = at
            headers["X-AOS-Signature"] = signature(self._settings.secret, at, body)
        return headers


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``sha256=`` and the HMAC over timestamp, a dot and the body, as receivers compute it."""
    message = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
