"""One test while it runs, over all attempts that a rerun plugin makes: its key, its seed, its comparisons so far."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aos_golden.evaluation import Evaluation, Status
from pytest_aos_golden.marks import Marked, layer, read_marks
from pytest_aos_golden.naming import base_key, named_key

if TYPE_CHECKING:
    from pytest_aos_golden.compare import Comparer

__all__ = ["GoldenFailure", "GoldenUsageError", "TestRun"]


class GoldenFailure(AssertionError):  # noqa: N818 - a failed assertion
    """A comparison that is neither true nor false: damaged golden, a value that cannot be recorded, or a flaky one."""


class GoldenUsageError(Exception):
    """The test uses its golden in a way that has no meaning."""


class TestRun:
    """The comparisons of one test."""

    __test__ = False

    def __init__(
        self, item: pytest.Item, comparer: Callable[[], Comparer], default_seed: int
    ) -> None:
        self.item = item
        self._comparer = comparer
        self.marked: Marked = read_marks(item)
        self.seed = default_seed if self.marked.seed is None else self.marked.seed
        self.key: str = item.ihook.pytest_golden_key(item=item) or base_key(item)
        self._hook_rules: tuple[Any, ...] | None = None
        self._first: dict[str, Evaluation] = {}
        """What the first attempt saw, by key."""
        self._lock = threading.RLock()
        self.start_attempt()

    def start_attempt(self) -> None:
        """Begin the next attempt: comparisons start from nothing, but what was seen is not forgotten."""
        self.pending: list[Evaluation] = []
        """Comparisons that no report has carried away yet."""
        self._seen: dict[str, Evaluation] = {}
        self._unnamed_uses = 0
        self._unnamed_owner: object = None
        self._explanations: dict[int, tuple[object, list[str]]] = {}

    def evaluate(
        self, asked_by: object, name: str | None, value: Any, rules: Any, hash_only: bool | None
    ) -> bool:
        """Compare ``value`` with a golden of this test.

        Raises:
            GoldenFailure: neither true nor false; says why and what to type next.
            GoldenUsageError: an unnamed golden where only a named one has a meaning.
        """
        __tracebackhide__ = True
        from pytest_aos_golden.compare import Request

        with self._lock:
            if name is None:
                name = self._unnamed()
            request = Request(
                key=named_key(self.key, name),
                seed=self.seed,
                own_rules=self._layers(rules),
                hash_only=self.marked.hash_only if hash_only is None else hash_only,
                accept_command=f'pytest --golden-record "{self.item.nodeid}"',
            )
            evaluation = self._comparer().evaluate(value, request)
            self._compare_with_earlier(evaluation)
            self.pending.append(evaluation)
            self._explanations[id(asked_by)] = (asked_by, evaluation.message)
        if evaluation.status in (Status.INVALID, Status.REFUSED, Status.FLAKY):
            raise GoldenFailure("\n".join(evaluation.message))
        if evaluation.status == Status.MISMATCHED:
            self.item.ihook.pytest_golden_mismatch(item=self.item, mismatch=evaluation.to_json())
        return not evaluation.failed

    def explanation(self, asked_by: object) -> list[str] | None:
        """Why the last comparison of this golden object failed."""
        return self._explanations.get(id(asked_by), (None, None))[1]

    # inside

    def _compare_with_earlier(self, new: Evaluation) -> None:
        """A value that was another one before is flaky, whatever the golden says to it."""
        within, across = self._seen.get(new.key), self._first.get(new.key)
        self._seen.setdefault(new.key, new)
        self._first.setdefault(new.key, new)
        if new.hash is None:
            return
        if within is not None and within.hash not in (None, new.hash):
            if new.status in (Status.STAGED, Status.UNCHANGED, Status.OBSERVED):
                new.status = Status.REFUSED
                new.message = [
                    f"two different values for one golden, {new.key}",
                    "  next: give each its own name: golden('name')",
                ]
        elif (
            across is not None
            and across is not within
            and (across.hash != new.hash or across.failed)
        ):
            new.status = Status.FLAKY
            new.cause = "flaky"
            new.message = [
                f"flaky golden: {new.key}",
                f"  the first attempt had {_short(across)}, this attempt has {_short(new)}",
                *(f"  {line}" for line in across.message[:6]),
                "  a golden that only sometimes matches is no proof; make the value deterministic",
            ]

    def _unnamed(self) -> str | None:
        """The name of the next unnamed use: none, then ``(2)``, ``(3)`` in the order of the uses."""
        if _inside_given():
            raise GoldenUsageError(
                "golden inside @given needs a key, for every generated example would share one golden.\n"
                "  next: use golden.example('key') in an explicit @example, or golden('name') for a value that is "
                "the same for all examples"
            )
        owner = _running_task()
        self._unnamed_uses += 1
        if self._unnamed_uses == 1:
            self._unnamed_owner = owner
            return None
        if owner != self._unnamed_owner:
            raise GoldenUsageError(
                "a second unnamed golden from another task or thread: which comes first is up to the scheduler.\n"
                "  next: name them: golden('name')"
            )
        return f"({self._unnamed_uses})"

    def _layers(self, rules: Any) -> tuple[Any, ...]:
        """The rules of this use, its test and the hooks, in the order in which they are tried."""
        if self._hook_rules is None:
            found = self.item.ihook.pytest_golden_rules(item=self.item)
            self._hook_rules = tuple(layer(more) for more in found if more)
        own = (layer(rules),) if rules else ()
        return (*own, *self.marked.rules, *self._hook_rules)


def _short(evaluation: Evaluation) -> str:
    return f"{evaluation.hash[:12]} ({evaluation.status})" if evaluation.hash else evaluation.status


def _inside_given() -> bool:
    hypothesis = sys.modules.get("hypothesis")
    return hypothesis is not None and bool(hypothesis.currently_in_test_context())


def _running_task() -> object:
    """What the caller runs in: the asyncio or trio task, else the thread."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
        if task is not None:
            return id(task)
    trio: Any = sys.modules.get("trio")
    if trio is not None:
        try:
            return id(trio.lowlevel.current_task())
        except RuntimeError:
            pass
    return threading.get_ident()
