"""Every text of a plan with its place and kind, in the order of the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from aos_workflow import errors
from aos_workflow.golden import strict_json
from aos_workflow.planner_sandbox.findings import Code, Collector, Place, shown
from aos_workflow.planner_sandbox.kinds import Kind, inherited, item_kind, kind_of
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.protected import Protected
from aos_workflow.planner_sandbox.skills import SkillJudge
from aos_workflow.planner_sandbox.unfold import hidden

__all__ = ["Field", "Fields"]

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_ -][A-Za-z0-9]+){0,20}")
_UNSAFE_KEY = re.compile(
    r"__\w+__|constructor|prototype|\$(?:where|function|accumulator|expr|jsonSchema)", re.IGNORECASE
)
_METADATA_HEADER = re.compile(
    r"metadata-flavor|x-google-metadata-request|x-aws-ec2-metadata-token.*|metadata", re.IGNORECASE
)
_SKILL_KEY = re.compile(r"(?:.*_)?(?:skill|skill_id|tool|tool_name|skill_name)s?", re.IGNORECASE)
_CALLING_KEY = re.compile(
    r"(?:.*_)?(?:function|func|delegate|delegate_to|handler|action|agent|plugin|capability|call|invoke|uses|workflow|"
    r"then|fallback|next|next_step|on_error|on_failure|on_success)s?(?:_(?:id|name|call))?s?",
    re.IGNORECASE,
)
"""What other planners call a skill. Other things are called so, too; so a name must be given as it is written."""

_NAME_KEYS = ("name", "id", "skill", "tool")
_LOADED = frozenset(
    [
        *("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "BASH_ENV", "NODE_OPTIONS"),
        *("PROMPT_COMMAND", "PYTHONSTARTUP", "PERL5OPT", "RUBYOPT", "GIT_SSH", "GIT_SSH_COMMAND", "LESSOPEN"),
        *("GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "JAVA_TOOL_OPTIONS"),
    ]
)  # fmt: skip
"""Variables that make another program run code."""

_STEP_MARKS = frozenset(["inputs", "step_id", "depends_on", "skill_version"])
_CALL_MARKS = frozenset(["method", "http_method", "verb", "base_url", "host", "endpoint", "api"])
_STRUCTURAL = frozenset(["step_id", "skill", "skill_version", "depends_on", "steps"])
_ARGUMENT_KEYS = frozenset(["args", "arguments", "flags", "argument", "arg"])
_ADDRESS_KINDS = frozenset([Kind.URL, Kind.HOST, Kind.TARGET])
_MAY_HOLD_JSON = frozenset([Kind.DATA, Kind.TEXT, Kind.ARGUMENT, Kind.TARGET])

_MAX_KEY_CHARS = 256
_MAX_JSON_CHARS = 65_536
_MAX_JSON_LAYERS = 2
_SMALLEST_ADDRESS = 1 << 24
"""Integers below are counts and ports, not addresses of version 4."""


class Field(NamedTuple):
    """A text to be judged. ``is_derived``: put together here, so its references were already seen."""

    place: Place
    kind: Kind
    text: str
    is_derived: bool = False


class _Open(NamedTuple):
    """A value that is still to be looked at; ``layers`` counts the JSON texts around it."""

    place: Place
    kind: Kind
    value: Any
    layers: int = 0
    declared: Any = None
    """Kinds that a skill declares for the members, if these are its inputs."""


_Todo: TypeAlias = list[_Open]


class Fields:
    """Walks a plan that was read; reports what is wrong with keys on the way."""

    def __init__(self, policy: SandboxPolicy, skills: SkillJudge, found: Collector) -> None:
        self._skills = skills
        self._found = found
        self._protected = Protected(policy)
        self._values_left = policy.max_values
        """For values inside JSON texts; those of the plan itself were counted when it was read."""
        self._max_depth = policy.max_depth
        self._odd_keys: list[Field] = []

    def of_plan(self, plan: dict[str, Any]) -> Iterator[Field]:
        """The texts of a whole plan but its ids, skills and dependencies, which have checks of their own."""
        todo = self._members(_Open((), Kind.DATA, plan), is_outline=True)
        steps = plan.get("steps")
        for index, step in reversed(list(enumerate(steps if type(steps) is list else ()))):
            place: Place = ("steps", index)
            if type(step) is not dict:
                todo.append(_Open(place, Kind.DATA, step))
                continue
            todo += self._members(_Open(place, Kind.DATA, step), is_outline=True)
        yield from self._walk(todo)

    def of_inputs(self, skill: str, inputs: dict[str, Any]) -> Iterator[Field]:
        """The texts of one skill's inputs."""
        yield from self._walk(
            [_Open(("inputs",), Kind.DATA, inputs, declared=self._declared(skill))]
        )

    def _declared(self, skill: object) -> Any:
        rule = self._skills.rule(skill)
        return rule.inputs if rule else None

    def _walk(self, todo: _Todo) -> Iterator[Field]:
        while todo:
            item = todo.pop()
            value, kind = item.value, item.kind
            if type(value) is str:
                yield Field(item.place, kind, value, is_derived=item.layers > 0)
                if kind in _MAY_HOLD_JSON and item.layers < _MAX_JSON_LAYERS:
                    todo += self._inside(item)
            elif type(value) is dict:
                self._check_step(item)
                todo += self._members(item)
            elif type(value) is list:
                inner = item_kind(kind)
                if inner is not kind:
                    yield Field(item.place, inner, _joined(value), is_derived=True)
                todo += [
                    _Open((*item.place, index), inner, part, item.layers)
                    for index, part in reversed(list(enumerate(value)))
                ]
            elif kind in _ADDRESS_KINDS and _is_address(value):
                yield Field(item.place, Kind.HOST, str(int(value)))
        yield from self._odd_keys

    def _members(self, item: _Open, *, is_outline: bool = False) -> _Todo:
        members: dict[str, Any] = item.value
        is_call = not _CALL_MARKS.isdisjoint(members)
        result = []
        for key, value in members.items():
            place = (*item.place, key)
            declared = item.declared.get(key) if item.declared else None
            self._check_key(key, place, is_declared=declared is not None, layers=item.layers)
            if is_outline and key in _STRUCTURAL:
                continue
            kind = declared or self._kind(key, value, item.kind, is_call=is_call)
            inputs_of = members.get("skill") if is_outline and key == "inputs" else None
            if item.kind is Kind.HEADER and _METADATA_HEADER.fullmatch(key):
                message = f"{shown(key)} is a header for metadata services"
                self._found.add(Code.ADDRESS_METADATA, place, message)
            if key in _LOADED:
                message = f"{shown(key)} makes other programs run what it names"
                self._found.add(Code.SHELL_INJECTION, place, message)
            self._check_skills(key, value, place)
            result.append(_Open(place, kind, value, item.layers, self._declared(inputs_of)))
        result.reverse()
        return result

    @staticmethod
    def _kind(key: str, value: Any, outer: Kind, *, is_call: bool) -> Kind:
        named = kind_of(key)
        if named is Kind.PATH and is_call and key.lower().endswith("path"):
            return Kind.ROUTE
        if type(value) is dict and key.lower() in _ARGUMENT_KEYS:
            return Kind.DATA
        return named if named is not None else inherited(outer)

    def _check_key(self, key: str, place: Place, *, is_declared: bool, layers: int) -> None:
        meant = None if is_declared else self._protected.meant_by(key)
        if meant:
            message = f"{shown(key)} is for the platform to set ({meant})"
            self._found.add(Code.FIELD_PROTECTED, place, message)
        if len(key) > _MAX_KEY_CHARS:
            self._found.add(Code.FIELD_TOO_LONG, place, f"a key of {len(key):,} characters")
        if _UNSAFE_KEY.fullmatch(key):
            self._found.add(Code.KEY_UNSAFE, place, f"{shown(key)} reaches into objects")
        if _PLAIN_KEY.fullmatch(key):
            return
        if mark := hidden(key):
            self._found.add(Code.TEXT_HIDDEN, place, f"the invisible character {mark} in a key")
        if "${" in key.replace("$${", "") and not layers:
            message = f"{shown(key)}: a reference cannot stand in a key"
            self._found.add(Code.REFERENCE_SYNTAX, place, message)
        self._odd_keys.append(Field(place, Kind.DATA, key[:_MAX_KEY_CHARS], is_derived=True))

    def _check_skills(self, key: str, value: Any, place: Place) -> None:
        if type(value) not in (str, list, dict):
            return
        key = key[:_MAX_KEY_CHARS]
        if _SKILL_KEY.fullmatch(key):
            forbidden = self._skills.forbidden
        elif _CALLING_KEY.fullmatch(key):
            forbidden = self._skills.forbidden_as_named
        else:
            return
        for name in _named_in(value):
            if skill := forbidden(name):
                message = f"{shown(name)} names the forbidden skill {shown(skill)}"
                self._found.add(Code.SKILL_FORBIDDEN, place, message)

    def _check_step(self, item: _Open) -> None:
        """A step inside the inputs of a step would escape every check of steps."""
        if type(item.value.get("skill")) is str and not _STEP_MARKS.isdisjoint(item.value):
            message = "a step inside another value; steps stand in the plan's list only"
            self._found.add(Code.STEP_NESTED, item.place, message)

    def _inside(self, item: _Open) -> _Todo:
        """The value of a text that is JSON itself, which skills like to parse."""
        text = item.value.strip()
        if not (text[:1] == "{" and text[-1:] == "}") and not (
            text[:1] == "[" and text[-1:] == "]"
        ):
            return []
        if len(text) > _MAX_JSON_CHARS:
            return []
        try:
            value = strict_json.loads(text.encode("utf-8", "replace"), max_depth=self._max_depth)
        except errors.GoldenDuplicateKeyError:
            message = "a JSON text in which one object holds a key twice"
            self._found.add(Code.PLAN_DUPLICATE_KEY, item.place, message)
            return []
        except errors.GoldenTooDeepError:
            message = f"a JSON text nested deeper than {self._max_depth} levels"
            self._found.add(Code.PLAN_TOO_DEEP, item.place, message)
            return []
        except errors.GoldenFileError:
            return []
        if type(value) not in (dict, list) or not value:
            return []
        self._values_left -= text.count(",") + text.count(":") + 1
        if self._values_left < 0:
            message = "JSON texts hold too many values"
            self._found.add(Code.PLAN_TOO_MANY_VALUES, item.place, message)
            return []
        return [_Open(item.place, Kind.DATA, value, item.layers + 1)]


def _is_address(value: Any) -> bool:
    """Whether a number is one that resolvers take for an address; ``2130706433.0`` is 127.0.0.1, too."""
    return type(value) in (int, float) and value >= _SMALLEST_ADDRESS and value == int(value)


def _named_in(value: Any) -> Iterator[str]:
    """The names that a value gives for what is to be called: a text, or the ``name`` of an object, or several."""
    for each in value if type(value) is list else [value]:
        if type(each) is str:
            yield each
        elif type(each) is dict:
            yield from (each[key] for key in _NAME_KEYS if type(each.get(key)) is str)


def _joined(arguments: list[Any]) -> str:
    """The command line that a list of arguments makes, for what only shows across them."""
    return " ".join(item for item in arguments if type(item) is str)
