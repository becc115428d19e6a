"""Who is let in: decided from the head of a request alone, before anything of its body is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from aos_workflow.server.keys import ApiKeys, Caller, Scope
from aos_workflow.server.limiting import Buckets
from aos_workflow.server.problems import ProblemError
from aos_workflow.server.settings import ServerSettings, is_loopback

__all__ = ["Admission", "Request"]

_ALWAYS_OPEN = frozenset({"/health", "/ready", "/openapi.json"})
_OPERATIONS = frozenset({"/metrics", "/workers/status"})
_NOBODY = Caller("none", Scope.READ, "")
_LOCAL = Caller("local", Scope.ADMIN, None)


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request: path, the address it comes from, headers by lower-case name."""

    path: str
    client: str
    headers: Mapping[str, str]


class Admission:
    """Keys and rates. A server without keys, which only this machine reaches, lets everybody in under a local name."""

    def __init__(self, keys: ApiKeys, settings: ServerSettings) -> None:
        self._keys = keys
        self._are_operations_open = settings.operations_are_open
        self._rates = Buckets(settings.rate_per_s, settings.burst)
        self._refusals = Buckets(settings.refusals_per_s, 4 * settings.refusals_per_s)

    def admit(self, request: Request, now_s: float) -> Caller:
        """Who asks.

        Raises:
            ProblemError: 401 without a valid key, 421 under a foreign name, 403 from a foreign page, 429 for too much.
        """
        if request.path in _ALWAYS_OPEN or (
            self._are_operations_open and request.path in _OPERATIONS
        ):
            return self._within_rate(_NOBODY, f"open {request.client}", now_s)
        if not self._keys:
            _check_local(request)
            return self._within_rate(_LOCAL, "local", now_s)
        caller = self._of_key(request, now_s)
        return self._within_rate(caller, f"key {caller.key_id}", now_s)

    def _of_key(self, request: Request, now_s: float) -> Caller:
        """Whoever guesses keys is slowed down by address; a valid key is not."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        caller = self._keys.caller(token.strip()) if scheme.lower() == "bearer" else None
        if caller is not None:
            return caller
        wait_s = self._refusals.take(request.client, now_s)
        if wait_s > 0:
            raise _too_many(wait_s)
        what = "no key was sent" if not token else "this key is not known"
        raise ProblemError(
            401,
            "UNAUTHORIZED",
            what,
            hint='curl -H "Authorization: Bearer $AOS_API_KEY" ...',
            headers={"WWW-Authenticate": 'Bearer realm="aos-workflow"'},
        )

    def _within_rate(self, caller: Caller, bucket: str, now_s: float) -> Caller:
        wait_s = self._rates.take(bucket, now_s)
        if wait_s > 0:
            raise _too_many(wait_s)
        return caller


def _check_local(request: Request) -> None:
    """A page in a browser may point its own name here, or send a form here; it cannot choose these two headers.

    Raises:
        ProblemError: 421 under a foreign name, 403 from a foreign page.
    """
    hint = "set AOS_API_KEY, and send it"
    if not is_loopback(_name(request.headers.get("host", ""))):
        what = "a server without keys answers only to localhost"
        raise ProblemError(421, "MISDIRECTED", what, hint=hint)
    origin = request.headers.get("origin")
    if origin is not None and not is_loopback(_name(origin.partition("://")[2])):
        what = "a server without keys answers no page of elsewhere"
        raise ProblemError(403, "FOREIGN_ORIGIN", what, hint=hint)


def _name(host: str) -> str:
    """A host without its port."""
    name, _, port = host.rpartition(":")
    return name if port.isdigit() else host


def _too_many(wait_s: float) -> ProblemError:
    return ProblemError(
        429,
        "TOO_MANY_REQUESTS",
        f"too many requests; there is room in {wait_s:.2g} s",
        headers={"Retry-After": str(max(1, math.ceil(wait_s)))},
    )
