"""Tasks that wait for nothing, and a lock."""
import asyncio


async def add(n, out, lock):
    async with lock:
        out.append(n)


async def run(seed: int):
    out, lock = [], asyncio.Lock()
    await asyncio.gather(*(add(n + seed, out, lock) for n in range(5)))
    return out
