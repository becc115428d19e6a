"""Where workflows are imported from: what a case must keep so that another folder and another day find them again."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import aos_workflow

__all__ = ["Imports"]

_INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Imports:
    """``start`` is the folder that relative names count from, ``roots`` are further import roots, seen from it.

    ``near`` leads from the folder of a case that lies below ``start`` up to it: so a project may move with its cases.
    """

    start: str
    roots: tuple[str, ...] = ()
    near: str | None = None

    @classmethod
    def of_process(cls, *, installed: bool = False) -> Self:
        """Those of this process; what is installed on request, for a process of ours now."""
        start = Path.cwd()
        paths = [path for entry in sys.path if (path := Path(start, entry)).exists()]
        kept = [_within(path, start) for path in paths if installed or not _is_installed(path)]
        return cls(str(start), tuple(dict.fromkeys(kept)))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` reads."""
        return {"start": self.start, "near": self.near, "roots": list(self.roots)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what ``to_json`` wrote. Raises KeyError, TypeError."""
        return cls(data["start"], tuple(data["roots"]), data["near"])

    def seen_from(self, folder: Path) -> Self:
        """For a case in this folder."""
        absolute = folder.absolute()
        near = absolute.is_relative_to(self.start)
        return replace(self, near=os.path.relpath(self.start, absolute) if near else None)

    def found(self, workflows: Sequence[str], folder: Path | None) -> Self | None:
        """With a start in which every one of these workflows is found, or ``None``.

        ``folder`` is that of the case. A project that moved with its cases comes first, then the start as it was, then
        the current folder.
        """
        below = [Path(folder.absolute(), self.near)] if folder and self.near else []
        for start in (*below, Path(self.start), Path.cwd()):
            here = replace(self, start=os.path.normpath(start))
            if Path(start).is_dir() and all(here._has(name) for name in workflows):
                return here
        return None

    def from_current_folder(self) -> Self:
        """For names that somebody types now; the roots stay."""
        return replace(self, start=str(Path.cwd()), roots=tuple(self._paths()))

    def environment(self) -> dict[str, str]:
        """Of a process that is to find them: ``PYTHONPATH`` has them first, and nothing that depends on its folder."""
        own = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        roots = [path for path in self._paths() if Path(path).exists()]
        paths = dict.fromkeys([*roots, *map(os.path.abspath, own)])
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)} if paths else dict(os.environ)

    def _paths(self) -> Iterable[str]:
        return (os.path.normpath(Path(self.start, root)) for root in self.roots)

    def _has(self, name: str) -> bool:
        place = name.partition("::")[0]
        if Path(self.start, place).exists():
            return True
        top = place.partition(".")[0]
        if not top.isidentifier() or place.endswith((".py", ".yaml", ".yml", ".json")):
            return False
        bases = [Path(self.start), *map(Path, self._paths())]
        if any((base / top).is_dir() or (base / f"{top}.py").is_file() for base in bases):
            return True
        return importlib.util.find_spec(top) is not None


def _within(path: Path, start: Path) -> str:
    return str(path.relative_to(start)) if path.is_relative_to(start) else str(path)


def _is_installed(path: Path) -> bool:
    """Whether every Python has it: its own library, what pip puts there, its scripts, this package."""
    known = sysconfig.get_paths()
    if any(part in _INSTALLED for part in path.parts) or str(path) == known["scripts"]:
        return True
    library = (known["stdlib"], known["platstdlib"])
    return path == Path(aos_workflow.__file__).parents[1] or any(
        path.is_relative_to(each) for each in library
    )
