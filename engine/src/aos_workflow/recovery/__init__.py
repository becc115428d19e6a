"""Runbooks that are run: their pages read, their commands followed against a live stack, a sheet filled in.

A page is Markdown. What it says and what happens are compared, so a runbook that has become wrong is a failing test.
"""

from __future__ import annotations

from aos_workflow.recovery.exercise import Outcome, Verdict, walk
from aos_workflow.recovery.live_stack import LiveStack
from aos_workflow.recovery.page import Command, Procedure, Runbook, Step, read_page
from aos_workflow.recovery.sheet import sheet_data, sheet_text

__all__ = [
    "Command",
    "LiveStack",
    "Outcome",
    "Procedure",
    "Runbook",
    "Step",
    "Verdict",
    "read_page",
    "sheet_data",
    "sheet_text",
    "walk",
]
