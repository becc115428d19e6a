"""Freeze everything, let one axis go at a time, then find the lines inside the axis.

The doctor runs a function many times in processes of its own. What it does next is decided here from the results alone.
"""

from __future__ import annotations

import ast
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aos_workflow.doctor import findings, residual, schedules, state
from aos_workflow.doctor.attribution import Suspect, guilty_sites
from aos_workflow.doctor.axes import environment
from aos_workflow.doctor.lab import Lab, Site, Verdict, sites_of, thaw
from aos_workflow.doctor.plan import (
    AXES,
    BUDGETS,
    PROCESS,
    SCHEDULES,
    STATE,
    Budget,
    SourceAxis,
    provokes,
)
from aos_workflow.doctor.result import AXES as NAMES
from aos_workflow.doctor.result import Axis, Cause, Examination
from aos_workflow.doctor.server import Clinic
from aos_workflow.doctor.target import Target
from aos_workflow.errors import UsageError
from aos_workflow.golden import Rules

__all__ = ["SEEDS", "calls_of", "examine"]

SEEDS = (0, 7, 1234)


def examine(
    target: str | Callable[..., Any] | Target,
    *,
    seeds: Sequence[int] = SEEDS,
    args: Sequence[Any] | Mapping[str, Any] | None = None,
    budget: Budget = "default",
    axes: Sequence[str] | None = None,
    rules: Rules | None = None,
    latent: bool = False,
    limit_s: float | None = None,
) -> Examination:
    """What makes the output of a function differ between runs, line by line.

    ``target`` is a function, ``FILE.py:function`` or ``package.module:function``. It is called with each of
    ``seeds``, or once
    with ``args``: a list of positional or a mapping of keyword arguments. ``rules`` take volatile places out of the
    comparison. ``latent`` also lists sources that are read and do not reach the output.

    Raises:
        UsageError: there is no such function, or it fails, hangs or gives nothing comparable even when nothing
        is perturbed.
    """
    if budget not in BUDGETS:
        raise UsageError(f"there is no budget {budget!r}; there are {', '.join(BUDGETS)}")
    for name in axes or ():
        if name not in NAMES:
            raise UsageError(f"there is no axis {name!r}; there are {', '.join(NAMES)}")
    where = Target.of(target)
    began = time.monotonic()
    with Clinic(where) as clinic:
        lab = Lab(clinic, calls_of(where, seeds, args), rules, limit_s)
        examiner = Examiner(lab, budget, axes, latent)
        examiner.run()
    return examiner.report(f"{where.file}:{where.name}", time.monotonic() - began)


def calls_of(
    target: Target, seeds: Sequence[int], args: Sequence[Any] | Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """The calls of an examination as JSON data."""
    if isinstance(args, Mapping):
        return [{"args": [], "kwargs": dict(args)}]
    if args is not None:
        return [{"args": list(args), "kwargs": {}}]
    names = _parameters(target)
    if names == []:
        return [{"args": [], "kwargs": {}}]
    if names is None or "seed" not in names:
        return [{"args": [seed], "kwargs": {}} for seed in seeds]
    return [{"args": [], "kwargs": {"seed": seed}} for seed in seeds]


def _parameters(target: Target) -> list[str] | None:
    """The names of the function's parameters, or ``None`` if the file does not tell."""
    try:
        tree: ast.AST = ast.parse(target.file.read_bytes())
    except SyntaxError as error:
        raise UsageError(f"{target.file.name}:{error.lineno}: {error.msg}") from None
    for part in target.name.split("."):
        for node in ast.iter_child_nodes(tree):
            if getattr(node, "name", None) == part:
                tree = node
                break
        else:
            return None
    if not isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    given = tree.args
    return [
        a.arg
        for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)
        if a.arg not in ("self", "cls")
    ]


