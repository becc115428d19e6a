"""What may be said of a step beside its inputs, checked where it is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from aos_workflow.errors import UsageError
from aos_workflow.spec.limits import MAX_CENTS, MAX_DURATION_S, MAX_KEY, MAX_NAME
from aos_workflow.spec.models import RetrySpec

__all__ = ["STEP_OPTIONS", "checked_cents", "checked_options"]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_cents(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= MAX_CENTS


def _is_limit(value: Any) -> bool:
    return _is_number(value) and 0 < value <= MAX_DURATION_S


def _is_name(value: Any) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        return False
    return value.isprintable() and not {":", "/"} & set(value)


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_KEY


_CENTS = f"a number of cents, from 0 to {MAX_CENTS}"
_EXPECTED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "retry": (lambda value: isinstance(value, RetrySpec), "Retry(3), or a RetrySpec"),
    "timeout_s": (_is_limit, f"a number of seconds above 0, at most {MAX_DURATION_S}"),
    "cost_cents": (_is_cents, _CENTS),
    "max_cents": (_is_cents, _CENTS),
    "step_id": (_is_name, f"1 to {MAX_NAME} printable characters without ':' and '/'"),
    "idempotency_key": (_is_key, f"a text of 1 to {MAX_KEY} characters"),
}
STEP_OPTIONS = tuple(_EXPECTED)


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a step; ``None`` is as if it were not given.

    Raises:
        UsageError: names the option, what it is and what was expected.
    """
    for name, value in options.items():
        is_right, expected = _EXPECTED[name]
        if value is not None and not is_right(value):
            raise UsageError(f"option {name!r} of a step is {value!r}; expected {expected}")
    return dict(options)


def checked_cents(name: str, cents: Any) -> float | None:
    """An amount, or ``None``. Raises UsageError."""
    if cents is not None and not _is_cents(cents):
        raise UsageError(f"{name} is {cents!r}; expected {_CENTS}")
    return None if cents is None else float(cents)
