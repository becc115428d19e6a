"""The repeats of a recording: the same tests again, each time in a fresh process with another hash seed and order.

A value that the second process does not reproduce is not committed. What differs is said by path, with the likely cause
and a rule, if a rule is a fair answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_aos_golden.evaluation import Evaluation
from pytest_aos_golden.ledger import Candidate, Ledger, Refusal, TestEntry
from pytest_aos_golden.settings import environment
from pytest_aos_golden.staging import Staging

__all__ = [
    "Observation",
    "Repeat",
    "enter_observing",
    "read_observations",
    "read_wanted",
    "write_observations",
    "write_wanted",
]

_WANTED = "wanted.json"
_OBSERVED = "observed.jsonl"
_OUTPUT = "output.txt"
_MIN_LIMIT_S = 60.0
_LIMIT_FACTOR = 5.0
_SHOWN_OUTPUT_LINES = 15
_MAX_OUTPUT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Observation:
    """What a repeat saw for one golden."""

    nodeid: str
    hash: str | None
    staged: str | None
    passed: bool


class Repeat:
    """One more evaluation of a recording, number ``number`` counted from 2."""

    def __init__(
        self, config: pytest.Config, staging: Staging, *, number: int, limit_s: float | None
    ) -> None:
        self._config = config
        self._staging = staging
        self._number = number
        self._limit_s = limit_s
        self._hash_seed = _hash_seed(number)

    def refuse(self, candidates: Sequence[Candidate], elapsed_s: float) -> list[Refusal]:
        """Evaluate the candidates' tests once more and name those that came out otherwise.

        ``elapsed_s`` is how long the first evaluation took.
        """
        folder = Path(tempfile.mkdtemp(prefix="golden-repeat-"))
        try:
            wanted = sorted({entry.nodeid for entry, _ in candidates})
            write_wanted(folder, wanted, reverse=self._number % 2 == 0)
            limit_s = self._limit_s or max(_MIN_LIMIT_S, elapsed_s * _LIMIT_FACTOR)
            output = self._run(folder, limit_s)
            observed = read_observations(folder)
            return list(self._judge(candidates, observed, folder, output))
        finally:
            Staging(folder).remove()

    def _judge(
        self,
        candidates: Sequence[Candidate],
        observed: Mapping[str, list[Observation]],
        folder: Path,
        output: list[str],
    ) -> Iterator[Refusal]:
        for entry, evaluation in candidates:
            seen = observed.get(evaluation.key, [])
            other = next((one for one in seen if one.hash not in (None, evaluation.hash)), None)
            if other is not None:
                yield self._differs(entry, evaluation, other, folder)
            elif not seen or not all(one.passed for one in seen):
                what = "failed" if seen else "did not get to this golden"
                yield Refusal(
                    entry.nodeid,
                    evaluation.key,
                    (f"{self._name} {what}", *output),
                    cause="repeat",
                )
                output = []  # said once

    @property
    def _name(self) -> str:
        return f"evaluation {self._number}, in a fresh process (PYTHONHASHSEED={self._hash_seed}),"

    def _run(self, folder: Path, limit_s: float) -> list[str]:
        """Run the repeat; return what a person needs of its output, should it have gone wrong."""
        environ = {**environment(), "PYTHONHASHSEED": str(self._hash_seed)}
        with (folder / _OUTPUT).open("wb") as output:
            process = subprocess.Popen(
                self._command(folder),
                cwd=self._config.invocation_params.dir,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,  # a file: workers that outlive a killed process would keep a pipe open
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait(limit_s)
                stopped = []
            except subprocess.TimeoutExpired:
                stopped = [f"  it was stopped after {limit_s:.0f} s (ini golden_repeat_timeout)"]
            finally:
                _end(process)
        return [*stopped, *_last_lines(folder / _OUTPUT)]

    def _command(self, folder: Path) -> list[str]:
        config = self._config
        interpreter = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        if str(config.invocation_params.dir) not in sys.path:
            interpreter.append("-P")  # as `pytest`, other than `python -m pytest`
        command = [sys.executable, *interpreter, "-m", "pytest"]
        command += map(str, config.invocation_params.args)
        # With "=", or pytest takes the folder for a place to collect from when it looks for the root folder.
        command += [f"--golden-observe={folder}", f"--rootdir={config.rootpath}"]
        if config.pluginmanager.hasplugin("cacheprovider"):
            command.append(f"--override-ini=cache_dir={folder / 'cache'}")
        if config.pluginmanager.hasplugin("_cov"):
            command.append("--no-cov")
        return command

    def _differs(
        self, entry: TestEntry, evaluation: Evaluation, seen: Observation, folder: Path
    ) -> Refusal:
        from aos_workflow.golden.strict_json import loads
        from pytest_aos_golden.differences import find_differences

        lines = [f"{self._name} gave another value"]
        first = self._staging.text(evaluation.staged or "")
        second = Staging(folder).text(seen.staged or "")
        if first is None or second is None:
            hashes = f"{(evaluation.hash or '')[:16]} and {(seen.hash or '')[:16]}"
            lines.append(f"  hashes {hashes}; the values are not kept")
            return Refusal(entry.nodeid, evaluation.key, tuple(lines), cause="value")
        found = find_differences(loads(first), second)
        lines.append(f"  first (expected) against this one (got): {found.headline}")
        lines += found.lines
        if found.cause in _LIKELY:
            lines.append(f"  likely cause: {_LIKELY[found.cause]}")
        lines += [f"  proposed rule: {rule}" for rule in found.rules]
        return Refusal(entry.nodeid, evaluation.key, tuple(lines), found.entries, found.cause)


_LIKELY = {
    "order": "the order of a set, of directory entries or of finished tasks: sort it where it becomes a list",
    "float": "sums in another order or of other precision: use math.fsum, or compare rounded values",
    "volatile": "times, ids or paths of the run itself: inject them, or mask them",
    "type": "a value that is spelled in different types",
    "value": "randomness, time, or state that another test or an earlier run left behind",
}


def _hash_seed(number: int) -> int:
    """Another hash seed than this process has, and the same in every run."""
    own = environment().get("PYTHONHASHSEED", "")
    return number if own != str(number) else number + 1000


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started, whatever state they are in."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()


def _last_lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _MAX_OUTPUT_BYTES))
        text = file.read().decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    return [f"  | {line}" for line in lines[-_SHOWN_OUTPUT_LINES:]]


# in the repeat's own process


def enter_observing(config: pytest.Config) -> None:
    """Switch off what a repeat must not do: stop early, debug, select by earlier failures, write others' files."""
    quiet: Mapping[str, Any] = {
        "maxfail": 0,
        "usepdb": False,
        "trace": False,
        "lf": False,
        "failedfirst": False,
        "newfirst": False,
        "stepwise": False,
        "stepwise_skip": False,
        "cacheclear": False,
        "basetemp": None,
        "log_file": os.devnull,
        "pastebin": None,
        "xmlpath": None,
        "htmlpath": None,
        "report_log": None,
        "json_report": False,
        "allure_report_dir": None,
        "golden_report": [],
        "golden_prune": False,
        "golden_doctor": False,
        "looponfail": False,
    }
    for name, value in quiet.items():
        if hasattr(config.option, name):
            setattr(config.option, name, value)


