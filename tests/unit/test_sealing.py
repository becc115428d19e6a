"""Seals: what each policy asks for, and what each way of breaking one is called."""

from __future__ import annotations

from typing import Any

import pytest

from aos_workflow.errors import GoldenFileError
from aos_workflow.golden import DEFAULT_RULES, KeyRing, Policy, Rules
from aos_workflow.golden.sealing import (
    check_format,
    check_provenance,
    check_seal,
    key_id_of,
    make_seal,
    provenance_holds,
    stored_rules,
    with_digest,
)

RING = KeyRing.of("old-secret", "new-secret")
OLD = KeyRing.of("old-secret")
OTHER = KeyRing.of("other-secret")
ENVELOPE = {"format": "aos-golden/1", "hash": "ab", "key": "größe", "seed": 7}


def outcome(
    seal: Any,
    ring: KeyRing | None,
    policy: Policy,
    envelope: dict[str, Any] = ENVELOPE,
) -> str:
    """What is found out about the signature, or the code of the error."""
    try:
        return check_seal(envelope, seal, ring, policy, file="f", line=3)
    except GoldenFileError as error:
        is_complete = error.message.startswith("f:3: ") and error.hint
        return error.code if is_complete else f"incomplete: {error}"


UNSIGNED, SIGNED, BY_OTHER = (make_seal(ENVELOPE, ring) for ring in (None, RING, OTHER))


@pytest.mark.parametrize(
    ("seal", "ring", "expected"),
    [
        (UNSIGNED, None, ["unchecked", "unsigned", "unsigned", "GOLDEN_UNSIGNED"]),
        (UNSIGNED, RING, ["unchecked", "unsigned", "unsigned", "GOLDEN_UNSIGNED"]),
        (SIGNED, None, ["unchecked", "unknown-key", "unknown-key", "GOLDEN_UNKNOWN_KEY"]),
        (SIGNED, OTHER, ["unchecked", "unknown-key", "unknown-key", "GOLDEN_UNKNOWN_KEY"]),
        (SIGNED, RING, ["unchecked", "valid", "valid", "valid"]),
    ],
)
def test_what_each_policy_makes_of_an_intact_seal(
    seal: dict[str, str], ring: KeyRing | None, expected: list[str]
) -> None:
    policies = [Policy.OFF, Policy.INTEGRITY, Policy.WARN, Policy.REQUIRE]
    assert [outcome(seal, ring, policy) for policy in policies] == expected


def test_an_older_key_of_the_ring_verifies() -> None:
    assert outcome(make_seal(ENVELOPE, OLD), RING, Policy.REQUIRE) == "valid"


def test_the_last_key_of_the_ring_signs() -> None:
    assert SIGNED["key_id"] == RING.signing.id


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "text",
        {},
        {**SIGNED, "digest": SIGNED["digest"].upper()},
        {**SIGNED, "digest": 5},
        {**SIGNED, "hmac": None},
        {**SIGNED, "key_id": 7},
        {**SIGNED, "extra": "x"},
        {"hmac": SIGNED["hmac"], "key_id": SIGNED["key_id"]},
        {"digest": SIGNED["digest"], "hmac": SIGNED["hmac"]},
        {"digest": SIGNED["digest"], "key_id": SIGNED["key_id"]},
        {"digest": SIGNED["digest"]},
        {**SIGNED, "hmac": BY_OTHER["hmac"]},
        {**SIGNED, "key_id": BY_OTHER["key_id"]},
        {**UNSIGNED, "hmac": SIGNED["hmac"], "key_id": SIGNED["key_id"]},
    ],
)
@pytest.mark.parametrize("ring", [None, RING, OTHER])
@pytest.mark.parametrize("policy", [Policy.INTEGRITY, Policy.WARN, Policy.REQUIRE])
def test_a_broken_seal_is_found_without_its_key(
    broken: Any, ring: KeyRing | None, policy: Policy
) -> None:
    assert outcome(broken, ring, policy) == "TAMPER_DETECTED"


def test_a_seal_with_a_forged_digest_needs_the_key_to_be_found() -> None:
    """Whoever edits can renew the digest; not the signature."""
    edited = {**ENVELOPE, "hash": "cd"}
    forged = make_seal(edited, OTHER) | {"key_id": SIGNED["key_id"], "hmac": SIGNED["hmac"]}
    real = make_seal(edited, RING)
    forged["digest"] = real["digest"]
    assert outcome(forged, RING, Policy.INTEGRITY, edited) == "TAMPER_DETECTED"
    assert outcome(make_seal(edited, OTHER), RING, Policy.REQUIRE, edited) == "GOLDEN_UNKNOWN_KEY"


