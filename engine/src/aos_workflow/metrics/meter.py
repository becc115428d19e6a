"""What an engine tells while it works. The one here listens to nothing; :class:`EngineMeter` counts."""

from __future__ import annotations

__all__ = ["NO_METER", "Meter"]


class Meter:
    """Does nothing. ``began_s`` is what ``now_s`` gave at the beginning, ``code`` that of an error of ours."""

    __slots__ = ()

    def now_s(self) -> float:
        """The meter's own time. This one has none, so that a simulation reads no clock."""
        return 0.0

    def step_tried(self, skill_id: str, began_s: float, code: str | None) -> None:
        """A try of a step is over; ``code`` if it failed."""

    def step_refused(self, code: str) -> None:
        """A step failed without a try: an unknown or disabled skill, a policy."""

    def step_kept(self, cents: float) -> None:
        """A step is committed."""

    def saved(self, began_s: float) -> None:
        """A checkpoint is saved."""

    def save_failed(self, code: str) -> None:
        """A checkpoint could not be saved."""

    def loaded(self, began_s: float) -> None:
        """The steps of a run were loaded."""

    def run_left(self, workflow_id: str, status: str) -> None:
        """A run was executed until it is over or must wait; ``lost`` if it is somebody else's by now."""

    def held_up(self, code: str) -> None:
        """A policy suspended a run, or had it wait."""

    def replay_failed(self, code: str) -> None:
        """A run did not repeat what was recorded."""

    def golden_refused(self, code: str) -> None:
        """A golden was verified, and is not as it should be. One that is missing is no mismatch."""


NO_METER = Meter()
