"""``@pytest.mark.golden(...)``: what a test says about its goldens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

__all__ = ["MARKER", "Marked", "layer", "read_marks"]

MARKER = (
    "golden(seed=0, freeze=None, rules=None, hash_only=False): seed, frozen time, volatile rules and form "
    "of this test's goldens"
)


@dataclass(frozen=True)
class Marked:
    """The settings of one test, the innermost marker first."""

    seed: int | None = None
    freeze: str | None = None
    rules: tuple[Any, ...] = ()
    hash_only: bool = False


def read_marks(item: pytest.Item) -> Marked:
    """What the markers of a test, its class and its module say together.

    Raises:
        pytest.UsageError: an unknown or unusable argument, with the test's id.
    """
    seed: int | None = None
    freeze: str | None = None
    hash_only: bool | None = None
    rules: list[Any] = []
    for mark in item.iter_markers("golden"):
        unknown = sorted(set(mark.kwargs) - {"seed", "freeze", "rules", "hash_only"})
        if mark.args or unknown:
            wrong = ", ".join(unknown) or "positional arguments"
            raise pytest.UsageError(
                f"{item.nodeid}: @pytest.mark.golden takes seed, freeze, rules and hash_only; got {wrong}"
            )
        given = mark.kwargs
        if seed is None and "seed" in given:
            seed = given["seed"]
            if type(seed) is not int:
                raise pytest.UsageError(
                    f"{item.nodeid}: @pytest.mark.golden(seed={seed!r}): expected an int"
                )
        freeze = freeze or given.get("freeze")
        hash_only = given.get("hash_only") if hash_only is None else hash_only
        if given.get("rules"):
            rules.append(layer(given["rules"]))
    return Marked(seed, freeze, tuple(rules), bool(hash_only))


def layer(rules: Iterable[str] | Mapping[str, str]) -> tuple[str, tuple[Any, ...]]:
    """Rules as something hashable, so that rule sets can be made once and kept."""
    if isinstance(rules, Mapping):
        return "map", tuple(rules.items())
    if isinstance(rules, str):
        return "list", (rules,)
    return "list", tuple(rules)
