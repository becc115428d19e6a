"""Cycles of a campaign, in the process that runs them: the ``Runner`` of simulations from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aos_workflow.assembly.modules import load
from aos_workflow.determinism import sorted_files
from aos_workflow.shadow.cycle_runner import CandidateRunner, CycleRunner
from aos_workflow.shadow.records import Campaign
from aos_workflow.shadow.scenarios import Programs, Scenario
from aos_workflow.shadow.workflows import shipped

__all__ = ["candidate_runner", "programs", "runner"]

_SUFFIXES = (".py", ".yaml", ".yml")


def programs(workflows: Sequence[str]) -> Programs:
    """The workflows of modules, files and folders; the shipped ones, if none is named.

    ``MODULE::ID`` is one workflow of a module.

    Raises:
        UsageError: one cannot be found or imported.
        SpecError: a spec file is not valid.
        ScenarioError: there is no workflow in them.
    """
    if not workflows:
        return shipped()
    chosen = [each.partition("::") for each in workflows]
    loaded = load(
        [name for place in dict.fromkeys(each[0] for each in chosen) for name in _files(place)]
    )
    scenarios = [item for item in loaded.items if isinstance(item, Scenario)]
    every = Programs.of(loaded.registry, loaded.workflows, scenarios)
    ids = [each[2] for each in chosen]
    return every if "" in ids else every.only(ids)


def runner(campaign: Campaign) -> CycleRunner:
    """The runner of a campaign. Raises as ``programs``, and UsageError if there is no such fault profile."""
    made = CycleRunner(campaign, programs(campaign.workflows))
    made.plan(0)
    return made


def candidate_runner(campaign: Campaign) -> CandidateRunner:
    """As ``runner``, for cycles that lie in the folder that stands first among the campaign's workflows."""
    folder, *workflows = campaign.workflows
    return CandidateRunner(campaign, programs(workflows), Path(folder))


def _files(name: str) -> list[str]:
    folder = Path(name)
    if not folder.is_dir():
        return [name]
    return [
        str(path)
        for path in sorted_files(folder, *_SUFFIXES)
        if not path.name.startswith(("_", "test_", "conftest."))
    ]
