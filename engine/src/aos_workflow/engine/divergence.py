"""Whether a step repeats what was recorded. Pure: compares, and says where the first difference is."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aos_workflow.checkpoint.records import StepRecord
from aos_workflow.engine.payload import decode
from aos_workflow.errors import DivergenceError
from aos_workflow.golden.diff import diff

__all__ = [
    "CallSite",
    "StepAttempt",
    "call_site",
    "different_call",
    "different_outcome",
    "draw_differs",
    "not_cancelled",
    "other_skill",
    "skipped_now",
    "unexpected",
]

_MAX_DIFFS = 20
_LOOP_RUNS = ("_run_once", "run_forever", "run_until_complete")
_PACKAGE = __name__.partition(".")[0]
_STANDARD = sysconfig.get_paths()["stdlib"]


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where a step is called from."""

    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else "a place that is not known"


def call_site() -> CallSite:
    """The nearest line of the running task that leads here, outside of this package and of the standard library."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        code = frame.f_code
        if name == "asyncio.events" or (
            name == "asyncio.base_events" and code.co_name in _LOOP_RUNS
        ):
            break  # beyond this, it is the loop's caller
        file = code.co_filename
        if name.partition(".")[0] != _PACKAGE and not _is_standard(file):
            return CallSite(file, frame.f_lineno)
        back = frame.f_back
        if back is None:
            break
        frame = back
    return CallSite()


def _is_standard(file: str) -> bool:
    return file.startswith((_STANDARD, "<frozen ")) and "site-packages" not in file


@dataclass(frozen=True, slots=True)
class StepAttempt:
    """A step that the program asks for now."""

    run_id: str
    path: str
    step_id: str
    kind: str
    skill_id: str | None
    skill_version: str | None
    input_json: bytes
    input_digest: str
    site: Callable[[], CallSite]


def different_call(
    recorded: StepRecord, now: StepAttempt, recorded_input: bytes | None
) -> DivergenceError | None:
    """How what is asked for now differs from what was recorded at the same path, if it does."""
    for kind, expected, got in (
        ("step", recorded.kind, now.kind),
        ("step", recorded.skill_id, now.skill_id),
        ("step", recorded.skill_version, now.skill_version or recorded.skill_version),
    ):
        if expected != got:
            return _error(now, kind, expected, got, f"it was {expected!r}, and is {got!r}")
    if recorded.input_hash == now.input_digest:
        return None
    return _error(
        now,
        "input",
        recorded.input_hash,
        now.input_digest,
        "its input is another one than was recorded",
        _diffs(recorded_input, now.input_json),
    )


def different_outcome(
    recorded: StepRecord,
    now: StepAttempt,
    *,
    output_json: bytes | None,
    output_hash: str | None,
    error_code: str | None,
    cost_cents: float,
) -> DivergenceError | None:
    """How a step that was executed again differs from its record, if it does."""
    if recorded.error_code != error_code:
        words = (recorded.error_code or "no error", error_code or "no error")
        return _error(now, "error", *words, f"it ended with {words[0]}, and now with {words[1]}")
    if recorded.output_hash != output_hash:
        return _error(
            now,
            "output",
            recorded.output_hash,
            output_hash,
            "its output is another one than was recorded",
            _diffs(recorded.output_json, output_json),
        )
    if recorded.cost_cents != cost_cents:
        costs = (recorded.cost_cents, cost_cents)
        return _error(now, "cost", *costs, f"it cost {costs[0]:g} cents, and now {costs[1]:g}")
    return None


def other_skill(recorded: StepRecord, now: StepAttempt, here: str | None) -> DivergenceError:
    """The skill that a step was recorded with is not registered; ``here`` is the version that is, if any."""
    what = f"its skill {recorded.skill_id!r} was version {recorded.skill_version!r}, which is not registered here"
    what += "" if here is None else f"; version {here!r} is"
    return _error(
        now,
        "step",
        recorded.skill_version,
        here,
        what,
        hint="register that version, or record the run again with this one",
    )


def unexpected(now: StepAttempt, recorded: tuple[StepRecord, ...]) -> DivergenceError:
    """A step that was not recorded, where it must have been."""
    expected = recorded[0].step_path if recorded else None
    what = f"expected {expected!r} next" if expected else "expected no further step"
    return _error(now, "extra", expected, now.path, f"no such step was recorded here; {what}")


def not_cancelled(now: StepAttempt) -> DivergenceError:
    """A step that the program had cancelled, and waits for now."""
    words = ("cancelled", "waited for")
    return _error(now, "step", *words, "the program cancelled this step when it was recorded")


def _error(
    now: StepAttempt,
    kind: str,
    expected: Any,
    got: Any,
    what: str,
    diffs: tuple[dict[str, Any], ...] = (),
    hint: str | None = None,
) -> DivergenceError:
    site = now.site()
    shown = "".join(
        f"\n  {each['path']}: {each['kind']}: expected {each.get('expected')!r}, got {each.get('got')!r}"
        for each in diffs[:5]
    )
    return DivergenceError(
        f"run {now.run_id!r} does not repeat its record at step {now.path!r}, called from {site}: {what}; "
        f"expected {expected}, got {got}{shown}",
        kind=kind,
        expected=expected,
        got=got,
        diffs=diffs,
        file=site.file,
        line=site.line,
        run_id=now.run_id,
        step_path=now.path,
        hint=hint
        or "undo the change for runs that have begun, or give the workflow a new version; "
        f"then: aos-workflow fork --run {now.run_id} --step {now.path}",
    )


def _diffs(expected: bytes | None, got: bytes | None) -> tuple[dict[str, Any], ...]:
    if expected is None or got is None:
        return ()
    found = diff(decode(expected), decode(got))
    return tuple(entry.to_json() for entry in found.entries[:_MAX_DIFFS])


def draw_differs(
    run_id: str, path: str, expected: Any, got: Any, site: CallSite
) -> DivergenceError:
    """A time or id that is drawn now and was not, or the other way round."""
    what = "was not drawn" if expected is None else f"was {expected!r}"
    return DivergenceError(
        f"run {run_id!r} does not repeat its record at {path!r}, called from {site}: it {what} when it was recorded, "
        f"and is {'not drawn' if got is None else repr(got)} now",
        kind="draw",
        expected=expected,
        got=got,
        file=site.file,
        line=site.line,
        run_id=run_id,
        step_path=path,
        hint="give the workflow a new version, or undo the change",
    )


def skipped_now(run_id: str, path: str) -> DivergenceError:
    """A step of a spec that is skipped now, and was not."""
    return DivergenceError(
        f"run {run_id!r} does not repeat its record: step {path!r} is skipped now, and was not when it was recorded",
        kind="step",
        expected="executed",
        got="skipped",
        run_id=run_id,
        step_path=path,
        hint="undo the change, or give the workflow a new version",
    )
