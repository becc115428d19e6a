"""Downloads through a semaphore, numbered as they finish."""
import asyncio
import itertools


async def download(name, gate, numbers):
    async with gate:
        await asyncio.sleep(0.001)
        return name, next(numbers)


async def run(seed: int):
    gate, numbers = asyncio.Semaphore(2), itertools.count(seed)
    rows = await asyncio.gather(*(download(n, gate, numbers) for n in "abcd"))
    return dict(rows)
