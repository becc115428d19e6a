"""The graph of a workflow's steps: what waits for what, and which steps may start now. Pure; decides, does nothing.

A step waits for what it lists in ``depends_on`` and for every step it refers to. What that means once steps end:

============  =====================================================================================
dependency    a step that waits for it
============  =====================================================================================
completed     may start once all others allow it
skipped       may start if it only *waits* for it, or its references to it are optional (``${a.x?}``);
              a step that needs its output is skipped as well
failed        never starts: it is blocked
============  =====================================================================================

Which of the three it is depends on the sets alone, never on the order in which steps ended. Wherever steps are listed,
they stand in the order of the spec.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from aos_workflow.errors import UsageError
from aos_workflow.spec.references import INPUTS, references_in

if TYPE_CHECKING:
    from aos_workflow.spec.models import WorkflowSpec

__all__ = ["TEMPLATED_FIELDS", "Graph", "find_cycle", "find_cycles"]

TEMPLATED_FIELDS = ("when", "inputs", "idempotency_key")
"""The fields of a step that may hold references."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The steps in the order of the spec.

    ``dependencies`` are the steps that each waits for; ``needs`` those among them whose output it cannot do without.

    Raises:
        UsageError: a step that waits for itself, also through others, or for one that does not exist.
    """

    dependencies: Mapping[str, Set[str]]
    needs: Mapping[str, Set[str]]

    def __post_init__(self) -> None:
        for step_id, below in self.dependencies.items():
            if not below <= self.dependencies.keys():
                unknown = sorted(below - self.dependencies.keys())
                raise UsageError(f"step {step_id!r} waits for unknown steps: {unknown}")
            if not self.needs.get(step_id, frozenset()) <= below:
                raise UsageError(
                    f"step {step_id!r} needs the output of a step it does not wait for"
                )
        cycle = find_cycle(self.dependencies)
        if cycle:
            raise UsageError(f"steps wait for each other: {' -> '.join([*cycle, cycle[0]])}")

    @classmethod
    def of(cls, spec: WorkflowSpec) -> Graph:
        """The graph of a spec."""
        dependencies, needs = {}, {}
        for step in spec.steps:
            references = [
                occurrence.reference
                for name in TEMPLATED_FIELDS
                for occurrence in references_in(getattr(step, name))
                if occurrence.reference.source != INPUTS
            ]
            sources = [reference.source for reference in references]
            dependencies[step.step_id] = frozenset([*step.depends_on, *sources])
            needs[step.step_id] = frozenset(
                reference.source for reference in references if not reference.optional
            )
        return cls(dependencies, needs)

    def order(self) -> tuple[str, ...]:
        """Every step after those it waits for; where several may come next, the first in the spec does."""
        return tuple(_order(self.dependencies))

    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The steps grouped by how many others must run before them, one after the other, at least."""
        level_of: dict[str, int] = {}
        for step_id in self.order():
            below = self.dependencies[step_id]
            level_of[step_id] = 1 + max((level_of[other] for other in below), default=-1)
        levels: list[list[str]] = [[] for _ in range(1 + max(level_of.values(), default=-1))]
        for step_id in self.dependencies:
            levels[level_of[step_id]].append(step_id)
        return tuple(map(tuple, levels))

    def ready(
        self,
        *,
        completed: Set[str],
        running: Set[str] = frozenset(),
        failed: Set[str] = frozenset(),
        skipped: Set[str] = frozenset(),
        max_parallel: int,
    ) -> tuple[str, ...]:
        """The steps to start now, at most so many that ``max_parallel`` run.

        Raises:
            UsageError: ``max_parallel`` below 1, or a step that the workflow does not have.
        """
        if max_parallel < 1:
            raise UsageError(f"max_parallel is {max_parallel}, expected 1 or more")
        started = completed | running | failed | skipped
        self._check(started)
        free = max_parallel - len(running)
        settled = completed | skipped
        chosen: list[str] = []
        for step_id, below in self.dependencies.items():
            if len(chosen) >= free:
                break
            if step_id not in started and below <= settled:
                if skipped and not skipped.isdisjoint(self.needs.get(step_id, ())):
                    continue
                chosen.append(step_id)
        return tuple(chosen)

    def to_skip(self, *, skipped: Set[str]) -> tuple[str, ...]:
        """The steps that must be skipped too, because they need the output of one that was."""
        self._check(skipped)
        gone = set(skipped)
        for step_id in self.order():
            if not gone.isdisjoint(self.needs.get(step_id, ())):
                gone.add(step_id)
        return tuple(step for step in self.dependencies if step in gone and step not in skipped)

    def blocked(self, *, failed: Set[str], skipped: Set[str] = frozenset()) -> tuple[str, ...]:
        """The steps that can never start, because they wait for one that failed.

        Ask when no step is ready or running: what is blocked for now may turn out to be skipped.
        """
        self._check(failed)
        gone = set(failed)
        spared = {*skipped, *self.to_skip(skipped=skipped)}
        for step_id in self.order():
            if step_id not in spared and not gone.isdisjoint(self.dependencies[step_id]):
                gone.add(step_id)
        return tuple(step for step in self.dependencies if step in gone and step not in failed)

    def _check(self, named: Set[str]) -> None:
        if not named <= self.dependencies.keys():
            unknown = sorted(named - self.dependencies.keys())
            raise UsageError(
                f"the workflow has no steps {unknown}",
                hint="the run was started with another version of the spec; load that one",
            )


