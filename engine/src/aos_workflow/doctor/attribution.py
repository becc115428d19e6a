"""From an axis under which the output differs to the lines that must change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aos_workflow.doctor.bisect import Found, smallest
from aos_workflow.doctor.difference import Difference
from aos_workflow.doctor.lab import Lab, Place, Site, Verdict, thaw
from aos_workflow.doctor.plan import SourceAxis

__all__ = ["Suspect", "guilty_sites"]

MAX_VARIANTS = 3
MAX_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """A site that must be frozen, with the evidence for it."""

    site: Site
    found: tuple[Difference, ...]
    changed: int
    tried: int
    held: bool
    """Whether freezing the named sites gave the control's output."""
    alone: bool
    variant: Any


class Trial:
    """Tests of one axis with the variants under which the output differed."""

    def __init__(self, lab: Lab, axis: SourceAxis, variants: Sequence[Any], **more: Any) -> None:
        self.lab = lab
        self.axis = axis
        self.variants = list(variants)[:MAX_VARIANTS]
        self.more = more
        self.seen: dict[Place, list[Verdict]] = {}
        self.fresh: dict[Place, Site] = {}

    def differs(self, verdict: Verdict) -> bool:
        """Whether a verdict counts as another output."""
        return verdict.changed or (self.axis.faithful and verdict.status == "fails")

    def thaws(self, **places: Any) -> list[dict[str, Any]]:
        """The axis let go in each variant; the two schedules always together."""
        names = (
            ("threads", "async") if self.axis.name in ("threads", "async") else (self.axis.name,)
        )
        return [{name: thaw(variant, **places) for name in names} for variant in self.variants]

    def frozen(self, sets: Sequence[Sequence[Place]]) -> list[bool]:
        """For each set: whether the output is the control's while only these sites are frozen."""
        verdicts = self._run([t for places in sets for t in self.thaws(frozen=list(places))])
        size = len(self.variants)
        groups = [verdicts[i * size : (i + 1) * size] for i in range(len(sets))]
        return [not any(self.differs(v) for v in group) for group in groups]

    def alone(self, places: Sequence[Place]) -> list[bool]:
        """For each site: whether letting go of it alone changes the output."""
        verdicts = self._run([t for place in places for t in self.thaws(only=[place])])
        size = len(self.variants)
        answers = []
        for i, place in enumerate(places):
            self.seen[place] = verdicts[i * size : (i + 1) * size]
            answers.append(any(self.differs(v) for v in self.seen[place]))
        return answers

    def _run(self, thaws: list[dict[str, Any]]) -> list[Verdict]:
        verdicts = self.lab.perturb(thaws, **self.more)
        for verdict in verdicts:
            for site in verdict.sites:
                if site.axis == self.axis.name:
                    self.fresh.setdefault(site.place, site)
        return verdicts


def guilty_sites(
    lab: Lab, axis: SourceAxis, differing: Sequence[tuple[Any, Verdict]], known: Sequence[Site]
) -> list[Suspect]:
    """The sites of an axis that must be frozen."""
    sites = {site.place: site for site in known if site.axis == axis.name}
    for _, verdict in differing:
        for site in verdict.sites:
            if site.axis == axis.name:
                sites.setdefault(site.place, site)
    trial = Trial(lab, axis, _spread([variant for variant, _ in differing]))
    found = Found((), (), False)
    for _ in range(MAX_ROUNDS):
        if not sites:
            return []
        found = smallest(list(sites), trial.frozen, trial.alone)
        new = {place: site for place, site in trial.fresh.items() if place not in sites}
        if found.enough or not new:
            break
        sites |= new
    return [_suspect(trial, sites[place], found, differing) for place in found.sites]


def _spread(variants: list[Any]) -> list[Any]:
    """The first variants, and of many one from the middle and the last."""
    if len(variants) <= MAX_VARIANTS:
        return variants
    return [variants[0], variants[len(variants) // 2], variants[-1]]


def _suspect(
    trial: Trial, site: Site, found: Found, differing: Sequence[tuple[Any, Verdict]]
) -> Suspect:
    verdicts = trial.seen.get(site.place, [])
    changed = [
        (variant, v)
        for variant, v in zip(trial.variants, verdicts, strict=False)
        if trial.differs(v)
    ]
    variant, first = changed[0] if changed else differing[0]
    return Suspect(
        trial.fresh.get(site.place, site),
        first.found,
        len(changed),
        len(verdicts),
        found.enough,
        bool(changed),
        variant,
    )
