"""``python -m bench.peers.dbos_steps URL LEVEL RUNS STEPS``: durable steps a second of DBOS."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time

from dbos import DBOS, DBOSConfig

url, level, runs, steps = sys.argv[1], *map(int, sys.argv[2:5])
config: DBOSConfig = {
    "name": "bench",
    "system_database_url": url,
    "log_level": "CRITICAL",
    "run_admin_server": False,
}
DBOS(config=config)
logging.disable(logging.CRITICAL)


@DBOS.step()
async def double(n: int) -> dict[str, int]:
    return {"n": 2 * n}


@DBOS.workflow()
async def chain() -> dict[str, int] | None:
    found = None
    for number in range(steps):
        found = await double(number)
    return found


async def main() -> float:
    await chain()
    queue = iter(range(runs))

    async def one() -> None:
        for _ in queue:
            await chain()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(level)))
    return runs * steps / (time.perf_counter() - began)


DBOS.launch()
speed = asyncio.run(main())
DBOS.destroy()
print(json.dumps({"steps_per_s": speed}))
