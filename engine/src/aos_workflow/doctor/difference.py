"""Where two outputs differ, and what kind of difference it is."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Difference", "differences", "kind_of"]

Kind = Literal["rounding", "numbers", "order", "values", "shape"]
MAX_PATHS = 200
ROUNDING = 1e-9
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two outputs differ. ``call`` counts the calls of the function."""

    call: int
    path: str
    expected: Any
    got: Any


_ABSENT = "<absent>"


def differences(expected: Sequence[Any], got: Sequence[Any]) -> list[Difference]:
    """The places where the outputs of the calls differ, at most MAX_PATHS."""
    found: list[Difference] = []
    for call, (left, right) in enumerate(zip(expected, got, strict=False)):
        for path, x, y in _walk("$", left, right):
            found.append(Difference(call, path, x, y))
            if len(found) >= MAX_PATHS:
                return found
    return found


def _walk(path: str, x: Any, y: Any) -> Iterator[tuple[str, Any, Any]]:
    if type(x) is dict and type(y) is dict:
        for key in sorted({*x, *y}):
            yield from _walk(f"{path}.{key}", x.get(key, _ABSENT), y.get(key, _ABSENT))
    elif type(x) is list and type(y) is list and len(x) == len(y):
        for index, (left, right) in enumerate(zip(x, y, strict=True)):
            yield from _walk(f"{path}[{index}]", left, right)
    elif json.dumps(x, sort_keys=True) != json.dumps(y, sort_keys=True):
        yield path, x, y


def kind_of(found: Sequence[Difference]) -> Kind:
    """The one word for a set of differences."""
    if all(_number(d.expected) and _number(d.got) for d in found):
        close = all(math.isclose(d.expected, d.got, rel_tol=ROUNDING, abs_tol=1e-12) for d in found)
        return "rounding" if close else "numbers"
    if any(
        _container(d.expected) or _container(d.got) or _ABSENT in (d.expected, d.got) for d in found
    ):
        return "shape"
    left = sorted(json.dumps(d.expected) for d in found)
    right = sorted(json.dumps(d.got) for d in found)
    return "order" if left == right else "values"


def leaf_only(found: Sequence[Difference]) -> bool:
    """Whether only leaves differ, none of them true or false: nothing that steers."""
    return not any(
        _container(d.expected)
        or _container(d.got)
        or isinstance(d.expected, bool)
        or d.expected == _ABSENT
        for d in found
    )


def numeric_texts(found: Sequence[Difference]) -> bool:
    """Whether texts differ only in the numbers in them."""
    return all(
        (_number(d.expected) and _number(d.got)) or (isinstance(d.expected, str) and isinstance(d.got, str)
        and _NUMBER.sub("#", d.expected) == _NUMBER.sub("#", d.got))
        for d in found
    )  # fmt: skip


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _container(value: Any) -> bool:
    return isinstance(value, dict | list)
