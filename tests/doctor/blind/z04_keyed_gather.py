"""Results of tasks, keyed by what was asked."""
import asyncio


async def ask(name, seconds):
    await asyncio.sleep(seconds)
    return len(name)


async def run(seed: int):
    names = ["ann", "bob", "cy"]
    sizes = await asyncio.gather(*(ask(n, 0.01 * (3 - i)) for i, n in enumerate(names)))
    return dict(zip(names, sizes)) | {"seed": seed}
