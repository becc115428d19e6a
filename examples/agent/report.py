"""The text that the on-call engineer reads in the morning."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.run import AgentRun

__all__ = ["morning_report"]


def morning_report(run: AgentRun) -> str:
    """A report of one run, dated now."""
    lines = [
        f"Night report, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"  {run.alert['title']} on {run.alert['service']}",
        f"  {len(run.steps)} steps, {run.total_cents} cents",
        f"  {run.summary}",
    ]
    return "\n".join(lines)
