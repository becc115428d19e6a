"""Kills a process of its own at every point of an operation on goldens, and looks at what is left each time.

``python -m tests.crash_child OPERATION POINTS FOLDER`` prints one JSON object: how many points there were, and the
problems found. POINTS is ``audit`` (every file operation the interpreter announces) or ``line`` (every line of our code
that writes). Run by test_crash.py: a process of its own, because only one without threads may fork.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.golden_samples import (
    OTHER_SECRET,
    SECRET,
    legacy_golden,
    record_run,
    value_golden,
)

from aos_workflow.cli import main
from aos_workflow.golden import KeyRing, Policy, files
from aos_workflow.golden.atomic import TEMPORARY_SUFFIX, write_atomic
from aos_workflow.golden.keys import append_new_key
from aos_workflow.golden.recorder import PART_SUFFIX

NAMES = ("a", "b", "c")
LONG_AGO_NS = 1_600_000_000 * 10**9
FILE_EVENTS = ("open", "os.", "shutil.", "subprocess.")
WRITING_CODE = (
    "atomic.py",
    "files.py",
    "recorder.py",
    "keys.py",
    "signing.py",
    "migrating.py",
)
MAX_POINTS = 5000


class Operation:
    """What is done to a folder, and what may be found there afterwards. ``before`` is run once, ``run`` is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def before(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        raise NotImplementedError

    def problems(self) -> list[str]:
        """What is wrong with what is left."""
        raise NotImplementedError

    def ring(self) -> KeyRing:
        return KeyRing.of(SECRET, OTHER_SECRET)

    def unsound(self) -> list[str]:
        found = []
        for path in files.golden_files(self.folder):
            verdict = files.verify(path, ring=self.ring(), policy=Policy.REQUIRE)
            if not verdict:
                found.append(f"{path.name}: {verdict.code}")
        return found


class Write(Operation):
    """One golden after the other is replaced."""

    old = value_golden({"answer": 1}, ring=KeyRing.of(SECRET))
    new = value_golden({"answer": 2}, ring=KeyRing.of(SECRET))

    def before(self) -> None:
        for name in NAMES:
            (self.folder / f"{name}.golden.json").write_bytes(self.old)

    def run(self) -> None:
        for name in NAMES:
            write_atomic(self.folder / f"{name}.golden.json", self.new)

    def problems(self) -> list[str]:
        contents = [(self.folder / f"{name}.golden.json").read_bytes() for name in NAMES]
        torn = [
            f"{name}: neither old nor new"
            for name, content in zip(NAMES, contents, strict=True)
            if content not in (self.old, self.new)
        ]
        return torn + self.unsound()


class Record(Operation):
    """Runs are recorded: two that were there with other content, one that is new."""

    def before(self) -> None:
        for name in NAMES[:2]:
            record_run(self.folder, name, steps=1, answer=1.0)

    def run(self) -> None:
        for name in NAMES:
            record_run(self.folder, name, steps=2, answer=2.0)

    def problems(self) -> list[str]:
        found = self.unsound()
        for name in NAMES:
            path = self.folder / f"{name}.steps.jsonl"
            if path.exists():
                golden: Any = files.load(path)
                outputs = [e.data["output"] for e in golden.events if e.event_type == "step"]
                if outputs not in ([{"answer": 0}], [{"answer": 0}, {"answer": 2}]):
                    found.append(f"{path.name}: neither old nor new")
            elif name != NAMES[2]:
                found.append(f"{path.name}: gone")
        return found


class Resign(Operation):
    """The key is changed."""

    def before(self) -> None:
        for name in NAMES[:2]:
            record_run(self.folder, name)
        (self.folder / "v.golden.json").write_bytes(value_golden(ring=KeyRing.of(SECRET)))
        (self.folder / "l.json").write_bytes(legacy_golden())
        for path in files.golden_files(self.folder):
            os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
        for name, secret in (("old", SECRET), ("new", OTHER_SECRET)):
            (self.folder / f"{name}.keys").write_text(f"GOLDEN_SECRET={secret}\n")

    def run(self) -> None:
        keys = [f"--old-key-file={self.folder}/old.keys", f"--new-key-file={self.folder}/new.keys"]
        with contextlib.redirect_stdout(io.StringIO()):
            code = main(["golden", "resign", *keys, str(self.folder)])
        assert code == 0, code

    def problems(self) -> list[str]:
        found = self.unsound()
        times = [path.stat().st_mtime_ns for path in files.golden_files(self.folder)]
        if times != [LONG_AGO_NS] * 4:
            found.append(f"times changed: {times}")
        self.run()
        for path in files.golden_files(self.folder):
            if not files.verify(path, ring=KeyRing.of(OTHER_SECRET), policy=Policy.REQUIRE):
                found.append(f"{path.name}: not signed with the new key after a second run")
        return found


class Migrate(Operation):
    """Older goldens are lifted and removed."""

    def before(self) -> None:
        (self.folder / "plan.json").write_bytes(legacy_golden())
        (self.folder / "run.json").write_bytes(legacy_golden({"steps": [{"output": 1}]}))
        (self.folder / "keys").write_text(f"GOLDEN_SECRET={SECRET}\n")

    def run(self) -> None:
        keys = f"--key-file={self.folder}/keys"
        with contextlib.redirect_stdout(io.StringIO()):
            code = main(["golden", "migrate", "--write", "--replace", keys, str(self.folder)])
        assert code == 0, code

    def problems(self) -> list[str]:
        found = self.unsound()
        self.run()
        names = sorted(p.name for p in files.golden_files(self.folder))
        if names != ["plan.golden.json", "run.steps.jsonl"]:
            found.append(f"after a second run there are {names}")
        return found + self.unsound()


class AppendKey(Operation):
    """A key is added to a key file."""

    def before(self) -> None:
        (self.folder / "keys").write_text(f"GOLDEN_SECRET={SECRET}\n")

    def run(self) -> None:
        append_new_key(self.folder / "keys")

    def problems(self) -> list[str]:
        ring = KeyRing.from_file(self.folder / "keys")
        whole = ring.keys[0].secret == SECRET and all(
            len(key.secret) == 64 for key in ring.keys[1:]
        )
        return [] if whole and len(ring.keys) <= 2 else ["the key file is torn"]


OPERATIONS: dict[str, type[Operation]] = {
    "write": Write,
    "record": Record,
    "resign": Resign,
    "migrate": Migrate,
    "append-key": AppendKey,
}


def die_at(point: int, kind: str) -> None:
    """From now on count points, and kill this process at one of them."""
    left = [point]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_audit(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(FILE_EVENTS) and event != "os.kill":
            count()

    def on_trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.endswith(WRITING_CODE):
            return None
        if event in ("line", "return"):
            count()
        return on_trace

    if kind == "audit":
        sys.addaudithook(on_audit)
    else:
        sys.settrace(on_trace)


def run_killed(operation: Operation, point: int, kind: str) -> bool:
    """Do it in a child that dies at this point; whether it did."""
    child = os.fork()
    if child == 0:
        try:
            die_at(point, kind)
            operation.run()
            sys.settrace(None)
            os._exit(0)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"the operation failed at point {point}")
    return killed


def leftovers(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.iterdir()
        if path.name.startswith(".") or path.name.endswith(PART_SUFFIX)
    ]


def strays(folder: Path, known: set[str]) -> list[str]:
    """Files that are neither goldens, nor what was there before, nor leftovers as we document them."""
    return [
        f"stray file {path.name}"
        for path in folder.iterdir()
        if path.name not in known
        and not path.name.endswith((".json", ".steps.jsonl", PART_SUFFIX))
        and not (path.name.startswith(".") and path.name.endswith(TEMPORARY_SUFFIX))
    ]


def survey(name: str, kind: str, folder: Path) -> dict[str, Any]:
    template, work = folder / "template", folder / "work"
    template.mkdir()
    OPERATIONS[name](template).before()
    known = {path.name for path in template.iterdir()}
    problems: list[str] = []
    with_leftovers = 0
    for point in range(1, MAX_POINTS):
        shutil.copytree(template, work)
        operation = OPERATIONS[name](work)
        killed = run_killed(operation, point, kind)
        left = leftovers(work)
        with_leftovers += bool(left)
        found = strays(work, known) + operation.problems()
        problems += [f"point {point}: {problem}" for problem in found]
        shutil.rmtree(work)
        if not killed:
            if left:
                problems.append(f"an operation that was not killed left {left}")
            return {"points": point - 1, "with_leftovers": with_leftovers, "problems": problems}
    return {"points": MAX_POINTS, "problems": [*problems, "never came to an end"]}


if __name__ == "__main__":
    print(json.dumps(survey(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
