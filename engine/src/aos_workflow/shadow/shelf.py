"""Goldens of cycles that matched: some of the newest, and some spread over the whole run."""

from __future__ import annotations

from bisect import insort
from pathlib import Path

from aos_workflow.determinism import sorted_files
from aos_workflow.golden.atomic import TEMPORARY_SUFFIX
from aos_workflow.shadow.reports import spread

__all__ = ["Shelf"]

NEWEST = 20
OTHERS = 200
_SUFFIX = ".steps.jsonl"
_PREFIX = "cycle_"


class Shelf:
    """``golden/cycle_64.steps.jsonl`` and so on. A crash may lose some: they can be made again."""

    def __init__(self, folder: Path, *, newest: int = NEWEST, others: int = OTHERS) -> None:
        self._folder = folder
        self._newest = newest
        self._others = others
        names = [path.name for path in sorted_files(folder, _SUFFIX)]
        self._numbers = sorted(int(name[len(_PREFIX) : -len(_SUFFIX)]) for name in names)

    def put(self, number: int, golden: bytes) -> None:
        """Keep this one, and perhaps an older one no more. Raises OSError; nothing has changed then."""
        path = self._path(number)
        temporary = path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
        try:
            temporary.write_bytes(golden)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        temporary.replace(path)
        if number not in self._numbers:
            insort(self._numbers, number)
        kept = spread(self._numbers, newest=self._newest, others=self._others)
        for old in [n for n in self._numbers if n not in kept]:
            self._path(old).unlink(missing_ok=True)
        self._numbers = sorted(kept)

    def _path(self, number: int) -> Path:
        return self._folder / f"{_PREFIX}{number}{_SUFFIX}"
