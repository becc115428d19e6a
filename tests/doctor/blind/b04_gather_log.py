"""Three searches at once; the log says which came first."""
import asyncio
import random


class Log:
    def __init__(self):
        self.lines = []

    def add(self, text):
        self.lines.append(text)


async def fetch(name, log):
    await asyncio.sleep(0.01)
    log.add(name)
    return name.upper()


async def run(seed: int):
    log = Log()
    found = await asyncio.gather(*(fetch(n, log) for n in ("wiki", "news", "docs")))
    rng = random.Random(seed)
    return {"found": found, "log": log.lines, "pick": rng.choice(found)}
