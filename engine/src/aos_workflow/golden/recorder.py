"""Recording runs: one event after the other, sealed at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.determinism import Clock, SystemClock, rfc3339
from aos_workflow.errors import (
    GoldenExistsError,
    GoldenFileError,
    GoldenMissingError,
    GoldenTooLargeError,
    SecretFoundError,
    UsageError,
)
from aos_workflow.golden import files
from aos_workflow.golden.atomic import remove_stale
from aos_workflow.golden.canonical import content_hash
from aos_workflow.golden.compare import compare_contents, content_of_golden
from aos_workflow.golden.keys import Key, KeyRing
from aos_workflow.golden.limits import MAX_FILE_BYTES
from aos_workflow.golden.provenance import provenance
from aos_workflow.golden.rules import DEFAULT_RULES, Rules
from aos_workflow.golden.run_golden import (
    RUN_SUFFIX,
    TRAILER,
    Event,
    RunGolden,
    read_events,
    read_run_golden,
)
from aos_workflow.golden.run_writer import Pending, RunWriter
from aos_workflow.golden.sealing import Policy, Signature
from aos_workflow.golden.secret_scan import is_clean, scan

__all__ = ["PART_SUFFIX", "RUN_ID", "GoldenRecorder"]

PART_SUFFIX = ".part"
"""Added to the name of a golden whose run has not ended."""

RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
"""What a run's id looks like, since it names a file."""


@dataclass
class _OpenRun:
    writer: RunWriter
    steps: int = 0


