"""The golden folder and the rules as a whole: what no test used, and whether that can be known after this run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aos_workflow.determinism import sorted_names
from aos_workflow.errors import GoldenFileError
from pytest_aos_golden.ledger import Ledger
from pytest_aos_golden.naming import test_file_of

__all__ = ["Collection", "Unreadable", "Unused", "find_dead_rules", "find_unused"]

_NODE_ID = re.compile(r"[^:]*\.\w+(::|\Z)")


@dataclass
class Collection:
    """What was collected, as far as it decides which goldens and rules should have been used."""

    keys: set[str] = field(default_factory=set)
    """Keys (without names) of all collected tests."""
    golden_keys: set[str] = field(default_factory=set)
    """Those of them whose tests ask for a golden."""
    files: set[str] = field(default_factory=set)
    """Test files with at least one collected test."""
    deselected: int = 0
    errors: int = 0
    skipped_files: int = 0
    partial_files: set[str] = field(default_factory=set)
    """Test files of which only named tests were asked for."""
    folders: list[Path] = field(default_factory=list)
    """What was asked for: everything below these was collected."""

    def add(self, key: str, *, asks_for_golden: bool) -> None:
        self.keys.add(key)
        self.files.add(test_file_of(key))
        if asks_for_golden:
            self.golden_keys.add(key)

    def note_arguments(self, config: pytest.Config) -> None:
        """Remember what was asked for, and which test files only in part (``file::test``)."""
        if config.getoption("lf", False):
            self.deselected += 1  # it leaves tests out while they are collected, and tells nobody
        root = config.rootpath.resolve()
        if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
            self.folders.append(root)  # what the project says is all of its tests
        for argument in config.args:
            name, parts, _ = str(argument).partition("::")
            path = Path(config.invocation_params.dir, name.partition("[")[0]).resolve()
            if parts:
                if path.is_relative_to(root):
                    self.partial_files.add(path.relative_to(root).as_posix())
            else:
                self.folders.append(path)

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

    def covers(self, key: str, root: Path) -> bool:
        """Whether the test of this key would have been collected, were it there."""
        file = test_file_of(key)
        if file in self.files:
            return file not in self.partial_files
        path = root.resolve() / file
        if path.exists():  # its tests were not asked for, or its module skips itself
            return False
        # A key of the user's own says nothing about the place of its test.
        known = _NODE_ID.match(key) is not None
        folders = self.folders if known else [f for f in self.folders if f == root.resolve()]
        return any(path.is_relative_to(folder) for folder in folders) and (
            known or not (self.skipped_files or self.partial_files)
        )


@dataclass(frozen=True)
class Unused:
    """A golden that no test of the run used, although its test would have."""

    path: Path
    file: str
    """Relative to the root folder."""
    key: str
    hash: str
    why: str


@dataclass(frozen=True)
class Unreadable:
    """A file in the golden folder that no test of the run used and that cannot be read as a golden."""

    file: str
    why: str


def find_unused(
    folder: Path, root: Path, ledger: Ledger, collection: Collection
) -> Iterator[Unused | Unreadable]:
    """Goldens whose test passed without using them, or is gone, and files that are no goldens.

    Goldens of tests that were deselected, skipped, failed, not reached or not asked for are not judged.

    Raises:
        OSError: a folder cannot be listed.
    """
    if not folder.exists():
        return
    from aos_workflow.golden.sealing import Policy
    from aos_workflow.golden.value_golden import VALUE_SUFFIX, read_value_golden

    for name in sorted_names(folder, VALUE_SUFFIX):
        if name in ledger.used_files:
            continue
        path = folder / name
        file = (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
        try:
            golden = read_value_golden(path, policy=Policy.OFF)
        except GoldenFileError as error:
            yield Unreadable(file, f"{error.code}: {error.message.replace(str(path), file, 1)}")
            continue
        owner = collection.owner_of(golden.key)
        if owner in ledger.passed_keys:
            yield Unused(path, file, golden.key, golden.hash, "its test passed without using it")
        elif owner is None and collection.covers(golden.key, root):
            yield Unused(path, file, golden.key, golden.hash, "its test does not exist any more")


def find_dead_rules(
    ini_rules: tuple[str, ...], ledger: Ledger, collection: Collection, *, complete: bool
) -> list[tuple[str, str]]:
    """Rules that matched nothing, as (where, rule).

    A rule of one comparison is judged by that comparison alone. One that many tests share may have its match in a test
    that did not run: it is judged after a complete run in which every test that asks for a golden passed.
    """
    hits = ledger.rule_hits
    if complete and not collection.partial_files and collection.golden_keys <= ledger.passed_keys:
        if hits or ledger.used_files:
            for rule in ini_rules:
                hits.setdefault(("golden_rules", rule), 0)
        shared = True
    else:
        shared = False
    return [
        place
        for place, count in sorted(hits.items())
        if not count and (shared or not _is_shared(place[0]))
    ]


def _is_shared(origin: str) -> bool:
    return origin.startswith(("golden_rules", "pytest_golden_rules", "@pytest.mark.golden of "))
