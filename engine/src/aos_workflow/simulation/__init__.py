"""Event loops that a seed decides and that no real time passes in."""

from __future__ import annotations

from aos_workflow.simulation.clock import START, LoopClock
from aos_workflow.simulation.loop import SimLoop
from aos_workflow.simulation.process import Process, process
from aos_workflow.simulation.schedule import Schedule

__all__ = ["START", "LoopClock", "Process", "Schedule", "SimLoop", "process"]
