"""Single cycles of a simulation, as tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aos_workflow.shadow.case import Case
from aos_workflow.shadow.imports import Imports
from aos_workflow.shadow.records import Campaign, Cycle, Verdict
from aos_workflow.shadow.trials import Trials

__all__ = ["check_cycle"]


def check_cycle(
    cycle: Mapping[str, Any], *, workflows: Sequence[str] = (), hash_seed: int = 1
) -> None:
    """Run one cycle as primary and shadow, each in a process of its own.

    ``cycle`` is as ``cycle.json`` of a mismatch has it, ``workflows`` are modules, files or folders; without any, those
    that are shipped. ``hash_seed`` is the shadow's.

    Raises:
        AssertionError: the two sides differ, or the cycle cannot be judged; says where and why.
    """
    known = Cycle.from_json(cycle)
    campaign = Campaign(known.seed, tuple(workflows), "none")
    imports = Imports.of_process(installed=True)
    case = Case(known, campaign, hash_seed, (known.number, known.number), imports=imports)
    with Trials(case) as trials:
        report = trials.of(known).report
    if report.verdict is not Verdict.MATCH:
        cause = f" ({report.cause})" if report.cause else ""
        raise AssertionError(
            f"workflow {known.workflow!r} {report.verdict.value}{cause}: {report.message}"
        )
