"""A handle on the process that runs one side of cycles."""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import orjson

from aos_workflow.errors import ShadowWorkerError, UsageError
from aos_workflow.shadow.imports import Imports
from aos_workflow.shadow.records import Campaign, Side
from aos_workflow.shadow.wire import Channel, ChannelClosedError, ChannelSilentError

__all__ = ["SideLostError", "SideProcess", "SideSetup"]

_TAIL_LINES = 40
_START_LIMIT_S = 120.0
_END_LIMIT_S = 5.0
_BAD_INPUT = ("USAGE", "SPEC_INVALID", "SIMULATION_SCENARIO")


@dataclass(frozen=True, slots=True)
class SideSetup:
    """What a side must know to run cycles. ``runner`` is a reference that ``load_runner`` takes.

    With ``imports``, it is started in their folder; without, in the current one.
    """

    campaign: Campaign
    runner: str
    cycle_limit_s: float = 60.0
    imports: Imports | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON, for another machine, where imports are its own."""
        return {
            "campaign": self.campaign.to_json(),
            "runner": self.runner,
            "cycle_limit_s": self.cycle_limit_s,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SideSetup:
        """What ``to_json`` gave."""
        return cls(Campaign.from_json(data["campaign"]), data["runner"], data["cycle_limit_s"])


class SideLostError(Exception):
    """The process ended or fell silent. ``answered`` is how many cycles of the order it had answered."""

    def __init__(self, reason: str, answered: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answered = answered


class SideProcess:
    """One process, from start to end. Not for two threads at a time, but ``kill``."""

    def __init__(self, setup: SideSetup, side: Side, hash_seed: int) -> None:
        self.side = side
        self.hash_seed = hash_seed
        self._limit_s = setup.cycle_limit_s
        self._tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        imports = setup.imports
        environment = os.environ if imports is None else imports.environment()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "aos_workflow.shadow.side_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "PYTHONHASHSEED": str(hash_seed)},
            cwd=None if imports is None else imports.start,
            start_new_session=True,  # what a terminal sends to its foreground is for the coordinator
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._channel = Channel(self._process.stdout.fileno(), self._process.stdin.fileno())
        self._listener = threading.Thread(
            target=self._listen, args=(self._process.stderr,), daemon=True
        )
        self._listener.start()
        self._setup = {
            "side": side.value,
            "campaign": setup.campaign.to_json(),
            "runner": setup.runner,
        }
        self.fingerprint = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """Wait until it is ready.

        Raises:
            UsageError: the campaign's workflows cannot be loaded.
            ShadowWorkerError: it does not get ready.
            SideLostError: it was killed.
        """
        try:
            self._channel.send(orjson.dumps(self._setup))
            answer = orjson.loads(self._channel.receive(_START_LIMIT_S))
        except ChannelClosedError:
            self.kill()
            if (self._process.returncode or 0) < 0:
                raise SideLostError(self._how_it_ended()) from None
            raise ShadowWorkerError(f"{self.side} process: {self._how_it_ended()}") from None
        except ChannelSilentError:
            self.kill()
            raise ShadowWorkerError(
                f"{self.side} process: not ready after {_START_LIMIT_S:.0f} s"
            ) from None
        if error := answer.get("failed"):
            self.kill()
            kind = UsageError if error["code"] in _BAD_INPUT else ShadowWorkerError
            raise kind(error["message"], hint=error.get("hint"))
        self.fingerprint = answer["ready"]

    def ask(
        self, numbers: Sequence[int], given_up: Mapping[int, str], primary: Sequence[bytes] = ()
    ) -> list[bytes]:
        """Have these cycles run; one answer each. A shadow is given what the primary answered.

        Raises:
            SideLostError: it did not answer all of them, and is gone.
        """
        answers: list[bytes] = []
        order = orjson.dumps(
            {"numbers": list(numbers), "given_up": {str(n): r for n, r in given_up.items()}}
        )
        try:
            self._channel.send(order[:-1] + b',"primary":[' + b",".join(primary) + b"]}")
            while len(answers) < len(numbers):
                answers.append(self._channel.receive(self._limit_s))
            self._channel.receive(self._limit_s)  # the end
        except ChannelClosedError:
            self.kill()
            raise SideLostError(self._how_it_ended(), len(answers)) from None
        except ChannelSilentError:
            self.kill()
            raise SideLostError(f"no answer for {self._limit_s:g} s", len(answers)) from None
        return answers

    def kill(self) -> None:
        """End it now, with its child. Any thread may call this, more than once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL) if self._process.poll() is None else None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_LIMIT_S)

    def close(self) -> None:
        """End it, and give its descriptors back. Only the thread that asks may call this."""
        self.kill()
        self._listener.join(_END_LIMIT_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _listen(self, stream: IO[bytes] | None) -> None:
        """Keep the last lines of standard error, and its pipe empty."""
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            for line in iter(lambda: stream.readline(4096), b""):
                self._tail.append(line.decode(errors="replace").rstrip())

    def _how_it_ended(self) -> str:
        code = self._process.poll()
        self._listener.join(1.0)
        last = f": {self._tail[-1]}" if self._tail else ""
        if code is None:
            return f"closed its pipe{last}"
        if code >= 0:
            return f"exit code {code}{last}"
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
        return f"killed by signal {-code}"
