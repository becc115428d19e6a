"""A mismatch as a folder: what differed, both goldens, and everything that it takes to see it again.

``report.json``, ``primary.steps.jsonl``, ``shadow.steps.jsonl``, ``cycle.json`` and ``reproduce.sh``. ``cycle.json``
alone is enough to run it: what the cycle does, which workflows and where they are imported from, under which hash
seeds, and which cycles ran before it in the same processes.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from aos_workflow import __version__
from aos_workflow.errors import ShadowFolderError, UsageError
from aos_workflow.golden import DEFAULT_RULES
from aos_workflow.golden.hashing import CHAIN_START
from aos_workflow.golden.run_golden import Event, content_of, make_trailer, render_event
from aos_workflow.shadow.imports import Imports
from aos_workflow.shadow.reading import what_is_wrong
from aos_workflow.shadow.records import Campaign, Cycle, CycleReport, SideResult
from aos_workflow.shadow.redaction import cleaned
from aos_workflow.shadow.schedule import PRIMARY_HASH_SEED, batches, shadow_hash_seed

__all__ = [
    "CYCLE_FILE",
    "Case",
    "case_files",
    "located",
    "new_case",
    "placed",
    "read_case",
    "sealed_golden",
    "with_cycle",
]

CYCLE_FILE: Final = "cycle.json"
_FORMAT = "aos-shadow-case/1"
_TIMESTAMP = "2026-01-01T00:00:00.000Z"
_SCRIPT = """#!/bin/sh
# Shows the mismatch again, in two fresh processes. Workflows that moved since: reproduce.sh --workflows FILE
exec aos-workflow shadow reproduce "$(dirname "$0")" "$@"
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A cycle that mismatches, and where. ``before`` are the numbers of the cycles that ran in its processes."""

    cycle: Cycle
    campaign: Campaign
    hash_seed: int
    before: tuple[int, int]
    fingerprint: str = ""
    imports: Imports | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` reads."""
        return {
            "format": _FORMAT,
            "cycle": self.cycle.to_json(),
            "campaign": self.campaign.to_json(),
            "hash_seeds": {"primary": PRIMARY_HASH_SEED, "shadow": self.hash_seed},
            "before": list(self.before),
            "fingerprint": self.fingerprint,
            "imports": None if self.imports is None else self.imports.to_json(),
            "environment": {
                "aos_workflow": __version__,
                "python": platform.python_version(),
                "platform": f"{platform.system()}-{platform.machine()}".lower(),
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        """Return what ``to_json`` wrote. Raises KeyError, TypeError, ValueError."""
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']!r}")
        first, end = data["before"]
        return cls(
            Cycle.from_json(data["cycle"]),
            Campaign.from_json(data["campaign"]),
            data["hash_seeds"]["shadow"],
            (first, end),
            data["fingerprint"],
            None if data.get("imports") is None else Imports.from_json(data["imports"]),
        )


def new_case(
    cycle: Cycle, campaign: Campaign, fingerprint: str, imports: Imports | None = None
) -> Case:
    """The case of a cycle as a campaign runs it."""
    first = next(
        batch.first
        for batch in batches(campaign.seed, 0, cycle.number + 1)
        if cycle.number in batch.numbers
    )
    hash_seed = shadow_hash_seed(campaign.seed, cycle.number)
    return Case(cycle, campaign, hash_seed, (first, cycle.number), fingerprint, imports)


def case_files(
    case: Case, primary: SideResult, shadow: SideResult, report: CycleReport
) -> dict[str, bytes]:
    """The files of a mismatch's folder, by name."""
    data = report.to_json() | {
        "statuses": {"primary": primary.status, "shadow": shadow.status},
        "errors": {"primary": primary.error_code, "shadow": shadow.error_code},
    }
    return {
        "report.json": _json(data),
        "primary.steps.jsonl": sealed_golden(case.cycle, primary),
        "shadow.steps.jsonl": sealed_golden(case.cycle, shadow),
        CYCLE_FILE: _json(case.to_json()),
        "reproduce.sh": _SCRIPT.encode(),
    }


def placed(files: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    """The files of a case as they are written into this folder."""
    data = orjson.loads(files[CYCLE_FILE]) if CYCLE_FILE in files else {}
    if not data.get("imports"):
        return dict(files)
    data["imports"] = Imports.from_json(data["imports"]).seen_from(folder).to_json()
    return {**files, CYCLE_FILE: _json(data)}


def read_case(folder: Path) -> Case:
    """The case in a folder.

    Raises:
        ShadowFolderError: there is none, or its file is damaged.
    """
    path = folder / CYCLE_FILE
    try:
        return Case.from_json(orjson.loads(path.read_bytes()))
    except OSError as error:
        raise ShadowFolderError(
            f"no mismatch in {folder}: {error.strerror}",
            folder=str(folder),
            hint="name a folder such as OUT/mismatches/cycle_7",
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise ShadowFolderError(
            f"{path} is damaged: {what_is_wrong(error)}",
            folder=str(folder),
            hint="take the folder from where it was written, or find the mismatch anew: aos-workflow shadow run",
        ) from None


def located(case: Case, folder: Path, workflows: Sequence[str] = ()) -> Case:
    """The case of a folder with its workflows as they are found now; or with these, named from the current folder.

    Raises:
        UsageError: they are not where they were.
    """
    known = case.campaign.workflows
    if workflows:
        ids = [name.partition("::")[2] for name in known]
        if ids and all(ids):  # only these were simulated
            workflows = [
                name if "::" in name else f"{name}::{each}" for name in workflows for each in ids
            ]
        imports = case.imports and case.imports.from_current_folder()
        campaign = replace(case.campaign, workflows=tuple(workflows))
        return replace(case, campaign=campaign, imports=imports)
    if case.imports is None:
        return case
    found = case.imports.found(known, folder)
    if found is None:
        raise UsageError(
            f"the workflows of this mismatch, {', '.join(known)}, are neither in {case.imports.start} nor here",
            hint=f"aos-workflow shadow reproduce {folder} --workflows FILE",
        )
    return replace(case, imports=found)


def sealed_golden(cycle: Cycle, result: SideResult) -> bytes:
    """One side's golden, as a recorder would have written it; what looks like a secret is blacked out."""
    run_id = f"cycle-{cycle.number}"
    lines: list[bytes] = []
    events: list[Event] = []
    chain = CHAIN_START
    for record in map(_record, result.events.splitlines()):
        event = Event(record["event_type"], run_id, len(events), _TIMESTAMP, record["data"])
        line, chain = render_event(event, chain)
        lines.append(line)
        events.append(event)
    trailer = make_trailer(
        run_id=run_id,
        content=content_of(events),
        head=chain,
        records=len(events),
        rules=DEFAULT_RULES,
        provenance={"recorded_at": _TIMESTAMP, "tool": f"aos-workflow shadow {__version__}"},
        ring=None,
    )
    return b"".join([*lines, trailer])


def _record(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = cleaned(orjson.loads(line))
    return found


def _json(data: Mapping[str, Any]) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str) + b"\n"


def with_cycle(case: Case, cycle: Cycle) -> Case:
    """The case with another cycle in it, run on its own."""
    return replace(case, cycle=cycle, before=(cycle.number, cycle.number))
