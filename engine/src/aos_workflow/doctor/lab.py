"""Runs under perturbations, compared with the control run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aos_workflow.doctor.difference import Difference, differences
from aos_workflow.doctor.server import Clinic
from aos_workflow.golden import Rules, canonical_json

__all__ = ["Lab", "Place", "Site", "Verdict"]

Place = tuple[str, int]
Status = Literal["same", "differs", "fails", "timeout", "died"]
MIN_LIMIT_S = 3.0
CONTROL_LIMIT_S = 20.0
LIMIT_FACTOR = 25


@dataclass(frozen=True, slots=True)
class Site:
    """A line at which sources of an axis were read."""

    axis: str
    file: str
    line: int
    function: str
    name: str
    chain: tuple[tuple[str, int, str], ...]
    imported: bool
    count: int
    last: int
    values: tuple[str, ...]

    @property
    def place(self) -> Place:
        """File and line."""
        return (self.file, self.line)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a perturbed run compares with the control run."""

    status: Status
    found: tuple[Difference, ...] = ()
    sites: tuple[Site, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""

    @property
    def changed(self) -> bool:
        """Whether the output is another."""
        return self.status == "differs"


class Lab:
    """The control run of one target, and comparisons with it."""

    def __init__(
        self,
        clinic: Clinic,
        calls: Sequence[Mapping[str, Any]],
        rules: Rules | None,
        limit_s: float | None,
    ) -> None:
        self.clinic = clinic
        self.calls = list(calls)
        self.rules = rules
        self.limit_s = limit_s or CONTROL_LIMIT_S
        self.user_limit_s = limit_s
        self.runs = 0
        self.control: list[Any] = []
        self.raw: dict[str, Any] = {}
        self.cwd: str | None = clinic.target.cwd or None

    def job(self, thaws: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """A job that lets go of some axes."""
        cwd = {"cwd": self.cwd} if self.cwd else {}
        return {
            "calls": self.calls,
            "thaws": dict(thaws or {}),
            "time_limit_s": self.limit_s,
            **cwd,
            **more,
        }

    def execute(
        self, jobs: Sequence[Mapping[str, Any]], server: str = "main"
    ) -> list[dict[str, Any]]:
        """Results of jobs as they are."""
        self.runs += len(jobs)
        return self.clinic.server(server).run(jobs) if jobs else []

    def take_control(self, raw: dict[str, Any]) -> None:
        """Make this the control run."""
        self.raw = raw
        self.control = self.outputs(raw)
        slow = raw.get("seconds", 0.0) * LIMIT_FACTOR
        self.limit_s = self.user_limit_s or max(MIN_LIMIT_S, min(slow, CONTROL_LIMIT_S))

    def perturb(self, thaws: Sequence[Mapping[str, Any]], **more: Any) -> list[Verdict]:
        """The verdicts of runs that let go of these axes."""
        raws = self.execute([self.job(thaw, **more) for thaw in thaws])
        return [self.verdict(raw) for raw in raws]

    def verdict(self, raw: Mapping[str, Any], control: Sequence[Any] | None = None) -> Verdict:
        """How a result compares with the control run."""
        status = raw.get("status")
        if status != "done":
            known: Status = "timeout" if status == "timeout" else "died"
            return Verdict(known, raw=raw, message=str(raw.get("error", status)))
        expected = self.control if control is None else control
        got = self.outputs(raw)
        found = differences(expected, got)
        if not found and len(expected) == len(got):
            return Verdict("same", sites=sites_of(raw), raw=raw)
        broken = [g for e, g in zip(expected, got, strict=False) if is_error(g) and not is_error(e)]
        if broken or len(expected) != len(got):
            message = broken[0]["$error"] if broken else "it ended early"
            return Verdict("fails", tuple(found), sites_of(raw), raw, message)
        return Verdict("differs", tuple(found), sites_of(raw), raw)

    def outputs(self, raw: Mapping[str, Any]) -> list[Any]:
        """The values of a result, after the rules."""
        return [self._value(output) for output in raw.get("outputs", ())]

    def _value(self, output: Mapping[str, Any]) -> Any:
        if output["kind"] == "error":
            return {"$error": output["type"], "message": output["text"]}
        return self.ruled(json.loads(output["text"]))

    def ruled(self, value: Any) -> Any:
        """A value without what the rules take out."""
        if self.rules is not None:
            value = json.loads(canonical_json(value, self.rules).text)
        return value


def is_error(value: Any) -> bool:
    """Whether an output stands for an exception."""
    return isinstance(value, dict) and "$error" in value


def sites_of(raw: Mapping[str, Any]) -> tuple[Site, ...]:
    """The sites of a result."""
    return tuple(
        Site(
            hit["axis"], hit["file"], hit["line"], hit["function"], hit["name"],
            tuple((f, n, q) for f, n, q in hit["chain"]), hit["imported"], hit["count"], hit["last"],
            tuple(hit["values"]),
        )
        for hit in raw.get("hits", ())
    )  # fmt: skip


def thaw(
    variant: Any, *, frozen: Sequence[Place] = (), only: Sequence[Place] | None = None
) -> dict[str, Any]:
    """How to let go of an axis, as JSON data."""
    data: dict[str, Any] = {"variant": variant, "frozen": [list(p) for p in frozen]}
    if only is not None:
        data["only"] = [list(p) for p in only]
    return data
