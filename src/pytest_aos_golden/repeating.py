"""The repeats of a recording: the same tests again, each time in a fresh process with another hash seed and order.

A value that the second process does not reproduce is not committed. What differs is said by path, with the likely cause
and a rule, if a rule is a fair answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_aos_golden.evaluation import Evaluation
from pytest_aos_golden.ledger import Ledger, Refusal, TestEntry
from pytest_aos_golden.settings import environment
from pytest_aos_golden.staging import Staging

__all__ = ["Observation", "enter_observing", "read_wanted", "repeat", "write_observations"]

_WANTED = "wanted.json"
_OBSERVED = "observed.jsonl"
_MIN_LIMIT_S = 60.0
_LIMIT_FACTOR = 5.0
_SHOWN_OUTPUT_LINES = 15


@dataclass(frozen=True)
class Observation:
    """What a repeat saw for one golden."""

    nodeid: str
    hash: str | None
    staged: str | None
    passed: bool


def repeat(
    config: pytest.Config,
    candidates: Sequence[tuple[TestEntry, Evaluation]],
    staging: Staging,
    *,
    number: int,
    elapsed_s: float,
) -> list[Refusal]:
    """Evaluate the candidates' tests once more and name those that came out otherwise. ``number`` counts from 2."""
    folder = Path(tempfile.mkdtemp(prefix="golden-repeat-"))
    wanted = sorted({entry.nodeid for entry, _ in candidates})
    (folder / _WANTED).write_text(json.dumps({"nodeids": wanted, "reverse": number % 2 == 0}))
    hash_seed = _hash_seed(number)
    output = _run(config, folder, hash_seed, max(_MIN_LIMIT_S, elapsed_s * _LIMIT_FACTOR))
    observed = dict(_read_observations(folder))
    refused = []
    for entry, evaluation in candidates:
        seen = observed.get(evaluation.key)
        if seen is None or not seen.passed:
            what = "failed" if seen is not None else "was not reached"
            message = f"evaluation {number} (fresh process, PYTHONHASHSEED={hash_seed}, other order) {what}"
            refused.append(
                Refusal(entry.nodeid, evaluation.key, (message, *output), cause="repeat")
            )
            output = []  # said once
        elif seen.hash != evaluation.hash:
            refused.append(_differs(entry, evaluation, seen, staging, folder, number, hash_seed))
    Staging(folder).remove()
    return refused


def _hash_seed(number: int) -> int:
    """Another hash seed than this process has, and the same in every run."""
    own = environment().get("PYTHONHASHSEED", "")
    return number if own != str(number) else number + 1000


def _run(config: pytest.Config, folder: Path, hash_seed: int, limit_s: float) -> list[str]:
    """Run the repeat; return what a person needs of its output, should it have gone wrong."""
    command = [sys.executable, "-m", "pytest", *map(str, config.invocation_params.args)]
    # With "=", or pytest takes the folder for a place to collect from when it looks for the root folder.
    command += [f"--golden-observe={folder}", f"--override-ini=cache_dir={folder / 'cache'}"]
    command.append(f"--rootdir={config.rootpath}")
    if config.pluginmanager.hasplugin("_cov"):
        command.append("--no-cov")
    try:
        done = subprocess.run(
            command,
            cwd=config.invocation_params.dir,
            env={**environment(), "PYTHONHASHSEED": str(hash_seed)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"  it was stopped after {limit_s:.0f} s"]
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return [f"  | {line}" for line in lines[-_SHOWN_OUTPUT_LINES:]]


def _differs(
    entry: TestEntry,
    evaluation: Evaluation,
    seen: Observation,
    staging: Staging,
    folder: Path,
    number: int,
    hash_seed: int,
) -> Refusal:
    from aos_workflow.golden.diff import diff
    from aos_workflow.golden.explain import describe, headline, propose_rule
    from aos_workflow.golden.strict_json import loads

    lines = [
        f"evaluation {number}, in a fresh process (PYTHONHASHSEED={hash_seed}), gave another value"
    ]
    first = staging.text(evaluation.staged or "")
    second = Staging(folder).text(seen.staged or "")
    if first is None or second is None:
        lines.append(
            f"  hashes {(evaluation.hash or '')[:16]} and {(seen.hash or '')[:16]}; values are not kept"
        )
        return Refusal(entry.nodeid, evaluation.key, tuple(lines))
    found = diff(loads(first), loads(second), limit=50)
    lines.append(f"  first against second: {headline(found)}")
    for difference in found.entries[:5]:
        lines += [f"  {line}" for line in describe(difference)]
    if found.total > 5:
        lines.append(f"  ... and {found.total - 5} more")
    lines += _advice(found.cause, [propose_rule(difference) for difference in found.entries])
    return Refusal(
        entry.nodeid,
        evaluation.key,
        tuple(lines),
        tuple(difference.to_json() for difference in found.entries),
        found.cause,
    )


_LIKELY = {
    "order": "the order of a set, of directory entries or of finished tasks: sort it where it becomes a list",
    "float": "sums in another order or of other precision: use math.fsum, or compare rounded values",
    "volatile": "times, ids or paths of the run itself: inject them, or mask them",
    "type": "a value that is spelled in different types",
    "value": "randomness, time or state that does not come from golden.seed",
}


def _advice(cause: str | None, rules: Sequence[str | None]) -> list[str]:
    lines = [f"  likely cause: {_LIKELY[cause]}"] if cause in _LIKELY else []
    proposed = list(dict.fromkeys(rule for rule in rules if rule))
    lines += [f"  proposed rule: {rule}" for rule in proposed[:5]]
    return lines


# in the repeat's own process


def enter_observing(config: pytest.Config) -> None:
    """Switch off what a repeat must not do: stop early, debug, select by earlier failures, write others' reports."""
    quiet: Mapping[str, Any] = {
        "maxfail": 0,
        "usepdb": False,
        "trace": False,
        "lf": False,
        "failedfirst": False,
        "newfirst": False,
        "stepwise": False,
        "stepwise_skip": False,
        "xmlpath": None,
        "htmlpath": None,
        "report_log": None,
        "golden_report": [],
        "golden_prune": False,
        "looponfail": False,
    }
    for name, value in quiet.items():
        if hasattr(config.option, name):
            setattr(config.option, name, value)


def read_wanted(folder: Path) -> tuple[set[str], bool]:
    """The node ids that a repeat is to run, and whether in reverse."""
    data = json.loads((folder / _WANTED).read_text())
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


def _read_observations(folder: Path) -> Iterator[tuple[str, Observation]]:
    path = folder / _OBSERVED
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            data = json.loads(line)
            yield data.pop("key"), Observation(**data)
