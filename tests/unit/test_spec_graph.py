"""The graph: cycles by name, orders that hold, and which steps may start."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aos_workflow.errors import UsageError
from aos_workflow.spec import Graph, spec_from_data
from aos_workflow.spec.graph import find_cycle, find_cycles

# The machine may be busy.
at_any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def graph(text: str, needs: str = "") -> Graph:
    """``"a: ; b: a; c: a b"``"""
    return Graph(_sets(text), _sets(needs))


def _sets(text: str) -> dict[str, frozenset[str]]:
    pairs = (part.split(":") for part in text.split(";") if part.strip())
    return {step.strip(): frozenset(below.split()) for step, below in pairs}


DIAMOND = "a: ; b: a; c: a; d: b c"

# cycles


@pytest.mark.parametrize(
    ("text", "cycle"),
    [
        ("a: ; b: a", None),
        (DIAMOND, None),
        ("a: a", "a"),
        ("a: b; b: a", "a b"),
        ("b: a; a: b", "b a"),
        ("a: b; b: c; c: a", "a b c"),
        # the shortest, wherever it is
        ("a: b; b: c; c: a; x: y; y: x", "x y"),
        ("a: b; b: c; c: a b", "b c"),
        ("a: b; b: a; z: z", "z"),
        # of equal ones the first
        ("x: y; y: x; a: b; b: a", "x y"),
        ("a: b c; b: a; c: a", "a b"),
        # what only leads to a cycle is not part of it
        ("in: a; a: b; b: a out; out: ", "a b"),
        # dependencies that are no steps
        ("a: gone; b: a", None),
    ],
)
def test_shortest_cycle(text: str, cycle: str | None) -> None:
    assert find_cycle(_sets(text)) == (tuple(cycle.split()) if cycle else None)


def test_cycles_have_no_step_in_common() -> None:
    found = list(find_cycles(_sets("a: b; b: a c; c: b; p: q; q: r; r: p; s: s")))
    assert found == [("s",), ("a", "b"), ("p", "q", "r")]


def test_a_long_cycle_and_a_dense_graph_are_found_in_time() -> None:
    ring = {str(n): [str((n + 1) % 1000)] for n in range(1000)}
    assert find_cycle(ring) == tuple(map(str, range(1000)))
    dense = {str(n): [str(other) for other in range(300)] for n in range(1, 300)}
    assert find_cycle(dense) == ("1",)


def test_a_graph_is_never_wrong() -> None:
    with pytest.raises(UsageError, match="a -> b -> a"):
        graph("a: b; b: a")
    with pytest.raises(UsageError, match="unknown steps"):
        graph("a: b")
    with pytest.raises(UsageError, match="does not wait for"):
        graph("a: ; b: ", needs="b: a")


# order


def test_levels_and_order() -> None:
    assert graph(DIAMOND).levels() == (("a",), ("b", "c"), ("d",))
    assert graph("d: b c; c: a; b: a; a: ").order() == ("a", "c", "b", "d")
    assert graph("z: ; b: z a; a: ; c: b z").levels() == (("z", "a"), ("b",), ("c",))
    assert graph("").levels() == ()


def test_graph_of_a_spec() -> None:
    spec = spec_from_data(
        {
            "workflow_id": "w",
            "steps": [
                {"step_id": "join", "skill": "k", "depends_on": ["b"], "inputs": {"x": "${a.x}"}},
                {"step_id": "b", "skill": "k", "when": "${a.ok}", "idempotency_key": "${c}"},
                {"step_id": "a", "skill": "k", "inputs": {"i": "${inputs.x}", "n": ["$${b}"]}},
                {"step_id": "c", "skill": "k", "inputs": {"a": "${a.x?} ${a.y}", "d": "${d?}"}},
                {"step_id": "d", "skill": "k"},
            ],
        }
    )
    found = Graph.of(spec)
    assert found.dependencies == _sets("join: a b; b: a c; a: ; c: a d; d: ")
    assert found.needs == _sets("join: a; b: a c; a: ; c: a; d: ")
    assert list(found.dependencies) == ["join", "b", "a", "c", "d"]


# what may start


def ready(of: Graph, completed: str = "", max_parallel: int = 10, **sets: str) -> str:
    more: Any = {name: set(steps.split()) for name, steps in sets.items()}
    return " ".join(of.ready(completed=set(completed.split()), max_parallel=max_parallel, **more))


def test_ready() -> None:
    diamond = graph(DIAMOND)
    assert ready(diamond) == "a"
    assert ready(diamond, running="a") == ""
    assert ready(diamond, "a") == "b c"
    assert ready(diamond, "a", max_parallel=1) == "b"
    assert ready(diamond, "a", running="b", max_parallel=1) == ""
    assert ready(diamond, "a", running="b", max_parallel=2) == "c"
    assert ready(diamond, "a b", running="c") == ""
    assert ready(diamond, "a c b") == "d"
    assert ready(diamond, "a b c d") == ""
    assert ready(graph("z: ; m: ; a: ")) == "z m a"


def test_more_running_than_allowed_starts_none() -> None:
    assert ready(graph("a: ; b: ; c: "), running="a b", max_parallel=1) == ""


def test_a_failure_blocks_what_waits_for_it() -> None:
    found = graph("a: ; b: a; c: b; x: ; y: x")
    assert ready(found, "x", failed="a") == "y"
    assert found.blocked(failed={"a"}) == ("b", "c")
    assert found.blocked(failed=set()) == ()


def test_a_skip_passes_on_to_who_needs_the_output() -> None:
    found = graph("a: ; b: a; c: b; after: a; joins: b after", needs="b: a; c: b")
    assert found.to_skip(skipped={"a"}) == ("b", "c")
    assert ready(found, skipped="a") == "after"
    assert ready(found, "after", skipped="a b c") == "joins"


def test_what_is_skipped_is_not_blocked() -> None:
    found = graph("a: ; b: ; c: a b; d: c", needs="c: a")
    assert found.blocked(failed={"b"}, skipped={"a"}) == ()
    assert found.blocked(failed={"b"}) == ("c", "d")


@pytest.mark.parametrize("name", ["completed", "running", "failed", "skipped"])
def test_steps_of_another_workflow_are_refused(name: str) -> None:
    sets: Any = {"completed": set(), name: {"gone"}}
    with pytest.raises(UsageError, match="gone"):
        graph(DIAMOND).ready(max_parallel=1, **sets)


def test_max_parallel_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="max_parallel is 0"):
        graph(DIAMOND).ready(completed=set(), max_parallel=0)


# any graph


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 12))
    names = [f"s{number}" for number in draw(st.permutations(range(count)))]
    dependencies, needs = {}, {}
    for number, name in enumerate(names):
        below = draw(st.sets(st.sampled_from(names[:number]), max_size=4)) if number else set()
        dependencies[name] = frozenset(below)
        needs[name] = frozenset(draw(st.sets(st.sampled_from(sorted(below))))) if below else below
    order = draw(st.permutations(names))
    return Graph(
        {name: dependencies[name] for name in order}, {n: frozenset(needs[n]) for n in order}
    )


@at_any_speed
@given(graphs())
def test_every_order_holds(found: Graph) -> None:
    order = found.order()
    assert sorted(order) == sorted(found.dependencies)
    place = {step: number for number, step in enumerate(order)}
    assert all(place[other] < place[step] for step in order for other in found.dependencies[step])
    levels = found.levels()
    level = {step: number for number, steps in enumerate(levels) for step in steps}
    assert sorted(level) == sorted(order)
    for step, below in found.dependencies.items():
        assert level[step] == 1 + max((level[other] for other in below), default=-1)


@at_any_speed
@given(graphs(), st.integers(1, 4), st.data())
def test_ready_keeps_the_limit_and_always_progresses(
    found: Graph, max_parallel: int, data: st.DataObject
) -> None:
    """Ended in any order, with failures and skips: every step ends in exactly one state, in bounded time."""
    completed: set[str] = set()
    running: set[str] = set()
    failed: set[str] = set()
    skipped: set[str] = set()
    while True:
        skipped |= set(found.to_skip(skipped=skipped))
        started = found.ready(
            completed=completed, running=running, failed=failed, skipped=skipped,
            max_parallel=max_parallel,
        )  # fmt: skip
        assert len(running) + len(started) <= max_parallel
        for step in started:
            assert found.dependencies[step] <= completed | skipped
            assert found.needs[step] <= completed
        running |= set(started)
        if not running:
            break
        step = data.draw(st.sampled_from(sorted(running)))
        running.remove(step)
        data.draw(st.sampled_from([completed, completed, failed, skipped])).add(step)
    blocked = set(found.blocked(failed=failed, skipped=skipped))
    assert blocked <= found.dependencies.keys() - completed - failed - skipped
    assert completed | failed | skipped | blocked == set(found.dependencies)


@at_any_speed
@given(graphs(), st.data())
def test_a_way_back_makes_a_cycle_that_is_one(found: Graph, data: st.DataObject) -> None:
    dependencies = {step: set(below) for step, below in found.dependencies.items()}
    steps = list(found.order())
    low = data.draw(st.integers(0, len(steps) - 1))
    high = data.draw(st.integers(low, len(steps) - 1))
    dependencies[steps[low]].add(steps[high])
    for one, other in zip(steps[low:high], steps[low + 1 : high + 1], strict=True):
        dependencies[other].add(one)
    cycle = find_cycle(dependencies)
    assert cycle
    assert len(set(cycle)) == len(cycle)
    assert all(b in dependencies[a] for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    assert cycle == find_cycle({step: sorted(below) for step, below in dependencies.items()})
