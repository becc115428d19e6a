"""A conversation: a model is asked, its answer is checked, and it is asked again until the answer will do."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.shadow.scenarios import Scenario
from aos_workflow.skills import skill
from aos_workflow.skills.step_context import current_step

_WORDS = (
    "the",
    "disk",
    "of",
    "node",
    "three",
    "is",
    "full",
    "rotate",
    "its",
    "logs",
    "and",
    "page",
)
_TOPICS = ("disk full", "certificate expired", "queue grows", "replica lags")
_MOST_TURNS = 4


@skill("complete", side_effects="reads", cost_cents=0.4)
async def complete(messages: list[dict[str, str]], temperature: float) -> dict[str, Any]:
    """What a model would say: tokens that follow from the step's seed, one after the other."""
    draw = current_step().random
    tokens = []
    for _ in range(draw.randint(6, 14)):
        await asyncio.sleep(0.02)
        tokens.append(draw.choice(_WORDS))
    current_step().spend(round(0.01 * (len(tokens) + len(messages)), 4))
    return {"text": " ".join(tokens), "tokens": len(tokens), "temperature": temperature}


@skill("judge", side_effects="none")
def judge(text: str, wanted: str) -> dict[str, Any]:
    """Whether the answer has the word, and how good it is."""
    words = text.split()
    return {"good": wanted in words, "score": round(words.count(wanted) / len(words), 6)}


@workflow("shadow_llm", budget_cents=50)
async def llm(ctx: Context, topic: str, wanted: str) -> dict[str, Any]:
    """At most four turns."""
    messages = [{"role": "user", "content": topic}]
    for turn in range(_MOST_TURNS):
        answer = await ctx.step(
            complete, messages=messages, temperature=0.2 * turn, retry=Retry(4), timeout_s=60
        )
        verdict = await ctx.step(judge, text=answer["text"], wanted=wanted)
        messages.append({"role": "assistant", "content": answer["text"]})
        if verdict["good"]:
            break
        messages.append({"role": "user", "content": f"say more about {wanted}"})
    return {"turns": len(messages) // 2, "last": messages[-1]["content"]}


def _inputs(draw: random.Random) -> dict[str, Any]:
    return {"topic": draw.choice(_TOPICS), "wanted": draw.choice(_WORDS)}


SCENARIO = Scenario(llm, inputs=_inputs)
