"""Called twice in one process: what one call leaves for the next, and where it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aos_workflow.doctor.concurrency import diverging_line, function_at
from aos_workflow.doctor.difference import Difference
from aos_workflow.doctor.findings import cause_at
from aos_workflow.doctor.lab import Site
from aos_workflow.doctor.plan import STATE
from aos_workflow.doctor.result import Axis, Cause

if TYPE_CHECKING:
    from aos_workflow.doctor.examination import Examiner

__all__ = ["examine"]

MAX_ROOTS = 40
LABEL = "shared-state"
FIRST = "the first line after which the calls differ"


def examine(examiner: Examiner) -> tuple[bool, list[Cause]]:
    """Whether a second call gives something else, and why."""
    lab = examiner.lab
    calls = lab.calls if examiner.budget != "quick" else lab.calls[:2]
    plans = _plans(calls)
    alone = lab.execute([lab.job(calls=[call]) for call in calls])
    pristine = [lab.outputs(raw)[-1:] for raw in alone]
    raws = lab.execute([lab.job(calls=[calls[i] for i in plan]) for plan in plans])
    differing = []
    for plan, raw in zip(plans, raws, strict=True):
        found = _against(examiner, raw, pristine[plan[-1]])
        if found:
            differing.append((plan, found))
    examiner.axes[STATE] = Axis(STATE, len(raws) + len(alone), len(differing))
    if not differing:
        return False, []
    plan, found = differing[0]
    return True, _attribute(
        examiner, [calls[i] for i in plan], pristine[plan[-1]], found, len(differing), len(plans)
    )


def _plans(calls: Sequence[Any]) -> list[list[int]]:
    """Which calls follow each other: the same twice, and each after another."""
    same = [[i, i] for i in range(len(calls))]
    other = [[i - 1, i] for i in range(len(calls)) if len(calls) > 1]
    thrice = [[0, 0, 0]]
    return [*same, *other, *thrice]


def _against(examiner: Examiner, raw: dict[str, Any], pristine: list[Any]) -> list[Difference]:
    lab = examiner.lab
    if raw.get("status") != "done":
        return []
    last = {**raw, "outputs": raw["outputs"][-1:]}
    return list(lab.verdict(last, pristine).found)


def _attribute(
    examiner: Examiner,
    calls: list[Any],
    pristine: list[Any],
    found: list[Difference],
    differed: int,
    tried: int,
) -> list[Cause]:
    lab = examiner.lab
    (raw,) = lab.execute([lab.job(calls=calls, state={"restore": []})])
    changed = list(raw.get("changed", []))[:MAX_ROOTS]

    def heals(roots: list[str]) -> bool:
        (raw,) = lab.execute([lab.job(calls=calls, state={"restore": roots})])
        return raw.get("status") == "done" and not _against(examiner, raw, pristine)

    guilty = _smallest(changed, heals)
    (watched,) = lab.execute(
        [lab.job(calls=calls, trace={"mode": "roots", "roots": guilty or changed})]
    )
    places = _places(watched)
    causes = []
    evidence = [
        f"a second call in the same process gave another output in {differed} of {tried} runs"
    ]
    for name in guilty or list(places)[:1]:
        where = places.get(name)
        if not where:
            continue
        file, line, function = _declared(watched, name) or where[0]
        site = Site(
            STATE,
            file,
            line,
            function or function_at(file, line),
            f"state in {name}",
            (),
            False,
            1,
            0,
            (),
        )
        healed = (
            [f"with {name} put back before the second call, the output was that of a first call"]
            if guilty
            else []
        )
        causes.append(
            cause_at(
                LABEL,
                STATE,
                site,
                found,
                [*evidence, *healed],
                tuple(n for _, n, _ in where[1:4]),
                perturbation={"calls": calls},
                proven=bool(guilty),
            )
        )
    if causes or examiner.causes or examiner.unstable is not None:
        return causes
    return _diverged(examiner, calls, found, evidence)


def _diverged(
    examiner: Examiner, calls: list[Any], found: list[Difference], evidence: list[str]
) -> list[Cause]:
    """The first line after which a later call differs from one alone: state is kept where no root is looked for."""
    lab = examiner.lab
    raws = lab.execute(
        [lab.job(calls=some, trace={"mode": "last"}) for some in (calls[-1:], calls)]
    )
    alone, later = (raw.get("trace") or [] for raw in raws)
    place = diverging_line(alone, later)
    if place is None:
        return []
    site = Site(STATE, *place, function_at(*place), FIRST, (), False, 1, 0, ())
    return [cause_at(LABEL, STATE, site, found, evidence, proven=False)]


def _declared(watched: dict[str, Any], name: str) -> tuple[str, int, str] | None:
    """The definition of a function whose cache is the state."""
    found = (watched.get("caches") or {}).get(name)
    return None if found is None else (found[0], found[1], found[2])


def _places(watched: dict[str, Any]) -> dict[str, list[Any]]:
    """Where roots are written: in the later call if it writes them again, else in the first."""
    calls: list[dict[str, list[Any]]] = watched.get("trace") or [{}]
    return {**calls[0], **calls[-1]}


def _smallest(changed: list[str], heals: Any) -> list[str]:
    """The fewest roots that must be put back."""
    for name in changed:
        if heals([name]):
            return [name]
    if len(changed) < 2 or not heals(changed):
        return []
    kept = list(changed)
    for name in changed:
        rest = [other for other in kept if other != name]
        if rest and heals(rest):
            kept = rest
    return kept
