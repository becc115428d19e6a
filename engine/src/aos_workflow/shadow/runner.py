"""What runs and compares one cycle, as a port; and how its values cross processes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson

from aos_workflow.errors import UsageError
from aos_workflow.shadow.records import Campaign, Cycle, CycleReport, Side, SideResult

__all__ = ["Runner", "RunnerFactory", "decode_result", "encode_result", "load_runner"]


class Runner(Protocol):
    """Everything about cycles, inside of one process. ``load_runner`` finds who makes it from a campaign."""

    @property
    def fingerprint(self) -> str:
        """Of the code that cycles run. Two processes can only be compared if theirs are the same."""
        ...

    def warm_up(self) -> None:
        """Do once what every cycle needs, such as imports, and leave no state that one of them could see."""
        ...

    def plan(self, number: int) -> Cycle:
        """What this cycle does."""
        ...

    def run_side(self, cycle: Cycle, side: Side) -> SideResult:
        """Run it, as one of the two."""
        ...

    def compare(self, cycle: Cycle, primary: SideResult, shadow: SideResult) -> CycleReport:
        """What came of it. Pure."""
        ...

    def golden(self, cycle: Cycle, result: SideResult) -> bytes:
        """One side's golden, sealed."""
        ...

    def case(
        self, cycle: Cycle, primary: SideResult, shadow: SideResult, report: CycleReport
    ) -> Mapping[str, bytes]:
        """The files of a mismatch's folder by name: everything that it takes to see it again."""
        ...


RunnerFactory = Callable[[Campaign], Runner]


def load_runner(reference: str, campaign: Campaign) -> Runner:
    """The runner that ``package.module:function`` makes for a campaign.

    Raises:
        UsageError: there is no such function; or as the function does.
    """
    module, _, name = reference.partition(":")
    try:
        factory: RunnerFactory = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"no runner {reference!r}: {error}", hint="package.module:function"
        ) from error
    return factory(campaign)


def encode_result(result: SideResult) -> bytes:
    """A result as JSON that ``decode_result`` reads."""
    return orjson.dumps(
        {
            "status": result.status,
            "workflow_hash": result.workflow_hash,
            "steps": result.steps,
            "error_code": result.error_code,
            "events": result.events.decode(),
            "injected": result.injected,
        }
    )


def decode_result(data: Mapping[str, Any]) -> SideResult:
    """The result that was encoded."""
    return SideResult(
        status=data["status"],
        workflow_hash=data["workflow_hash"],
        steps=tuple(tuple(step) for step in data["steps"]),
        error_code=data["error_code"],
        events=data["events"].encode(),
        injected=tuple(data["injected"]),
    )
