"""Public functions of packages that many use, on fixed inputs: ``python -m tests.doctor.packages``.

What is expected was checked by hand; the findings are described in docs/explanation/doctor.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from aos_workflow.doctor import examine
from aos_workflow.errors import AosError

__all__ = ["CASES", "Case", "surprises"]


@dataclass(frozen=True)
class Case:
    """A function, what it is called with, and what is right to find."""

    target: str
    args: Sequence[Any]
    labels: tuple[str, ...] = ()


CASES = (
    Case("packaging.version:parse", ["1.2.post3+local.4"]),
    Case("packaging.specifiers:SpecifierSet", [">=1.2,!=1.5,<2"]),
    Case("jsonpointer:resolve_pointer", [{"a": [1, {"b": 2}]}, "/a/1/b"]),
    Case("jsonpatch:make_patch", [{"a": 1, "b": [1, 2]}, {"a": 2, "b": [2]}]),
    Case("dateutil.easter:easter", [2026]),
    Case("dateutil.parser:parse", ["2026-03-01T10:30:00"]),
    Case("dateutil.parser:parse", ["10:30"], ("wall-clock",)),
    Case("pathspec:PathSpec.from_lines", ["gitwildmatch", ["*.py", "!x.py"]]),
    Case("platformdirs:user_data_dir", ["app"], ("env-leak",)),
)


def surprises(case: Case) -> tuple[str, str]:
    """What was found, and what of it is not as expected; empty if all is."""
    try:
        found = examine(case.target, args=list(case.args), budget="quick")
    except AosError as error:
        return "", str(error)
    said = ", ".join(f"{cause.label}:{cause.line}" for cause in found.causes) or "no difference"
    right = {cause.label for cause in found.causes} == set(case.labels)
    return said, "" if right and found.deterministic == (not case.labels) else said


def main() -> int:
    """The command; 1 if something was found that nobody expected."""
    bad = 0
    for case in CASES:
        if find_spec(case.target.partition(":")[0].partition(".")[0]) is None:
            print(f"{case.target:40} is not installed")
            continue
        said, wrong = surprises(case)
        bad += bool(wrong)
        print(f"{'BAD' if wrong else 'ok':3} {case.target:40} {said or wrong}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
