"""``@pytest.mark.shadow(...)``: what a test says about the simulation that it is."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_aos_golden.marks import MAX_SEED

__all__ = ["MARKER", "ShadowMark", "add_option", "read_mark"]

MARKER = (
    'shadow(*workflows, cycles=100, faults="default", seed=0): the test is a simulation of these workflows, or of '
    "those that it returns"
)
_PROFILES = ("none", "default", "heavy")
_MOST_CYCLES = 10_000_000


@dataclass(frozen=True, slots=True)
class ShadowMark:
    """``workflows`` are what the marker itself names."""

    workflows: tuple[Any, ...]
    cycles: int
    faults: str
    seed: int


def add_option(parser: pytest.Parser) -> None:
    """Declare ``--shadow-cycles``."""
    group = parser.getgroup("golden", "goldens (pytest-aos-golden)")
    group.addoption(
        "--shadow-cycles",
        type=int,
        metavar="N",
        help="cycles of each simulation, instead of what its marker says; 0 skips them",
    )


def read_mark(item: pytest.Item) -> ShadowMark | None:
    """What the closest marker of a test says; ``None`` if it has none.

    Raises:
        pytest.UsageError: an unknown or unusable argument, with the test's id.
    """
    mark = item.get_closest_marker("shadow")
    if mark is None:
        return None
    given = {"cycles": 100, "faults": "default", "seed": 0, **mark.kwargs}
    wanted = item.config.getoption("--shadow-cycles")
    if wanted is not None:
        given["cycles"] = wanted
    _check(item, mark, given)
    return ShadowMark(mark.args, **given)


def _check(item: pytest.Item, mark: pytest.Mark, given: dict[str, Any]) -> None:
    unknown = sorted(set(mark.kwargs) - {"cycles", "faults", "seed"})
    if unknown:
        raise pytest.UsageError(
            f"{item.nodeid}: @pytest.mark.shadow takes workflows, cycles, faults and seed; got {', '.join(unknown)}"
        )
    for name, good, expected in (
        ("cycles", _is_number(given["cycles"], _MOST_CYCLES), f"0 to {_MOST_CYCLES}"),
        ("seed", _is_number(given["seed"], MAX_SEED), f"0 to {MAX_SEED}"),
        ("faults", given["faults"] in _PROFILES, " or ".join(_PROFILES)),
    ):
        if not good:
            raise pytest.UsageError(
                f"{item.nodeid}: @pytest.mark.shadow({name}={given[name]!r}): expected {expected}"
            )
    if inspect.iscoroutinefunction(getattr(item, "obj", None)):
        raise pytest.UsageError(
            f"{item.nodeid}: a test with @pytest.mark.shadow returns what is simulated; it cannot be async"
        )


def _is_number(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most
