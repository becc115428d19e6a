"""The golden of a run: ``<run_id>.steps.jsonl``, one event a line, each chained to the one before it.

Every line is the canonical text of an object with ``event_type``, ``run_id``, ``index``, ``timestamp``,
``data`` and ``chain``. The first event is ``run_start``, the last ``run_end``; the trailer after it has the
event type ``golden_seal`` and carries count, head of the chain, content hash and seal.

Lines that were edited, deleted, repeated or moved are named: by the first line that is not what was written
there, or by the last line of a file that ends too early.

``chain`` is SHA-256 over the chain value before it and the canonical text of the event without ``chain``. The
content hash leaves out run id and time and applies the volatile rules: equal for two runs that did the same.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.errors import (
    GoldenForeignError,
    GoldenTamperedError,
    GoldenTruncatedError,
)
from aos_workflow.golden.canonical import Canonical, canonical_json
from aos_workflow.golden.hashing import CHAIN_START, chain_next
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.rules import DEFAULT_RULES, Rules
from aos_workflow.golden.sealing import (
    FORMAT,
    TAMPER_HINT,
    Policy,
    Signature,
    check_format,
    check_provenance,
    check_seal,
    key_id_of,
    make_seal,
    stored_rules,
    with_digest,
)
from aos_workflow.golden.secret_scan import redact
from aos_workflow.golden.source import read_bytes
from aos_workflow.golden.strict_json import loads

__all__ = [
    "RUN_SUFFIX",
    "TRAILER",
    "Event",
    "RunGolden",
    "canonical_events",
    "content_of",
    "make_trailer",
    "parse_run_golden",
    "read_events",
    "read_run_golden",
    "render_event",
    "render_trailer",
    "reseal_run_golden",
]

RUN_SUFFIX = ".steps.jsonl"
TRAILER = "golden_seal"
"""The event type of the last line. No event of a run has it."""
_EVENT_FIELDS = ("chain", "data", "event_type", "index", "run_id", "timestamp")
_TRAILER_FIELDS = (
    "event_type",
    "format",
    "hash",
    "head",
    "provenance",
    "records",
    "rules",
    "run_id",
    "seal",
)
_UNSEALED = ("provenance", "seal")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a run. ``index`` counts events from 0; ``timestamp`` is RFC 3339 text."""

    event_type: str
    run_id: str
    index: int
    timestamp: str
    data: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "data": self.data,
            "event_type": self.event_type,
            "index": self.index,
            "run_id": self.run_id,
            "timestamp": self.timestamp,
        }


@dataclass(frozen=True, slots=True)
class RunGolden:
    """A run golden that was read and found whole."""

    file: str
    run_id: str
    events: tuple[Event, ...]
    hash: str
    rules: Rules
    provenance: Mapping[str, Any]
    key_id: str | None
    signature: Signature


def render_event(event: Event, previous: str) -> tuple[bytes, str]:
    """The line of an event that follows one with chain value ``previous``, and its own chain value.

    The event's data is JSON data already.

    Raises:
        DepthError: the data is as deep as MAX_DEPTH; a line is one level deeper.
    """
    text = canonical_json(event.to_json()).text
    chain = chain_next(previous, text)
    return b'{"chain":"' + chain.encode() + b'",' + text[1:] + b"\n", chain


def render_trailer(
    events: Sequence[Event],
    head: str,
    *,
    provenance: Mapping[str, Any],
    rules: Rules = DEFAULT_RULES,
    ring: KeyRing | None = None,
) -> bytes:
    """The last line of a run golden, which seals the lines before it."""
    return make_trailer(
        run_id=events[0].run_id if events else "",
        content=content_of(events, rules),
        head=head,
        records=len(events),
        rules=rules,
        provenance=provenance,
        ring=ring,
    )


def make_trailer(
    *,
    run_id: str,
    content: str,
    head: str,
    records: int,
    rules: Rules,
    provenance: Mapping[str, Any],
    ring: KeyRing | None,
) -> bytes:
    """As :func:`render_trailer`, of events whose content hash and chain are known."""
    trailer: dict[str, Any] = {
        "event_type": TRAILER,
        "format": FORMAT,
        "hash": content,
        "head": head,
        "records": records,
        "rules": rules.to_json(),
        "run_id": run_id,
    }
    return _seal_trailer(trailer, provenance, ring)


