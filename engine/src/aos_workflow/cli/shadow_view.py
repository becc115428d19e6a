"""What a simulation shows: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aos_workflow.cli.output import ClosedPipeError, Output, printable
from aos_workflow.shadow.records import CycleReport, Verdict

if TYPE_CHECKING:
    from aos_workflow.assembly.simulation import Simulation
    from aos_workflow.shadow.status import Status
    from aos_workflow.shadow.summary import Summary

__all__ = ["View", "status_lines", "view"]

_EVERY_S = 10.0
_RENEWED_S = 0.2
_SHOWN = 20
"""Findings that get a line of their own as they come."""
_GROUPS = 20


@contextmanager
def view(output: Output, *, verbose: bool) -> Iterator[View]:
    """Who watches a simulation, for the body."""
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    if output.as_json or not is_terminal:
        yield View(output, verbose=verbose)
        return
    with _live() as (console, live):
        yield LiveView(output, console, live, verbose=verbose)


class View:
    """Plain lines. Nothing that standard output does ends a simulation."""

    def __init__(self, output: Output, *, verbose: bool) -> None:
        self._output = output
        self._verbose = verbose
        self._shown = 0
        self._told_s = 0.0

    def begun(self, simulation: Simulation) -> None:
        """It is about to run."""
        settings, campaign = simulation.settings, simulation.settings.campaign
        names = ", ".join(campaign.workflows) or "shipped workflows"
        self.line(f"shadow simulation of {names}, seed {campaign.seed}, faults {campaign.faults}")
        self.line(f"{_target(settings.cycles, settings.hours)}, workers {simulation.workers}")
        self.line(f"folder {simulation.folder.path}")
        if simulation.is_signed is False:
            self.warned("what SHADOW_HOOK is told is not signed: SHADOW_HOOK_SECRET is not set")

    def reported(self, reports: Sequence[CycleReport]) -> None:
        """These cycles count now."""
        for report in reports:
            if report.verdict is not Verdict.MATCH:
                self._shown += 1
                if self._verbose or self._shown <= _SHOWN:
                    self.line(
                        f"{report.verdict.upper()} {_words(report)}: {report.message or report.cause}"
                    )
                if not self._verbose and self._shown == _SHOWN:
                    self.line("further findings are in the folder")
            elif self._verbose:
                self.line(f"match {_words(report)}")

    def ticked(self, status: Status) -> None:
        """How it goes."""
        if status.elapsed_s - self._told_s >= _EVERY_S:
            self._told_s = status.elapsed_s
            self.line(f"{status.updated_at[11:19]}  {progress_text(status)}")

    def warned(self, text: str) -> None:
        """Something is wrong, and it goes on."""
        with contextlib.suppress(OSError):
            sys.stderr.write(f"warning: {printable(text)}\n")
            sys.stderr.flush()

    def ended(self, summary: Summary) -> None:
        """It is over."""
        for line in summary_lines(summary):
            self.line(line)

    def line(self, text: str) -> None:
        """One line, if anybody reads."""
        with contextlib.suppress(OSError, ClosedPipeError):
            self._output.line(text)


class LiveView(View):
    """The same above a line that is renewed."""

    def __init__(self, output: Output, console: Any, live: Any, *, verbose: bool) -> None:
        super().__init__(output, verbose=verbose)
        self._console = console
        self._live = live
        self._renewed_s = float("-inf")

    def ticked(self, status: Status) -> None:
        from rich.text import Text

        if status.ended_by is None and status.elapsed_s - self._renewed_s < _RENEWED_S:
            return
        self._renewed_s = status.elapsed_s
        with contextlib.suppress(OSError):
            style = "red" if status.mismatches or status.errors else "green"
            self._live.update(
                Text(f"{_bar(status)}{progress_text(status)}", style=style), refresh=True
            )

    def line(self, text: str) -> None:
        from rich.text import Text

        with contextlib.suppress(OSError):
            self._console.print(Text(printable(text)))


@contextmanager
def _live() -> Iterator[tuple[Any, Any]]:
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield console, live


def progress_text(status: Status) -> str:
    """``12,345 cycles  250/s  0 mismatches  ETA 0:01:00``"""
    words = [
        f"{status.cycles:,} cycles",
        f"{status.rate_per_s:,.0f}/s",
        f"{status.mismatches:,} mismatches",
    ]
    if status.errors:
        words.append(f"{status.errors:,} errors")
    if status.eta_s is not None:
        words.append(f"ETA {_duration(status.eta_s)}")
    if status.problem:
        words.append(f"{status.state.upper()}: {status.problem}")
    return "  ".join(words)


def status_lines(status: Status, folder: Path) -> list[str]:
    """A status for people."""
    ended = f" ({status.ended_by})" if status.ended_by else ""
    lines = [
        f"Status: {status.state.upper()}{ended}",
        f"Folder: {folder}",
        f"Cycles: {status.cycles:,}"
        + (f" of {status.target_cycles:,}" if status.target_cycles else ""),
        f"Mismatches: {status.mismatches:,}",
        f"Errors: {status.errors:,}",
        f"Rate: {status.rate_per_s:,.1f}/s",
        f"Elapsed: {_duration(status.elapsed_s)}"
        + (f", ETA {_duration(status.eta_s)}" if status.eta_s and not status.ended_by else ""),
        f"Memory: {status.memory_bytes >> 20:,} MB",
        f"Disk: {status.disk_used_bytes >> 20:,} MB used, {status.disk_free_bytes >> 20:,} MB free",
        f"Updated: {status.updated_at}",
    ]
    if status.problem:
        lines.append(f"Problem: {status.problem}")
    if status.hook and status.hook["failed"]:
        lines.append(f"Hook: {status.hook['failed']} of {status.hook['told']} not delivered")
    if status.first_mismatch:
        first = status.first_mismatch
        lines.append(
            f"First mismatch: cycle {first['cycle']} of {first['workflow']}, seed {first['seed']}"
        )
        lines.append(f"next: {first['command']}")
    return lines


def summary_lines(summary: Summary) -> list[str]:
    """A summary for people: the last line is the verdict."""
    result, run = summary.result, summary.run
    lines = [
        f"{result['cycles']:,} cycles, {result['mismatches']:,} mismatches, {result['errors']:,} errors"
        f" in {_duration(run['elapsed_s'])} ({run['rate_per_s']:,.0f}/s), ended by {run['ended_by']}"
    ]
    groups = result["groups"]
    for group in groups[:_GROUPS]:
        place = f" in {group['place']}" if group["place"] else ""
        lines.append(
            f"{group['count']:,} x {group['verdict']}: {group['cause']}, {group['workflow']}{place},"
            f" first in cycle {group['first_cycle']}, seed {group['first_seed']}"
        )
        lines.append(f"    {run['commands'][str(group['first_cycle'])]}")
    if len(groups) > _GROUPS:
        lines.append(f"and {len(groups) - _GROUPS} further groups: {run['folder']}/summary.json")
    lines.append(f"folder {run['folder']}")
    lines.append(f"VERDICT: {'PASS' if summary.passed else 'FAIL'}")
    return lines


def _target(cycles: int | None, hours: float | None) -> str:
    words = [f"{cycles:,} cycles"] if cycles is not None else []
    words += [f"{hours:g} hours"] if hours is not None else []
    return " or ".join(words) or "until it is stopped"


def _words(report: CycleReport) -> str:
    return (
        f"cycle {report.number}  {report.workflow}  seed {report.seed}  {report.primary_hash[:12]}"
    )


def _bar(status: Status) -> str:
    """How much of the target is done, in 20 characters."""
    if status.target_cycles:
        done = status.cycles / status.target_cycles
    elif status.target_s:
        done = status.elapsed_s / status.target_s
    else:
        return ""
    full = round(20 * min(1.0, done))
    return f"{'━' * full}{'─' * (20 - full)} "


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
