"""Hash seed: the order of sets of hashed-by-seed values, and ``hash()`` itself."""

from __future__ import annotations

import builtins
from typing import Any

from aos_workflow.doctor.child import sets
from aos_workflow.doctor.child.elements import hash_kind, stable_text
from aos_workflow.doctor.child.run import Run

NAME = "hash"
LABEL = "hash-order"
_hash = builtins.hash
_MODULUS = (1 << 61) - 1


def provoke(budget: str) -> list[Any]:
    """Orders by a key, each with its reverse: one of both differs from any order of two or more."""
    return ["a", "-a"] if budget == "quick" else ["a", "-a", "b", "-b", "c"]


def control(run: Run) -> dict[str, Any]:
    """``hash``, as user modules shall see it."""

    def hash(value: Any) -> int:  # noqa: A001
        found = _hash(value)
        kind = hash_kind(value, sets.probe)
        if sets.hash_probe is not None:
            sets.hash_probe.append(kind)
            return found
        if kind == "stable" or not run.active:
            return found
        if (frame := run.user_frame(2)) is not None and frame.f_code.co_name == "__hash__":
            return found
        reading = run.visit(sets.AXIS_OF[kind], "hash()", count=False)
        if reading is None:
            return found
        if kind == "address" or reading.thaw is not None:
            key = "control" if reading.thaw is None else f"{reading.variant}"
            found = _seeded_hash(key, stable_text(value))
        reading.note(found)
        return found

    hash.__module__ = "builtins"
    builtins.hash = hash
    return {}


def _seeded_hash(key: str, text: str) -> int:
    import hashlib

    digest = hashlib.blake2b(f"{key}|{text}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % (2 * _MODULUS) - _MODULUS
