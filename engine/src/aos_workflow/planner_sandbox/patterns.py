"""Building the patterns of the checks, and the form of a text that most of them read.

Patterns are searched in texts that attackers write, so each must take linear time: repetitions are bounded or
possessive, and what they start with is rare or cheap to rule out.
"""

from __future__ import annotations

import re

__all__ = ["flat", "one_of"]

_RUN = re.compile(r"\s{2,}|[^\S \n]")


def flat(text: str) -> str:
    """Lower case, each run of white space as one space, or as one line break if it holds any.

    So patterns need neither flags nor counts of spaces, which makes them some ten times as fast.
    """
    return _RUN.sub(_one_space, text.lower())


def _one_space(found: re.Match[str]) -> str:
    return "\n" if "\n" in found[0] or "\r" in found[0] else " "


def one_of(*patterns: str) -> re.Pattern[str]:
    """A pattern that matches where any of these does."""
    return re.compile("|".join(patterns))
