"""docs/reference/errors.md and the drawing in errors/__init__.py are the error tree."""

from __future__ import annotations

import inspect
import re
from typing import Any

from tests.meta.repository import ROOT

from aos_workflow import errors
from aos_workflow.errors import AosError

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `([A-Z_]+)` \| `(\w+)` \| `(\w+)` \| (.*) \|$", re.MULTILINE)
_ADVICE = re.compile(r"^\| `([A-Z_]+)` \| [^`|][^|]*\|", re.MULTILINE)


def _below(*kinds: type[AosError]) -> list[type[AosError]]:
    found = list(kinds)
    for kind in found:
        found += [k for k in kind.__subclasses__() if k.__module__.startswith(errors.__name__)]
    return found


def _tree() -> list[type[AosError]]:
    return [kind for kind in _below(AosError) if not kind.__name__.startswith("_")]


def _base(kind: type[AosError]) -> str:
    """The class that it stands below in the table: the next one that has a row."""
    return next(base.__name__ for base in kind.__mro__[1:] if not base.__name__.startswith("_"))


def _made(kind: type[AosError]) -> AosError:
    """An error of this class, with whatever it must be given."""
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.default is parameter.empty:
            given[name] = () if name in ("problems", "findings") else "text"
    return kind(**given)


def test_the_table_is_the_tree() -> None:
    expected = {(kind.code, kind.__name__, _base(kind)) for kind in _tree()}
    assert {row[:3] for row in _ROW.findall(PAGE)} == expected


def test_every_code_has_advice() -> None:
    advised = list(_ADVICE.findall(PAGE))
    assert sorted(set(advised)) == sorted({kind.code for kind in _tree()})
    assert len(advised) == len(set(advised))


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in _below(AosError) if "code" in vars(kind)]
    assert len(codes) == len(set(codes))


def test_the_table_names_what_a_class_adds() -> None:
    rows = {name: set(re.findall(r"`(\w+)`", adds)) for _, name, _, adds in _ROW.findall(PAGE)}
    for kind in _tree():
        adds = vars(_made(kind)).keys() if "__init__" in vars(kind) else set()
        assert rows[kind.__name__] == adds - (set() if kind is AosError else {"message", "hint"})


def test_the_drawing_names_every_class() -> None:
    drawn = re.findall(r"\w+Error\b", errors.__doc__ or "")
    public = [kind.__name__ for kind in _below(AosError) if not kind.__name__.startswith("_")]
    assert sorted(drawn) == sorted(public)
    assert set(drawn) <= set(errors.__all__)
