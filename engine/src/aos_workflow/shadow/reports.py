"""Reports of cycles that matched: JSON lines in segments, of which some are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aos_workflow.determinism import sorted_files
from aos_workflow.shadow.appending import AppendFile

__all__ = ["Segments", "spread"]

SEGMENT_BYTES = 2 << 20
NEWEST = 16
"""Segments that are kept in any case. Beyond them, and as many spread over the whole run, they are removed."""
_PREFIX, _SUFFIX = "cycle_matched_", ".jsonl"


class Segments:
    """``reports/cycle_matched_000001.jsonl`` and so on, never more than about 64 MB."""

    def __init__(
        self,
        folder: Path,
        counted: Mapping[str, int],
        *,
        segment_bytes: int = SEGMENT_BYTES,
        newest: int = NEWEST,
    ) -> None:
        """Go on where ``counted`` says that the counted reports end. Raises OSError."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._newest = newest
        here = [_number(name) for name in counted if name.startswith(_PREFIX)]
        self._numbers = [
            _number(path.name) for path in sorted_files(folder, _SUFFIX) if _ours(path)
        ]
        self._current = here[0] if here else 1
        for number in [n for n in self._numbers if n > self._current]:
            self._remove(number)
        self._file = self._open(counted.get(_name(self._current), 0))

    @property
    def size(self) -> tuple[str, int]:
        """The name of the last segment and how many bytes of it are whole."""
        return self._file.path.name, self._file.size

    def append(self, lines: bytes) -> None:
        """Append whole lines. Raises OSError, and nothing is appended then."""
        if self._file.size >= self._segment_bytes:
            self._rotate()
        self._file.append(lines, sync=False)  # they can be made again

    def close(self) -> None:
        """Close the last segment."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        self._current += 1
        self._file = self._open(0)
        kept = spread(self._numbers, newest=self._newest, others=self._newest)
        for number in [n for n in self._numbers if n not in kept]:
            self._remove(number)

    def _open(self, size: int) -> AppendFile:
        if self._current not in self._numbers:
            self._numbers.append(self._current)
        return AppendFile(self._folder / _name(self._current), size)

    def _remove(self, number: int) -> None:
        (self._folder / _name(number)).unlink(missing_ok=True)
        self._numbers.remove(number)


def spread(numbers: list[int], *, newest: int, others: int, stride: int = 1) -> set[int]:
    """Which of rising numbers to keep: the newest, and of all the others those at the finest even stride that fits.

    The stride is a power of two times the given one, so what it keeps later is always among what it kept before.
    """
    kept = set(numbers[-newest:])
    old = numbers[:-newest]
    while len(chosen := [n for n in old if n % stride == 0]) > others:
        stride *= 2
    return kept | set(chosen)


def _ours(path: Path) -> bool:
    number = path.name[len(_PREFIX) : -len(_SUFFIX)]
    return path.name.startswith(_PREFIX) and number.isascii() and number.isdecimal()


def _name(number: int) -> str:
    return f"{_PREFIX}{number:06}{_SUFFIX}"


def _number(name: str) -> int:
    return int(name[len(_PREFIX) : -len(_SUFFIX)])
