"""One test while it runs, over all attempts that a rerun plugin makes: its key, its seed, its comparisons so far."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aos_golden.evaluation import Evaluation, Status
from pytest_aos_golden.fixture import GoldenFailure, GoldenUsageError
from pytest_aos_golden.marks import Layer, Marked, layer, read_marks
from pytest_aos_golden.naming import key_of, named_key

if TYPE_CHECKING:
    from pytest_aos_golden.compare import Comparer
    from pytest_aos_golden.doctor import Diagnosis

__all__ = ["TestRun"]


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
        self.key: str = key_of(item)
        self._hook_rules: tuple[Layer, ...] | None = None
        self._earlier: dict[str, Evaluation] = {}
        """What earlier attempts saw, by key; of several, one that failed."""
        self._seen: dict[str, Evaluation] = {}
        self._lock = threading.RLock()
        self._thread = threading.current_thread()
        self.start_attempt()

    def start_attempt(self) -> None:
        """Begin the next attempt: comparisons start from nothing, but what was seen is not forgotten."""
        for key, seen in self._seen.items():
            if key not in self._earlier or not self._earlier[key].failed:
                self._earlier[key] = seen
        self.diagnosis: Diagnosis | None = None
        self.pending: list[Evaluation] = []
        """Comparisons that no report has carried away yet."""
        self._seen = {}
        """The first comparison of each key in this attempt, or the first that failed."""
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
            request = Request(
                key=named_key(self.key, self._unnamed() if name is None else name),
                seed=self.seed,
                own_rules=self._layers(rules),
                hash_only=self.marked.hash_only if hash_only is None else hash_only,
                nodeid=self.item.nodeid,
            )
            evaluation = self._comparer().evaluate(value, request)
            self._compare_with_earlier(evaluation)
            self.pending.append(evaluation)
            if evaluation.message:
                self._explanations[id(asked_by)] = (asked_by, evaluation.message)
        if evaluation.status in (Status.INVALID, Status.REFUSED, Status.FLAKY):
            raise GoldenFailure("\n".join(evaluation.message))
        if evaluation.status == Status.MISMATCHED:
            self._tell_hook(evaluation)
        return not evaluation.failed

    def explanation(self, asked_by: object) -> list[str] | None:
        """Why the last comparison of this golden object failed."""
        found = self._explanations.get(id(asked_by))
        return found[1] if found is not None else None

    @property
    def compared(self) -> bool:
        """Whether this attempt has compared anything."""
        return bool(self._seen)

    def take_pending(self) -> list[Evaluation]:
        """The comparisons since the last report."""
        taken, self.pending = self.pending, []
        return taken

    # inside

    def _tell_hook(self, evaluation: Evaluation) -> None:
        self.item.ihook.pytest_golden_mismatch(
            item=self.item,
            mismatch={
                "key": evaluation.key,
                "file": evaluation.file,
                "expected_hash": evaluation.expected_hash,
                "got_hash": evaluation.hash,
                "cause": evaluation.cause,
                "entries": evaluation.entries,
            },
        )

    def _compare_with_earlier(self, new: Evaluation) -> None:
        """A value that was another one before is flaky, whatever the golden says to it."""
        within, across = self._seen.get(new.key), self._earlier.get(new.key)
        if within is None or (new.failed and not within.failed):
            self._seen[new.key] = new
        if new.hash is None:
            return
        if within is not None and within.hash not in (None, new.hash):
            if new.status in Status.RECORDED:
                new.status = Status.REFUSED
                new.cause = "flaky"
                new.message = [
                    f"two different values for one golden, {new.key}",
                    "  next: give each its own name: golden('name')",
                ]
        elif across is not None and (
            across.status == Status.FLAKY or across.hash != new.hash or across.failed != new.failed
        ):
            new.message = _flaky(new, across)
            new.status = new.cause = Status.FLAKY
            self._seen[new.key] = new

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
        # A pool may give all of its work to one thread, this time.
        elsewhere = threading.current_thread() is not self._thread
        if owner is not self._unnamed_owner or elsewhere:
            raise GoldenUsageError(
                "a second unnamed golden from another task or thread: which comes first is up to the scheduler.\n"
                "  next: name them: golden('name')"
            )
        return f"({self._unnamed_uses})"

    def _layers(self, rules: Any) -> tuple[Layer, ...]:
        """The rules of this use, its test and the hooks, in the order in which they are tried."""
        if self._hook_rules is None:
            self._hook_rules = self._rules_of_hooks()
        own = (layer(rules),) if rules else ()
        return (*own, *self.marked.rules, *self._hook_rules)

    def _rules_of_hooks(self) -> tuple[Layer, ...]:
        if not self.item.config.hook.pytest_golden_rules.get_hookimpls():
            return ()  # an item's own hooks are dear to ask
        found = self.item.ihook.pytest_golden_rules(item=self.item)
        return tuple(layer(more, "pytest_golden_rules") for more in found if more)


def _flaky(new: Evaluation, earlier: Evaluation) -> list[str]:
    return [
        f"flaky golden: {new.key}",
        f"  an earlier attempt had {_short(earlier)}, this attempt has {_short(new)}",
        *(f"  {line}" for line in (new.message or earlier.message)[:6]),
        "  a golden that only sometimes matches is no proof; make the value deterministic",
    ]


def _short(evaluation: Evaluation) -> str:
    return f"{evaluation.hash[:12]} ({evaluation.status})" if evaluation.hash else evaluation.status


def _inside_given() -> bool:
    hypothesis = sys.modules.get("hypothesis")
    asked = getattr(hypothesis, "currently_in_test_context", None)
    return asked is not None and bool(asked())


def _running_task() -> object:
    """What the caller runs in: the asyncio or trio task, else the thread. The object itself, for ids are used again."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
        if task is not None:
            return task
    trio: Any = sys.modules.get("trio")
    if hasattr(trio, "lowlevel"):
        try:
            return trio.lowlevel.current_task()
        except RuntimeError:
            pass
    return threading.current_thread()