class GoldenRecorder:
    """Records runs into a folder, and loads, verifies, signs and compares what lies there.

    With a ``secret`` (or a ``ring`` of several keys) goldens are signed, and verifying asks for a valid signature;
    without, they are sealed with digests alone. Relative paths are looked up in the folder first.

    A recorder that is not ``durable`` waits for no disk: a power failure may cost its last goldens, a killed process
    none. That is for simulations.

    One recorder may record several runs at once. It is not thread-safe.
    """

    def __init__(
        self,
        dirpath: str | Path,
        secret: str | None = None,
        *,
        ring: KeyRing | None = None,
        rules: Rules = DEFAULT_RULES,
        clock: Clock | None = None,
        force: bool = False,
        durable: bool = True,
    ) -> None:
        if secret is not None and ring is not None:
            raise UsageError("give a secret or a key ring, not both")
        self.folder = Path(dirpath)
        self.ring = KeyRing((Key(secret),)) if secret is not None else ring
        self.rules = rules
        self._clock = clock or SystemClock()
        self._force = force
        self.durable = durable
        self._open: dict[str, _OpenRun] = {}
        self._is_clear = False

    def __repr__(self) -> str:
        signed = f"signing with key {self.ring.signing.id}" if self.ring else "without a key"
        return f"GoldenRecorder({str(self.folder)!r}, {signed})"

    # recording

    def record_run_start(
        self,
        run_id: str,
        *,
        spec_id: str,
        seed: int,
        budget_snapshot: Mapping[str, Any] | None = None,
        **data: Any,
    ) -> Event:
        """Begin the golden of a run; its events lie in ``<run_id>.steps.jsonl.part`` until the run ends.

        Raises:
            UsageError: the run id cannot name a file, or the run is open already.
            GoldenExistsError: the golden of that run exists and is damaged, or signed with a key that the recorder does
                not have; ``force`` replaces it.
            CanonicalError, SecretFoundError: the data cannot or must not be recorded.
        """
        if not RUN_ID.fullmatch(run_id):
            raise UsageError(
                f"run id {run_id!r} cannot name a file",
                hint="use letters, digits, '.', '_' and '-', at most 200, not beginning with '.' or '-'",
            )
        if run_id in self._open:
            raise UsageError(f"run {run_id!r} is being recorded already")
        self._existing(run_id)
        self._prepare_folder()
        self._part(run_id).unlink(missing_ok=True)
        self._open[run_id] = _OpenRun(RunWriter(self._part(run_id), run_id, self.rules))
        try:
            start = {
                "spec_id": spec_id,
                "seed": seed,
                "budget_snapshot": dict(budget_snapshot or {}),
            }
            return self.record_event(run_id, "run_start", {**start, **data})
        except BaseException:
            self.abandon(run_id)
            raise

    def record_step(
        self,
        run_id: str,
        *,
        step_id: str,
        output: Any = None,
        index: int | None = None,
        **data: Any,
    ) -> Event:
        """Record a finished step. ``output_hash`` is worked out from ``output`` unless it is given.

        ``index`` counts steps from 0 and is the next number unless given. Raises as :meth:`record_run_start`.
        """
        run = self._run(run_id)
        number = run.steps if index is None else index
        step = {"index": number, "step_id": step_id, "output": output, **data}
        step.setdefault("output_hash", content_hash(output, self.rules))
        event = self.record_event(run_id, "step", step)
        run.steps = number + 1
        return event

    def record_event(self, run_id: str, event_type: str, data: Mapping[str, Any]) -> Event:
        """Append any event to an open run. Raises as :meth:`record_run_start`."""
        return self._append(run_id, event_type, data).event()

    def append(
        self, run_id: str, event_type: str, data: Mapping[str, Any], *, foreign: bytes | None = None
    ) -> int:
        """As :meth:`record_event`, for who needs no more than the index of the event.

        ``foreign`` is the text of all in ``data`` that could be a credential, if the caller knows; otherwise the whole
        record is looked through.
        """
        return self._append(run_id, event_type, data, foreign).index

    def _append(
        self,
        run_id: str,
        event_type: str,
        data: Mapping[str, Any],
        foreign: bytes | None = None,
    ) -> Pending:
        run = self._run(run_id)
        if event_type == TRAILER:
            raise UsageError(f"the event type {TRAILER!r} is that of the seal; choose another")
        pending = run.writer.prepare(event_type, data, rfc3339(self._clock.now()))
        if not is_clean(pending.record if foreign is None else foreign):
            self._refuse_secrets(pending.event().data)
        run.writer.append(pending)
        return pending

    def record_run_end(
        self,
        run_id: str,
        *,
        status: str = "completed",
        order: Sequence[int] | None = None,
        **data: Any,
    ) -> Path:
        """Record the end, seal the golden and put it in its place; return the place.

        ``order`` lists the indexes of the steps' events in the order that the golden shall have, where that is not the
        order in which they ended; the steps are numbered anew. If the golden that is there has the same content, it is
        left alone, times and provenance and all; at most it is signed with the recorder's key. Raises as
        :meth:`record_run_start`, and GoldenTooLargeError.
        """
        run = self._run(run_id)
        path = self.path_of(run_id)
        old = self._existing(run_id)
        writer = run.writer
        if order is not None and list(order) != sorted(order):
            writer.reorder(order)
        if writer.last_type != "run_end":  # as after a write that failed
            self.record_event(run_id, "run_end", {"status": status, **data})
        trailer = writer.trailer(provenance(self.folder, clock=self._clock), self.ring)
        if writer.size + len(trailer) > MAX_FILE_BYTES:
            raise GoldenTooLargeError(
                f"the golden has {writer.size + len(trailer):,} bytes; the limit is {MAX_FILE_BYTES:,}",
                file=str(path),
                hint="record smaller outputs, or their hashes",
            )
        if old is None or (old.hash, old.rules) != (writer.content_hash(), self.rules):
            writer.publish(path, trailer, durable=self.durable)
        else:
            if self.ring is not None and old.key_id != self.ring.signing.id:
                files.sign(path, self.ring)
            writer.close()
            writer.part.unlink()
        del self._open[run_id]
        return path

    def abandon(self, run_id: str) -> None:
        """Leave a run that does not end here; what was recorded stays in its ``.part``."""
        run = self._open.pop(run_id, None)
        if run is not None:
            run.writer.close()

    def successor(self) -> GoldenRecorder | None:
        """Who goes on with a run that this one could not record any further: nobody."""
        return None

    def path_of(self, run_id: str) -> Path:
        """Where the golden of a run lies."""
        return self.folder / f"{run_id}{RUN_SUFFIX}"

    def is_unsealed(self, run_id: str) -> bool:
        """Whether a run has a golden that is not sealed, as it has not ended; there may be an older one besides."""
        return self._part(run_id).exists()

    # reading

    def load_golden(self, filepath: str | Path) -> list[Event]:
        """The events of a run golden; ``events[0]`` is ``run_start``. Digests and chain must hold.

        Raises:
            GoldenFileError: one of its subclasses, naming file and line.
        """
        golden = files.load(self._find(filepath), ring=self.ring)
        if not isinstance(golden, RunGolden):
            raise UsageError(f"{filepath} is the golden of a value, not of a run")
        return list(golden.events)

    def tail(self, run_id: str, lines: int = 30) -> list[Event]:
        """The last events of a run, also of one that is still being recorded.

        Raises:
            GoldenFileError: no such run, or damage other than a torn last line.
        """
        path = self.path_of(run_id)
        part = self._part(run_id)
        events = read_events(part if part.exists() else path)
        return list(events[-lines:]) if lines > 0 else []

    def check_golden(self, filepath: str | Path) -> files.Verdict:
        """Verify a golden and say how it went; asks for a valid signature if there is a key."""
        policy = Policy.REQUIRE if self.ring else Policy.INTEGRITY
        return files.verify(self._find(filepath), ring=self.ring, policy=policy)

    def verify_golden(self, filepath: str | Path) -> bool:
        """Whether a golden is whole and, if there is a key, signed with it. :meth:`check_golden` says why not."""
        return bool(self.check_golden(filepath))

    def sign_golden(self, filepath: str | Path) -> None:
        """Sign a golden in place with the recorder's key; its content, hash and times stay.

        Raises:
            GoldenFileError: the golden is damaged; it is left as it was.
            UsageError: the recorder has no key.
        """
        if self.ring is None:
            raise UsageError(
                "this recorder has no secret to sign with", hint="GoldenRecorder(..., secret=...)"
            )
        files.sign(self._find(filepath), self.ring)

    def compare_golden(
        self, actual: str | Path, expected: str | Path, ignore_timestamps: bool = True
    ) -> dict[str, Any]:
        """What differs between two goldens: ``{"match": bool, "diffs": [{"type", "index", "path", ...}]}``.

        ``type`` is one of :data:`~aos_workflow.golden.compare.DIFF_TYPES`; ``index`` is that of the event, missing for
        goldens of values. Run ids are never compared, volatile values by the recorder's rules.

        Raises:
            GoldenFileError: either file is damaged.
            UsageError: one is the golden of a run and the other of a value.
        """
        left, right = (
            content_of_golden(files.load(self._find(path), ring=self.ring))
            for path in (expected, actual)
        )
        diffs = compare_contents(left, right, self.rules, ignore_timestamps=ignore_timestamps)
        return {"match": not diffs, "diffs": diffs}

    # inside

    def _prepare_folder(self) -> None:
        """Make the folder, and clear it, once, of what crashes left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._is_clear:
            remove_stale(self.folder, clock=self._clock)
            self._is_clear = True

    def _run(self, run_id: str) -> _OpenRun:
        run = self._open.get(run_id)
        if run is None:
            raise UsageError(
                f"run {run_id!r} is not being recorded", hint="call record_run_start first"
            )
        return run

    def _part(self, run_id: str) -> Path:
        return self.folder / f"{run_id}{RUN_SUFFIX}{PART_SUFFIX}"

    def _find(self, filepath: str | Path) -> Path:
        path = Path(filepath)
        inside = self.folder / path
        return inside if not path.is_absolute() and inside.exists() else path

    def _existing(self, run_id: str) -> RunGolden | None:
        """The golden of a run that is there already; ``None`` if there is none or it may be written over.

        Raises:
            GoldenExistsError: it is not ours to write over.
        """
        path = self.path_of(run_id)
        try:
            golden = read_run_golden(path, ring=self.ring)
        except GoldenMissingError:
            return None
        except GoldenFileError as error:
            if self._force:
                return None
            raise GoldenExistsError(
                f"refusing to replace a damaged golden: {error.message}",
                hint="look at it first; then GoldenRecorder(..., force=True)",
            ) from error
        foreign = self.ring is not None and golden.signature is Signature.UNKNOWN_KEY
        if foreign and not self._force:
            raise GoldenExistsError(
                f"refusing to replace {path}: it is signed with key {golden.key_id}, which is not in the ring",
                hint="re-sign it: aos-workflow golden resign; or GoldenRecorder(..., force=True)",
            )
        return None if foreign else golden

    def _refuse_secrets(self, data: Any) -> None:
        found = scan(data, limit=1)
        if found:
            raise SecretFoundError(
                f"{found[0].path} looks like a secret ({found[0].kind}); it would be written to disk",
                path=found[0].path,
                kind=found[0].kind,
                hint="leave it out of what you record, or record its hash",
            )
