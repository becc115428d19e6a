"""Threads and tasks: the line that takes results in the order in which they come, or writes what all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aos_workflow.doctor import concurrency
from aos_workflow.doctor.attribution import Trial
from aos_workflow.doctor.axes.limits import TIMEOUT
from aos_workflow.doctor.findings import cause_at
from aos_workflow.doctor.lab import Place, Site, Verdict, thaw
from aos_workflow.doctor.plan import AXES, SCHEDULES
from aos_workflow.doctor.result import Cause

if TYPE_CHECKING:
    from aos_workflow.doctor.examination import Examiner

__all__ = ["examine", "label_of", "shared_writer"]

MAX_SITES = 6


def examine(examiner: Examiner, differing: Sequence[tuple[Any, Verdict]]) -> list[Cause]:
    """The causes behind outputs that differ under other schedules."""
    label = label_of(examiner)
    found = differing[0][1].found
    runs = f"another schedule changed the output in {len(differing)} of {len(differing)} runs that differed"
    shows = {"thaws": {name: thaw(differing[0][0]) for name in SCHEDULES}}
    taken = _taken(examiner, differing)
    if taken:
        evidence = [
            runs,
            "with results taken in the order of submission here, every schedule gave the control's output",
        ]
        return [
            cause_at(label, SCHEDULES[0], site, found, evidence, perturbation=shows)
            for site in taken
        ]
    limits = _limited(examiner, differing)
    if limits:
        evidence = [
            runs,
            "with a time limit here that never ends, every schedule gave the same output",
        ]
        return [
            cause_at(label, SCHEDULES[0], site, found, evidence, perturbation=shows)
            for site in limits
        ]
    site = _written(examiner, differing) or _diverged(examiner, differing)
    if site is None:
        return []
    evidence = [
        runs,
        "named by a trace: what is written here is shared, and the order of its writers changed",
    ]
    return [cause_at(label, SCHEDULES[0], site, found, evidence, perturbation=shows, proven=False)]


def label_of(examiner: Examiner) -> str:
    """What a cause of the schedule is called in this program."""
    return "async-order" if examiner.lab.raw.get("loops") else "thread-race"


def shared_writer(examiner: Examiner) -> Site | None:
    """The line that writes what several threads or tasks share, in the control run alone."""
    lab = examiner.lab
    if not (lab.raw.get("threads") or lab.raw.get("loops")):
        return None
    (raw,) = lab.execute([lab.job(trace={"mode": "writes"})])
    found = concurrency.shared_writes(raw.get("trace") or [])
    return _site(found[0].file, found[0].line, found[0].text) if found else None


def _taken(examiner: Examiner, differing: Sequence[tuple[Any, Verdict]]) -> list[Site]:
    """Lines that take results as they complete, if holding their order is enough."""
    sites = {s.place: s for s in examiner.control_sites if s.axis in SCHEDULES}
    if not sites or len(sites) > MAX_SITES:
        return []
    axis = next(a for a in AXES if a.name == SCHEDULES[0])
    trial = Trial(examiner.lab, axis, [variant for variant, _ in differing])
    if not trial.frozen([list(sites)])[0]:
        return []
    kept = list(sites)
    for place in list(sites):
        rest = [other for other in kept if other != place]
        if rest and trial.frozen([rest])[0]:
            kept = rest
    return [sites[place] for place in kept]


def _limited(examiner: Examiner, differing: Sequence[tuple[Any, Verdict]]) -> list[Site]:
    """Lines that set time limits, if it is these that let the schedule decide."""
    sites = {s.place: s for s in examiner.control_sites if s.axis == TIMEOUT}
    if not sites or len(sites) > MAX_SITES:
        return []
    lab = examiner.lab

    def settled(places: Sequence[Place]) -> bool:
        endless = {TIMEOUT: thaw("endless", only=places)}
        held = [{name: thaw(variant) for name in SCHEDULES} for variant, _ in differing[:3]]
        raws = lab.execute([lab.job({**schedule, **endless}) for schedule in ({}, *held)])
        outputs = [lab.outputs(raw) for raw in raws if raw.get("status") == "done"]
        return len(outputs) == len(raws) and all(other == outputs[0] for other in outputs)

    kept = list(sites)
    if not settled(kept):
        return []
    for place in list(sites):
        rest = [other for other in kept if other != place]
        if rest and settled(rest):
            kept = rest
    return [sites[place] for place in kept]


def _traces(
    examiner: Examiner, differing: Sequence[tuple[Any, Verdict]], mode: str
) -> tuple[Any, list[Any]]:
    lab = examiner.lab
    jobs = [lab.job(trace={"mode": mode})]
    for variant, _ in differing[:3]:
        jobs.append(lab.job({name: thaw(variant) for name in SCHEDULES}, trace={"mode": mode}))
    raws = lab.execute(jobs)
    traces = [raw.get("trace") for raw in raws]
    return traces[0], [t for t in traces[1:] if t]


def _written(examiner: Examiner, differing: Sequence[tuple[Any, Verdict]]) -> Site | None:
    control, others = _traces(examiner, differing, "writes")
    if not control and not others:
        return None
    found = concurrency.writers(control or [], others, differing[0][1].found)
    return (
        _site(found[0].file, found[0].line, found[0].text) if found and found[0].score > 0 else None
    )


def _diverged(examiner: Examiner, differing: Sequence[tuple[Any, Verdict]]) -> Site | None:
    control, others = _traces(examiner, differing, "lines")
    if not control or not others:
        return None
    place = concurrency.diverging_line(control, others[0])
    return _site(*place, "first line after which the runs differ") if place else None


def _site(file: str, line: int, name: str) -> Site:
    return Site(
        SCHEDULES[0], file, line, concurrency.function_at(file, line), name, (), False, 1, 0, ()
    )
