"""Generated pytest projects: the same tests over the same values, once for each contender.

Every project computes its values in the same way and at the same price: each lies marshalled in one file and is
loaded anew by each test. Projects differ only in how the value is compared, and load only the plugin that does.
"""

from __future__ import annotations

import json
import marshal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import DEFAULT_TIMEOUT_S, Cost, run

__all__ = [
    "BARE",
    "HAND_WRITTEN",
    "HAND_WRITTEN_FIXTURE",
    "HAND_WRITTEN_ROUND_TRIP",
    "HAND_WRITTEN_TEXT",
    "HAND_WRITTEN_TEXT_FIXTURE",
    "INLINE_EXTERNAL",
    "NOOP_FUNCTION",
    "NOOP_SESSION",
    "OURS",
    "OURS_SIGNED",
    "OURS_STRICT",
    "OURS_VOLATILE",
    "REGRESSIONS",
    "SYRUPY_AMBER",
    "SYRUPY_JSON",
    "Contender",
    "Project",
    "Values",
]

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")

_VALUES = """
import marshal
import os

_file = os.open({path!r}, os.O_RDONLY)
_places = {places!r}
shift = 0  # a run may look up other values under the same numbers


def value(number):
    start, length = _places[number + shift]
    return marshal.loads(os.pread(_file, length, start))
"""


@dataclass(frozen=True)
class Contender:
    """One way to compare a value with a file."""

    name: str
    test: str = "value({number})"
    """The body of a test."""
    fixture: str = ""
    header: str = ""
    """Imports of a test module."""
    conftest: str = ""
    plugins: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    """Options of the run that is measured."""
    record: tuple[str, ...] | None = None
    """Options that make it write its files; ``None`` if it has none, or expects them written."""
    record_status: int = 0
    json_files: bool = False
    """Whether it expects the values as ``expected/test_NUMBER.json``."""
    secret: str = ""


BARE = Contender("bare tests")
NOOP_SESSION = Contender(
    "a session fixture that does nothing",
    fixture="nothing",
    conftest="import pytest\n\n@pytest.fixture(scope='session')\ndef nothing(): return None\n",
)
NOOP_FUNCTION = Contender(
    "a function fixture that does nothing",
    fixture="nothing",
    conftest="import pytest\n\n@pytest.fixture\ndef nothing(): return None\n",
)
_OURS_RECORD = ("--golden-record", "--golden-repeat=1")
OURS = Contender(
    "pytest-aos-golden",
    test="assert value({number}) == golden",
    fixture="golden",
    plugins=("pytest_aos_golden.plugin",),
    record=_OURS_RECORD,
)
OURS_STRICT = Contender(
    "pytest-aos-golden --golden-verify",
    test=OURS.test,
    fixture=OURS.fixture,
    plugins=OURS.plugins,
    verify=("--golden-verify",),
    record=_OURS_RECORD,
)
OURS_SIGNED = Contender(
    "pytest-aos-golden --golden-verify, signed",
    test=OURS.test,
    fixture=OURS.fixture,
    plugins=OURS.plugins,
    verify=("--golden-verify", "--golden-signature=require"),
    record=_OURS_RECORD,
    secret="of the benchmark, and of nothing else",
)
OURS_VOLATILE = Contender(
    "pytest-aos-golden --golden-verify, times and durations changed",
    test=OURS.test,
    fixture=OURS.fixture,
    plugins=OURS.plugins,
    verify=("--golden-verify", "-p", "other_values"),
    record=_OURS_RECORD,
)
SYRUPY_AMBER = Contender(
    "syrupy (amber)",
    test="assert value({number}) == snapshot",
    fixture="snapshot",
    plugins=("syrupy",),
    record=("--snapshot-update",),
)
SYRUPY_JSON = Contender(
    "syrupy (a JSON file each)",
    test=SYRUPY_AMBER.test,
    fixture="snapshot",
    plugins=("syrupy",),
    record=("--snapshot-update",),
    conftest="import pytest\nfrom syrupy.extensions.json import JSONSnapshotExtension\n\n"
    "@pytest.fixture\ndef snapshot(snapshot): return snapshot.use_extension(JSONSnapshotExtension)\n",
)
_HAND_HEADER = (
    "import json\nfrom pathlib import Path\n\nFOLDER = Path(__file__).parent / 'expected'\n"
)
HAND_WRITTEN = Contender(
    "hand-written, in the test",
    test="assert value({number}) == json.loads((FOLDER / 'test_{number}.json').read_text())",
    header=_HAND_HEADER,
    json_files=True,
)
HAND_WRITTEN_ROUND_TRIP = Contender(
    "hand-written, value through JSON",
    test="assert json.loads(json.dumps(value({number}))) == "
    "json.loads((FOLDER / 'test_{number}.json').read_text())",
    header=_HAND_HEADER,
    json_files=True,
)
HAND_WRITTEN_FIXTURE = Contender(
    "hand-written, in a fixture",
    test="assert value({number}) == expected",
    fixture="expected",
    conftest="import json\nfrom pathlib import Path\n\nimport pytest\n\n@pytest.fixture\ndef expected(request):\n"
    "    path = Path(request.path).parent / 'expected' / (request.node.name + '.json')\n"
    "    return json.loads(path.read_text())\n",
    json_files=True,
)
HAND_WRITTEN_TEXT = Contender(
    "hand-written, as indented text",
    test="assert json.dumps(value({number}), indent=2, sort_keys=True) == "
    "(FOLDER / 'test_{number}.json').read_text()",
    header=_HAND_HEADER,
    json_files=True,
)
HAND_WRITTEN_TEXT_FIXTURE = Contender(
    "hand-written, as indented text in a fixture",
    test="assert json.dumps(value({number}), indent=2, sort_keys=True) == expected",
    fixture="expected",
    header="import json\n",
    conftest="from pathlib import Path\n\nimport pytest\n\n@pytest.fixture\ndef expected(request):\n"
    "    path = Path(request.path).parent / 'expected' / (request.node.name + '.json')\n"
    "    return path.read_text()\n",
    json_files=True,
)
INLINE_EXTERNAL = Contender(
    "inline-snapshot (external JSON)",
    test="assert value({number}) == external('.json')",
    header="from inline_snapshot import external\n",
    plugins=("inline_snapshot.pytest_plugin",),
    record=("--inline-snapshot=create",),
    record_status=1,
)
REGRESSIONS = Contender(
    "pytest-regressions (data_regression)",
    test="data_regression.check(value({number}))",
    fixture="data_regression",
    plugins=("pytest_datadir.plugin", "pytest_regressions.plugin"),
    record=("--force-regen",),
    record_status=1,
)


