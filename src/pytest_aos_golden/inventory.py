"""The golden folder as a whole: which goldens no test used, and whether that can be known after this run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aos_workflow.determinism import sorted_files
from aos_workflow.errors import GoldenFileError
from aos_workflow.golden.sealing import Policy
from aos_workflow.golden.value_golden import VALUE_SUFFIX, read_value_golden
from pytest_aos_golden.naming import test_file_of

__all__ = ["Collection", "Unused", "find_unused"]


@dataclass
class Collection:
    """What was collected, as far as it decides which goldens should have been used."""

    keys: set[str] = field(default_factory=set)
    """Keys (without names) of all collected tests."""
    files: set[str] = field(default_factory=set)
    """Test files with at least one collected test."""
    deselected: int = 0
    errors: int = 0
    partial_files: set[str] = field(default_factory=set)
    """Test files of which only named tests were asked for."""

    def add(self, key: str) -> None:
        self.keys.add(key)
        self.files.add(test_file_of(key))

    def note_arguments(self, config: pytest.Config) -> None:
        """Remember which test files were asked for in part (``file::test``)."""
        for argument in config.args:
            name, parts, _ = str(argument).partition("::")
            if parts:
                path = Path(config.invocation_params.dir, name).resolve()
                if path.is_relative_to(config.rootpath):
                    self.partial_files.add(path.relative_to(config.rootpath).as_posix())

    @property
    def whole(self) -> bool:
        """Whether no test was deselected or lost to a collection error."""
        return not self.deselected and not self.errors

    def owner_of(self, key: str) -> str | None:
        """The key of the collected test that a golden's key belongs to. A ``#`` may also stand in a parameter."""
        while key not in self.keys:
            key, found, _ = key.rpartition("#")
            if not found:
                return None
        return key


@dataclass(frozen=True)
class Unused:
    """A golden that no test of the run used, although its test would have."""

    path: Path
    key: str
    hash: str
    why: str


def find_unused(
    folder: Path,
    root: Path,
    used_files: set[str],
    passed_keys: set[str],
    collection: Collection,
) -> Iterator[Unused]:
    """Goldens whose test passed without using them, or is gone.

    Goldens of tests that were deselected, skipped, failed, not reached or not asked for are not judged, and
    neither is a file that cannot be read as a golden.
    """
    if not collection.whole:
        return
    for path in sorted_files(folder, VALUE_SUFFIX):
        if path.relative_to(folder).as_posix() in used_files:
            continue
        try:
            golden = read_value_golden(path, policy=Policy.OFF)
        except GoldenFileError:
            continue
        owner, test_file = collection.owner_of(golden.key), test_file_of(golden.key)
        if owner is not None:
            if owner in passed_keys:
                yield Unused(path, golden.key, golden.hash, "its test passed without using it")
        elif test_file in collection.files:
            if test_file not in collection.partial_files:
                yield Unused(path, golden.key, golden.hash, "its test does not exist any more")
        elif not (root / test_file).exists():
            yield Unused(path, golden.key, golden.hash, f"{test_file} does not exist any more")