def _seal_trailer(
    trailer: Mapping[str, Any], provenance: Mapping[str, Any], ring: KeyRing | None
) -> bytes:
    """The line of a trailer with a new seal; the fields of an old one are replaced."""
    bare = {name: item for name, item in trailer.items() if name not in _UNSEALED}
    whole = {**bare, "provenance": with_digest(provenance), "seal": make_seal(bare, ring)}
    return canonical_json(whole).text + b"\n"


def reseal_run_golden(data: bytes, golden: RunGolden, ring: KeyRing | None) -> bytes:
    """The file of a golden that was read, with a new seal; nothing else changes but CRLF to LF."""
    *events, last = data.replace(b"\r\n", b"\n").rstrip().split(b"\n")
    trailer = loads(last, file=golden.file)
    return b"\n".join([*events, _seal_trailer(trailer, trailer["provenance"], ring)])


def content_of(events: Sequence[Event], rules: Rules = DEFAULT_RULES) -> str:
    """The content hash of a run: what happened in which order, without run id and time."""
    summary = hashlib.sha256()
    for canonical in canonical_events(events, rules):
        summary.update(canonical.text + b"\n")
    return summary.hexdigest()


def canonical_events(events: Sequence[Event], rules: Rules) -> Iterator[Canonical]:
    """What the content hash is over: each event without run id and time, under the rules."""
    for event in events:
        record = {"data": event.data, "event_type": event.event_type, "index": event.index}
        yield canonical_json(record, rules)


def read_run_golden(
    path: Path, *, ring: KeyRing | None = None, policy: Policy = Policy.INTEGRITY
) -> RunGolden:
    """Read and check a run golden.

    Raises:
        GoldenFileError: one of its subclasses, naming file and line.
    """
    return parse_run_golden(read_bytes(path), file=str(path), ring=ring, policy=policy)


def parse_run_golden(
    data: bytes, *, file: str, ring: KeyRing | None = None, policy: Policy = Policy.INTEGRITY
) -> RunGolden:
    """As :func:`read_run_golden`, for content that was read already."""
    events: list[Event] = []
    chain = CHAIN_START
    trailer: Mapping[str, Any] | None = None
    signature = Signature.UNCHECKED
    trailer_line = last_line = 0
    for line, record in _records(data, file):
        if trailer is not None:
            raise GoldenTamperedError(
                f"a line after the seal in line {trailer_line}: lines were added or moved",
                file=file,
                line=line,
                hint=TAMPER_HINT,
            )
        if record.get("event_type") == TRAILER:
            trailer, trailer_line = record, line
            signature = _check_trailer(trailer, events, chain, ring, policy, file, line)
            continue
        event = _event(record, file, line, known=bool(events))
        if policy is not Policy.OFF:
            _check_link(event, record, events, chain, file, line)
        chain = record["chain"]
        events.append(event)
        last_line = line
    if trailer is None:
        raise GoldenTruncatedError(
            f"ends after {len(events)} events without a seal: the end of the file is missing, "
            "or the run was never finished",
            file=file,
            line=last_line or 1,
            hint="restore the file from git or a backup, or record the run again",
        )
    return RunGolden(
        file=file,
        run_id=trailer["run_id"],
        events=tuple(events),
        hash=trailer["hash"],
        rules=stored_rules(trailer["rules"], file=file, line=trailer_line),
        provenance=trailer["provenance"],
        key_id=key_id_of(trailer.get("seal")),
        signature=signature,
    )


def read_events(path: Path) -> tuple[Event, ...]:
    """The events of a run golden that may still be written to: a torn last line and a missing seal are no error.

    Raises:
        GoldenFileError: any other damage.
    """
    data = read_bytes(path)
    whole = data[: data.rfind(b"\n") + 1]
    records = _records(whole, str(path)) if whole.strip() else iter(())
    return tuple(
        _event(record, str(path), line)
        for line, record in records
        if record.get("event_type") != TRAILER
    )


_NOT_OURS = "move it out of the golden folder, or restore the golden that was here"


