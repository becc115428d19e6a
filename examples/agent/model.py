"""A stand-in for a language model: canned answers, chosen by the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Answer", "CannedModel"]

_CENTS_PER_1000_TOKENS = 3

_ANSWERS = {
    "hypothesis": (
        "The connection pool is exhausted: requests wait for a connection, not for the database.",
        "A slow query holds its connections; the pool runs dry and requests queue up.",
        "The last release leaks connections in its error path.",
    ),
    "summary": (
        "Restarted {service}; the error rate is back to normal. Watch the pool size for an hour.",
        "{service} was restarted after its pool ran dry. A ticket for the leak is open.",
    ),
}


@dataclass(frozen=True)
class Answer:
    """What the model said, and what it cost."""

    text: str
    prompt_tokens: int
    completion_tokens: int

    @property
    def cost_cents(self) -> int:
        tokens = self.prompt_tokens + self.completion_tokens
        return -(-tokens * _CENTS_PER_1000_TOKENS // 1000)


class CannedModel:
    """Gives the same answers to the same questions under the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def ask(self, purpose: str, prompt: str, **names: str) -> Answer:
        """An answer to ``prompt``; ``purpose`` is ``hypothesis`` or ``summary``."""
        text = self._random.choice(_ANSWERS[purpose]).format(**names)
        return Answer(text, prompt_tokens=len(prompt) * 4, completion_tokens=len(text) * 4)

    def confidence(self) -> float:
        """How sure the model is of its last answer, from 0 to 1."""
        return self._random.uniform(0.6, 0.95)
