"""The crash suite: ``python -m tests.crash``. Prints its counts last, as one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path

import asyncpg
from tests.crash import scenario
from tests.crash.audit import audit
from tests.crash.chaos import Chaos
from tests.crash.points import every_point, killed_at
from tests.crash.scenario import expected_hash
from tests.databases import fresh_database
from tests.stack_homes import open_folder

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.stack import Stack


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, help="how many of the kill points; default: all")
    parser.add_argument("--rounds", type=int, default=4, help="how often each point, on other runs")
    parser.add_argument("--runs", type=int, default=6000, help="runs under chaos")
    parser.add_argument("--seconds", type=float, default=240.0, help="of chaos")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with open_folder() as folder:
        stack = Stack(folder / "home")
        with stack.postgres() as server:
            with fresh_database(server) as url:
                points = _points(url, options)
            with fresh_database(server) as url:
                chaos = _chaos(stack, server, url, options)
    violations = [*points["violations"], *chaos["violations"]]
    for violation in violations[:20]:
        print("VIOLATION", violation, file=sys.stderr)
    counts = {
        "points": points,
        "chaos": chaos,
        "seed": options.seed,
        "seconds": round(time.monotonic() - began, 1),
        "verdict": "FAIL" if violations else "PASS",
    }
    print(json.dumps(counts))
    return 1 if violations else 0


def _points(url: str, options: argparse.Namespace) -> dict[str, object]:
    asyncio.run(_prepare(url))
    chosen = list(every_point()) * options.rounds
    if options.points is not None:
        chosen = random.Random(options.seed).sample(chosen, options.points)
    expected, kills = {}, 0
    for index, (phase, count) in enumerate(chosen):
        run_id = f"p{index}-{phase}-{count}"
        kills += killed_at(url, run_id, index, options.seed, phase, count)
        expected[run_id] = expected_hash(index, options.seed)
    return {"kill_points": len(chosen), "kills": kills, **asdict(asyncio.run(audit(url, expected)))}


def _chaos(
    stack: Stack, server: object, url: str, options: argparse.Namespace
) -> dict[str, object]:
    asyncio.run(_prepare(url))
    numbers = {f"c{index}": index for index in range(options.runs)}
    expected = {run_id: expected_hash(number, options.seed) for run_id, number in numbers.items()}
    chaos = Chaos(stack, server, url, options.seed)  # type: ignore[arg-type]
    limit_s = options.seconds * 2 + 120
    chaos.run(numbers, seed=options.seed, for_s=options.seconds, limit_s=limit_s)
    return {**asdict(chaos.damage), **asdict(asyncio.run(audit(url, expected)))}


async def _prepare(url: str) -> None:
    scenario.Outside.url = url
    async with CheckpointStore(url):
        pass
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE public.effects (key text PRIMARY KEY, what text)")
    await connection.close()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.exit(main())
