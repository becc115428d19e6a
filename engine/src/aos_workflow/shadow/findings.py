"""What did not match, on disk before it counts, and kept for ever."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from aos_workflow.golden.atomic import TEMPORARY_SUFFIX, write_atomic
from aos_workflow.shadow.appending import AppendFile
from aos_workflow.shadow.case import placed

__all__ = ["KEPT_WHOLE", "MORE", "Findings"]

KEPT_WHOLE = 100
"""Findings of one group that get a folder and a report file each. The others are one line each in ``MORE``."""
MORE = "cycle_more.jsonl"


class Findings:
    """``mismatches/cycle_N/`` and ``reports/cycle_N.json``, or a line of ``reports/cycle_more.jsonl``.

    Saving one again changes nothing: a cycle that was saved and not counted is run again after a crash.
    """

    def __init__(self, mismatches: Path, reports: Path, counted: Mapping[str, int]) -> None:
        self._mismatches = mismatches
        self._reports = reports
        for left in mismatches.glob(f".*{TEMPORARY_SUFFIX}"):
            shutil.rmtree(left, ignore_errors=True)
        self._more = AppendFile(reports / MORE, counted.get(MORE, 0))

    @property
    def size(self) -> tuple[str, int]:
        """The name of the file of further findings and how many bytes of it are whole."""
        return MORE, self._more.size

    def save(self, report: Mapping[str, Any], case: Mapping[str, str]) -> None:
        """Write one with everything that it takes to see it again. Raises OSError."""
        name = f"cycle_{report['number']}"
        if case:
            self._save_case(name, {n: text.encode() for n, text in case.items()})
        data = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        write_atomic(self._reports / f"{name}.json", data.encode())

    def save_lines(self, reports: list[Mapping[str, Any]]) -> None:
        """Write some of which there are many already. Raises OSError; none is written then."""
        if reports:
            data = b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in reports)
            self._more.append(data, sync=True)

    def close(self) -> None:
        """Close the file of further findings."""
        self._more.close()

    def _save_case(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write the folder beside its place and put it there whole."""
        folder = self._mismatches / name
        if folder.exists():
            return
        temporary = self._mismatches / f".{name}{TEMPORARY_SUFFIX}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            for file, data in placed(files, folder).items():
                write_atomic(
                    temporary / file, data, new_mode=0o777 if file.endswith(".sh") else 0o666
                )
            temporary.rename(folder)
        except OSError:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _sync(self._mismatches)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
