"""An on-call agent: an alert comes in, it plans, calls tools, and writes down what it did and what it cost.

Small enough to read in five minutes, and shaped like the real thing: every run has fresh ids, times and
durations around the part that must be the same. Nothing here touches a network.
"""

from agent.model import Answer, CannedModel
from agent.planner import Plan, PlannedStep, make_plan
from agent.report import morning_report
from agent.run import AgentRun, Step, costs, run_agent

__all__ = [
    "AgentRun",
    "Answer",
    "CannedModel",
    "Plan",
    "PlannedStep",
    "Step",
    "costs",
    "make_plan",
    "morning_report",
    "run_agent",
]
