"""What is simulated: workflows, what goes into them, and what people answer."""

from __future__ import annotations

import inspect
import random
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aos_workflow.engine import Workflow, WorkflowSpec
from aos_workflow.engine.program import CodeProgram, SpecProgram
from aos_workflow.errors import ScenarioError
from aos_workflow.golden.canonical import content_hash
from aos_workflow.planner_sandbox import PlannerSandbox, SandboxPolicy, SkillRule
from aos_workflow.skills import SkillRegistry

__all__ = ["Answer", "Programs", "Scenario"]

_WORDS = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan")
_MOST_ITEMS = 4
_MOST_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person says to ``ctx.approve`` or sends as a signal."""

    approved: bool = True
    payload: Any = None


def _usual_answer(kind: str, name: str, request: Any, draw: random.Random) -> Answer:
    payload = {"value": draw.randrange(1000)} if kind == "signal" else None
    return Answer(draw.random() < 0.8, payload)


@dataclass(frozen=True)
class Scenario:
    """A workflow to simulate.

    ``inputs`` draws what a run is given; without it, by the annotations of the workflow's parameters. ``answers`` is
    asked ``(kind, name, request, draw)`` for every ``ctx.approve`` and ``ctx.signal``; without it, four of five
    approvals are granted. ``children`` are workflows that it runs by ``ctx.child``.
    """

    workflow: Workflow | WorkflowSpec
    inputs: Callable[[random.Random], Mapping[str, Any]] | None = None
    answers: Callable[[str, str, Any, random.Random], Answer] = _usual_answer
    children: tuple[Workflow | WorkflowSpec, ...] = ()

    @property
    def id(self) -> str:
        """The workflow's id."""
        workflow = self.workflow
        return workflow.id if isinstance(workflow, Workflow) else workflow.workflow_id

    @cached_property
    def _annotations(self) -> dict[str, Any]:
        return _wanted(self.workflow) if isinstance(self.workflow, Workflow) else {}

    def draw_inputs(self, draw: random.Random) -> dict[str, Any]:
        """The inputs of one run.

        Raises:
            ScenarioError: nothing can be drawn for one of them.
        """
        if self.inputs is not None:
            return dict(self.inputs(draw))
        if isinstance(self.workflow, Workflow):
            return {
                name: _of_type(self.workflow, name, wanted, draw)
                for name, wanted in self._annotations.items()
            }
        return {
            name: _of_kind(declared, draw)
            for name, declared in (self.workflow.inputs or {}).items()
        }


class Programs:
    """The scenarios of a simulation by workflow id, and the skills that they use."""

    def __init__(
        self, scenarios: Iterable[Scenario], registry: SkillRegistry | None = None
    ) -> None:
        self.scenarios = {scenario.id: scenario for scenario in scenarios}
        self.ids = tuple(sorted(self.scenarios))
        self.registry = registry if registry is not None else SkillRegistry()
        if not self.scenarios:
            raise ScenarioError(
                "no workflow to simulate", hint="name a module that has a function with @workflow"
            )
        costs = {item.id: item.cost_cents for item in self.registry}
        rules = {skill_id: SkillRule(cost_cents=cents) for skill_id, cents in costs.items()}
        self.sandbox = PlannerSandbox(SandboxPolicy(skills=rules))

    @classmethod
    def of(
        cls,
        registry: SkillRegistry,
        workflows: Iterable[Workflow | WorkflowSpec],
        scenarios: Iterable[Scenario] = (),
    ) -> Programs:
        """What a module holds: a workflow without a scenario gets the usual one, unless it is a child of another."""
        given = list(scenarios)
        told = {id(workflow) for each in given for workflow in (each.workflow, *each.children)}
        usual = [Scenario(workflow) for workflow in workflows if id(workflow) not in told]
        return cls([*usual, *given], registry)

    def only(self, ids: Iterable[str]) -> Programs:
        """Those of these workflows; the others are not simulated. Raises ScenarioError."""
        return Programs([self.scenario(name) for name in dict.fromkeys(ids)], self.registry)

    @cached_property
    def workflows(self) -> list[Workflow | WorkflowSpec]:
        """Those that are simulated, and their children."""
        every = self.scenarios.values()
        return [workflow for each in every for workflow in (each.workflow, *each.children)]

    def scenario(self, workflow_id: str) -> Scenario:
        """The scenario of a workflow. Raises ScenarioError."""
        found = self.scenarios.get(workflow_id)
        if found is None:
            raise ScenarioError(
                f"no workflow {workflow_id!r} to simulate", hint=f"one of: {', '.join(self.ids)}"
            )
        return found

    def is_timed(self, workflow_id: str) -> bool:
        """Whether a run of it may take only so long."""
        return self.scenario(workflow_id).workflow.timeout_s is not None

    def has_budget(self, workflow_id: str) -> bool:
        """Whether a run of it may cost only so much."""
        return self.scenario(workflow_id).workflow.budget_cents is not None

    @cached_property
    def namespaces(self) -> tuple[dict[str, Any], ...]:
        """The globals of every function that is simulated."""
        functions = [w.function for w in self.workflows if isinstance(w, Workflow)]
        functions += [item.function for item in self.registry]
        spaces = [
            found for f in functions if (found := getattr(f, "__globals__", None)) is not None
        ]
        return tuple({id(space): space for space in spaces}.values())

    @property
    def fingerprint(self) -> str:
        """Of the workflows and skills: their hashes, and the source of the functions where there is one."""
        workflows = [self.scenarios[name].workflow for name in self.ids]
        made = [(CodeProgram(w) if isinstance(w, Workflow) else SpecProgram(w)) for w in workflows]
        code = [_source(w.function) for w in workflows if isinstance(w, Workflow)]
        skills = [[item.id, item.version, _source(item.function)] for item in self.registry]
        return content_hash([[each.spec_hash for each in made], code, skills])


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(getattr(function, "__qualname__", ""))


