"""A run's golden, written while the run goes.

Every step is on disk as soon as it is committed; a crash leaves its events, unsigned, in ``<run_id>.steps.jsonl.part``.
At the end the steps are put into program order, sealed and signed. A run that is taken up again begins its golden
anew, with the steps that it is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from aos_workflow.checkpoint.records import StepRecord
from aos_workflow.engine.outside import Escape
from aos_workflow.engine.payload import decode
from aos_workflow.errors import AosError, GoldenError
from aos_workflow.golden import GoldenRecorder

__all__ = ["Recording", "step_data"]


class Recording:
    """The golden of one run. What cannot be recorded (a secret, a full disk) ends the recording, never the run.

    Unless the recorder names a successor, which then records that, and all that follows.
    """

    def __init__(self, recorder: GoldenRecorder | None, run_id: str) -> None:
        self._recorder = recorder
        self._run_id = run_id
        self._events: dict[str, int] = {}
        self.error: AosError | None = None

    def start(
        self,
        *,
        workflow_id: str,
        spec_hash: str,
        seed: int,
        inputs: Any,
        budget: Mapping[str, Any],
        tenant_id: str,
    ) -> None:
        self._guarded(
            "record_run_start",
            spec_id=workflow_id,
            seed=seed,
            budget_snapshot=budget,
            spec_hash=spec_hash,
            inputs=inputs,
            tenant_id=tenant_id,
        )

    @property
    def is_on(self) -> bool:
        return self._recorder is not None

    @property
    def waits_for_disk(self) -> bool:
        """Whether :meth:`finish` may take milliseconds."""
        return self._recorder is not None and self._recorder.durable

    def step(self, record: StepRecord, input_json: bytes, *, repeats: bool = False) -> None:
        """Append a step that is durable; ``repeats`` if a replay executes it again."""
        if self._recorder is not None:
            data = step_data(record, input_json, len(self._events))
            if repeats:
                data["repeats"] = True
            foreign = b"\n".join(
                (input_json, *filter(None, (record.output_json, record.draws_json)))
            )
            if record.error_message is not None:
                foreign += record.error_message.encode(errors="replace")
            index = self._guarded("append", "step", data, foreign=foreign)
            if index is not None:
                self._events[record.step_path] = index

    def external_call(self, escape: Escape) -> None:
        """Note that code outside of a step reached for the outside world; a replay would stop it."""
        site = PurePath(escape.site).name  # without the folder, which is another one elsewhere
        data = {"event": escape.event, "target": escape.target, "site": site}
        self._guarded("append", "external_call", data)

    def finish(
        self,
        *,
        status: str,
        program_order: tuple[str, ...],
        **data: Any,
    ) -> Path | None:
        """Seal the golden of a run that is over; return where it lies."""
        order = [self._events[path] for path in program_order if path in self._events]
        path: Path | None = self._guarded("record_run_end", status=status, order=order, **data)
        return path

    def abandon(self) -> None:
        """Leave the events as they are: the run is not over."""
        if self._recorder is not None:
            self._recorder.abandon(self._run_id)
            self._recorder = None

    def _guarded(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self._recorder is None:
            return None
        try:
            return getattr(self._recorder, method)(self._run_id, *args, **kwargs)
        except AosError as error:
            self.error = error
        except OSError as error:
            self.error = GoldenError(
                f"the golden of run {self._run_id!r} cannot be written: {error.strerror or error}",
                hint=f"make room or give access to {self._recorder.folder}, and run it again",
            )
        self._recorder.abandon(self._run_id)
        self._recorder = self._recorder.successor()
        return self._guarded(method, *args, **kwargs)


def step_data(record: StepRecord, input_json: bytes, index: int) -> dict[str, Any]:
    """What a golden says about a step. No times, and nothing of which process did it."""
    data: dict[str, Any] = {
        "index": index,
        "step_id": record.step_id,
        "step_path": record.step_path,
        "kind": record.kind,
        "status": record.status.value,
        "skill_id": record.skill_id,
        "skill_version": record.skill_version,
        "input": decode(input_json),
        "input_hash": record.input_hash,
        "output": None if record.output_json is None else decode(record.output_json),
        "output_hash": record.output_hash,
        "step_hash": record.step_hash,
        "cost_cents": record.cost_cents,
    }
    if record.draws_json is not None:
        data["draws"] = decode(record.draws_json)
    if record.error_code is not None:
        data["error_code"] = record.error_code
        data["error_message"] = record.error_message
    return data
