"""What only the whole document can be wrong about: ids, skills, dependencies, references, cycles, money.

Works on raw JSON data, not on models, and steps over whatever has the wrong shape, so that a typing mistake in one step
hides no cycle between others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

from aos_workflow.errors import ReferenceSyntaxError
from aos_workflow.spec.graph import TEMPLATED_FIELDS, find_cycles
from aos_workflow.spec.kinds import is_number
from aos_workflow.spec.limits import MAX_CENTS, MAX_CYCLES
from aos_workflow.spec.problems import Finding, Path, meant, shown
from aos_workflow.spec.references import (
    INPUTS,
    Occurrence,
    Reference,
    parse_key,
    parse_template,
    texts_in,
)

__all__ = ["check"]


def check(
    document: Any, known_skills: Mapping[str, Collection[str]] | None = None
) -> Iterator[Finding]:
    """Every problem of that kind, warnings last.

    ``known_skills`` are the versions of each skill; a skill without any has whichever version is asked for.
    """
    if not isinstance(document, dict):
        return
    outline = _Outline(document)
    yield from _check_ids(outline)
    if known_skills is not None:
        for step in outline.steps:
            yield from _check_skill(step, known_skills)
    for step in outline.steps:
        yield from _check_dependencies(step, outline)
        yield from _check_when(step)
    yield from _check_references(outline)
    yield from _check_cycles(outline)
    yield from _check_outputs(outline)
    yield from _check_costs(outline)
    yield from _check_budget(outline)


@dataclass(slots=True)
class _Step:
    """A step as far as it can be read. ``waits_for`` maps each step to the path that says so."""

    path: Path
    raw: dict[str, Any]
    step_id: str | None
    waits_for: dict[str, Path] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)


class _Outline:
    """The document as far as it can be read."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.steps = [
            _Step(("steps", index), raw, _text(raw.get("step_id")))
            for index, raw in enumerate(_list(document.get("steps")))
            if isinstance(raw, dict)
        ]
        self.by_id: dict[str, _Step] = {}
        for step in self.steps:
            if step.step_id is not None:
                self.by_id.setdefault(step.step_id, step)

    def may_be_skipped(self) -> set[str]:
        """The steps with a condition, and those that need the output of one, and so on."""
        found = {
            step_id for step_id, step in self.by_id.items() if step.raw.get("when") is not None
        }
        above: dict[str, list[str]] = {}
        for step_id, step in self.by_id.items():
            for other in step.needs:
                above.setdefault(other, []).append(step_id)
        rest = list(found)
        while rest:
            fresh = set(above.get(rest.pop(), ())) - found
            found |= fresh
            rest += fresh
        return found


def _check_ids(outline: _Outline) -> Iterator[Finding]:
    for step in outline.steps:
        path = (*step.path, "step_id")
        if step.step_id == INPUTS:
            message = f'"{INPUTS}" is what references call the inputs of the run; choose another id'
            yield Finding(path, "reserved-id", message)
        elif step.step_id is not None and outline.by_id[step.step_id] is not step:
            first = outline.by_id[step.step_id].path[1]
            message = f"{shown(step.step_id)} is the id of steps[{first}] already"
            yield Finding(path, "duplicate-id", message)


