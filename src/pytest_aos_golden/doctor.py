"""``--golden-doctor``: which lines make the golden values of a test differ between runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aos_workflow.doctor import AXES, Cause, Difference, Examination, examine, replay, text
from aos_workflow.doctor.target import Target
from aos_workflow.errors import AosError
from pytest_aos_golden.ledger import Refusal
from pytest_aos_golden.settings import Settings

__all__ = ["Diagnosis", "diagnose", "name_lines", "target_of"]

MAX_REFUSALS = 5
"""Of so many refused tests a recording asks the doctor; each costs seconds."""
_ENTRY = "pytest_aos_golden.doctor_child:values"
_IN_TURN = ([axis for axis in AXES if axis != "process"], ["process"])
"""Fresh processes are the dearest, and the last resort."""
_ASYNCHRONOUS = re.compile(rb"\basync\s+def\b|\bawait\b")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an examination of a test came to: lines for people, and data."""

    healthy: bool
    lines: tuple[str, ...]
    data: dict[str, Any]


def target_of(config: pytest.Config, settings: Settings, nodeid: str, path: Path) -> Target:
    """A test as something that the doctor can examine."""
    root = config.rootpath
    files = [path, *_conftests(path, root)]
    return Target(
        file=path,
        module=path.stem,
        name="",
        root=root,
        path=tuple(entry for entry in sys.path if entry),
        dotted=False,
        entry=_ENTRY,
        also=tuple(map(str, files[1:])),
        preload=tuple(_plugins(config)),
        cwd=str(config.invocation_params.dir),
        asynchronous=any(_ASYNCHRONOUS.search(file.read_bytes()) for file in files),
        commands=(
            settings.command("--golden-doctor", nodeid),
            settings.command("", nodeid) + " --golden-doctor-replay",
        ),
    )


def _conftests(path: Path, root: Path) -> list[Path]:
    above = [folder for folder in path.parents if folder == root or folder.is_relative_to(root)]
    return [file for folder in above if (file := folder / "conftest.py").exists()]


def _plugins(config: pytest.Config) -> list[str]:
    """The modules of installed plugins, loaded once and not in every process."""
    found = {_ENTRY.partition(":")[0], "pytest"}
    for plugin, _ in config.pluginmanager.list_plugin_distinfo():
        name = getattr(plugin, "__name__", None) or type(plugin).__module__
        found.add(name)
    found.update(name for name in sys.modules if name.startswith("_pytest."))
    return sorted(found)


def _arguments(config: pytest.Config) -> list[str]:
    """The command line of this run; a worker has it from its controller."""
    given = getattr(config, "workerinput", {}).get("golden_arguments")
    words: Sequence[Any] = config.invocation_params.args if given is None else given
    return [str(word) for word in words if not str(word).startswith("--golden-doctor")]


def diagnose(
    config: pytest.Config, settings: Settings, nodeid: str, path: Path, budget: str
) -> Diagnosis:
    """Examine one test, or show one difference again if that was asked for."""
    target = target_of(config, settings, nodeid, path)
    args = [_arguments(config), str(config.rootpath), nodeid]
    try:
        if settings.doctor_replay:
            return _replayed(replay(target, settings.doctor_replay, args=args))
        found = examine(target, args=args, budget=budget)  # type: ignore[arg-type]
    except AosError as error:
        lines = (f"the doctor cannot examine this test: {error.message}",)
        return Diagnosis(False, lines, {"error": error.message})
    return Diagnosis(
        found.deterministic, tuple(_told(found, nodeid)), {**found.to_json(), "target": nodeid}
    )


def _told(found: Examination, nodeid: str) -> list[str]:
    first, *rest = text(found)
    return [first.replace(found.target, nodeid, 1), *rest]


def _replayed(found: list[Difference]) -> Diagnosis:
    lines = tuple(f"{d.path}: {d.expected!r} or {d.got!r}" for d in found) or ("no difference",)
    return Diagnosis(not found, lines, {"differences": len(found)})


def name_lines(config: pytest.Config, settings: Settings, refused: list[Refusal]) -> list[Refusal]:
    """Refusals of values that did not repeat, with the lines that are to blame where the doctor finds them."""
    known: dict[str, tuple[str, ...]] = {}
    told = []
    for refusal in refused:
        nodeid = refusal.nodeid
        if refusal.entries and nodeid not in known and len(known) < MAX_REFUSALS:
            known[nodeid] = _blamed(config, settings, nodeid)
        told.append(refusal.with_lines(known.get(nodeid, ()) if refusal.entries else ()))
    return told


def _blamed(config: pytest.Config, settings: Settings, nodeid: str) -> tuple[str, ...]:
    path = config.rootpath / nodeid.partition("::")[0]
    if not path.is_file():
        return ()
    target = target_of(config, settings, nodeid, path)
    args = [_arguments(config), str(config.rootpath), nodeid]
    causes: Sequence[Cause] = ()
    try:
        for axes in _IN_TURN:
            causes = causes or examine(target, args=args, budget="quick", axes=axes).causes
    except AosError as error:
        return (f"  the doctor could not look for the line: {error.message}",)
    if not causes:
        return (f"  the doctor's quick look found no line; next: {target.commands[0]}",)  # type: ignore[index]
    return tuple(line for cause in causes for line in _blame(cause, settings))


def _blame(cause: Cause, settings: Settings) -> list[str]:
    place = f"{settings.shown(Path(cause.file))}:{cause.line}"
    return [f"  line to blame: {place} in {cause.function}: {cause.label}", f"    fix: {cause.fix}"]
