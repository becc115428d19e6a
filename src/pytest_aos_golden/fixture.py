"""What a test holds in its hand: ``golden``, and ``golden("name")``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, Protocol

__all__ = ["Evaluator", "Golden", "GoldenFailure", "GoldenUsageError", "NamedGolden"]


class GoldenFailure(AssertionError):  # noqa: N818 - a failed assertion
    """A comparison that is neither true nor false: damaged golden, a value that cannot be recorded, or a flaky one."""


class GoldenUsageError(Exception):
    """The test uses its golden in a way that has no meaning."""


# As pytest does for its own: the reader wants the message, not the address of the class.
GoldenFailure.__module__ = GoldenUsageError.__module__ = "builtins"


class Evaluator(Protocol):
    """The test that is running, as far as a golden is concerned."""

    @property
    def seed(self) -> int: ...

    def evaluate(
        self, asked_by: object, name: str | None, value: Any, rules: Any, hash_only: bool | None
    ) -> bool: ...

    def explanation(self, asked_by: object) -> list[str] | None: ...


_GIVEN_BY_COUNT = re.compile(r"\(\d+\)")


class _Comparable:
    """``value == golden``, whichever side it stands on and whatever the value's own ``==`` does."""

    __array_ufunc__ = None  # numpy: leave the comparison to us
    __pandas_priority__ = 1_000_000
    __hash__ = None  # type: ignore[assignment]

    def _matches(self, value: Any) -> bool:
        raise NotImplementedError

    def __eq__(self, value: object) -> bool:
        __tracebackhide__ = True
        if isinstance(value, _Comparable):
            raise TypeError("a golden is compared with a value, not with another golden")
        try:
            return self._matches(value)
        except (GoldenFailure, GoldenUsageError) as error:
            raise error.with_traceback(None) from None  # the test's line matters, not ours

    def __ne__(self, value: object) -> bool:
        __tracebackhide__ = True
        raise TypeError("value != golden would pass on any mistake; write assert value == golden")

    def __bool__(self) -> NoReturn:
        __tracebackhide__ = True
        raise TypeError("a golden is neither true nor false; write assert value == golden")


class NamedGolden(_Comparable):
    """One of several goldens of a test."""

    def __init__(
        self,
        evaluator: Evaluator,
        name: str | None,
        rules: Iterable[str] | Mapping[str, str] | None,
        hash_only: bool | None,
    ) -> None:
        self._evaluator = evaluator
        self._name = name
        self._rules = rules
        self._hash_only = hash_only

    def _matches(self, value: Any) -> bool:
        return self._evaluator.evaluate(self, self._name, value, self._rules, self._hash_only)

    def explanation(self) -> list[str] | None:
        """Why the last comparison failed."""
        return self._evaluator.explanation(self)

    def __repr__(self) -> str:
        return f"golden({self._name!r})" if self._name is not None else "golden"


class Golden(_Comparable):
    """The golden of the running test.

    ``value == golden`` compares with the test's own golden, ``golden("name")`` is another of the same test. The
    fixture is one object for the whole session that looks up the running test at each use, so it may be asked for by
    fixtures of any scope, and by tests under ``@given``.
    """

    def __init__(self, running: Evaluator) -> None:
        self._running = running

    @property
    def seed(self) -> int:
        """The seed of this test: its marker's, else ``golden_seed`` of the ini file."""
        return self._running.seed

    def __call__(
        self,
        name: str | None = None,
        *,
        rules: str | Iterable[str] | Mapping[str, str] | None = None,
        hash_only: bool | None = None,
    ) -> NamedGolden:
        """Another golden of this test, or the same with extra rules.

        ``rules`` are volatile rules such as ``".**.took_ms: mask"``, tried before all others. ``hash_only`` keeps only
        the hash of the value: for values that are large or secret.

        Raises:
            TypeError: the name is no text, empty, or one that unnamed goldens get by their count.
        """
        __tracebackhide__ = True
        if name is not None and not isinstance(name, str):
            raise TypeError(
                f"golden(...) takes a name, got {type(name).__name__}; to compare, write assert value == golden"
            )
        if name is not None and (not name.strip() or _GIVEN_BY_COUNT.fullmatch(name)):
            raise TypeError(f"{name!r} cannot be the name of a golden; choose a word")
        return NamedGolden(self._running, name, rules, hash_only)

    def example(self, key: str) -> NamedGolden:
        """The golden of one explicit Hypothesis example, named by a key that you choose."""
        __tracebackhide__ = True
        return self(f"example:{key}")

    def _matches(self, value: Any) -> bool:
        return self._running.evaluate(self, None, value, None, None)

    def explanation(self) -> list[str] | None:
        """Why the last comparison failed."""
        return self._running.explanation(self)

    def __repr__(self) -> str:
        return "golden"
