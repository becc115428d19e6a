"""Hooks that users and other plugins may implement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest


@pytest.hookspec(firstresult=True)
def pytest_golden_canonicalize(value: Any) -> Any:
    """Spell a value of your own type as plain data.

    Called for every part of a value. Return the plain data, or None to leave the value to the next one. To spell
    something as null, return ``pytest_aos_golden.hooks.NULL``.
    """


@pytest.hookspec
def pytest_golden_rules(item: pytest.Item) -> Sequence[str] | Mapping[str, str] | None:
    """Volatile rules for one test, tried before those of the ini file and after those of the test itself."""


@pytest.hookspec(firstresult=True)
def pytest_golden_key(item: pytest.Item) -> str | None:
    """The key of a test's goldens, instead of its node id. Must be unique and must not change between runs."""


@pytest.hookspec
def pytest_golden_mismatch(item: pytest.Item, mismatch: Mapping[str, Any]) -> None:
    """A value differs from its golden. ``mismatch`` has key, file, expected_hash, got_hash, cause and entries."""


class _Null:
    def __repr__(self) -> str:
        return "NULL"


NULL = _Null()
"""Return this from ``pytest_golden_canonicalize`` to spell a value as null."""
