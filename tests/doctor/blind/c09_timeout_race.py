"""A slow tool gets so long and no longer."""
import asyncio


async def tool(seconds):
    await asyncio.sleep(seconds)
    return "answer"


async def ask(seconds, limit):
    try:
        return await asyncio.wait_for(tool(seconds), limit)
    except asyncio.TimeoutError:
        return "gave up"


async def run(seed: int):
    return [await ask(0.01, 0.01), seed]
