"""Whether an order matters only because floats are added in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aos_workflow.doctor.attribution import Suspect
from aos_workflow.doctor.difference import Difference, kind_of
from aos_workflow.doctor.lab import Place, Site, sites_of, thaw
from aos_workflow.doctor.labels import FIXES
from aos_workflow.doctor.plan import SourceAxis
from aos_workflow.doctor.result import Cause

if TYPE_CHECKING:
    from aos_workflow.doctor.examination import Examiner

__all__ = ["exact_sites", "refined"]

AXIS = "float"
EXACT = "exact"


def refined(examiner: Examiner, axis: SourceAxis, suspect: Suspect, cause: Cause) -> Cause:
    """The cause, as ``float-order`` at the addition if exact additions make the difference go away."""
    if kind_of(suspect.found) not in ("rounding", "numbers"):
        return cause
    if not any(isinstance(d.expected, float) or isinstance(d.got, float) for d in suspect.found):
        return cause
    thaws = {axis.name: thaw(suspect.variant, only=[suspect.site.place])}
    site = exact_sites(examiner, thaws)
    if site is None:
        if kind_of(suspect.found) == "rounding":
            return replace(cause, label="float-order", fix=FIXES["float-order"])
        return cause
    return replace(
        cause, label="float-order", fix=FIXES["float-order"], file=site.file, line=site.line,
        function=site.function, source=site.name, chain=site.chain, related=(*cause.related, cause.line),
        evidence=(*cause.evidence, "with exact additions at this line the order no longer changes the output"),
    )  # fmt: skip


def exact_sites(examiner: Examiner, thaws: dict[str, Any]) -> Site | None:
    """The addition that, made exact, gives the same output under a perturbation."""
    lab = examiner.lab
    if EXACT not in lab.clinic.servers:
        lab.clinic.server(EXACT, exact=True)
    control, perturbed = lab.execute([lab.job(), lab.job(thaws)], EXACT)
    if control.get("status") != "done" or _same(examiner, control, perturbed):
        return None
    sites = {s.place: s for raw in (control, perturbed) for s in sites_of(raw) if s.axis == AXIS}
    if not sites or not _equal(examiner, thaws, None):
        return None
    for place, site in sites.items():
        if _equal(examiner, thaws, [place]):
            return site
    return next(iter(sites.values()))


def _equal(examiner: Examiner, thaws: dict[str, Any], only: list[Place] | None) -> bool:
    lab = examiner.lab
    exact = {AXIS: thaw(1, only=only)}
    control, perturbed = lab.execute([lab.job(exact), lab.job({**thaws, **exact})], EXACT)
    return _same(examiner, control, perturbed)


def _same(examiner: Examiner, control: Any, perturbed: Any) -> bool:
    lab = examiner.lab
    found = lab.verdict(perturbed, lab.outputs(control)).found
    return not [d for d in found if not _negligible(d)]


def _negligible(found: Difference) -> bool:
    """Rounding of the exact sum itself."""
    return kind_of([found]) == "rounding" and abs(found.expected - found.got) <= 1e-15 * abs(
        found.expected
    )
