"""The OpenAPI document: what FastAPI finds, with keys, and with problems as they are really answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from aos_workflow.server.problems import PROBLEM_TYPE
from aos_workflow.server.schemas import ProblemBody

__all__ = ["document"]

_EVERY = {
    "400": "The body is no JSON.",
    "401": "No valid key.",
    "403": "The key is not good for this.",
    "408": "The request came too slowly.",
    "413": "The body, or what is in it, is too large.",
    "421": "A server without keys answers only to localhost.",
    "422": "The request is not valid.",
    "429": "Too many requests.",
    "503": "The database cannot be reached.",
}
_OF_RUNS = {"404": "No such run, or another tenant's.", "409": "The run's state does not allow it."}
_OF_SKILLS = {"404": "No worker has registered such a skill."}
_OPEN = frozenset({"/health", "/ready"})
_OPERATIONS = frozenset({"/metrics", "/workers/status"})
_REFERENCE = {"$ref": "#/components/schemas/ProblemBody"}
_UNUSED = ("HTTPValidationError", "ValidationError")


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Makes the document at the first call."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    return made


def _document(app: FastAPI) -> dict[str, Any]:
    found: dict[str, Any] = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _UNUSED:
        schemas.pop(name, None)
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["ProblemBody"] = problem
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, methods in found["paths"].items():
        for operation in methods.values():
            _complete(path, operation)
    return found


def _complete(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    wanted = dict(_EVERY)
    if path.startswith(("/workflows", "/approvals")):
        wanted |= _OF_RUNS
    elif path.startswith("/skills/"):
        wanted |= _OF_SKILLS
    if "requestBody" not in operation:
        del wanted["400"]
    if path in _OPEN:
        wanted = {code: wanted[code] for code in ("413", "422", "429")}
        responses["503"] = {**responses["200"], "description": "Not well; says what."}
    for code, text in wanted.items():
        responses[code] = {"description": text, "content": {PROBLEM_TYPE: {"schema": _REFERENCE}}}
    operation["responses"] = dict(sorted(responses.items()))
    if path in _OPERATIONS:
        operation["security"] = [{"key": []}, {}]
    elif path not in _OPEN:
        operation["security"] = [{"key": []}]
