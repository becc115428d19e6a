"""A golden as triage sees it: whole or damaged, of any form, with what is known about where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from aos_workflow.errors import (
    GoldenEmptyError,
    GoldenFileError,
    GoldenTruncatedError,
    GoldenVersionError,
)
from aos_workflow.golden.canonical import canonical_json
from aos_workflow.golden.files import AnyGolden, Form, form_in, parse
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.rules import DEFAULT_RULES, Rules
from aos_workflow.golden.run_golden import TRAILER, RunGolden
from aos_workflow.golden.sealing import Policy, Signature
from aos_workflow.golden.strict_json import loads
from aos_workflow.golden.triage.units import Unit, units_of_events, units_of_value
from aos_workflow.golden.value_golden import ValueGolden

__all__ = ["Damage", "Subject", "subject_of"]


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a file: the class of the cause, the error's code, and the line."""

    cause: str
    file: str
    code: str
    message: str
    line: int | None = None
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        """The damage as JSON data."""
        return {
            "cause": self.cause,
            "file": self.file,
            "code": self.code,
            "message": self.message,
            "line": self.line,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """One of two goldens. ``document`` is the content of a golden that is no run; ``events`` are a run's.

    ``hash`` is the content hash, and all there is if ``is_hash_only``. ``is_readable``: there is something to compare.
    """

    file: str
    form: Form
    events: tuple[Mapping[str, Any], ...] | None = None
    document: Any = None
    hash: str | None = None
    is_hash_only: bool = False
    rules: Rules = DEFAULT_RULES
    are_rules_applied: bool = False
    provenance: Mapping[str, Any] = field(default_factory=dict)
    signature: Signature = Signature.UNCHECKED
    key_id: str | None = None
    head_seed: Any = None
    damage: Damage | None = None
    is_readable: bool = True

    def units(self, rules: Rules) -> tuple[Unit, ...]:
        """What is put side by side. ``rules`` are applied here to a value; to a run's events, where they differ."""
        if self.events is not None:
            return units_of_events(self.events)
        if self.is_hash_only:
            return units_of_value(f"<sha256:{self.hash}>")
        if self.are_rules_applied and rules.hash == self.rules.hash:
            return units_of_value(self.document)
        return units_of_value(loads(canonical_json(self.document, rules).text))

    @property
    def start(self) -> Mapping[str, Any]:
        """What the run was begun with, as far as it is recorded."""
        events = self.events if self.events is not None else self._recorded()
        if events:
            data = events[0].get("data")
            return data if isinstance(data, dict) else {}
        return self.document if isinstance(self.document, dict) else {}

    @property
    def seed(self) -> Any:
        """The run's seed, or ``None`` if it is not recorded."""
        return self.start.get("seed", self.head_seed)

    def _recorded(self) -> Any:
        """The events that a value golden holds, first one first."""
        held = self.document.get("events") if isinstance(self.document, dict) else self.document
        is_run = (
            isinstance(held, list)
            and held
            and isinstance(held[0], dict)
            and "event_type" in held[0]
        )
        return held if is_run else None


def subject_of(data: bytes, *, file: str, ring: KeyRing | None = None) -> Subject:
    """A golden of any form, or plain JSON, from the bytes of its file. What is damaged is read as far as it goes."""
    form = form_in(data, PurePath(file))
    if form == "legacy" and (plain := _plain(data, file)) is not None:
        return plain
    try:
        return _whole(parse(data, file=file, form=form, ring=ring), form)
    except GoldenFileError as error:
        return _damaged(data, file, form, error)


def _plain(data: bytes, file: str) -> Subject | None:
    """A JSON document that claims to be no golden."""
    try:
        document = loads(data, file=file)
    except GoldenFileError:
        return None
    if isinstance(document, dict) and "signature" in document:
        return None
    return Subject(file, "legacy", document=document, rules=DEFAULT_RULES)


def _whole(golden: AnyGolden, form: Form) -> Subject:
    if isinstance(golden, RunGolden):
        return Subject(
            file=golden.file,
            form=form,
            events=tuple(
                {"event_type": event.event_type, "data": event.data} for event in golden.events
            ),
            hash=golden.hash,
            rules=golden.rules,
            provenance=golden.provenance,
            signature=golden.signature,
            key_id=golden.key_id,
        )
    if isinstance(golden, ValueGolden):
        return Subject(
            file=golden.file,
            form=form,
            document=golden.value,
            hash=golden.hash,
            is_hash_only=golden.kind == "hash",
            rules=golden.rules,
            are_rules_applied=True,
            provenance=golden.provenance,
            signature=golden.signature,
            key_id=golden.key_id,
            head_seed=golden.seed,
        )
    return Subject(golden.file, form, document=golden.value, signature=golden.signature)


def _damaged(data: bytes, file: str, form: Form, error: GoldenFileError) -> Subject:
    """What can still be read of a file that is not what was written."""
    damage = Damage(_cause(error), file, error.code, error.message, error.line, error.hint or "")
    try:
        return replace(
            _whole(parse(data, file=file, form=form, policy=Policy.OFF), form), damage=damage
        )
    except GoldenFileError:
        events = tuple(_salvaged(data)) if form == "run" else None
        return Subject(file, form, events=events, damage=damage, is_readable=bool(events))


def _cause(error: GoldenFileError) -> str:
    if isinstance(error, GoldenTruncatedError | GoldenEmptyError):
        return "truncated"
    return "stale" if isinstance(error, GoldenVersionError) else "tampered"


def _salvaged(data: bytes) -> Iterator[Mapping[str, Any]]:
    """The events in the lines that can be read."""
    for line in data.split(b"\n"):
        try:
            record = loads(line)
        except GoldenFileError:
            continue
        kind = record.get("event_type") if isinstance(record, dict) else None
        if isinstance(kind, str) and kind != TRAILER:
            yield {"event_type": kind, "data": record.get("data")}
