"""What waits for what: missing steps, cycles, and references to what has not run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aos_workflow.planner_sandbox.findings import Code, Collector, Place, shown
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.references import Reference
from aos_workflow.planner_sandbox.skills import SkillJudge
from aos_workflow.planner_sandbox.structure import Step

__all__ = ["Use", "check_graph"]

_SHOWN_STEPS = 10


class Use(NamedTuple):
    """A reference, where it stands, and the index of the step it stands in (None: outside of all)."""

    place: Place
    reference: Reference
    step: int | None


def check_graph(
    steps: list[Step],
    uses: Iterable[Use],
    policy: SandboxPolicy,
    skills: SkillJudge,
    found: Collector,
) -> None:
    """Report what depends on nothing that is there, on itself, or on what comes later without waiting for it."""
    by_id = {step.step_id: step.index for step in reversed(steps) if step.step_id}
    declared: dict[int, set[int]] = {step.index: set() for step in steps}
    for step in steps:
        for at, step_id in step.depends_on:
            target = by_id.get(step_id)
            if target is not None:
                declared[step.index].add(target)
                continue
            place = (*step.place, "depends_on", at)
            found.add(Code.DEPENDENCY_MISSING, place, f"no step {shown(step_id)}")
            _check_forbidden([step_id], place, skills, found)
    edges = {index: set(targets) for index, targets in declared.items()}
    later: list[tuple[Use, int]] = []
    for use in uses:
        target = _target(use, by_id, policy, skills, found)
        if target is None or use.step is None:
            continue
        edges[use.step].add(target)
        if target > use.step:
            later.append((use, target))
    in_cycle = _check_cycles(edges, steps, found)
    _check_order(later, declared, in_cycle, found)


def _target(
    use: Use,
    by_id: dict[str, int],
    policy: SandboxPolicy,
    skills: SkillJudge,
    found: Collector,
) -> int | None:
    """The index of the step that a reference names."""
    source, names = use.reference
    if use.reference.unsafe_name:
        message = f"{shown(use.reference.unsafe_name)} reaches into objects, not data"
        found.add(Code.REFERENCE_UNSAFE, use.place, message)
    target = by_id.get(source)
    if target is None and source not in policy.reference_roots:
        message = f"no step {shown(source)}; for a literal ${{ write $${{"
        found.add(Code.REFERENCE_MISSING, use.place, message)
        _check_forbidden([source, *names], use.place, skills, found)
    return target


def _check_forbidden(
    names: Iterable[str], place: Place, skills: SkillJudge, found: Collector
) -> None:
    for name in names:
        if skill := skills.forbidden(name):
            found.add(Code.SKILL_FORBIDDEN, place, f"names the forbidden skill {shown(skill)}")


def _check_order(
    later: list[tuple[Use, int]],
    declared: dict[int, set[int]],
    in_cycle: set[int],
    found: Collector,
) -> None:
    before: dict[int, set[int]] = {}
    for use, target in later:
        assert use.step is not None
        if use.step not in before:
            before[use.step] = set(_reachable(use.step, declared))
        if target not in before[use.step] and not {use.step, target} <= in_cycle:
            message = f"{shown(use.reference.source)} comes later; name it in depends_on"
            found.add(Code.REFERENCE_FORWARD, use.place, message)


def _reachable(start: int, edges: dict[int, set[int]]) -> Iterator[int]:
    seen, todo = {start}, [start]
    while todo:
        for target in edges[todo.pop()] - seen:
            seen.add(target)
            todo.append(target)
            yield target


def _check_cycles(edges: dict[int, set[int]], steps: list[Step], found: Collector) -> set[int]:
    """Report each cycle once, at its first step; gives the indexes of all steps in cycles."""
    names = {step.index: step.step_id or f".steps[{step.index}]" for step in steps}
    in_cycle: set[int] = set()
    for group in _components(edges):
        if len(group) == 1 and group[0] not in edges[group[0]]:
            continue
        in_cycle.update(group)
        first, *rest = sorted(group)
        members = ", ".join(names[index] for index in [first, *rest][:_SHOWN_STEPS])
        more = f" and {len(group) - _SHOWN_STEPS} more" if len(group) > _SHOWN_STEPS else ""
        message = f"waits for itself: {members}{more}"
        found.add(Code.DEPENDENCY_CYCLE, ("steps", first), message)
    return in_cycle


def _components(edges: dict[int, set[int]]) -> Iterator[list[int]]:
    """Strongly connected components (Tarjan 1972), without recursion."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in edges:
        if root in order:
            continue
        work = [(root, iter(sorted(edges[root])))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(sorted(edges[target]))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    at = stack.index(node)
                    group = stack[at:]
                    del stack[at:]
                    on_stack.difference_update(group)
                    yield group
