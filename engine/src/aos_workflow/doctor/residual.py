"""What no site of ours sees: garbage collection, addresses in texts, hash seeds in the library, plain processes."""

from __future__ import annotations

import json
import linecache
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aos_workflow.doctor import schedules
from aos_workflow.doctor.axes import identity
from aos_workflow.doctor.concurrency import diverging_line, function_at
from aos_workflow.doctor.difference import Difference, differences
from aos_workflow.doctor.findings import cause_at
from aos_workflow.doctor.lab import Site, thaw
from aos_workflow.doctor.labels import BY_AXIS
from aos_workflow.doctor.plan import PROCESS
from aos_workflow.doctor.result import Axis, Cause

if TYPE_CHECKING:
    from aos_workflow.doctor.examination import Examiner

__all__ = ["examine"]

SEEDS = {"quick": (1,), "default": (1, 2), "deep": (1, 2, 3, 4, 5, 6)}
PLAIN = {"quick": (), "default": (11, 12, 13), "deep": (11, 12, 13, 14, 15, 16)}
HELD = {"hash": thaw("a"), "identity": thaw("a")}
FIRST = "the first line after which the runs differ"


def examine(examiner: Examiner) -> tuple[bool, list[Cause]]:
    """Whether fresh processes give something else although every site is held."""
    differs = False
    causes: list[Cause] = []
    for step in (_collected, _addresses, _fresh):
        differing, some = step(examiner)
        differs = differs or differing
        causes += some
    if examiner.unstable is not None and not examiner.causes and not causes:
        differs, causes = _unstable(examiner, examiner.unstable.found)
    if not examiner.differs and not differs:
        return _plain(examiner)
    return differs, causes


def _collected(examiner: Examiner) -> tuple[bool, list[Cause]]:
    """Garbage collected at every chance, instead of never."""
    lab = examiner.lab
    eager: dict[str, Any] = {"collect": True}
    (raw,) = lab.execute([lab.job(**eager)])
    verdict = lab.verdict(raw)
    if not verdict.changed:
        return False, []
    evidence = [
        "with garbage collected at every chance the output differs from that with none collected"
    ]
    read = [s for s in (*verdict.sites, *examiner.control_sites) if s.axis == identity.LIFETIME]
    if examiner.unstable is not None and not read:
        return False, []  # the control runs differ, too
    if read:
        last = max(read, key=lambda site: site.last)
        return True, [
            cause_at("object-identity", PROCESS, last, verdict.found, evidence, proven=False)
        ]
    return True, _first(
        examiner, lab.job(), lab.job(**eager), "object-identity", verdict.found, evidence
    )


def _addresses(examiner: Examiner) -> tuple[bool, list[Cause]]:
    """Addresses in the output that no site has put there."""
    lab = examiner.lab
    if not any(output.get("addresses") for output in lab.raw["outputs"]):
        return False, []
    (raw,) = lab.execute([lab.job(trace={"mode": "addresses"})])
    place = raw.get("trace")
    found = [Difference(0, "$", "an address", "another")]
    evidence = ["the output holds the address of an object"]
    return True, [_cause("object-identity", place, found, evidence)] if place else []


def _fresh(examiner: Examiner) -> tuple[bool, list[Cause]]:
    """Processes with other hash seeds and other addresses, every site held."""
    lab = examiner.lab
    servers = [("addresses", 0), *((f"hash{seed}", seed) for seed in SEEDS[examiner.budget])]
    for name, seed in servers:
        lab.clinic.server(name, hash_seed=seed, frozen_addresses=False)
    (base,) = lab.execute([lab.job(HELD)])
    expected = lab.outputs(base)
    differing = []
    for name, _ in servers:
        verdict = lab.verdict(lab.execute([lab.job(HELD)], name)[0], expected)
        if verdict.changed:
            differing.append((name, verdict))
    examiner.axes[PROCESS] = Axis(PROCESS, len(servers) + 1, len(differing))
    if not differing:
        return False, []
    name, verdict = differing[0]
    label = "object-identity" if name == "addresses" else "hash-order"
    evidence = [
        f"{len(differing)} of {len(servers)} fresh processes with other hash seeds and addresses differ"
    ]
    job = lab.job(HELD)
    return True, _first(examiner, job, job, label, verdict.found, evidence, server=name)


def _unstable(examiner: Examiner, found: Sequence[Difference]) -> tuple[bool, list[Cause]]:
    """Two control runs that differ: something is read that no axis holds."""
    lab = examiner.lab
    evidence = ["two runs differ although everything the doctor knows was held still"]
    return True, _first(examiner, lab.job(), lab.job(), "external-call", found, evidence)


def _plain(examiner: Examiner) -> tuple[bool, list[Cause]]:
    """Plain fresh processes, as the last resort: whether there is something that no perturbation showed."""
    lab = examiner.lab
    seeds = PLAIN[examiner.budget]
    adapted = any(output["kind"] == "adapted" for output in lab.raw["outputs"])
    if not seeds or (lab.cwd and not lab.clinic.target.cwd) or adapted:
        return False, []
    outputs = [
        text for text in lab.clinic.plain(lab.calls, seeds, lab.limit_s + 5) if text is not None
    ]
    values = [[lab.ruled(json.loads(text)) for text in texts] for texts in outputs]
    differing = [found for other in values[1:] if (found := differences(values[0], other))]
    if not differing:
        return False, []
    examiner.limits.append("plain processes differ, but no perturbation of the doctor shows why")
    return True, _guessed(examiner, differing[0])


def _guessed(examiner: Examiner, found: Sequence[Difference]) -> list[Cause]:
    """The likeliest cause of what only plain processes show; nothing proves it."""
    shared = schedules.shared_writer(examiner)
    if shared is not None:
        evidence = ["plain processes differ; this is what several threads or tasks write"]
        label = schedules.label_of(examiner)
        return [cause_at(label, PROCESS, shared, found, evidence, proven=False)]
    sites = [site for site in examiner.control_sites if site.axis in BY_AXIS]
    if not sites:
        return []
    guess = max(sites, key=lambda s: s.last)
    evidence = ["plain processes differ; this is the source that was read last"]
    return [cause_at(BY_AXIS[guess.axis], PROCESS, guess, found, evidence, proven=False)]


def _first(
    examiner: Examiner, left: Mapping[str, Any], right: Mapping[str, Any], label: str,
    found: Sequence[Difference], evidence: list[str], server: str = "main",
) -> list[Cause]:  # fmt: skip
    """A cause at the first line after which two traced runs differ."""
    lab = examiner.lab
    mode = {"trace": {"mode": "lines"}}
    one = lab.execute([{**left, **mode}])[0].get("trace")
    two = lab.execute([{**right, **mode}], server)[0].get("trace")
    place = diverging_line(one or [], two or [])
    return [_cause(label, place, found, evidence)] if place else []


TELLING = {
    "ident": "volatile-field",
    "native_id": "volatile-field",
    "st_ino": "volatile-field",
    "fileno": "volatile-field",
}
"""Names on a line that say what is read there, where no source of ours does."""


def _cause(
    label: str, place: Sequence[Any], found: Sequence[Difference], evidence: list[str]
) -> Cause:
    file, line = place[0], place[1]
    words = set(re.findall(r"\w+", linecache.getline(file, line)))
    label = next((other for word, other in TELLING.items() if word in words), label)
    site = Site(PROCESS, file, line, function_at(file, line), FIRST, (), False, 1, 0, ())
    return cause_at(label, PROCESS, site, found, evidence, proven=False)
