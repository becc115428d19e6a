"""Whether the output of a command is what a page shows.

A line ``...`` stands for any lines, none included; ``...`` in a line for any characters. Blank lines, the amount of
white space in a line, the length of pytest's rulers and run times do not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["matches", "normalised"]

_RULER = re.compile(r"([=_-])\1{3,}")
_SECONDS = re.compile(r"\bin \d+\.\d+s\b")


def matches(shown: str, output: str) -> bool:
    """Whether ``output`` is what is ``shown``."""
    return _fits(normalised(shown), normalised(output))


def normalised(text: str) -> list[str]:
    """The lines of a text as they are compared."""
    lines = (_SECONDS.sub("in 0.00s", _RULER.sub(r"\1\1\1", line)) for line in text.splitlines())
    return [" ".join(line.split()) for line in lines if line.strip()]


def _fits(shown: Sequence[str], output: Sequence[str]) -> bool:
    """Dynamic programming over the lines: ``reach`` holds how many lines of output the lines so far can stand for."""
    reach = {0}
    for line in shown:
        if line == "...":
            reach = set(range(min(reach), len(output) + 1)) if reach else set()
        else:
            pattern = re.compile(".*".join(map(re.escape, line.split("..."))))
            reach = {n + 1 for n in reach if n < len(output) and pattern.fullmatch(output[n])}
    return len(output) in reach
