"""Producers put into one queue; the consumer writes down what it gets."""
import asyncio


async def produce(name, queue):
    for i in range(2):
        await asyncio.sleep(0.002)
        await queue.put(f"{name}{i}")


async def run(seed: int):
    queue = asyncio.Queue()
    producers = [asyncio.create_task(produce(n, queue)) for n in "xyz"]
    await asyncio.gather(*producers)
    items = []
    while not queue.empty():
        items.append(queue.get_nowait())
    return {"seed": seed, "items": items}
