"""What two goldens say about their runs as a whole: seeds, code, machines, versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aos_workflow.golden.sealing import Signature
from aos_workflow.golden.triage.pairing import Pair
from aos_workflow.golden.triage.subject import Subject

__all__ = ["Facts", "facts_of"]

_MACHINE = ("python", "platform")


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of values are given where the goldens differ, and are ``None`` where they do not or do not say.

    ``same_code``: by all that is recorded, both runs are of the same code with the same seed.
    """

    seeds: tuple[Any, Any] | None
    commits: tuple[str, str] | None
    tools: tuple[str, str] | None
    environments: tuple[str, ...]
    same_code: bool
    called_out: bool
    rules_differ: bool


def facts_of(
    a: Subject, b: Subject, pairs: Sequence[Pair], *, same_code: bool | None = None
) -> Facts:
    """The facts. ``same_code`` overrules what the goldens say of the code."""
    commits, tools = _two(a, b, "commit"), _two(a, b, "tool")
    seeds = None if a.seed == b.seed or None in (a.seed, b.seed) else (a.seed, b.seed)
    spec = a.start.get("spec_hash")
    is_same = spec is not None and spec == b.start.get("spec_hash") and not commits and not tools
    return Facts(
        seeds=seeds,
        commits=commits,
        tools=tools,
        environments=tuple(_machines(a, b)),
        same_code=seeds is None and (is_same if same_code is None else same_code),
        called_out=any(pair.unit.kind == "external_call" for pair in pairs),
        rules_differ=a.rules.hash != b.rules.hash and "legacy" not in (a.form, b.form),
    )


def _two(a: Subject, b: Subject, name: str) -> tuple[str, str] | None:
    left, right = a.provenance.get(name), b.provenance.get(name)
    return (str(left), str(right)) if left and right and left != right else None


def _machines(a: Subject, b: Subject) -> Iterator[str]:
    for name in _MACHINE:
        if (found := _two(a, b, name)) is not None:
            yield f"{found[0]} and {found[1]}"


def notes_of(a: Subject, b: Subject, facts: Facts) -> Iterator[str]:
    """What a reader should know beside the causes."""
    for subject in (a, b):
        if subject.signature is Signature.VALID:
            yield f"{subject.file}: the signature is valid (key {subject.key_id or 'of the older form'})"
        elif subject.signature is Signature.UNKNOWN_KEY:
            key = f" {subject.key_id}" if subject.key_id else ""
            yield (
                f"{subject.file}: signed with a key that is not at hand{key}, so the signature is not checked; "
                "export GOLDEN_SECRET, or sign anew: aos-workflow golden resign"
            )
    if facts.commits:
        yield f"recorded at different commits: git diff {facts.commits[0][:12]} {facts.commits[1][:12]}"
    if facts.environments:
        yield f"recorded on different machines: {'; '.join(facts.environments)}"
    if facts.tools:
        yield f"recorded by {facts.tools[0]} and {facts.tools[1]}"