class Examiner:
    """One examination: what was seen so far."""

    def __init__(self, lab: Lab, budget: Budget, axes: Sequence[str] | None, latent: bool) -> None:
        self.lab = lab
        self.budget: Budget = budget
        self.wanted = axes
        self.latent = latent
        self.causes: list[Cause] = []
        self.axes: dict[str, Axis] = {}
        self.limits: list[str] = []
        self.differs = False
        self.control_sites: tuple[Site, ...] = ()

    def wants(self, name: str) -> bool:
        """Whether an axis is to be looked at."""
        return self.wanted is None or name in self.wanted

    def run(self) -> None:
        """Look at every axis."""
        self._control()
        self._sources()
        if self.wants(STATE):
            self.add(*state.examine(self))
        if self.wants(PROCESS):
            self.add(*residual.examine(self))

    def add(self, differs: bool, causes: Sequence[Cause]) -> None:
        """Take up what an axis showed."""
        self.differs = self.differs or differs
        self.causes.extend(causes)

    def _control(self) -> None:
        lab = self.lab
        (first,) = lab.execute([lab.job(slot=0)])  # alone: it also makes the recording
        (second,) = lab.execute([lab.job(slot=1)]) if first.get("status") == "done" else (first,)
        if first.get("status") != "done":
            raise UsageError(_unusable(first))
        if all(o["kind"] == "error" for o in first["outputs"]):
            first, second = self._elsewhere(first, second)
        lab.take_control(first)
        self.limits.extend(first.get("limits", ()))
        self.control_sites = sites_of(first)
        again = lab.verdict(second)
        if again.status != "same":
            self.limits.append(
                "two control runs differed: something is read that no axis holds still"
            )
            self.differs = True
            self.unstable = again
        if any(o["kind"] == "adapted" for o in first["outputs"]):
            self.limits.append(
                "the function returns values that JSON does not know; they were compared as goldens spell them"
            )

    unstable: Verdict | None = None

    def _elsewhere(
        self, first: dict[str, Any], second: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A function that fails in an empty folder is run where the user is."""
        import os

        lab = self.lab
        lab.cwd = os.getcwd()  # noqa: PTH109
        again = lab.execute([lab.job(slot=0), lab.job(slot=1)])
        if again[0].get("status") == "done" and any(
            o["kind"] != "error" for o in again[0]["outputs"]
        ):
            self.limits.append(
                "the function needs the working directory; it was not run in a folder of its own"
            )
            return again[0], again[1]
        error = first["outputs"][0]
        name = lab.clinic.target.name
        if (
            error["when"] == "import"
            and error["type"] == "AttributeError"
            and name.split(".")[0] in error["text"]
        ):
            raise UsageError(f"there is no {name} in {lab.clinic.target.file.name}")
        when = "importing its module" if error["when"] == "import" else "the function"
        raise UsageError(f"{when} raised {error['type']} at line {error['line']}: {error['text']}")

    def _sources(self) -> None:
        hit = {site.axis for site in self.control_sites}
        axes = [a for a in AXES if self.wants(a.name) and a.name not in SCHEDULES and a.name in hit]
        plans = [(axis, variant) for axis in axes for variant in self._variants(axis)]
        concurrent = self.lab.raw.get("threads") or self.lab.raw.get("loops")
        schedule = next(a for a in AXES if a.name == SCHEDULES[0])
        if concurrent and any(map(self.wants, SCHEDULES)):
            plans += [(schedule, variant) for variant in provokes(schedule, self.budget)]
        verdicts = self.lab.perturb([_thaws(axis, variant) for axis, variant in plans])
        by_axis: dict[str, list[tuple[Any, Verdict]]] = {}
        for (axis, variant), verdict in zip(plans, verdicts, strict=True):
            by_axis.setdefault(axis.name, []).append((variant, verdict))
        for axis in axes:
            self._axis(axis, by_axis[axis.name])
        if schedule.name in by_axis:
            tried = by_axis[schedule.name]
            differing = self._count(schedule, tried)
            if differing:
                self.add(True, schedules.examine(self, differing))

    def _variants(self, axis: SourceAxis) -> list[Any]:
        return provokes(axis, self.budget)

    def _axis(self, axis: SourceAxis, tried: list[tuple[Any, Verdict]]) -> None:
        differing = self._count(axis, tried)
        if not differing:
            drives = self._drives(axis)
            if drives:
                verdicts = self.lab.perturb([_thaws(axis, variant) for variant in drives])
                tried = list(zip(drives, verdicts, strict=True))
                differing = self._count(axis, tried)
        if differing:
            suspects = self._suspects(axis, differing)
            self.add(True, findings.causes_of(self, axis, suspects, differing))
        elif any(v.status == "fails" for _, v in tried):
            message = next(v.message for _, v in tried if v.status == "fails")
            self.limits.append(
                f"{axis.name}: the function does not tolerate the perturbation ({message})"
            )

    def _suspects(self, axis: SourceAxis, differing: list[tuple[Any, Verdict]]) -> list[Suspect]:
        """The sites; of the clock first those that jumps show, then those that only passing time shows."""
        if axis.name != "clock":
            return guilty_sites(self.lab, axis, differing, self.control_sites)
        jumps = [(v, verdict) for v, verdict in differing if not v[1]]
        passing = [(v, verdict) for v, verdict in differing if v[1]]
        first = guilty_sites(self.lab, axis, jumps, self.control_sites) if jumps else []
        second = guilty_sites(self.lab, axis, passing, self.control_sites) if passing else []
        known = {suspect.site.place for suspect in first}
        return [*first, *(s for s in second if s.site.place not in known)]

    def _drives(self, axis: SourceAxis) -> list[Any]:
        if axis.name == environment.NAME:
            ready = self.lab.clinic.server().wait_ready()
            return environment.drives(self.budget, ready.get("constants", []))
        return list(axis.drives(self.budget)) if axis.drives else []

    def _count(
        self, axis: SourceAxis, tried: Sequence[tuple[Any, Verdict]]
    ) -> list[tuple[Any, Verdict]]:
        differing = [
            (variant, v)
            for variant, v in tried
            if v.changed or (axis.faithful and v.status == "fails")
        ]
        before = self.axes.get(axis.name, Axis(axis.name))
        sites = len({s.place for s in self.control_sites if s.axis == axis.name})
        failed = sum(v.status not in ("same", "differs") for _, v in tried)
        self.axes[axis.name] = Axis(
            axis.name,
            before.runs + len(tried),
            before.differed + len(differing),
            before.failed + failed,
            sites,
        )
        return differing

    def report(self, target: str, seconds: float) -> Examination:
        """The examination as data."""
        causes = [
            replace(cause, replay=_replay_command(self.lab.clinic.target, target, cause))
            for cause in findings.ranked(self.causes)
        ]
        return Examination(
            target=target,
            deterministic=not (self.differs or causes),
            causes=tuple(causes),
            latent=tuple(findings.latent(self)) if self.latent else (),
            axes=tuple(self.axes.values()),
            limits=tuple(dict.fromkeys(self.limits)),
            runs=self.lab.runs,
            seconds=seconds,
        )


def _thaws(axis: SourceAxis, variant: Any) -> dict[str, Any]:
    names = SCHEDULES if axis.name in SCHEDULES else (axis.name,)
    return {name: thaw(variant) for name in names}


def _replay_command(target: Target, shown: str, cause: Cause) -> str:
    """The command that shows the difference of a cause again."""
    again = f"aos-workflow doctor {shlex.quote(shown)}"
    examine_it, show_it = target.commands or (f"{again} --axis {cause.axis}", f"{again} --replay")
    return f"{show_it} {shlex.quote(cause.perturbation)}" if cause.perturbation else examine_it


def _unusable(raw: Mapping[str, Any]) -> str:
    reasons = {
        "timeout": "the function takes longer than the doctor waits",
        "too-large": "the function returns more than the doctor compares",
        "died": "the function ended its process",
    }
    exit_code = raw.get("exit")
    if exit_code == 97:
        return "the function's threads wait for each other for ever"
    return reasons.get(
        str(raw.get("status")), str(raw.get("error", "the function cannot be run"))
    ) + (f" (exit {exit_code})" if raw.get("status") == "died" else "")
