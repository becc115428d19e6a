"""``@pytest.mark.golden(...)``: what a test says about its goldens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import pytest

__all__ = ["MAX_SEED", "Layer", "Marked", "layer", "read_marks"]

MAX_SEED = 2**63 - 1


class Layer(NamedTuple):
    """Rules from one place. Hashable, so that rule sets can be made once and kept."""

    origin: str
    """Where they are written, for a person; empty for the comparison itself."""
    rules: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Marked:
    """The settings of one test, the innermost marker first."""

    seed: int | None = None
    freeze: str | date | None = None
    rules: tuple[Layer, ...] = ()
    hash_only: bool = False
    doctor: bool = False


_UNMARKED = Marked()
_ARGUMENTS: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "seed": (int, f"a whole number from 0 to {MAX_SEED}"),
    "freeze": ((str, date), "a time, such as '2026-01-01T00:00:00Z'"),
    "hash_only": (bool, "True or False"),
    "doctor": (bool, "True or False"),
    "rules": ((str, list, tuple, Mapping), "a list of rules, such as ['.**.took_ms: mask']"),
}


def read_marks(item: pytest.Item) -> Marked:
    """What the markers of a test, its class and its module say together.

    Raises:
        pytest.UsageError: an unknown or unusable argument, with the test's id.
    """
    found: dict[str, Any] = {}
    rules: list[Layer] = []
    for node, mark in item.iter_markers_with_node("golden"):
        _check(item, mark)
        given = {name: value for name, value in mark.kwargs.items() if value is not None}
        if given.get("rules"):
            place = node.nodeid.partition("[")[0] if node is item else node.nodeid
            rules.append(layer(given.pop("rules"), f"@pytest.mark.golden of {place}"))
        given.pop("rules", None)
        found = given | found
    return Marked(rules=tuple(rules), **found) if found or rules else _UNMARKED


def _check(item: pytest.Item, mark: pytest.Mark) -> None:
    unknown = sorted(set(mark.kwargs) - set(_ARGUMENTS))
    if mark.args or unknown:
        wrong = ", ".join(unknown) or "positional arguments"
        raise pytest.UsageError(
            f"{item.nodeid}: @pytest.mark.golden takes seed, freeze, rules, hash_only and doctor; got {wrong}"
        )
    for name, value in mark.kwargs.items():
        kind, expected = _ARGUMENTS[name]
        good = isinstance(value, kind) and (name != "seed" or _is_seed(value))
        if value is not None and not good:
            raise pytest.UsageError(
                f"{item.nodeid}: @pytest.mark.golden({name}={value!r}): expected {expected}"
            )


def _is_seed(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_SEED


def layer(rules: Any, origin: str = "") -> Layer:
    """Rules as they may be given, a text, several, or a mapping of selector to action."""
    if isinstance(rules, str):
        return Layer(origin, (rules,))
    if isinstance(rules, Mapping):
        return Layer(origin, tuple(f"{selector}: {action}" for selector, action in rules.items()))
    # What is no rule at all is refused where the rules are read, with the words for it.
    return Layer(origin, tuple(rules) if isinstance(rules, Iterable) else (rules,))
