"""Additions without rounding: whether a difference is only that of the order of additions."""

from __future__ import annotations

import builtins
from fractions import Fraction
from typing import Any

from aos_workflow.doctor.child.run import Run

__all__ = ["AXIS", "control"]

AXIS = "float"
_sum = builtins.sum


class Exact(float):
    """A float that remembers the sum it rounds."""

    exact: Fraction


def _rounded(value: Fraction) -> Exact:
    found = Exact(value)
    found.exact = value
    return found


def _fraction(value: Any) -> Fraction:
    return value.exact if isinstance(value, Exact) else Fraction(value)


def control(run: Run) -> dict[str, Any]:
    """``sum`` and ``+`` that are exact for floats at the lines that are thawed."""

    def exact_at(name: str) -> bool:
        reading = run.visit(AXIS, name, depth=3, count=False)
        return reading is not None and reading.thaw is not None

    def added(left: Any, right: Any, sign: int) -> Any:
        if type(left) in (float, Exact) or type(right) in (float, Exact):
            numbers = isinstance(left, int | float) and isinstance(right, int | float)
            if numbers and _finite(left) and _finite(right) and exact_at("+"):
                return _rounded(_fraction(left) + sign * _fraction(right))
        return left + right if sign > 0 else left - right

    def summed(values: Any, /, start: Any = 0) -> Any:
        values = list(values)
        floats = [v for v in values if isinstance(v, float)]
        if floats and all(isinstance(v, int | float) and _finite(v) for v in [*values, start]):
            if exact_at("sum"):
                return _rounded(_sum((_fraction(v) for v in values), _fraction(start)))
            found = start
            for value in values:  # as before 3.12, whose own sum hides the order
                found = found + value
            return found
        return _sum(values, start)

    builtins.__aos_add__ = added  # type: ignore[attr-defined]
    return {"sum": summed}


def plain_sum(values: Any, /, start: Any = 0) -> Any:
    """``sum`` as it was before 3.12, which makes up for rounding and so hides the order of additions."""
    if isinstance(start, str | bytes | bytearray):
        return _sum(values, start)
    found = start
    for value in values:
        found = found + value
    return found


def _finite(value: Any) -> bool:
    return not isinstance(value, float) or value - value == 0