@pytest.mark.parametrize("name", ENVELOPE)
def test_every_field_of_the_envelope_counts(name: str) -> None:
    assert outcome(SIGNED, RING, Policy.INTEGRITY, {**ENVELOPE, name: "x"}) == "TAMPER_DETECTED"
    missing = {key: item for key, item in ENVELOPE.items() if key != name}
    assert outcome(SIGNED, RING, Policy.INTEGRITY, missing) == "TAMPER_DETECTED"


@pytest.mark.parametrize(
    ("seal", "expected"), [(SIGNED, RING.signing.id), (UNSIGNED, None), ("x", None), ([], None)]
)
def test_the_key_id_of_any_seal_can_be_asked_for(seal: Any, expected: str | None) -> None:
    assert key_id_of(seal) == expected


# format


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("aos-golden/1", None),
        ("aos-golden/2", "GOLDEN_VERSION"),
        ("aos-golden/10", "GOLDEN_VERSION"),
        ("aos-golden/0", "GOLDEN_FOREIGN"),
        ("aos-golden/01", "GOLDEN_FOREIGN"),
        ("aos-golden/²", "GOLDEN_FOREIGN"),
        ("aos-golden/", "GOLDEN_FOREIGN"),
        ("aos-golden", "GOLDEN_FOREIGN"),
        ("Aos-golden/1", "GOLDEN_FOREIGN"),
        ("snapshot/1", "GOLDEN_FOREIGN"),
        ("aos-golden/1 ", "GOLDEN_FOREIGN"),
    ],
)
def test_formats(found: str, code: str | None) -> None:
    if code is None:
        check_format(found, file="f")
        return
    with pytest.raises(GoldenFileError) as caught:
        check_format(found, file="f", line=2)
    assert (caught.value.code, caught.value.line) == (code, 2)


# provenance


def test_provenance_has_a_digest_of_its_own() -> None:
    stored = with_digest({"tool": "t", "repeats": 2})
    assert provenance_holds(stored)
    assert with_digest(stored) == stored
    check_provenance(stored, file="f")
    for broken in ({**stored, "repeats": 3}, {**stored, "new": 1}, {"tool": "t"}, None, []):
        assert not provenance_holds(broken)
        with pytest.raises(GoldenFileError, match="provenance") as caught:
            check_provenance(broken, file="f", line=4)
        assert (caught.value.code, caught.value.line) == ("TAMPER_DETECTED", 4)


# rules


@pytest.mark.parametrize(
    "rules", [DEFAULT_RULES, Rules.of([".a: strip", ".**.b: mask uuid"]), Rules(base="none", keys="text")]
)  # fmt: skip
def test_rules_are_stored_and_come_back(rules: Rules) -> None:
    assert stored_rules(rules.to_json(), file="f") == rules


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hash": "0"}, "TAMPER_DETECTED"),
        ({"extra": [".a: strip"]}, "TAMPER_DETECTED"),
        ({"extra": ["nonsense"]}, "TAMPER_DETECTED"),
        ({"extra": [5]}, "TAMPER_DETECTED"),
        ({"extra": [[]]}, "TAMPER_DETECTED"),
        ({"extra": None}, "TAMPER_DETECTED"),
        ({"extra": ".a: strip"}, "TAMPER_DETECTED"),
        ({"keys": "maybe"}, "TAMPER_DETECTED"),
        ({"keys": []}, "TAMPER_DETECTED"),
        ({"base": "none"}, "TAMPER_DETECTED"),
        ({"base": []}, "TAMPER_DETECTED"),
        ({"base": "mine/1"}, "TAMPER_DETECTED"),
        ({"base": "aos-default/0"}, "TAMPER_DETECTED"),
        ({"base": "aos-default/2"}, "GOLDEN_VERSION"),
        ({"more": 1}, "TAMPER_DETECTED"),
    ],
)
def test_rules_that_were_changed_are_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(GoldenFileError) as caught:
        stored_rules({**DEFAULT_RULES.to_json(), **change}, file="f", line=9)
    assert (caught.value.code, caught.value.line) == (code, 9)


@pytest.mark.parametrize("name", ["base", "extra", "hash"])
def test_rules_that_lack_a_field_are_refused(name: str) -> None:
    data = {key: item for key, item in DEFAULT_RULES.to_json().items() if key != name}
    with pytest.raises(GoldenFileError, match="rules"):
        stored_rules(data, file="f")
