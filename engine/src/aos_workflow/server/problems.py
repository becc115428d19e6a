"""Errors as RFC 9457 problems: what happened and what to do next; never a traceback, never what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aos_workflow.errors import AosError
from aos_workflow.golden.secret_scan import redact
from aos_workflow.server.answers import dumped

__all__ = ["PROBLEM_TYPE", "ProblemError", "problem_of", "problem_of_bug", "problem_of_invalid"]

PROBLEM_TYPE = "application/problem+json"
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_STATUSES = {
    "CHECKPOINT_VERSION_CONFLICT": 409,
    "EMERGENCY_STOP": 409,
    "ENGINE_DISABLED": 409,
    "GOLDEN_MISSING": 404,
    "MIGRATION": 503,
    "PAYLOAD_TOO_LARGE": 413,
    "POLICY_STORE_LOST": 503,
    "POLICY_VIOLATION": 409,
    "RATE_LIMITED": 429,
    "RUN_CONFLICT": 409,
    "RUN_LEASED": 409,
    "RUN_NOT_FOUND": 404,
    "RUN_STATE": 409,
    "SEED_MISMATCH": 409,
    "SKILL_NOT_FOUND": 404,
    "STORE_UNAVAILABLE": 503,
    "USAGE": 422,
    "WORKFLOW_NOT_FOUND": 404,
}
_BY_CATEGORY = {"stack": 503, "spec": 422, "golden": 422, "store": 422}
_RETRY_AFTER_S = 5
_MAX_ERRORS = 20


class ProblemError(Exception):
    """An answer that is no success. ``headers`` go with it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> bytes:
        """The JSON document."""
        data: dict[str, Any] = {
            "type": f"urn:aos-workflow:{self.code.lower()}",
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "code": self.code,
            "detail": redact(self.detail),
            "request_id": request_id,
        }
        if self.hint is not None:
            data["hint"] = redact(self.hint)
        if self.errors:
            data["errors"] = list(self.errors)
        return dumped(data)


def problem_of_bug() -> ProblemError:
    """A bug of ours, as a caller sees it."""
    return ProblemError(500, "INTERNAL", "the server failed; its log says how")


def problem_of(error: AosError) -> ProblemError:
    """An error of ours as a problem; one that no caller could have caused says nothing but its code."""
    status = _STATUSES.get(error.code) or _BY_CATEGORY.get(error.category, 500)
    if status == 500:
        return problem_of_bug()
    headers = {}
    if status in (429, 503):
        wait_s = getattr(error, "retry_after_s", None) or _RETRY_AFTER_S
        headers["Retry-After"] = str(max(1, round(wait_s)))
    return ProblemError(status, error.code, error.message, hint=error.hint, headers=headers)


def problem_of_invalid(found: Sequence[Mapping[str, Any]]) -> ProblemError:
    """What a request did not fulfil: where and what, without the values."""
    errors = [
        {
            "at": redact("/".join(str(part) for part in each["loc"])[:200]),
            "message": str(each["msg"])[:200],
        }
        for each in found[:_MAX_ERRORS]
    ]
    first = f"{errors[0]['at']}: {errors[0]['message']}" if errors else "no reason given"
    return ProblemError(422, "INVALID_REQUEST", f"the request is not valid: {first}", errors=errors)
