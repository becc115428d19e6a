"""What is counted, on disk: one line a batch, appended and synced; now and then all of it in one line.

A line that a crash cut short is not there: its batch is run again. So every batch counts once, whatever is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from aos_workflow.errors import ShadowFolderError
from aos_workflow.golden.atomic import write_atomic
from aos_workflow.shadow.appending import AppendFile
from aos_workflow.shadow.tally import Entry, Tally

__all__ = ["Journal"]

MAX_LINES = 5000
"""Lines after which the file is written anew as one."""


class Journal:
    """The file, open for appending, and the tally that it amounts to. One writer: the folder's lock is held."""

    def __init__(self, path: Path, *, max_lines: int = MAX_LINES) -> None:
        """Open or make it.

        Raises:
            ShadowFolderError: a line in its middle is damaged.
        """
        self._max_lines = max_lines
        self.tally, size, self._lines = _read(path)
        self._file = AppendFile(path, size)

    def append(self, entries: Sequence[Entry], elapsed_s: float) -> None:
        """Count batches: they are on disk when this returns.

        Raises:
            OSError: they are not, and nothing is counted.
        """
        lines = [entry.to_json() | {"elapsed_s": round(elapsed_s, 3)} for entry in entries]
        data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        self._file.append(data, sync=True)
        self._lines += len(lines)
        for entry in entries:
            self.tally.add(entry)
        self.tally.elapsed_s = elapsed_s

    def compact(self) -> None:
        """Write it anew as one line, if it has grown long. Raises OSError; the old file is untouched then."""
        if self._lines <= self._max_lines:
            return
        data = orjson.dumps({"tally": self.tally.to_json()}, option=orjson.OPT_APPEND_NEWLINE)
        write_atomic(self._file.path, data)
        self._file.close()
        self._file = AppendFile(self._file.path)
        self._lines = 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _read(path: Path) -> tuple[Tally, int, int]:
    """The tally, and how many bytes and lines of the file are whole."""
    tally, size, count = Tally(), 0, 0
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return tally, 0, 0
    for line in lines:
        try:
            data = orjson.loads(line)
            if not line.endswith(b"\n"):
                break
            if count == 0 and "tally" in data:
                tally = Tally.from_json(data["tally"])
            else:
                tally.add(Entry.from_json(data))
                tally.elapsed_s = data["elapsed_s"]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            if count + 1 < len(lines):
                raise ShadowFolderError(
                    f"{path}:{count + 1}: damaged, and not where a crash does damage",
                    folder=str(path.parent),
                    hint="start in another folder: aos-workflow shadow run --out DIR",
                ) from None
            break
        size, count = size + len(line), count + 1
    return tally, size, count
