"""Template expressions that compute or reach into objects. A plain ``{{ name }}`` is a blank to fill in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.patterns import one_of

__all__ = ["judge_any_template", "judge_template"]

_EXPRESSION = one_of(
    r"\{\{(?P<jinja>[^{}]{0,400}+)\}\}",
    r"\{%(?P<tag>[^%]{0,400}+)%\}",
    r"\$\{(?P<dollar>[^{}]{0,400}+)\}",
    r"[#*@%~]\{(?P<hash>[^{}]{0,400}+)\}",
    r"<%(?P<erb>[^%]{0,400}+)%>",
)
_FILTER_ARGUMENT = r"(?:['\"][^'\"]{0,80}['\"]|[0-9]{1,9})?"
_PLAIN_NAME = re.compile(
    r"\s{0,8}[#/^&>!]?\s{0,8}-?\s{0,4}[A-Za-z_][\w.-]{0,200}+(?:\[['\"]?\w{1,64}['\"]?\])?"
    rf"(?:\s{{0,8}}\|\s{{0,8}}[a-z_]\w{{0,40}}(?:\(\s{{0,4}}{_FILTER_ARGUMENT}\s{{0,4}}\)"
    r"|:\s{0,4}['\"]?[\w %/:.-]{0,40}['\"]?)?){0,6}\s{0,8}-?\s{0,8}"
)
"""A name, perhaps with an index and filters: ``user.name | title``, ``items[0] | round(2)``."""

_REACHING_NAME = re.compile(
    r"__|\b(?:mro|subclasses|globals|builtins|config|self|lipsum|cycler|joiner|namespace|popen|attr|getattr|"
    r"get_flashed_messages|url_for|environ|constructor|prototype|process|application)\b",
    re.IGNORECASE,
)
_REACHING = re.compile(
    "|".join(
        [
            _REACHING_NAME.pattern,
            r"\b(?:import|system|exec|eval|request|session|os|sys|subprocess|runtime|getruntime|processbuilder|"
            r"class|forname|java|javax|jndi|ldap|rmi|dns|require|global|file|io|kernel|spawn|passthru|env|"
            r"freemarker|t)\s{0,4}[(.\[:|]",
            r"\[\s{0,4}\]",
            r"\(\s{0,4}\)\s{0,4}[.\[]",
            r"['\"]\s{0,4}\.",
            r"^\s{0,4}['\"]?\d{1,9}['\"]?\s{0,4}[*+/^-]\s{0,4}['\"]?\d",
            r"\bnew\s{1,4}[\w.]{1,80}",
            r"\?new\b",
            r"[\w\])'\"]\s{0,4}\([^)]{0,200}+\)",
        ]
    ),
    re.IGNORECASE,
)
_TAG_REACHING = re.compile(
    r"\b(?:import|include|extends|from|load|debug|php|raw|exec|ssi|ruby)\b|__|\(", re.IGNORECASE
)
_ERB_PLAIN = re.compile(r"[=-]?\s{0,8}@?[A-Za-z_][\w.]{0,200}+\s{0,8}-?")
_LOOKUP = re.compile(
    r"\$\{\s{0,8}(?:jndi|\$\{[^{}]{0,40}\}|lower:|upper:|env:|sys:|::-|java:|script:|dns:|url:|main:|ctx:)",
    re.IGNORECASE,
)
"""Log4j's lookups, and one inside another."""

_DIRECTIVE = one_of(
    r"\{php\}", r"#(?:set|include|parse|evaluate) ?\(", r"<#(?:assign|include|import|setting)\b"
)


def judge_template(text: str) -> Iterator[Reason]:
    """Expressions in a template that do more than fill in a value; plain loops and conditions are fine."""
    yield from _judge(text, plain_is_fine=True)


def judge_any_template(text: str) -> Iterator[Reason]:
    """Any expression at all: for fields that nothing may fill in but a reference."""
    yield from _judge(text, plain_is_fine=False)


def _judge(text: str, *, plain_is_fine: bool) -> Iterator[Reason]:
    if not any(mark in text for mark in ("{", "<%", "<#", "#set", "#include", "#parse")):
        return
    if (found := _LOOKUP.search(text)) and ":" in text:
        yield Reason(Code.TEMPLATE_INJECTION, f"{shown(found[0])} looks something up")
        return
    if found := _DIRECTIVE.search(text):
        yield Reason(Code.TEMPLATE_INJECTION, f"{shown(found[0])} runs in a template")
        return
    for found in _EXPRESSION.finditer(text):
        if _does_something(found, plain_is_fine=plain_is_fine):
            message = f"{shown(found[0])} computes or reaches into objects"
            yield Reason(Code.TEMPLATE_INJECTION, message)
            return


def _does_something(found: re.Match[str], *, plain_is_fine: bool) -> bool:
    kind = found.lastgroup or ""
    inside = found[kind].removeprefix("=")
    if kind == "erb":
        return not (plain_is_fine and _ERB_PLAIN.fullmatch(inside))
    if kind == "tag":
        return not plain_is_fine or _TAG_REACHING.search(inside) is not None
    if _PLAIN_NAME.fullmatch(inside):
        reaches = _REACHING_NAME.search(inside) is not None
        return reaches or (kind == "jinja" and not plain_is_fine)
    return _REACHING.search(inside) is not None