class Values:
    """Documents that tests load one by one, in a folder of their own."""

    def __init__(self, folder: Path, documents: Iterable[Any]) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._data = folder / "values.marshal"
        self._places: list[tuple[int, int]] = []
        self.bytes_json = 0
        """Size of all values as JSON without white space."""
        start = 0
        with self._data.open("wb") as file:
            for document in documents:
                blob = marshal.dumps(document)
                file.write(blob)
                self._places.append((start, len(blob)))
                start += len(blob)
                self.bytes_json += len(json.dumps(document, separators=(",", ":")))
        (folder / "values.py").write_text(
            _VALUES.format(path=str(self._data), places=self._places), encoding="utf-8"
        )

    def __len__(self) -> int:
        return len(self._places)

    def write_shift(self, module: str, shift: int) -> None:
        """A plugin module under which every number stands for the value ``shift`` places further on."""
        text = f"import values\n\nvalues.shift = {shift}\n"
        (self.folder / f"{module}.py").write_text(text, encoding="utf-8")

    def all(self) -> list[object]:
        data = self._data.read_bytes()
        return [marshal.loads(data[start : start + n]) for start, n in self._places]  # noqa: S302


@dataclass(frozen=True)
class Project:
    """The tests of one contender."""

    contender: Contender
    folder: Path
    values: Values
    tests: int

    @classmethod
    def create(
        cls,
        parent: Path,
        contender: Contender,
        values: Values,
        *,
        tests: int | None = None,
        tests_per_file: int = 100,
    ) -> Project:
        """Write the tests of a project, not yet its recorded files."""
        count = len(values) if tests is None else tests
        folder = parent / "".join(c if c.isalnum() else "_" for c in contender.name)
        folder.mkdir(parents=True)
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (folder / "conftest.py").write_text(contender.conftest, encoding="utf-8")
        for start in range(0, count, tests_per_file):
            lines = [contender.header, "from values import value\n"]
            for number in range(start, min(start + tests_per_file, count)):
                lines.append(
                    f"\ndef test_{number}({contender.fixture}):\n    {contender.test.format(number=number)}\n"
                )
            name = f"test_{start // tests_per_file:03d}.py"
            (folder / name).write_text("\n".join(lines), encoding="utf-8")
        return cls(contender, folder, values, count)

    def prepare(self) -> None:
        """Write the recorded files, and run once so that everything is compiled and cached.

        Raises:
            BenchError: the contender cannot verify what it recorded.
        """
        if self.contender.json_files:
            expected = self.folder / "expected"
            expected.mkdir()
            for number, value in enumerate(self.values.all()[: self.tests]):
                text = json.dumps(value, indent=2, sort_keys=True)
                (expected / f"test_{number}.json").write_text(text, encoding="utf-8")
        if self.contender.record is not None:
            self.pytest(*self.contender.record, expect=self.contender.record_status)
        self.verify()

    def verify(self) -> Cost:
        """Run the tests against what was recorded.

        Raises:
            BenchError: a test did not pass.
        """
        return self.pytest(*self.contender.verify)

    def pytest(
        self,
        *options: str,
        expect: int | None = 0,
        plugins: Sequence[str] = (),
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Cost:
        """Run pytest in this project with the plugins of the contender and no others."""
        loaded = [part for name in (*self.contender.plugins, *plugins) for part in ("-p", name)]
        return run(
            [*PYTEST, *loaded, *options],
            cwd=self.folder,
            env=environment(self.values.folder, secret=self.contender.secret),
            expect=expect,
            timeout_s=timeout_s,
        )


def environment(*paths: Path, secret: str = "") -> Mapping[str, str]:
    """The environment of a measured process: nothing of ours, no plugin that it did not ask for."""
    found = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(paths[0]) if paths else "/",
        "LC_ALL": "C.UTF-8",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": ":".join(map(str, paths)),
    }
    return {**found, "GOLDEN_SECRET": secret} if secret else found
