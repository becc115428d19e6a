"""The difference of one cause, shown again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aos_workflow.doctor.difference import Difference
from aos_workflow.doctor.examination import SEEDS, calls_of
from aos_workflow.doctor.lab import Lab
from aos_workflow.doctor.server import Clinic
from aos_workflow.doctor.target import Target
from aos_workflow.errors import UsageError

__all__ = ["replay"]


def replay(
    target: str | Callable[..., Any] | Target,
    perturbation: str,
    *,
    args: Any = None,
    seeds: Any = SEEDS,
) -> list[Difference]:
    """The places where the output under a perturbation differs from the control run.

    ``perturbation`` is what a cause's replay command holds: ``{"thaws": {axis: ...}}`` for one run under other
    sources, or
    ``{"calls": [...]}`` for calls after each other in one process.

    Raises:
        UsageError: it is not such a perturbation, or the function cannot be run.
    """
    wish = _parsed(perturbation)
    where = Target.of(target)
    with Clinic(where) as clinic:
        lab = Lab(clinic, calls_of(where, seeds, args), None, None)
        if "calls" in wish:
            first, both = lab.execute(
                [lab.job(calls=wish["calls"][-1:]), lab.job(calls=wish["calls"])]
            )
            lab.take_control(first)
            return list(lab.verdict({**both, "outputs": both.get("outputs", [])[-1:]}).found)
        (control,) = lab.execute([lab.job()])
        lab.take_control(control)
        (verdict,) = lab.perturb([wish["thaws"]])
        return list(verdict.found)


def _parsed(perturbation: str) -> Mapping[str, Any]:
    try:
        wish = json.loads(perturbation)
    except ValueError:
        wish = None
    if not isinstance(wish, dict) or not ({"thaws", "calls"} & wish.keys()):
        raise UsageError(
            "that is no perturbation",
            hint="copy the whole replay command of a cause, quotes included",
        )
    return wish
