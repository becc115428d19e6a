"""Cycles that do what a script says: what the coordinator does with them is what is tested.

The script is the campaign's ``workflows``: words such as ``mismatch=7,19``.

    mismatch=N,...   the shadow's result differs
    more=N           every cycle from N on mismatches
    leak             the result depends on what ran before in this process
    hashes           the result depends on the hash seed, in the cycles N with N % 50 == 49
    kill=N,...       the primary's process is killed, each time
    kill_once=FILE   the process that finds this file removes it and is killed
    exit=N,...       the shadow's process exits
    hang=N,...       never ends
    fail=N,...       raises
    slow=S           each side takes so many seconds
    big              goldens of 2 KB
    code=FILE        the fingerprint is the file's content
    unloadable       cannot be loaded
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from aos_workflow.determinism import derive_seed
from aos_workflow.errors import UsageError
from aos_workflow.shadow.records import (
    Campaign,
    Cycle,
    CycleReport,
    Side,
    SideResult,
    Verdict,
)

RUNNER = "tests.simulation.fleet.scripted:runner"
_WORKFLOWS = ("compute", "io", "llm")


def runner(campaign: Campaign) -> Scripted:
    return Scripted(campaign)


class Scripted:
    def __init__(self, campaign: Campaign) -> None:
        words = [word.partition("=") for word in campaign.workflows]
        self._script = {name: value for name, _, value in words}
        self._seed = campaign.seed
        self._before = 0
        if "unloadable" in self._script:
            raise UsageError("there is no module 'unloadable'", hint="name another")

    @property
    def fingerprint(self) -> str:
        code = self._script.get("code")
        return Path(code).read_text() if code else "scripted"

    def warm_up(self) -> None:
        pass

    def plan(self, number: int) -> Cycle:
        workflow = _WORKFLOWS[number % len(_WORKFLOWS)]
        return Cycle(number, derive_seed(self._seed, "cycle", str(number)), workflow)

    def run_side(self, cycle: Cycle, side: Side) -> SideResult:
        self._disturb(cycle, side)
        text = str(cycle.seed)
        if "leak" in self._script:
            text += f" {self._before}"
        if "hashes" in self._script and cycle.number % 50 == 49:
            text += str(list({"a", "b", "c", "d", "e", "f"}))
        if side is Side.SHADOW and self._mismatches(cycle.number):
            text += " differs"
        self._before += 1
        found = hashlib.sha256(text.encode()).hexdigest()
        size = 2000 if "big" in self._script else 0
        return SideResult(
            status="done",
            workflow_hash=found,
            steps=(("1:step", "step", found, "in", "out"),),
            events=b'{"event":"' + side.encode() + b"x" * size + b'"}\n',
        )

    def compare(self, cycle: Cycle, primary: SideResult, shadow: SideResult) -> CycleReport:
        same = primary.workflow_hash == shadow.workflow_hash
        return CycleReport(
            number=cycle.number,
            seed=cycle.seed,
            workflow=cycle.workflow,
            verdict=Verdict.MATCH if same else Verdict.MISMATCH,
            primary_hash=primary.workflow_hash,
            shadow_hash=shadow.workflow_hash,
            steps=1,
            cause=None if same else "scripted",
            divergence=None
            if same
            else {
                "step": "1:step",
                "skill": "step",
                "kind": "output",
                "expected": "SECRET",
                "got": 2,
            },
        )

    def golden(self, cycle: Cycle, result: SideResult) -> bytes:
        return result.events

    def case(
        self, cycle: Cycle, primary: SideResult, shadow: SideResult, report: CycleReport
    ) -> Mapping[str, bytes]:
        return {
            "report.json": str(report.number).encode(),
            "primary.steps.jsonl": primary.events,
            "shadow.steps.jsonl": shadow.events,
            "reproduce.sh": b"#!/bin/sh\nexit 1\n",
        }

    def _numbers(self, word: str) -> list[int]:
        text = self._script.get(word)
        return [int(number) for number in text.split(",")] if text else []

    def _mismatches(self, number: int) -> bool:
        more = self._script.get("more")
        return number in self._numbers("mismatch") or (more is not None and number >= int(more))

    def _disturb(self, cycle: Cycle, side: Side) -> None:
        if slow := self._script.get("slow"):
            time.sleep(float(slow))
        if side is Side.PRIMARY and cycle.number in self._numbers("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if side is Side.SHADOW and cycle.number in self._numbers("exit"):
            os._exit(3)
        if cycle.number in self._numbers("hang"):
            time.sleep(1000)
        if cycle.number in self._numbers("fail"):
            raise ValueError("scripted")
        once = self._script.get("kill_once")
        if once and Path(once).exists():
            Path(once).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
