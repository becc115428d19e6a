"""A run golden while it is written: one line for each event, chained, and sealed at the end."""

from __future__ import annotations

import hashlib
import itertools
import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.errors import CanonicalError, GoldenTamperedError
from aos_workflow.golden.atomic import publish, write_atomic
from aos_workflow.golden.canonical import canonical_bytes, canonicalize
from aos_workflow.golden.hashing import CHAIN_START, chain_next
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.rules import NO_RULES, Rules
from aos_workflow.golden.run_golden import Event, make_trailer, parse_run_golden
from aos_workflow.golden.strict_json import loads_canonical

__all__ = ["Pending", "RunWriter"]


@dataclass(frozen=True, slots=True)
class _Written:
    """An event as it stands in the file: its canonical record, the same under the rules, and its time."""

    event_type: str
    record: bytes
    ruled: bytes
    timestamp: str


class RunWriter:
    """Appends the events of one run to ``part``, each on disk when the call returns.

    A record is canonicalised once, under the rules; again without them only where a rule applied.
    """

    def __init__(self, part: Path, run_id: str, rules: Rules) -> None:
        self.part = part
        self.run_id = run_id
        self.rules = rules
        self.size = 0
        self.last_type: str | None = None
        self._events: list[_Written] = []
        self._chain = CHAIN_START
        self._run_id_text = canonical_bytes(run_id)
        self._written = hashlib.sha256()
        self._handle: int | None = None
        self._closing: weakref.finalize[[int], RunWriter] | None = None

    def __len__(self) -> int:
        return len(self._events)

    def prepare(self, event_type: str, data: Mapping[str, Any], timestamp: str) -> Pending:
        """An event that is not written yet; its ``event()`` has the data as plain JSON.

        Raises:
            CanonicalError: the data has no canonical form; the path is one into the data.
        """
        index = len(self._events)
        written = _canonical(data, event_type, index, timestamp, self.rules)
        return Pending(written, self.run_id, index)

    def append(self, pending: Pending) -> None:
        """Write a prepared event; it must be the next one. Raises OSError."""
        line, self._chain = self._line(pending.written, self._chain)
        self._write(line)
        self._written.update(line)
        self.size += len(line)
        self._events.append(pending.written)
        self.last_type = pending.written.event_type

    def reorder(self, order: Sequence[int]) -> None:
        """Put the steps at these indexes into this order, number them anew, and rewrite the file."""
        moved = dict(zip(sorted(order), order, strict=True))
        numbers = itertools.count()
        events: list[_Written] = []
        for index in range(len(self._events)):
            old = self._events[moved.get(index, index)]
            data = loads_canonical(old.record)["data"]
            if old.event_type == "step":
                data["index"] = next(numbers)
            events.append(_canonical(data, old.event_type, index, old.timestamp, self.rules))
        lines, chain = [], CHAIN_START
        for written in events:
            line, chain = self._line(written, chain)
            lines.append(line)
        self.close()
        content = b"".join(lines)
        write_atomic(self.part, content)
        self._events, self._chain, self.size = events, chain, len(content)
        self._written = hashlib.sha256(content)

    def content_hash(self) -> str:
        """The content hash of the run so far: what happened in which order, without run id and time."""
        summary = hashlib.sha256()
        for written in self._events:
            summary.update(written.ruled)
            summary.update(b"\n")
        return summary.hexdigest()

    def trailer(self, provenance: Mapping[str, Any], ring: KeyRing | None) -> bytes:
        """The last line, which seals the lines before it."""
        return make_trailer(
            run_id=self.run_id,
            content=self.content_hash(),
            head=self._chain,
            records=len(self._events),
            rules=self.rules,
            provenance=provenance,
            ring=ring,
        )

    def publish(self, path: Path, trailer: bytes, *, durable: bool) -> None:
        """Write the trailer and put the whole in its place, atomically.

        Raises:
            GoldenTamperedError: somebody else wrote into the file.
            OSError: it cannot be written; it is then as it was before.
        """
        self._refuse_strangers(trailer)
        try:
            self._write(trailer)
            self.close()
            publish(self.part, path, durable=durable)
        except BaseException:
            self.close()
            os.truncate(self.part, self.size)
            raise

    def close(self) -> None:
        """Let go of the file; it stays as it is."""
        if self._closing is not None:
            self._closing()
        self._handle = self._closing = None

    def _write(self, data: bytes) -> None:
        if self._handle is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._handle = os.open(self.part, flags, 0o666)
            self._closing = weakref.finalize(self, os.close, self._handle)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._handle, rest) :]

    def _refuse_strangers(self, trailer: bytes) -> None:
        content = self.part.read_bytes()
        if hashlib.sha256(content).digest() == self._written.digest():
            return
        parse_run_golden(content + trailer, file=str(self.part))  # names the line
        raise GoldenTamperedError("somebody else wrote into it", file=str(self.part))

    def _line(self, written: _Written, chain: str) -> tuple[bytes, str]:
        """The line of an event; the same bytes as ``run_golden.render_event`` gives, without another walk."""
        text = b'%s,"run_id":%s,"timestamp":"%s"}' % (
            written.record[:-1],
            self._run_id_text,
            written.timestamp.encode(),
        )
        chain = chain_next(chain, text)
        return b'{"chain":"%s",%s\n' % (chain.encode(), text[1:]), chain


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that is canonical and not written yet."""

    written: _Written
    run_id: str
    index: int

    @property
    def record(self) -> bytes:
        """Its canonical record, exactly as it will be written."""
        return self.written.record

    def event(self) -> Event:
        """The event as a reader of the golden gets it."""
        data = loads_canonical(self.record)["data"]
        written = self.written
        return Event(written.event_type, self.run_id, self.index, written.timestamp, data)


def _canonical(
    data: Mapping[str, Any], event_type: str, index: int, timestamp: str, rules: Rules
) -> _Written:
    record = {"data": dict(data), "event_type": event_type, "index": index}
    try:
        ruled = canonicalize(record, rules)
        exact = canonicalize(record, NO_RULES) if any(ruled.hits) else ruled
    except CanonicalError:
        canonicalize(dict(data), NO_RULES)  # raises the same, with a path into the data
        raise
    return _Written(event_type, exact.text, ruled.text, timestamp)
