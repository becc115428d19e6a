"""The only door to clock, randomness, ids and directory order.

Everything else takes a :class:`Clock`, an :class:`Entropy` or a seed as an argument, so that a test or a simulation can
put its own in place. Nothing outside this package calls ``time``, ``random``, ``secrets``, ``uuid`` or lists a folder.
"""

from __future__ import annotations

from aos_workflow.determinism.clock import Clock, FixedClock, SystemClock, rfc3339
from aos_workflow.determinism.entropy import Entropy, SeededEntropy, SystemEntropy
from aos_workflow.determinism.listing import sorted_files, sorted_names
from aos_workflow.determinism.seeds import derive_seed, seeded_random

__all__ = [
    "Clock",
    "Entropy",
    "FixedClock",
    "SeededEntropy",
    "SystemClock",
    "SystemEntropy",
    "derive_seed",
    "rfc3339",
    "seeded_random",
    "sorted_files",
    "sorted_names",
]
