"""The ECMAScript spelling of floating-point numbers that RFC 8785 section 3.2.2.3 asks for."""

from __future__ import annotations

from math import isfinite
from typing import Any

import orjson

from aos_workflow.golden.adapt import NeedsAdapting

__all__ = ["es6_number", "for_orjson"]


def es6_number(value: float) -> str:
    """A finite float as ECMAScript's ``Number::toString`` writes it (ECMA-262 section 6.1.6.1.20).

    Python's ``repr`` already finds the shortest digits that round-trip; only the layout differs.
    """
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    head = digits[0] + (f".{digits[1:]}" if count > 1 else "")
    return f"{sign}{head}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def for_orjson(number: float) -> Any:
    """A float such that orjson writes it as RFC 8785 says: itself, an integer, or a fragment of JSON.

    Raises:
        NeedsAdapting: NaN or an infinity.
    """
    if number % 1.0 == 0.0:
        if -9007199254740992.0 <= number <= 9007199254740992.0:
            return int(number)
    elif 1e-5 <= number < 1e16 or -1e16 < number <= -1e-5:
        return number
    if not isfinite(number):
        raise NeedsAdapting(number)
    return orjson.Fragment(es6_number(number))
