"""``python -m bench [NAME ...] [--quick]``: run benchmarks; without a name all, and then write RESULTS.md.

Each benchmark prints its tables and one JSON line. Several run one after the other, each in a process of its own: so
no benchmark sees the memory of another, and one that fails does not take the others with it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from bench.report import Report, write_results

BENCHMARKS = (
    "canonical",
    "verify",
    "startup",
    "diff",
    "memory",
    "record",
    "files",
    "store",
    "engine",
    "doctor",
    "metrics",
    "api",
    "shadow",
    "operate",
    "triage",
)
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Run what was asked for; 1 if a benchmark could not be run. A figure that misses its bar is no failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--quick", action="store_true", help="a short sample; its figures mean nothing"
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if len(arguments.names) == 1:
        return _run_here(arguments.names[0], quick=arguments.quick)
    return _run_all(arguments.names or list(BENCHMARKS), quick=arguments.quick)


def _run_here(name: str, *, quick: bool) -> int:
    report: Report = import_module(f"bench.{name}").run(quick=quick)
    print(report.text())
    print(report.json_line(), flush=True)
    return 0


def _run_all(names: list[str], *, quick: bool) -> int:
    reports = []
    failed = []
    for name in names:
        found = _run_apart(name, quick=quick)
        if found is None:
            failed.append(name)
        else:
            reports.append(found)
    if failed:
        print(f"could not be run: {', '.join(failed)}", file=sys.stderr)
    elif len(names) == len(BENCHMARKS) and not quick:
        write_results(RESULTS, reports)
        print(f"wrote bench/{RESULTS.name}")
    missed = [
        figure.name for report in reports for figure in report.figures if figure.reached is False
    ]
    if missed and not quick:
        print("bars missed:", *missed, sep="\n  ")
    return 1 if failed else 0


def _run_apart(name: str, *, quick: bool) -> Report | None:
    command = [sys.executable, "-m", "bench", name, *(["--quick"] if quick else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line
    return Report.from_json(json.loads(last)) if process.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
