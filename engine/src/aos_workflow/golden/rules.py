"""Volatile rules as data: ``selector -> action``.

A rule says what to do with a value that may differ between two runs that are the same. Rules are tried in order, the
user's before the shipped ones, and the first whose value class and action accept the value is applied. An action that
does not accept the value (``mask timestamp`` on ``"soon"``) leaves it alone, so the difference shows.

===========  ==========================================================================================
action       effect
===========  ==========================================================================================
strip        the key or item is removed
mask CLASS   a value of the class becomes ``<class>``; without a class, the placeholder of its JSON type
alias CLASS  a value of the class becomes ``<class#1>``: same value, same alias, by first appearance
round N      a number is rounded to N decimal places
sort         a list is put in the order of its items' canonical text
hash         only ``<sha256:...>`` of the canonical text is kept
keep         nothing; exempts the value from later rules
===========  ==========================================================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple, NoReturn, get_args

from aos_workflow.errors import RuleError
from aos_workflow.golden.selectors import Automaton, Selector, parse_selector
from aos_workflow.golden.value_classes import VALUE_CLASSES

__all__ = ["DEFAULT_RULES", "NO_RULES", "VOLATILE_FIELDS", "Action", "Rule", "Rules"]

Action = Literal["strip", "mask", "alias", "round", "sort", "hash", "keep"]
KeySpelling = Literal["error", "text"]
_ACTIONS: tuple[str, ...] = get_args(Action)
_MAX_DECIMALS = 15
_DECIMALS = tuple(map(str, range(_MAX_DECIMALS + 1)))
_TYPE_CLASSES = (None, "any", "string", "integer", "number", "boolean")

_TIMES = [
    "timestamp",
    "ts",
    "created_at",
    "updated_at",
    "modified_at",
    "started_at",
    "start_time",
    "finished_at",
    "ended_at",
    "end_time",
    "completed_at",
    "recorded_at",
    "executed_at",
    "received_at",
    "sent_at",
    "last_seen_at",
    "heartbeat_at",
]
_DURATIONS = [
    "duration",
    "duration_s",
    "duration_ms",
    "duration_us",
    "duration_ns",
    "elapsed",
    "elapsed_s",
    "elapsed_ms",
    "latency",
    "latency_s",
    "latency_ms",
    "took",
    "took_ms",
    "runtime_s",
    "runtime_ms",
    "wall_time_s",
    "wall_time_ms",
]
_IDS = [
    "run_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "request_id",
    "correlation_id",
    "session_id",
    "invocation_id",
]
_PROCESSES = ["pid", "ppid", "process_id"]
_HOSTS = ["hostname", "host_name", "node_name", "worker_host"]

VOLATILE_FIELDS: frozenset[str] = frozenset((*_TIMES, *_DURATIONS, *_IDS, *_PROCESSES, *_HOSTS))
"""Names of the fields that the shipped rules treat as volatile, at any depth."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One ``selector -> action``. ``argument`` is a value class, or the decimals of ``round``."""

    selector: Selector
    action: Action
    argument: str | None = None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read ``SELECTOR[:CLASS]: ACTION [ARGUMENT]``.

        Raises:
            RuleError: with the column, and the list of what is allowed.
        """
        text = text.strip()
        selector, at = parse_selector(text)
        if text[at : at + 1] != ":":
            _fail(text, at, "expected ': ACTION' after the selector")
        words = text[at + 1 :].split()
        if not words or len(words) > 2 or words[0] not in _ACTIONS:
            known = ", ".join(_ACTIONS)
            _fail(text, at + 1, f"expected one action of {known} and at most one argument")
        rule = cls(selector, words[0], words[1] if len(words) == 2 else None)  # type: ignore[arg-type]
        rule._check(text, at)
        return rule

    def _check(self, text: str, at: int) -> None:
        """Whether class and argument mean something. ``text[:at]`` is the selector with its class."""
        limit, argument = self.selector.value_class, self.argument
        if limit is not None and limit not in VALUE_CLASSES:
            _fail(
                text, at - len(limit), f"unknown value class {limit!r}; known: {_known_classes()}"
            )
        last_word = len(text) - len(argument or "")
        if self.action == "round":
            if argument not in _DECIMALS:
                _fail(
                    text, last_word, f"round needs a number of decimals from 0 to {_MAX_DECIMALS}"
                )
        elif argument is None:
            return
        elif self.action not in ("mask", "alias"):
            _fail(text, last_word, f"{self.action} takes no argument")
        elif argument not in VALUE_CLASSES:
            _fail(text, last_word, f"unknown value class {argument!r}; known: {_known_classes()}")

    @property
    def value_classes(self) -> tuple[str, ...]:
        """The classes a value must belong to: the selector's and the action's; the last one names it."""
        argument = self.argument if self.action in ("mask", "alias") else None
        named = (self.selector.value_class, argument)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def blind(self) -> bool:
        """Whether the rule takes a value out of the comparison and checks no more than its type."""
        return self.action == "strip" or (
            self.action == "mask" and all(name in _TYPE_CLASSES for name in self.value_classes)
        )

    def __str__(self) -> str:
        limit = f":{self.selector.value_class}" if self.selector.value_class else ""
        argument = f" {self.argument}" if self.argument else ""
        return f"{self.selector.text}{limit}: {self.action}{argument}"


def _known_classes() -> str:
    return ", ".join(sorted(VALUE_CLASSES))


def _fail(text: str, at: int, why: str) -> NoReturn:
    raise RuleError(f"rule {text!r}, column {at + 1}: {why}")


RuleLike = str | Rule


class Step(NamedTuple):
    """A rule as the walk wants it: everything looked up beforehand."""

    action: Action
    class_name: str | None
    matches: Callable[[object], bool] | None
    text_passes: Callable[[str], object] | None
    placeholder: str | None
    blind: bool
    decimals: int


@lru_cache(maxsize=1024)
def _step(rule: Rule) -> Step:
    names = rule.value_classes
    return Step(
        rule.action,
        names[-1] if names else None,
        _test(names),
        VALUE_CLASSES[names[0]].text_passes if len(names) == 1 else None,
        f"<{names[-1]}>" if names else None,
        rule.blind,
        int(rule.argument or 0) if rule.action == "round" else 0,
    )


def _test(names: tuple[str, ...]) -> Callable[[object], bool] | None:
    """Whether a value belongs to all of some classes; ``None`` if there is nothing to ask."""
    tests = [VALUE_CLASSES[name].matches for name in names]
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda value: all(test(value) for test in tests)


@dataclass(frozen=True)
class Rules:
    """A rule set: the user's rules, then a shipped set, and how to spell keys that are not text.

    ``base`` names a shipped set with its version (``aos-default/1``) or ``none``. ``keys`` is ``error`` (the default)
    or ``text``: integers, booleans and null as keys are then spelled as JSON spells them.
    """

    extra: tuple[Rule, ...] = ()
    base: str = "aos-default/1"
    keys: KeySpelling = "error"

    @classmethod
    def of(
        cls,
        rules: Rules | Iterable[RuleLike] | Mapping[str, str] | None = None,
        *,
        base: str = "aos-default/1",
        keys: KeySpelling = "error",
    ) -> Rules:
        """A rule set from texts (``".**.took_ms: mask"``), rules, or a mapping of selector to action.

        Raises:
            RuleError: a text that does not parse, an unknown ``base`` or ``keys``.
        """
        if isinstance(rules, Rules):
            return rules
        if isinstance(rules, str):
            raise RuleError(
                f"rules must be a list of rules, got the single text {rules!r}; write [{rules!r}]"
            )
        if base not in _SHIPPED:
            raise RuleError(f"unknown rule set {base!r}; known: {', '.join(_SHIPPED)}")
        if keys not in get_args(KeySpelling):
            raise RuleError(f"keys must be 'error' or 'text', got {keys!r}")
        texts = [f"{s}: {a}" for s, a in rules.items()] if isinstance(rules, Mapping) else rules
        return cls(tuple(map(_rule, texts or ())), base, keys)

    def with_extra(self, rules: Rules | Iterable[RuleLike] | Mapping[str, str] | None) -> Rules:
        """These rules with others tried first; keys are spelled as text if either set says so."""
        if not rules:
            return self
        more = Rules.of(rules)
        keys = more.keys if self.keys == "error" else self.keys
        return Rules((*more.extra, *self.extra), self.base, keys)

    @cached_property
    def all(self) -> tuple[Rule, ...]:
        """Every rule in the order in which they are tried."""
        return (*self.extra, *_SHIPPED[self.base])

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return tuple(map(_step, self.all))

    @cached_property
    def sorts(self) -> bool:
        """Whether a rule may change the order in which values appear."""
        return any(rule.action == "sort" for rule in self.all)

    @cached_property
    def automaton(self) -> Automaton:
        return _automaton(self.all)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the rules in force. It is part of every golden: other rules, another golden."""
        content = {"keys": self.keys, "rules": [str(rule) for rule in self.all]}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What a golden stores: enough to make the same set again."""
        return {
            "base": self.base,
            "extra": [str(rule) for rule in self.extra],
            "hash": self.hash,
            **({"keys": self.keys} if self.keys != "error" else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rules:
        """The inverse of :meth:`to_json`; the stored hash is not looked at.

        Raises:
            RuleError: as :meth:`of`, or ``data`` is not of the form that :meth:`to_json` gives.
        """
        extra, base = data.get("extra"), data.get("base")
        if not isinstance(extra, list) or not isinstance(base, str):
            raise RuleError("a stored rule set needs the text 'base' and the list 'extra'")
        return cls.of(extra, base=base, keys=data.get("keys", "error"))


@lru_cache(maxsize=256)
def _automaton(rules: tuple[Rule, ...]) -> Automaton:
    return Automaton(rule.selector for rule in rules)


def _rule(rule: RuleLike) -> Rule:
    if isinstance(rule, Rule):
        return rule
    if not isinstance(rule, str):
        raise RuleError(f"a rule is a text such as '.**.took_ms: mask duration', got {rule!r}")
    return _parsed(rule)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Rule:
    return Rule.parse(text)


def _shipped(names: Iterable[str], action: str) -> Rule:
    return Rule.parse(f".**.{{{','.join(sorted(names))}}}: {action}")


_SHIPPED: dict[str, tuple[Rule, ...]] = {
    "none": (),
    "aos-default/1": (
        _shipped(_TIMES, "mask timestamp"),
        _shipped(_DURATIONS, "mask duration"),
        _shipped(_IDS, "alias id"),
        _shipped(_PROCESSES, "mask pid"),
        _shipped(_HOSTS, "mask host"),
    ),
}

DEFAULT_RULES = Rules()
NO_RULES = Rules(base="none")
