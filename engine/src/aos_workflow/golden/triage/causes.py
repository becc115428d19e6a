"""The classes of causes: what each means and what to do about it. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["CAUSES", "FIXED_BY_RULE", "CauseClass"]


@dataclass(frozen=True, slots=True)
class CauseClass:
    """A class of causes. ``fix`` may name ``{skill}``."""

    name: str
    title: str
    fix: str


_ALL = (
    # What is wrong with a file comes before what is in it.
    CauseClass(
        "tampered",
        "a file is not what was written",
        "Restore the file from git or a backup. If nobody should have edited it, check who has access and rotate "
        "GOLDEN_SECRET. If the edit was meant, record the golden again.",
    ),
    CauseClass(
        "truncated",
        "a file ends before its run does",
        "Restore the file from git or a backup, or record the run again.",
    ),
    CauseClass(
        "stale",
        "a golden is of another version of the format or the recorder",
        "Record the older golden again with the version in use, or lift it: aos-workflow golden migrate.",
    ),
    # What makes everything after it differ.
    CauseClass(
        "other-run",
        "the runs were not asked for the same",
        "Compare runs of one workflow with the same inputs.",
    ),
    CauseClass(
        "seed-mismatch",
        "the seeds differ",
        "Check seed propagation in {skill}: give both runs the same seed, and derive every other seed from it "
        "(ctx.random(), or determinism.derive_seed(seed, name)).",
    ),
    CauseClass(
        "code-changed",
        "the code is another one",
        "If the change is meant, record the golden again. If not, run both with the same version of {skill}.",
    ),
    # What happened in a step.
    CauseClass(
        "external-call",
        "something outside answered otherwise",
        "Mock or determinize the external call of {skill}: record its answer as a step's output and replay it, or "
        "take the answer as an argument.",
    ),
    CauseClass(
        "unseeded-rng",
        "random numbers without the run's seed",
        "Replace random.random() and the like in {skill} with a seeded generator: rng = ctx.random(), or "
        "random.Random(seed), passed as an argument.",
    ),
    CauseClass(
        "environment",
        "the environment shows in the values",
        "Take the setting as an explicit argument of {skill} instead of reading it from the machine, or run both "
        "sides in the same environment.",
    ),
    CauseClass(
        "shared-state",
        "what an earlier run left behind is used",
        "Create the state inside the run, and key caches in {skill} by everything that the value depends on.",
    ),
    CauseClass(
        "schedule-dependent",
        "who is first decides",
        "Take results in the order of submission, or keep them by task; nothing that tasks share in {skill} may depend "
        "on who comes first.",
    ),
    CauseClass(
        "process-dependent",
        "something of the process is used",
        "Use what a thing is, not where it is, in {skill}: a name or a counter instead of id(), hash() or repr(), and "
        "nothing that is drawn at import.",
    ),
    CauseClass(
        "fault-dependent",
        "it differs only when something goes wrong",
        "Make {skill} give the same when it is tried again, resumed or answered late: keep nothing outside of what the "
        "steps return.",
    ),
    CauseClass(
        "not-deterministic",
        "the same code, seed and inputs gave something else",
        "Find the line: aos-workflow doctor FILE.py:FUNCTION with the function of {skill}. If its code was changed on "
        "purpose, raise its version and record again.",
    ),
    CauseClass(
        "real-change",
        "the behaviour changed",
        "If the change is meant, record the golden again (pytest --golden-record). If not, it is a regression in "
        "{skill}.",
    ),
    # What a rule can allow.
    CauseClass(
        "volatile-leak",
        "a value that is new in every run is compared",
        "Add the rule to the golden's rules; nothing can make such a value stable.",
    ),
    CauseClass(
        "order-only",
        "the same things in another order",
        "Sort before the order matters in {skill} (sorted(...)), take results in the order of submission "
        "(asyncio.gather), or add the rule.",
    ),
    CauseClass(
        "float-only",
        "rounding",
        "Sum in a fixed order or exactly (math.fsum) in {skill}, or add the rule.",
    ),
    CauseClass(
        "rules-changed",
        "recorded under other rules for volatile values",
        "Record both goldens under the same rules.",
    ),
)

CAUSES: Mapping[str, CauseClass] = MappingProxyType({each.name: each for each in _ALL})
"""Every class by its name, the gravest first."""

FIXED_BY_RULE = frozenset({"volatile-leak", "order-only", "float-only"})
"""Classes that cause nothing else as a rule: they yield to others as the headline."""
