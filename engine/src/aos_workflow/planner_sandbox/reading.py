"""From whatever the planner returned to plain JSON data that nobody else holds, within limits."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from aos_workflow import errors
from aos_workflow.golden import strict_json
from aos_workflow.planner_sandbox.findings import Code, Collector, Place
from aos_workflow.planner_sandbox.policy import SandboxPolicy

__all__ = ["PlanUnreadable", "read"]

_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_MAX_INTEGER_BITS = 256
_VALUE_BYTES = 2
"""What a value costs beside its text: a separator and a bracket or digit."""

_JSON_CODES: tuple[tuple[type[errors.GoldenFileError], Code], ...] = (
    (errors.GoldenTooLargeError, Code.PLAN_TOO_LARGE),
    (errors.GoldenTooDeepError, Code.PLAN_TOO_DEEP),
    (errors.GoldenDuplicateKeyError, Code.PLAN_DUPLICATE_KEY),
    (errors.GoldenEncodingError, Code.PLAN_TEXT),
    (errors.GoldenFileError, Code.PLAN_JSON),
)


class PlanUnreadable(Exception):  # noqa: N818  not an error of ours: the verdict says it
    """The plan is beyond a limit or no JSON; what was collected is all that can be said."""


def read(plan: Any, policy: SandboxPolicy, found: Collector) -> Any:
    """A detached copy of a plan; text and bytes are read as strict JSON.

    What has no place in JSON is reported and stands as None in the copy, so that the rest can be judged.

    Raises:
        PlanUnreadable: no JSON, or beyond a limit; reported.
    """
    if type(plan) in (str, bytes):
        plan = _parse(plan, policy, found)
    return _Copy(policy, found).run(plan)


def _parse(plan: str | bytes, policy: SandboxPolicy, found: Collector) -> Any:
    if len(plan) > policy.max_bytes:
        message = f"{len(plan):,} characters or bytes; the limit is {policy.max_bytes:,}"
        found.add(Code.PLAN_TOO_LARGE, (), message)
        raise PlanUnreadable
    data = plan.encode("utf-8", "surrogatepass") if isinstance(plan, str) else plan
    try:
        return strict_json.loads(
            data, file="plan", max_bytes=policy.max_bytes, max_depth=policy.max_depth
        )
    except errors.GoldenFileError as error:
        code = next(code for kind, code in _JSON_CODES if isinstance(error, kind))
        found.add(code, (), error.message)
        raise PlanUnreadable from None


class _Copy:
    """One pass with a stack of its own: no depth or sharing in the input costs more than the limits."""

    def __init__(self, policy: SandboxPolicy, found: Collector) -> None:
        self._policy = policy
        self._found = found
        self._values = 0
        self._bytes = 0

    def run(self, plan: Any) -> Any:
        root: list[Any] = [None]
        todo: list[tuple[Any, Any, str | int, Place]] = [(plan, root, 0, ())]
        while todo:
            value, target, slot, place = todo.pop()
            target[slot] = self._copied(value, place, todo)
        return root[0]

    def _copied(self, value: Any, place: Place, todo: list[Any]) -> Any:
        """Exact types only: a subclass could answer differently when it is asked again."""
        self._values += 1
        self._spend(_VALUE_BYTES)
        if self._values > self._policy.max_values:
            self._stop(Code.PLAN_TOO_MANY_VALUES, f"more than {self._policy.max_values:,} values")
        kind = type(value)
        if kind is str:
            return self._text(value, place)
        if value is None or kind is bool:
            return value
        if kind is int or kind is float:
            return self._number(value, place)
        if kind is dict or kind is list or kind is tuple:
            if len(place) >= self._policy.max_depth:
                message = f"nested deeper than {self._policy.max_depth} levels"
                self._stop(Code.PLAN_TOO_DEEP, message, place)
            if len(value) > self._policy.max_values:
                message = f"more than {self._policy.max_values:,} values"
                self._stop(Code.PLAN_TOO_MANY_VALUES, message, place)
            return (
                self._object(value, place, todo) if kind is dict else self._list(value, place, todo)
            )
        message = f"{kind.__name__} is not JSON data; pass the plan as JSON text or plain data"
        self._found.add(Code.PLAN_TYPE, place, message)
        return None

    def _object(self, value: dict[Any, Any], place: Place, todo: list[Any]) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        for key, item in value.items():
            if type(key) is not str:
                message = f"a key of type {type(key).__name__}; keys are text"
                self._found.add(Code.PLAN_TYPE, place, message)
                continue
            self._text(key, place)
            copy[key] = None
            todo.append((item, copy, key, (*place, key)))
        return copy

    def _list(self, value: Any, place: Place, todo: list[Any]) -> list[Any]:
        copy = [None] * len(value)
        todo.extend((item, copy, index, (*place, index)) for index, item in enumerate(value))
        return copy

    def _text(self, text: str, place: Place) -> str:
        if len(text) > self._policy.max_text_chars:
            message = f"{len(text):,} characters; the limit is {self._policy.max_text_chars:,}"
            self._stop(Code.PLAN_TOO_LARGE, message, place)
        is_ascii = text.isascii()
        self._spend(len(text) if is_ascii else len(text.encode("utf-8", "surrogatepass")))
        if ("\x00" in text) if is_ascii else _BAD_TEXT.search(text):
            self._found.add(Code.PLAN_TEXT, place, "a NUL character or a lone surrogate")
        return text

    def _number(self, value: int | float, place: Place) -> Any:
        if isinstance(value, float):
            if not isfinite(value):
                self._found.add(Code.PLAN_NUMBER, place, f"{value} is not a JSON number")
        elif value.bit_length() > _MAX_INTEGER_BITS:
            message = f"an integer of {value.bit_length():,} bits; the limit is {_MAX_INTEGER_BITS}"
            self._found.add(Code.PLAN_NUMBER, place, message)
            return (1 if value > 0 else -1) << _MAX_INTEGER_BITS
        return value

    def _spend(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._policy.max_bytes:
            self._stop(Code.PLAN_TOO_LARGE, f"more than {self._policy.max_bytes:,} bytes")

    def _stop(self, code: Code, message: str, place: Place = ()) -> None:
        self._found.add(code, place, message)
        raise PlanUnreadable
