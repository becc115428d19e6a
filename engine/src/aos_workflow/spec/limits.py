"""Every limit of a workflow spec, in one place, with its unit and its reason."""

from __future__ import annotations

__all__ = [
    "MAX_ATTEMPTS",
    "MAX_BYTES",
    "MAX_CENTS",
    "MAX_CYCLES",
    "MAX_DEPTH",
    "MAX_DESCRIPTION",
    "MAX_DURATION_S",
    "MAX_INPUTS",
    "MAX_KEY",
    "MAX_MULTIPLIER",
    "MAX_NAME",
    "MAX_PARALLEL",
    "MAX_PROBLEMS",
    "MAX_REFERENCES",
    "MAX_STEPS",
    "MAX_VALUES",
    "MAX_VERSION",
]

MAX_BYTES = 1024 * 1024
"""Size of a document's text, and of all texts in a Python document together."""

MAX_DEPTH = 64
"""Levels of nesting in a document. Recorded values may have 100, and a spec becomes part of one."""

MAX_VALUES = 100_000
"""Values in a document, aliases of YAML written out: what stops a "billion laughs" of 1 kB."""

MAX_STEPS = 1_000
"""Steps of a workflow. Each is a row, an event and a place in the graph; larger work belongs into child workflows."""

MAX_PARALLEL = 1_000
"""Steps that run at the same time: all of them."""

MAX_INPUTS = 200
"""Declared inputs, or properties of one input."""

MAX_REFERENCES = 1_000
"""References in one text."""

MAX_PROBLEMS = 1_000
"""Problems that one error lists."""

MAX_CYCLES = 20
"""Cycles that are searched for at once; who has more has one mistake."""

MAX_CENTS = 10**10
"""What PostgreSQL's ``numeric(14, 4)`` of the cost ledger holds: 100 million dollars."""

MAX_ATTEMPTS = 100
"""Tries of one step. What failed a hundred times needs a person."""

MAX_MULTIPLIER = 100
"""Factor between two waits."""

MAX_DURATION_S = 366 * 24 * 3600
"""Any timeout or wait, in seconds: a year."""

MAX_NAME = 200
"""Characters of a name."""

MAX_VERSION = 64
"""Characters of a version."""

MAX_KEY = 512
"""Characters of an idempotency key as it is written."""

MAX_DESCRIPTION = 10_000
"""Characters of a description."""
