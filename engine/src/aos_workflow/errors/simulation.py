"""The simulated event loop, and what a simulation cannot do."""

from __future__ import annotations

from aos_workflow.errors.base import AosError

__all__ = [
    "RealIOError",
    "ScenarioError",
    "SimulatedDeadlockError",
    "SimulationError",
    "SimulationLimitError",
]


class SimulationError(AosError):
    """The simulation cannot go on; says nothing about the code that it runs."""

    code = "SIMULATION"
    category = "simulation"


class RealIOError(SimulationError):
    """Code in a simulation reached for the real world: ``call`` is what it asked for, ``site`` from where."""

    code = "SIMULATION_REAL_IO"

    def __init__(
        self,
        message: str,
        *,
        call: str | None = None,
        site: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.call = call
        self.site = site


class SimulatedDeadlockError(SimulationError):
    """Every task waits, and no timer will ever wake one; ``waiting`` names them."""

    code = "SIMULATION_DEADLOCK"

    def __init__(
        self, message: str, *, waiting: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.waiting = waiting


class SimulationLimitError(SimulationError):
    """More steps than the simulation may take: most likely something loops for ever."""

    code = "SIMULATION_LIMIT"


class ScenarioError(SimulationError):
    """A workflow cannot be simulated as it is: no inputs can be drawn for it, or it is not known."""

    code = "SIMULATION_SCENARIO"