# inputs


def _wanted(workflow: Workflow) -> dict[str, Any]:
    """The inputs that have no default, with their annotations."""
    _, *parameters = inspect.signature(workflow.function).parameters.values()
    try:
        hints = typing.get_type_hints(workflow.function)
    except NameError as error:
        raise ScenarioError(f"workflow {workflow.id!r}: {error}") from None
    return {p.name: hints.get(p.name) for p in parameters if p.default is p.empty}


def _of_type(
    workflow: Workflow, name: str, wanted: Any, draw: random.Random, depth: int = 0
) -> Any:
    """A value of the annotated type: plain types, and lists, tuples, dicts, unions and literals of them."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    simple = _SIMPLE.get(wanted)
    if simple is not None:
        return simple(draw)
    if wanted in (list, dict, tuple) or (origin is not None and depth > _MOST_DEPTH):
        return {} if dict in (wanted, origin) else []

    def item(kind: Any) -> Any:
        return _of_type(workflow, name, kind, draw, depth + 1)

    if origin is typing.Literal:
        return draw.choice(arguments)
    if origin in (typing.Union, types.UnionType):
        return item(arguments[0])
    if origin in (list, tuple):
        return [item(arguments[0]) for _ in range(draw.randint(1, _MOST_ITEMS))]
    if origin is dict:
        return {
            draw.choice(_WORDS): item(arguments[1]) for _ in range(draw.randint(1, _MOST_ITEMS))
        }
    raise ScenarioError(
        f"workflow {workflow.id!r}: no value can be drawn for input {name!r} of type {wanted!r}",
        hint="give it a default, or say in the module: Scenario(workflow, inputs=lambda draw: {...})",
    )


_SIMPLE: dict[Any, Callable[[random.Random], Any]] = {
    None: lambda draw: draw.choice(_WORDS),
    type(None): lambda draw: None,
    Any: lambda draw: draw.choice(_WORDS),
    str: lambda draw: " ".join(draw.choices(_WORDS, k=draw.randint(1, _MOST_ITEMS))),
    int: lambda draw: draw.randint(0, 100),
    float: lambda draw: draw.randint(0, 1_000_000) / 1000,
    bool: lambda draw: draw.random() < 0.5,
}


def _of_kind(declared: Any, draw: random.Random) -> Any:
    """A value that a spec's declaration allows."""
    if declared.default is not None:
        return declared.default
    if declared.enum:
        return draw.choice(declared.enum)
    if declared.type == "array":
        items = declared.items
        return [_of_kind(items, draw) for _ in range(draw.randint(1, _MOST_ITEMS))] if items else []
    if declared.type == "object":
        return {name: _of_kind(each, draw) for name, each in (declared.properties or {}).items()}
    return _SIMPLE[_TYPE_OF_KIND.get(declared.type, Any)](draw)


_TYPE_OF_KIND: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
}
