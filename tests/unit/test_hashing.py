"""The hashes of a step, of a run and of its records: each field counts, and nothing else does."""

from __future__ import annotations

import hashlib
import inspect
import json
from typing import Any

import pytest

from aos_workflow.golden.canonical import content_hash
from aos_workflow.golden.hashing import CHAIN_START, chain_next, step_hash, workflow_hash

STEP: dict[str, Any] = {
    "skill": "search",
    "skill_version": "1.2",
    "input_hash": content_hash({"q": 1}),
    "output_hash": content_hash([1]),
    "step_seed": 7,
    "error_code": None,
}
RUN: dict[str, Any] = {
    "spec_hash": content_hash({"spec": 1}),
    "seed": 42,
    "step_hashes": [step_hash(**STEP), "1" * 64],
    "status": "completed",
    "error_code": None,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("skill", "searcher"),
        ("skill_version", "1.20"),
        ("input_hash", content_hash({"q": 2})),
        ("output_hash", content_hash([2])),
        ("output_hash", None),
        ("step_seed", 8),
        ("step_seed", -7),
        ("step_seed", 2**255 + 7),
        ("error_code", "TIMEOUT"),
        ("error_code", ""),
        ("error_code", "null"),
    ],
)
def test_every_field_of_a_step_counts(name: str, value: Any) -> None:
    assert step_hash(**{**STEP, name: value}) != step_hash(**STEP)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spec_hash", content_hash({"spec": 2})),
        ("seed", 43),
        ("seed", 42 + 2**64),
        ("step_hashes", []),
        ("step_hashes", [RUN["step_hashes"][0]]),
        ("step_hashes", [*RUN["step_hashes"], RUN["step_hashes"][0]]),
        ("step_hashes", RUN["step_hashes"][::-1]),
        ("status", "failed"),
        ("error_code", "EXECUTION_ERROR"),
    ],
)
def test_every_field_of_a_run_counts(name: str, value: Any) -> None:
    assert workflow_hash(**{**RUN, name: value}) != workflow_hash(**RUN)


def test_fields_do_not_run_together() -> None:
    apart = {**STEP, "skill": "a", "skill_version": "bc"}
    together = {**STEP, "skill": "ab", "skill_version": "c"}
    assert step_hash(**apart) != step_hash(**together)


def test_nothing_else_counts() -> None:
    """Never a run id, a time, a host, or the wording of an error."""
    assert set(inspect.signature(step_hash).parameters) == set(STEP)
    assert set(inspect.signature(workflow_hash).parameters) == set(RUN)


def test_large_seeds_count_to_the_last_digit() -> None:
    seeds = [2**53, 2**53 + 1, 2**256 - 1, 2**256 - 2]
    assert len({step_hash(**{**STEP, "step_seed": seed}) for seed in seeds}) == len(seeds)


def test_a_hash_is_the_sha_256_of_a_documented_text() -> None:
    parts = ["aos-golden/1 step", *STEP.values()]
    text = json.dumps(parts, separators=(",", ":"))
    assert step_hash(**STEP) == hashlib.sha256(text.encode()).hexdigest()
    parts = ["aos-golden/1 workflow", *RUN.values()]
    text = json.dumps(parts, separators=(",", ":"))
    assert workflow_hash(**RUN) == hashlib.sha256(text.encode()).hexdigest()


def test_step_hashes_may_come_in_any_sequence() -> None:
    assert workflow_hash(**{**RUN, "step_hashes": tuple(RUN["step_hashes"])}) == workflow_hash(
        **RUN
    )


def test_the_chain_starts_at_a_constant() -> None:
    assert hashlib.sha256(b"aos-golden/1 run").hexdigest() == CHAIN_START


def chain(records: list[bytes]) -> list[str]:
    values = [CHAIN_START]
    for record in records:
        values.append(chain_next(values[-1], record))
    return values[1:]


def test_every_record_counts_in_every_later_value_of_the_chain() -> None:
    records = [b'{"a":1}', b'{"a":2}', b'{"a":3}', b'{"a":4}']
    whole = chain(records)
    assert len(set(whole)) == 4
    edited = chain([records[0], b'{"a":9}', *records[2:]])
    assert [a == b for a, b in zip(whole, edited, strict=True)] == [True, False, False, False]
    for other in (records[1:], records[:2] + records[3:], records[::-1], [*records, records[-1]]):
        assert chain(other)[-1] != whole[-1]
    assert chain(records[:2]) == whole[:2]


def test_a_record_cannot_pretend_to_be_two() -> None:
    first, second = b'{"a":1}', b'{"a":2}'
    joined = first + b"\n" + second
    assert chain([joined])[-1] != chain([first, second])[-1]