def _records(data: bytes, file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line number and object of every line that is not blank."""
    if not data.strip():
        loads(data, file=file)
    for line, text in enumerate(data.split(b"\n"), 1):
        if not text.strip():
            continue
        record = loads(text, file=file, first_line=line)
        if not isinstance(record, dict):
            raise GoldenForeignError(
                "a line of a run golden is a JSON object, this one is not",
                file=file,
                line=line,
                hint=_NOT_OURS,
            )
        yield line, record


def _event(record: Mapping[str, Any], file: str, line: int, *, known: bool = False) -> Event:
    """The event in a line. ``known`` says that the lines before it were ours, so this one was."""
    kinds = {"data": dict, "event_type": str, "index": int, "run_id": str, "timestamp": str}
    missing = [name for name, kind in kinds.items() if type(record.get(name)) is not kind]
    if len(missing) > 2 and not known:
        raise GoldenForeignError(
            f"not an event of a run golden: no {', '.join(missing)}",
            file=file,
            line=line,
            hint=_NOT_OURS,
        )
    if missing or type(record.get("chain")) is not str or len(record) != len(_EVENT_FIELDS):
        raise GoldenTamperedError(
            f"the event is not what we write: expected the fields {', '.join(_EVENT_FIELDS)} "
            f"with their types, got {redact(', '.join(sorted(record)))}"[:_MAX_MESSAGE],
            file=file,
            line=line,
            hint=TAMPER_HINT,
        )
    return Event(
        record["event_type"], record["run_id"], record["index"], record["timestamp"], record["data"]
    )


_MAX_MESSAGE = 500


def _check_link(
    event: Event,
    record: Mapping[str, Any],
    before: Sequence[Event],
    chain: str,
    file: str,
    line: int,
) -> None:
    """Compare one event with its place in the chain, and say what must have happened if it does not fit."""
    text = canonical_json(event.to_json()).text
    expected = len(before)
    run_id = before[0].run_id if before else event.run_id
    if hmac.compare_digest(chain_next(chain, text).encode(), record["chain"].encode()):
        if (event.index, event.run_id) == (expected, run_id):
            return
        what = f"expected event {expected} of run {run_id!r}, got {event.index} of {event.run_id!r}"
    elif event.index == expected:
        what = "this line was edited"
    elif any(event.index == other.index for other in before):
        what = f"event {event.index} stands here again: a line was repeated or moved"
    elif event.index > expected:
        what = f"expected event {expected}, got event {event.index}: a line before this one was deleted or moved"
    else:
        what = "this line was edited"
    raise GoldenTamperedError(
        f"the chain breaks here: {what}", file=file, line=line, hint=TAMPER_HINT
    )


def _check_trailer(
    trailer: Mapping[str, Any],
    events: Sequence[Event],
    chain: str,
    ring: KeyRing | None,
    policy: Policy,
    file: str,
    line: int,
) -> Signature:
    found = trailer.get("format")
    if not isinstance(found, str):
        raise GoldenTamperedError(
            "the seal names no format", file=file, line=line, hint=TAMPER_HINT
        )
    check_format(found, file=file, line=line)
    kinds = {
        "hash": str,
        "head": str,
        "provenance": dict,
        "records": int,
        "rules": dict,
        "run_id": str,
    }
    wrong = [name for name, kind in kinds.items() if type(trailer.get(name)) is not kind]
    unknown = sorted(set(trailer) - set(_TRAILER_FIELDS))
    if wrong or unknown:
        raise GoldenTamperedError(
            f"the seal is not what we write: {redact(', '.join((*wrong, *unknown)))}"[
                :_MAX_MESSAGE
            ],
            file=file,
            line=line,
            hint=TAMPER_HINT,
        )
    envelope = {name: item for name, item in trailer.items() if name not in _UNSEALED}
    signature = check_seal(envelope, trailer.get("seal"), ring, policy, file=file, line=line)
    if policy is Policy.OFF:
        return signature
    if trailer["records"] != len(events) or trailer["head"] != chain:
        raise GoldenTamperedError(
            f"the seal is over {trailer['records']} events, {len(events)} stand before it: "
            "lines just before it were deleted or added, or it was moved",
            file=file,
            line=line,
            hint=TAMPER_HINT,
        )
    if events and trailer["run_id"] != events[0].run_id:
        raise GoldenTamperedError(
            f"the seal of run {trailer['run_id']!r} under the events of run {events[0].run_id!r}",
            file=file,
            line=line,
            hint=TAMPER_HINT,
        )
    check_provenance(trailer["provenance"], file=file, line=line)
    return signature
