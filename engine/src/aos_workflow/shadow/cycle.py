"""Cycles: planned from a seed, run as one of two sides, compared."""

from __future__ import annotations

from aos_workflow.determinism import seeded_random
from aos_workflow.shadow.faults import draw_faults
from aos_workflow.shadow.perturbation import draw_perturbations, perturbed, schedule_of
from aos_workflow.shadow.records import Campaign, Cycle, Side, SideResult
from aos_workflow.shadow.scenarios import Programs
from aos_workflow.shadow.simulated_run import SimulatedRun
from aos_workflow.simulation import Schedule

__all__ = ["plan", "run_side"]

_SEED_BITS = 53
"""So that a seed is the same number in every reader of JSON."""


def plan(campaign: Campaign, number: int, programs: Programs) -> Cycle:
    """What a cycle does; a function of the campaign's seed and the number.

    Raises:
        ScenarioError: no inputs can be drawn for the workflow.
        UsageError: no such fault profile.
    """
    draw = seeded_random(campaign.seed, "cycle", str(number))
    workflow = draw.choice(programs.ids)
    return Cycle(
        number=number,
        seed=draw.getrandbits(_SEED_BITS),
        workflow=workflow,
        inputs=programs.scenario(workflow).draw_inputs(draw),
        faults=draw_faults(draw, campaign.faults, is_timed=programs.is_timed(workflow)),
        perturbations=draw_perturbations(draw),
    )


def run_side(cycle: Cycle, side: Side, programs: Programs) -> SideResult:
    """Run a cycle as one of its sides, in this process: the primary as it is, the shadow in another world.

    Raises:
        ScenarioError: the workflow reaches for the real world, or is not known.
    """
    if side is Side.PRIMARY:
        return SimulatedRun(cycle, side, programs, Schedule()).result()
    with perturbed(cycle.perturbations, programs.namespaces):
        for number in range(cycle.perturbations.get("state", 0)):
            _warm(cycle, programs, number)
        return SimulatedRun(cycle, side, programs, schedule_of(cycle.perturbations)).result()


def _warm(cycle: Cycle, programs: Programs, number: int) -> None:
    """Have the process run this workflow before, on another seed and other inputs."""
    draw = seeded_random(cycle.seed, "state", str(number))
    inputs = programs.scenario(cycle.workflow).draw_inputs(draw)
    other = Cycle(cycle.number, draw.getrandbits(_SEED_BITS), cycle.workflow, inputs)
    SimulatedRun(other, Side.SHADOW, programs, Schedule(), is_recorded=False).result()
