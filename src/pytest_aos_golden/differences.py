"""How two values differ, in the words and data that messages and reports use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aos_workflow.golden.diff import Diff, diff
from aos_workflow.golden.explain import describe, headline, propose_rule
from aos_workflow.golden.strict_json import loads

__all__ = ["Differences", "find_differences"]

_KEPT_ENTRIES = 50
_SHOWN_ENTRIES = 5
_SHOWN_RULES = 5


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences of two values, ready to be shown: no secret is in them."""

    headline: str
    cause: str | None
    lines: tuple[str, ...]
    """The first differences, each by its path and both values."""
    entries: tuple[dict[str, Any], ...]
    rules: tuple[str, ...]
    """Rules under which the values would be the same; none if any of the differences is more than noise."""


def find_differences(expected: Any, got_text: bytes) -> Differences:
    """Compare a value that was read from JSON with the canonical text of another."""
    found = diff(expected, loads(got_text), limit=_KEPT_ENTRIES)
    return Differences(
        headline(found),
        found.cause,
        tuple(_lines(found)),
        tuple(entry.to_json() for entry in found.entries),
        _rules(found),
    )


def _lines(found: Diff) -> Iterator[str]:
    for entry in found.entries[:_SHOWN_ENTRIES]:
        yield from (f"  {line}" for line in describe(entry))
    rest = found.total - _SHOWN_ENTRIES
    if rest > 0:
        yield f"  ... and {rest:,}{'' if found.complete else ' or'} more"


def _rules(found: Diff) -> tuple[str, ...]:
    proposed = [propose_rule(entry) for entry in found.entries]
    if found.truncated or not all(proposed):
        return ()
    return tuple(dict.fromkeys(rule for rule in proposed if rule))[:_SHOWN_RULES]