def write_wanted(folder: Path, nodeids: Sequence[str], *, reverse: bool) -> None:
    """Say which tests a repeat is to run."""
    order = {"nodeids": list(nodeids), "reverse": reverse}
    (folder / _WANTED).write_text(json.dumps(order), encoding="utf-8")


def read_wanted(folder: Path) -> tuple[set[str], bool]:
    """The node ids that a repeat is to run, and whether in reverse."""
    data = json.loads((folder / _WANTED).read_text(encoding="utf-8"))
    return set(data["nodeids"]), data["reverse"]


def write_observations(folder: Path, ledger: Ledger) -> None:
    """Leave behind what was seen, for the process that asked."""
    with (folder / _OBSERVED).open("w", encoding="utf-8") as file:
        for entry in ledger.tests.values():
            for seen in entry.evaluations:
                line = {
                    "key": seen.key,
                    "nodeid": entry.nodeid,
                    "hash": seen.hash,
                    "staged": seen.staged,
                    "passed": entry.passed and not seen.failed,
                }
                file.write(json.dumps(line) + "\n")


def read_observations(folder: Path) -> dict[str, list[Observation]]:
    """What a repeat saw, by key."""
    found: dict[str, list[Observation]] = defaultdict(list)
    path = folder / _OBSERVED
    if path.exists():
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                data = json.loads(line)
                found[data.pop("key")].append(Observation(**data))
    return found
