"""``make endurance``: a long simulation, and whether memory stays flat and the disk within its bound.

    python -m tests.simulation.fleet.endurance [--cycles N] [--workers N] [--scripted] [--out DIR]

``--scripted`` takes cycles that cost nothing: then it is all about coordinator, processes and folder, and a million
cycles take some minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.simulation.fleet.command import ROOT
from tests.simulation.fleet.scripted import RUNNER

MEMORY_BYTES = 300 << 20
FOLDER_BYTES = 160 << 20
GROWN = 1.2


def main() -> int:
    asked = _arguments()
    out = asked.out or Path(tempfile.mkdtemp(prefix="endurance_")) / "out"
    command = [
        sys.executable,
        "-m",
        "aos_workflow.cli",
        "shadow",
        "run",
        "--json",
        "--out",
        str(out),
    ]
    command += ["--cycles", str(asked.cycles), "--workers", str(asked.workers)]
    command += ["--runner", RUNNER, "-w", "big"] if asked.scripted else ["--faults", asked.faults]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        peaks = _watch(process, out / "status.json")
        assert process.stdout is not None
        summary = json.loads(process.stdout.read())
    return _judge(summary, peaks, out, asked.cycles)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="endurance")
    parser.add_argument("--cycles", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--faults", default="none")
    parser.add_argument("--scripted", action="store_true")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def _watch(process: subprocess.Popen[bytes], path: Path) -> list[tuple[int, int, int]]:
    """Cycles, memory and disk from time to time, while it runs."""
    seen: list[tuple[int, int, int]] = []
    while process.poll() is None:
        time.sleep(1)
        try:
            status = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        now = (status["cycles"], status["memory_bytes"], status["disk_used_bytes"])
        if not seen or now[1:] != seen[-1][1:]:
            seen.append(now)
            print(
                f"{now[0]:>10,} cycles  {now[1] >> 20:>4} MB memory  {now[2] >> 20:>4} MB disk",
                flush=True,
            )
    return seen


def _judge(
    summary: dict[str, dict[str, float]], seen: list[tuple[int, int, int]], out: Path, cycles: int
) -> int:
    early = [memory for count, memory, _ in seen if cycles * 0.02 < count < cycles * 0.2]
    late = [memory for count, memory, _ in seen if count > cycles * 0.8]
    disk = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    peak = max(memory for _, memory, _ in seen)
    held = {
        f"{summary['result']['cycles']:,} cycles": summary["result"]["cycles"] == cycles,
        f"{summary['result']['mismatches']:,} mismatches": summary["result"]["mismatches"] == 0,
        f"peak memory {peak >> 20} MB of {MEMORY_BYTES >> 20}": peak < MEMORY_BYTES,
        f"disk {disk >> 20} MB of {FOLDER_BYTES >> 20}": disk < FOLDER_BYTES,
    }
    if early and late:
        grown = max(late) / max(early)
        held[f"memory at the end {grown:.2f} x that at the beginning"] = grown < GROWN
    for text, ok in held.items():
        print(f"{'ok    ' if ok else 'FAILED'}  {text}")
    print(f"{summary['run']['rate_per_s']:,} cycles/s")
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
