"""Two models are asked; the first answer wins."""
import asyncio


async def ask(model, seconds):
    await asyncio.sleep(seconds)
    return f"{model} says hello"


async def run(seed: int):
    tasks = [asyncio.create_task(ask("small", 0.01)), asyncio.create_task(ask("large", 0.01))]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return {"seed": seed, "answer": done.pop().result()}