def _check_skill(step: _Step, known: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    skill, version = _text(step.raw.get("skill")), step.raw.get("skill_version")
    if skill is None:
        return
    if skill not in known:
        message = f"there is no skill {shown(skill)}{meant(skill, known)}"
        yield Finding((*step.path, "skill"), "unknown-skill", message)
    elif type(version) in (str, int) and known[skill] and str(version) not in known[skill]:
        versions = ", ".join(sorted(known[skill])[:20])
        message = f"skill {shown(skill)} has no version {shown(str(version))}; known: {versions}"
        yield Finding((*step.path, "skill_version"), "unknown-skill-version", message)


def _check_dependencies(step: _Step, outline: _Outline) -> Iterator[Finding]:
    for index, other in enumerate(_list(step.raw.get("depends_on"))):
        path = (*step.path, "depends_on", index)
        if not isinstance(other, str):
            continue
        if other == step.step_id:
            yield Finding(path, "self-dependency", "the step waits for itself")
        elif other not in outline.by_id:
            message = f"there is no step {shown(other)}{meant(other, outline.by_id)}"
            yield Finding(path, "unknown-dependency", message)
        elif other in step.waits_for:
            yield Finding(path, "duplicate-dependency", f"{shown(other)} is listed twice")
        else:
            step.waits_for[other] = path


def _check_when(step: _Step) -> Iterator[Finding]:
    when = _text(step.raw.get("when"))
    if when is None:
        return
    try:
        parts = parse_template(when)
    except ReferenceSyntaxError:
        return  # reported with the other references
    if len(parts) != 1 or not isinstance(parts[0], Reference):
        message = "expected one reference to a boolean and nothing else, such as ${check.ok}"
        yield Finding((*step.path, "when"), "bad-when", message)


def _check_references(outline: _Outline) -> Iterator[Finding]:
    for step in outline.steps:
        for name in TEMPLATED_FIELDS:
            if name == "inputs" and not isinstance(step.raw.get(name), dict):
                continue
            for found in _occurrences(step.raw.get(name), (*step.path, name)):
                if isinstance(found, Finding):
                    yield found
                else:
                    yield from _check_reference(found, outline, step)


def _check_reference(
    found: Occurrence, outline: _Outline, step: _Step | None = None
) -> Iterator[Finding]:
    path, reference = found
    source = reference.source
    if source == INPUTS:
        yield from _check_input(found, outline.document.get("inputs"))
    elif source not in outline.by_id:
        message = f"{reference}: there is no step {shown(source)}{meant(source, outline.by_id)}"
        yield Finding(path, "unknown-step", message)
    elif step is not None and source == step.step_id:
        yield Finding(path, "self-reference", f"{reference}: a step cannot use its own output")
    elif step is not None:
        step.waits_for.setdefault(source, path)
        if not reference.optional:
            step.needs.add(source)


def _check_input(found: Occurrence, declared: Any) -> Iterator[Finding]:
    """As deep as the inputs are declared."""
    path, reference = found
    for depth, part in enumerate(reference.path):
        if not isinstance(declared, dict):
            return
        if part not in declared:
            above = Reference(INPUTS, reference.path[:depth])
            near = meant(part, declared) if isinstance(part, str) else ""
            message = f"{reference}: {above} has no {shown(part)}{near}"
            yield Finding(path, "unknown-input", message)
            return
        below = declared[part]
        declared = below.get("properties") if isinstance(below, dict) else None


def _check_cycles(outline: _Outline) -> Iterator[Finding]:
    dependencies = {step_id: list(step.waits_for) for step_id, step in outline.by_id.items()}
    for cycle in islice(find_cycles(dependencies), MAX_CYCLES):
        first = outline.by_id[cycle[0]]
        shown_cycle = " -> ".join(shown(step_id).strip('"') for step_id in [*cycle, cycle[0]])
        message = f"steps wait for each other: {shown_cycle} (each waits for the next)"
        yield Finding(first.waits_for[cycle[1]], "cycle", message)


def _check_outputs(outline: _Outline) -> Iterator[Finding]:
    uncertain = outline.may_be_skipped()
    outputs = outline.document.get("outputs")
    if not isinstance(outputs, dict):
        return
    for found in _occurrences(outputs, ("outputs",)):
        if isinstance(found, Finding):
            yield found
            continue
        yield from _check_reference(found, outline)
        reference = found.reference
        if reference.source in uncertain and not reference.optional:
            optional = Reference(reference.source, reference.path, True)
            message = f"{reference}: the step may be skipped; {optional} gives null then"
            yield Finding(found.path, "may-be-skipped", message)


def _check_costs(outline: _Outline) -> Iterator[Finding]:
    for step in outline.steps:
        cost, most = _cents(step.raw.get("cost_cents")), _cents(step.raw.get("max_cents"))
        if cost is not None and most is not None and cost > most:
            message = f"cost_cents is {cost}, above max_cents, which is {most}"
            yield Finding((*step.path, "cost_cents"), "cost-above-max", message)


def _check_budget(outline: _Outline) -> Iterator[Finding]:
    """Warnings only: a run over its budget is suspended and may go on once the budget is raised."""
    budget = _cents(outline.document.get("budget_cents"))
    if budget is None:
        return
    uncertain = outline.may_be_skipped()
    certain_cents = Decimal(0)
    for step in outline.steps:
        cost = _cents(step.raw.get("cost_cents")) or Decimal(0)
        if step.step_id not in uncertain:
            certain_cents += cost
        elif cost > budget:
            message = f"if it runs, the step alone costs more than the budget of {budget}"
            path = (*step.path, "cost_cents")
            yield Finding(path, "above-budget", message, severity="warning")
    if certain_cents > budget:
        message = (
            f"the budget is {budget}, but the steps that always run cost {certain_cents}; "
            "every run will be suspended"
        )
        yield Finding(("budget_cents",), "above-budget", message, severity="warning")


def _occurrences(value: Any, above: Path) -> Iterator[Occurrence | Finding]:
    """The references below a path, and a finding for each text that does not parse."""
    for below, text, is_key in texts_in(value):
        path = (*above, *below)
        try:
            if is_key:
                parse_key(text)
                continue
            parts = parse_template(text)
        except ReferenceSyntaxError as error:
            message = f"column {error.column} of the text: {error.reason}"
            yield Finding(path, "reference-syntax", message, at_key=is_key)
            continue
        for part in parts:
            if isinstance(part, Reference):
                yield Occurrence(path, part)


def _cents(value: object) -> Decimal | None:
    """An amount that the models accept, exactly."""
    return Decimal(repr(value)) if is_number(value) and 0 <= value <= MAX_CENTS else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
