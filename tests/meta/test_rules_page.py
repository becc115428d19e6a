"""docs/reference/rules.md is the grammar of rules."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from tests.meta.repository import ROOT

from aos_workflow.golden.rules import DEFAULT_RULES, VOLATILE_FIELDS, Action, Rule
from aos_workflow.golden.selectors import Keys
from aos_workflow.golden.value_classes import VALUE_CLASSES

PAGE = (ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
_PROSE = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
_ACTIONS = "|".join(get_args(Action))
_RULE = re.compile(rf"`([.\[][^`]*: (?:{_ACTIONS})(?: [a-z0-9]+)?)`")


def _section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _first_cells(section: str) -> list[str]:
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("text", _RULE.findall(_PROSE))
def test_rules_on_the_page_parse(text: str) -> None:
    rule = Rule.parse(text)
    assert Rule.parse(str(rule)) == rule


def test_the_page_has_rules() -> None:
    assert len(_RULE.findall(_PROSE)) >= 12


def test_actions() -> None:
    named = {cell.split()[0] for cell in _first_cells(_section("Actions"))}
    assert named == set(get_args(Action))


def test_value_classes() -> None:
    assert _first_cells(_section("Value classes")) == list(VALUE_CLASSES)


def test_shipped_rules() -> None:
    section = _section("The shipped rules")
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE)
    shown = {action: set(re.findall(r"`(\w+)`", fields)) for action, fields in rows}
    shipped = {}
    for rule in DEFAULT_RULES.all:
        (*_, last) = rule.selector.segments
        assert isinstance(last, Keys)
        shipped[f"{rule.action} {rule.argument}"] = set(last.names)
    assert shown == shipped
    assert set().union(*shown.values()) == VOLATILE_FIELDS
    assert f"`{DEFAULT_RULES.base}`" in section
