"""The older form: a signature in the object, over exactly the bytes that the runbook's snippet signs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.golden_samples import OTHER_RING, OTHER_SECRET, PLAN, RING, SECRET, legacy_golden

from aos_workflow.errors import GoldenFileError
from aos_workflow.golden import KeyRing, Policy, Signature
from aos_workflow.golden.legacy_golden import (
    parse_legacy_golden,
    read_legacy_golden,
    sign_legacy,
)

BOTH = KeyRing.of(SECRET, OTHER_SECRET)

documents = st.dictionaries(
    st.text().filter(lambda key: key != "signature"),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


def outcome(data: bytes, ring: KeyRing | None, policy: Policy) -> str:
    try:
        return parse_legacy_golden(data, file="f", ring=ring, policy=policy).signature
    except GoldenFileError as error:
        return error.code


@given(documents)
def test_what_the_snippet_signs_verifies_whatever_text_and_numbers(value: dict[str, Any]) -> None:
    """Keys and text of any script, floats, big integers; read again from what ``indent=2`` wrote."""
    assert outcome(legacy_golden(value), RING, Policy.REQUIRE) == "valid"
    assert sign_legacy(value, RING) == legacy_golden(value)


@given(documents)
def test_how_the_file_is_laid_out_does_not_matter(value: dict[str, Any]) -> None:
    signed = json.loads(legacy_golden(value))
    for text in (
        json.dumps(signed),
        json.dumps(signed, sort_keys=True, indent=4),
        json.dumps(signed, ensure_ascii=False, separators=(",", ":")),
    ):
        assert outcome(text.encode(), RING, Policy.REQUIRE) == "valid"


SIGNED, UNSIGNED = legacy_golden(), json.dumps(PLAN).encode()


@pytest.mark.parametrize(
    ("data", "ring", "expected"),
    [
        (SIGNED, RING, ["unchecked", "valid", "valid", "valid"]),
        (SIGNED, BOTH, ["unchecked", "valid", "valid", "valid"]),
        (SIGNED, OTHER_RING, ["unchecked", *["TAMPER_DETECTED"] * 3]),
        (SIGNED, None, ["unchecked", "unknown-key", "unknown-key", "GOLDEN_UNKNOWN_KEY"]),
        (UNSIGNED, RING, ["unchecked", *["GOLDEN_UNSIGNED"] * 3]),
        (UNSIGNED, None, ["unchecked", *["GOLDEN_UNSIGNED"] * 3]),
    ],
)
def test_what_each_policy_makes_of_it(
    data: bytes, ring: KeyRing | None, expected: list[str]
) -> None:
    policies = [Policy.OFF, Policy.INTEGRITY, Policy.WARN, Policy.REQUIRE]
    assert [outcome(data, ring, policy) for policy in policies] == expected


@pytest.mark.parametrize("text", ["[]", "5", "null", '{"signature": 5}', '{"signature": null}'])
def test_other_json_is_foreign(text: str) -> None:
    assert outcome(text.encode(), RING, Policy.OFF) == "GOLDEN_FOREIGN"


@pytest.mark.parametrize(
    "signature", ["", "x", "é", SIGNED[-67:-3].decode().upper(), SIGNED[-67:-3].decode() + "0"]
)
def test_any_other_signature_is_tampering(signature: str) -> None:
    data = json.dumps({**PLAN, "signature": signature}).encode()
    assert outcome(data, RING, Policy.INTEGRITY) == "TAMPER_DETECTED"


def test_the_value_is_the_object_without_its_signature(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(SIGNED)
    golden = read_legacy_golden(path, ring=RING)
    assert golden.value == PLAN
    assert "signature" in golden.document
    assert golden.signature is Signature.VALID


def test_a_signature_is_replaced_where_it_stands() -> None:
    document = {"a": 1, "signature": "stale", "z": 2}
    signed = json.loads(sign_legacy(document, RING))
    assert list(signed) == ["a", "signature", "z"]
    assert outcome(json.dumps(signed).encode(), RING, Policy.REQUIRE) == "valid"


def test_a_signature_further_down_is_content() -> None:
    value = {"inner": {"signature": "content"}}
    data = legacy_golden(value)
    assert parse_legacy_golden(data, file="f", ring=RING).value == value
    edited = data.replace(b'"content"', b'"CONTENT"')
    assert outcome(edited, RING, Policy.INTEGRITY) == "TAMPER_DETECTED"