def find_cycles(dependencies: Mapping[str, Collection[str]]) -> Iterator[tuple[str, ...]]:
    """Cycles without a step in common, the shortest first; none if the graph has none.

    Each begins with its first step in the order of ``dependencies``, and each of its steps waits for the next one.
    """
    rest = dict(dependencies)
    while cycle := find_cycle(rest):
        yield cycle
        rest = {step: below for step, below in rest.items() if step not in cycle}


def find_cycle(dependencies: Mapping[str, Collection[str]]) -> tuple[str, ...] | None:
    """The shortest cycle; of several, the one that begins first. Dependencies that are no steps are ignored."""
    ordered = set(_order(dependencies))
    position = {step: number for number, step in enumerate(dependencies) if step not in ordered}
    below = {
        step: sorted(
            (other for other in dependencies[step] if other in position), key=position.__getitem__
        )
        for step in position
    }
    best: tuple[str, ...] | None = None
    for step in position:
        best = _cycle_through(step, below, len(best) if best else len(position) + 1) or best
        if best and len(best) == 1:
            break
    return best


def _cycle_through(
    start: str, below: Mapping[str, Collection[str]], limit: int
) -> tuple[str, ...] | None:
    """The shortest way from a step back to itself of fewer than ``limit`` steps."""
    trail: dict[str, str] = {}
    queue = deque([(start, 1)])
    while queue:
        step, length = queue.popleft()
        if length >= limit:
            return None
        for other in below[step]:
            if other == start:
                return tuple(_walk_back(step, start, trail))[::-1]
            if other not in trail:
                trail[other] = step
                queue.append((other, length + 1))
    return None


def _walk_back(step: str, start: str, trail: Mapping[str, str]) -> Iterator[str]:
    while step != start:
        yield step
        step = trail[step]
    yield start


def _order(dependencies: Mapping[str, Collection[str]]) -> list[str]:
    """The steps that are in no cycle and wait for none, each after those it waits for."""
    steps = list(dependencies)
    waiting = dict.fromkeys(steps, 0)
    above: dict[str, list[int]] = {step: [] for step in steps}
    for number, step in enumerate(steps):
        for other in set(dependencies[step]):
            if other in above:
                above[other].append(number)
                waiting[step] += 1
    free = [number for number, step in enumerate(steps) if not waiting[step]]
    heapify(free)
    ordered = []
    while free:
        step = steps[heappop(free)]
        ordered.append(step)
        for number in above[step]:
            waiting[steps[number]] -= 1
            if not waiting[steps[number]]:
                heappush(free, number)
    return ordered
