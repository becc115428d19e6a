"""The four hashes of a run, and nothing else is called a hash.

``content_hash`` of a value, ``step_hash``, ``workflow_hash``, and the chain of a recorded run. None depends
on a run id, a time, a host, or the wording of an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from aos_workflow.golden.canonical import content_hash

__all__ = ["CHAIN_START", "chain_next", "step_hash", "workflow_hash"]


def step_hash(
    *,
    skill: str,
    skill_version: str,
    input_hash: str,
    output_hash: str | None,
    step_seed: int,
    error_code: str | None = None,
) -> str:
    """SHA-256 in hex of what a step was and did. The hashes are those of :func:`content_hash`."""
    parts = [skill, skill_version, input_hash, output_hash, step_seed, error_code]
    return _tagged("step", parts)


def workflow_hash(
    *,
    spec_hash: str,
    seed: int,
    step_hashes: Sequence[str],
    status: str,
    error_code: str | None = None,
) -> str:
    """SHA-256 in hex of a whole run; ``step_hashes`` in canonical order, not in order of completion."""
    return _tagged("workflow", [spec_hash, seed, list(step_hashes), status, error_code])


def _tagged(kind: str, parts: list[Any]) -> str:
    tagged = [f"aos-golden/1 {kind}", *parts]
    try:
        text = orjson.dumps(tagged)  # of texts, null and integers of 64 bits: RFC 8785 as it is
    except TypeError:
        return content_hash(tagged)
    return hashlib.sha256(text).hexdigest()


CHAIN_START = hashlib.sha256(b"aos-golden/1 run").hexdigest()
"""What the first record of a run is chained to."""


def chain_next(previous: str, record: bytes) -> str:
    """The chain value of a record with canonical text ``record`` that follows the one with ``previous``."""
    return hashlib.sha256(previous.encode() + b"\n" + record).hexdigest()
