"""What the plugin adds to pytest's start while no golden is used, and the first golden; the command line's start."""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.documents import small
from bench.measure import BenchError, Cost, alternate, cpu_s, wall_s
from bench.measure import run as run_command
from bench.projects import BARE, OURS, Contender, Project, Values, environment
from bench.report import Figure, Report, Table

__all__ = ["run"]

BAR_MS = 15.0
HEAVY = ("pydantic", "deepdiff")

_LOADED = """
import json
import sys


def pytest_unconfigure():
    sys.__stdout__.write("\\nLOADED " + json.dumps(sorted(sys.modules)) + "\\n")
"""
_UNUSED = Contender("plugin loaded, no golden used", plugins=OURS.plugins)
_NOTHING = ("--collect-only",)


def run(*, quick: bool = False) -> Report:
    """Measure pytest with and without the plugin, and the command line."""
    report = Report("startup", quick, "what loading the plugin costs")
    rounds = 3 if quick else 41
    with tempfile.TemporaryDirectory(prefix="bench-startup-") as temporary:
        folder = Path(temporary)
        values = Values(folder / "values", [small()])
        (values.folder / "loaded_modules.py").write_text(_LOADED, encoding="utf-8")
        projects = {c.name: Project.create(folder, c, values) for c in (BARE, _UNUSED, OURS)}
        for project in projects.values():
            project.prepare()
        contenders: dict[str, Callable[[], Cost]] = {}
        for name, project in projects.items():
            contenders[f"{name}, one test"] = project.verify
            if name != OURS.name:
                contenders[f"{name}, collecting only"] = partial(project.pytest, *_NOTHING)
        costs = alternate(contenders, rounds=rounds)
        _compare(report, costs)
        for name, what in ((_UNUSED.name, "no golden used"), (OURS.name, "a golden that matches")):
            _note_modules(report, projects[name], projects[BARE.name], what)
        report.tables.append(_import_times(projects[_UNUSED.name], projects[BARE.name]))
        _measure_command_line(report, folder, rounds=1 if quick else 9)
    return report


def _compare(report: Report, costs: Mapping[str, Sequence[Cost]]) -> None:
    rows: list[tuple[str | float, ...]] = []
    for what in ("one test", "collecting only"):
        bare = costs[f"{BARE.name}, {what}"]
        for name, found in costs.items():
            if name.endswith(what):
                rows.append(
                    (
                        name,
                        cpu_s(found) * 1e3,
                        wall_s(found) * 1e3,
                        _added_ms(found, bare),
                        _added_ms(found, bare, wall=True),
                    )
                )
    report.tables.append(
        Table(
            "pytest, whole process",
            ("", "CPU ms", "wall ms", "adds CPU ms", "adds wall ms"),
            tuple(rows),
        )
    )
    added = {
        name: _added_ms(costs[f"{name}, one test"], costs[f"{BARE.name}, one test"])
        for name in (_UNUSED.name, OURS.name)
    }
    report.figures += [
        Figure("loading the plugin adds to pytest's start, CPU", added[_UNUSED.name], "ms", BAR_MS),
        Figure("the first golden adds, CPU", added[OURS.name] - added[_UNUSED.name], "ms"),
    ]


def _added_ms(costs: Sequence[Cost], bare: Sequence[Cost], *, wall: bool = False) -> float:
    """The median over rounds of what a contender took more than bare tests took in the same round."""
    pairs = list(zip(costs, bare, strict=True))
    if wall:
        return statistics.median(a.wall_s - b.wall_s for a, b in pairs) * 1e3
    return statistics.median(a.cpu_s - b.cpu_s for a, b in pairs) * 1e3


def _note_modules(report: Report, project: Project, bare: Project, what: str) -> None:
    """Count what was loaded beyond bare pytest, and whether anything heavy was."""
    new = _modules(project) - _modules(bare)
    heavy = sorted(name for name in HEAVY if name in new)
    report.figures.append(
        Figure(f"pydantic and deepdiff loaded with {what}", len(heavy), "modules", 0, "exact")
    )
    ours = sum(name.partition(".")[0] in ("aos_workflow", "pytest_aos_golden") for name in new)
    report.notes.append(
        f"With {what}: {len(new)} modules more than bare pytest, {ours} of them ours"
        + (f"; heavy: {', '.join(heavy)}." if heavy else ".")
    )


def _modules(project: Project) -> set[str]:
    output = project.pytest(plugins=["loaded_modules"]).output
    line = next(line for line in output.splitlines() if line.startswith("LOADED "))
    return set(json.loads(line.removeprefix("LOADED ")))


def _import_times(project: Project, bare: Project, *, shown: int = 15) -> Table:
    """The dearest imports that bare pytest does without, by their own time."""
    known = {name for name, _ in _self_times(bare)}
    added = [(name, us) for name, us in _self_times(project) if name not in known]
    rows = sorted(added, key=lambda pair: -pair[1])[:shown]
    total = sum(us for _, us in added)
    return Table(
        "-X importtime: what the plugin imports, without a golden",
        ("module", "own us"),
        (*rows, ("all", total)),
    )


_IMPORT_TIME = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


def _self_times(project: Project) -> list[tuple[str, int]]:
    plugins = [part for name in project.contender.plugins for part in ("-p", name)]
    cost = run_command(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *plugins,
        ],
        cwd=project.folder,
        env=environment(project.values.folder),
    )
    return [(name, int(us)) for us, name in _IMPORT_TIME.findall(cost.output)]


def _measure_command_line(report: Report, folder: Path, *, rounds: int) -> None:
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "aos-workflow --help": [
            sys.executable,
            "-c",
            "import sys; sys.argv[0] = 'aos-workflow'; from aos_workflow.cli import main; sys.exit(main())",
            "--help",
        ],
    }
    try:
        costs = alternate(
            {
                name: partial(run_command, command, cwd=folder, env=environment(folder))
                for name, command in commands.items()
            },
            rounds=rounds,
        )
    except BenchError as error:
        report.notes.append(f"aos-workflow --help failed: {str(error).splitlines()[-1]}")
        return
    rows = tuple((name, cpu_s(found) * 1e3, wall_s(found) * 1e3) for name, found in costs.items())
    report.tables.append(Table("the command line", ("", "CPU ms", "wall ms"), rows))
    report.figures.append(
        Figure("aos-workflow --help, wall", wall_s(costs["aos-workflow --help"]) * 1e3, "ms")
    )
