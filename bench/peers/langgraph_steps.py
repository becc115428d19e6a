"""``python -m bench.peers.langgraph_steps URL|memory LEVEL RUNS STEPS``: checkpointed steps a second of LangGraph."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

url, level, runs, steps = sys.argv[1], *map(int, sys.argv[2:5])


class State(TypedDict):
    n: int


def build(saver: Any) -> Any:
    graph = StateGraph(State)
    for number in range(steps):

        async def node(state: State, number: int = number) -> State:
            return {"n": 2 * number}

        graph.add_node(f"s{number}", node)
        graph.add_edge(START if number == 0 else f"s{number - 1}", f"s{number}")
    graph.add_edge(f"s{steps - 1}", END)
    return graph.compile(checkpointer=saver)


async def measure(saver: Any, clock: Any) -> float:
    app = build(saver)
    await app.ainvoke({"n": 0}, {"configurable": {"thread_id": "warm"}})
    queue = iter(range(runs))

    async def one() -> None:
        for number in queue:
            await app.ainvoke(
                {"n": 0}, {"configurable": {"thread_id": f"t{number}"}}, durability="sync"
            )

    began = clock()
    await asyncio.gather(*(one() for _ in range(level)))
    return runs * steps / (clock() - began)


async def main() -> float:
    if url == "memory":
        return await measure(InMemorySaver(), time.process_time)
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, min_size=8, max_size=8, kwargs=options) as pool:
        saver = AsyncPostgresSaver(pool)  # type: ignore[arg-type]
        await saver.setup()
        return await measure(saver, time.perf_counter)


print(json.dumps({"steps_per_s": asyncio.run(main())}))
