"""Which class of cause one difference belongs to, from the place, the two values and the step around them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aos_workflow.golden.diff import ABSENT, Entry
from aos_workflow.golden.explain import propose_rule
from aos_workflow.golden.paths import format_path
from aos_workflow.golden.triage.appearance import (
    is_environment_name,
    is_external_name,
    is_hash_name,
    is_seed_name,
    is_time,
    is_time_text,
    looks_random,
    same_words,
    volatile_class,
)
from aos_workflow.golden.triage.units import Unit

__all__ = ["Judgement", "Role", "Scene", "judge"]

Told = tuple[str, str, str | None]
Role = Literal["input", "output", "draws", "identity", "other"]

_ROLES: Mapping[str, Role] = {
    "input": "input", "inputs": "input", "args": "input", "kwargs": "input", "params": "input",
    "output": "output", "outputs": "output", "result": "output", "response": "output", "output_hash": "output",
    "draws": "draws",
    "skill_version": "identity", "spec_hash": "identity", "version": "identity",
}  # fmt: skip
_STARTS = ("spec_id", "workflow", "workflow_id", "workflow_type", "inputs")
_ANSWERS = (
    "status_code",
    "headers",
    "http_status",
    "completion",
    "model",
    "finish_reason",
    "usage",
    "choices",
)
_FAULTS = ("TIMEOUT", "CONNECTION", "NETWORK", "DNS", "HTTP", "UNAVAILABLE", "RATE_LIMIT")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known around a difference.

    ``same_code``: both runs are of the same code, seed and inputs as far as is recorded. ``environments``: what the two
    provenances say of the machine, where they differ, ``tools`` of the recorder. ``called_out``: the runs recorded
    calls to the outside. ``is_whole``: a step came or went as a whole.
    """

    skill: str | None = None
    kind: str = "value"
    same_code: bool = False
    environments: tuple[str, ...] = ()
    called_out: bool = False
    tools: tuple[str, str] | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The class of a difference, why, and the rule that would allow it."""

    cause: str
    why: str
    rule: str | None = None
    role: Role = "other"


def judge(entry: Entry, scene: Scene, unit: Unit) -> Judgement:
    """The class of one difference; its path begins in the document."""
    inside = entry.path[len(unit.prefix) + unit.is_event :]
    role = _ROLES.get(str(inside[0]), "other") if inside else "other"
    name = next((part for part in reversed(inside) if isinstance(part, str)), "")
    cause, why, rule = _told(entry, scene, role, name)
    return Judgement(cause, why, rule, role)


def _told(entry: Entry, scene: Scene, role: Role, name: str) -> Told:
    if scene.is_whole:
        return _came_or_went(entry, scene)
    both = entry.expected is not ABSENT and entry.got is not ABSENT
    if both and is_seed_name(name):
        return "seed-mismatch", f"{name} is {_brief(entry.expected)} and {_brief(entry.got)}", None
    if role == "identity":
        return "code-changed", f"{name} is {_brief(entry.expected)} and {_brief(entry.got)}", None
    return (
        _rounded_or_reordered(entry)
        or _volatile(entry, scene, name)
        or _asked(scene, name)
        or _outside(entry, scene, role, name)
        or _drawn(entry, scene, name)
        or _unexplained(scene)
    )


def _came_or_went(entry: Entry, scene: Scene) -> Told:
    what = "is only in the first" if entry.got is ABSENT else "is only in the second"
    if scene.kind == "external_call":
        return "external-call", f"a call to the outside {what}", None
    cause, why, _ = _unexplained(scene)
    return cause, f"it {what}; {why}", None


def _asked(scene: Scene, name: str) -> Told | None:
    if scene.kind == "run_start":
        return "other-run", f"the runs were begun with another {name or 'start'}", None
    if scene.kind == "header" and name in _STARTS:
        return "other-run", f"the runs have another {name}", None
    return None


def _rounded_or_reordered(entry: Entry) -> Told | None:
    if entry.cause == "order":
        return "order-only", "the same elements stand in another order", propose_rule(entry)
    if entry.cause == "float" and not is_time(entry.expected, entry.got):
        return "float-only", "the numbers differ by no more than rounding", propose_rule(entry)
    if same_words(entry.expected, entry.got):
        return "order-only", "the same words stand in another order", None
    return None


def _volatile(entry: Entry, scene: Scene, name: str) -> Told | None:
    expected, got = entry.expected, entry.got
    if entry.cause == "volatile":
        if entry.volatile_class == "temp_path" and scene.environments:
            return None
        return "volatile-leak", f"both are of the class {entry.volatile_class}", propose_rule(entry)
    found = volatile_class(name, expected, got)
    if found is not None:
        action = "alias" if found in ("id", "uuid", "ulid") else "mask"
        why = f"both look like {'an' if found[0] in 'aeiou' else 'a'} {found}"
        return "volatile-leak", why, f".**{format_path([name])}: {action} {found}"
    if is_time_text(expected, got):
        rule = f".**{format_path([name])}: mask string" if name else None
        return "volatile-leak", "only times, ids or addresses inside the text differ", rule
    return None


def _outside(entry: Entry, scene: Scene, role: Role, name: str) -> Told | None:
    expected, got = entry.expected, entry.got
    if is_environment_name(name) or entry.volatile_class == "temp_path":
        return "environment", f"{name or 'the value'} says where it ran{_machines(scene)}", None
    for value in (expected, got):
        if (
            isinstance(value, str)
            and name in ("error_code", "error")
            and value.upper().startswith(_FAULTS)
        ):
            return "external-call", f"the step failed with {value} in one of the runs", None
    if role != "input" and scene.kind == "external_call":
        return "external-call", "the runs called out otherwise", None
    if role == "output" and scene.skill and is_external_name(scene.skill):
        return "external-call", f"{scene.skill} was given the same and answered otherwise", None
    if role == "output" and any(part in _ANSWERS for part in entry.path):
        return "external-call", "it is in the answer of a service", None
    if scene.called_out and role != "draws":
        return "external-call", "code outside of a step called out in this run", None
    return None


def _drawn(entry: Entry, scene: Scene, name: str) -> Told | None:
    if is_hash_name(name) or not looks_random(entry.expected, entry.got, same_code=scene.same_code):
        return None
    return "unseeded-rng", "the same seed and input gave values that look drawn", None


def _unexplained(scene: Scene) -> Told:
    if scene.tools is not None:
        return "stale", f"recorded by {scene.tools[0]} and {scene.tools[1]}", None
    if scene.environments:
        return "environment", f"nothing recorded differs but the machine{_machines(scene)}", None
    if scene.same_code:
        return "not-deterministic", "code, seed and inputs are the same", None
    return "real-change", "nothing else explains it", None


def _machines(scene: Scene) -> str:
    return f" ({'; '.join(scene.environments)})" if scene.environments else ""


def _brief(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"
