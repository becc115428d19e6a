"""The golden of a value: written so that people can review it, compared without parsing, read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.golden_samples import OTHER_RING, PLAN, PROVENANCE, RING, value_golden

from aos_workflow.errors import GoldenFileError, TextEncodingError
from aos_workflow.golden import (
    DEFAULT_RULES,
    NO_RULES,
    KeyRing,
    Policy,
    Rules,
    Signature,
    canonicalize,
)
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.value_golden import (
    parse_value_golden,
    read_value_golden,
    render_value_golden,
    reseal_value_golden,
    same,
)

KEY = "tests/test_plan.py::test_plan"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def is_same(data: bytes, value: Any = PLAN, **changes: Any) -> Signature | None:
    wanted = {
        "key": KEY,
        "seed": 7,
        "ring": RING,
        "policy": Policy.INTEGRITY,
        "file": "f",
        "rules": DEFAULT_RULES,
        **changes,
    }
    return same(data, canonicalize(value, wanted.pop("rules")), **wanted)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


# writing


def test_the_file_is_indented_with_sorted_keys_and_ends_with_a_line_end() -> None:
    text = value_golden({"b": ["größe", {}], "a": {"n": 1, "l": []}}, ring=RING).decode()
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert list(document) == ["golden", "value"]


def test_writing_is_deterministic() -> None:
    shuffled = dict(reversed(list(PLAN.items())))
    assert value_golden(shuffled, ring=RING) == value_golden(ring=RING)


@pytest.mark.parametrize("ring", [None, RING])
@pytest.mark.parametrize("hash_only", [False, True])
def test_what_is_written_reads_back(ring: KeyRing | None, hash_only: bool) -> None:
    data = value_golden(ring=ring, hash_only=hash_only)
    golden = parse_value_golden(data, file="f", ring=ring, key=KEY)
    canonical = canonicalize(PLAN)
    assert golden.hash == canonical.hash
    assert golden.size == len(canonical.text)
    assert (golden.kind, golden.key, golden.seed) == ("hash" if hash_only else "value", KEY, 7)
    assert golden.value == (None if hash_only else json.loads(canonical.text))
    assert golden.rules == DEFAULT_RULES
    assert {**golden.provenance, "digest": None} == {**PROVENANCE, "digest": None}
    assert golden.signature is (Signature.VALID if ring else Signature.UNSIGNED)
    assert golden.key_id == (ring.signing.id if ring else None)


@given(json_values)
def test_any_json_value_reads_back_and_is_the_same(value: Any) -> None:
    data = value_golden(value, rules=NO_RULES)
    golden = parse_value_golden(data, file="f")
    assert canonicalize(golden.value, NO_RULES).hash == golden.hash
    parsed_seed = is_same(data, value, ring=None, rules=NO_RULES)
    assert parsed_seed is Signature.UNSIGNED


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH])
def test_what_may_be_recorded_can_be_read(depth: int) -> None:
    data = value_golden(nested(depth))
    assert parse_value_golden(data, file="f").value == nested(depth)
    assert is_same(data, nested(depth))


@pytest.mark.parametrize("seed", [0, -1, 2**63, 2**64, -(2**80)])
def test_any_integer_is_a_seed(seed: int) -> None:
    golden = parse_value_golden(value_golden(seed=seed), file="f")
    assert golden.seed == seed


@pytest.mark.parametrize(
    "key", ["", "tests/größe.py::test[a\nb]", '"value":', '",\n  "value": ', "x" * 5000, "\U0001f600\uff5e"]
)  # fmt: skip
@pytest.mark.parametrize("hash_only", [False, True])
def test_any_text_is_a_key(key: str, hash_only: bool) -> None:
    data = value_golden(key=key, hash_only=hash_only)
    assert parse_value_golden(data, file="f", key=key).key == key
    assert is_same(data, key=key) is Signature.UNSIGNED


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(TextEncodingError, match=r"\\udce9"):
        value_golden(key="tests/caf\udce9.py::test")


# the fast comparison


def test_the_same_value_key_seed_and_rules_are_the_same() -> None:
    assert is_same(value_golden(ring=RING)) is Signature.VALID
    assert is_same(value_golden()) is Signature.UNSIGNED
    assert is_same(value_golden(ring=OTHER_RING)) is Signature.UNKNOWN_KEY
    assert is_same(value_golden(ring=RING, hash_only=True)) is Signature.VALID


@pytest.mark.parametrize(
    "change",
    [
        {"value": {**PLAN, "cost": 2}},
        {"key": "other"},
        {"seed": 8},
        {"rules": NO_RULES},
        {"rules": Rules.of([".cost: round 3"])},
    ],
)
def test_anything_else_is_not(change: dict[str, Any]) -> None:
    value = change.pop("value", PLAN)
    for hash_only in (False, True):
        assert is_same(value_golden(ring=RING, hash_only=hash_only), value, **change) is None


def test_a_file_that_is_laid_out_otherwise_is_left_to_the_reader() -> None:
    data = value_golden(ring=RING)
    for changed in (data.replace(b"\n", b"\r\n"), data.rstrip(), data + b"\n", b"", b"{}", b"x"):
        assert is_same(changed) is None
    assert parse_value_golden(data.replace(b"\n", b"\r\n"), file="f").value


def test_the_fast_comparison_raises_what_the_policy_asks_for() -> None:
    for data, code in (
        (value_golden(), "GOLDEN_UNSIGNED"),
        (value_golden(ring=OTHER_RING), "GOLDEN_UNKNOWN_KEY"),
    ):
        with pytest.raises(GoldenFileError, match=r"^f: ") as caught:
            is_same(data, policy=Policy.REQUIRE)
        assert caught.value.code == code


def test_the_fast_comparison_accepts_nothing_that_the_reader_refuses() -> None:
    """Every byte of the file, replaced."""
    data = value_golden(ring=RING)
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            assert is_same(damaged) is None, f"byte {at}"
        except GoldenFileError as error:
            assert error.code == "TAMPER_DETECTED"  # noqa: PT017


# reading


def test_the_golden_of_something_else_is_refused_when_a_key_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.golden.json"
    path.write_bytes(value_golden(key="tests/a.py::a"))
    assert read_value_golden(path).key == "tests/a.py::a"
    with pytest.raises(GoldenFileError, match=r"golden of 'tests/a.py::a', expected") as caught:
        read_value_golden(path, key="tests/b.py::b")
    assert (caught.value.code, caught.value.line) == ("GOLDEN_KEY_MISMATCH", 6)


def changed(change: dict[str, Any], value: Any = ..., **top: Any) -> bytes:
    document = json.loads(value_golden())
    document["golden"].update(change)
    for name in [name for name, item in change.items() if item is ...]:
        del document["golden"][name]
    if value is not ...:
        document["value"] = value
    return json.dumps({**document, **top}, indent=2).encode()


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (changed({"seal": ...}), "TAMPER_DETECTED", 1),
        (changed({"seal": []}), "TAMPER_DETECTED", 19),
        (changed({"provenance": ...}), "TAMPER_DETECTED", 2),
        (changed({"provenance": []}), "TAMPER_DETECTED", 2),
        (changed({"provenance": {}}), "TAMPER_DETECTED", 8),
        (changed({"seed": True}), "TAMPER_DETECTED", 2),
        (changed({"seed": 7.0}), "TAMPER_DETECTED", 2),
        (changed({"kind": "hash"}), "TAMPER_DETECTED", 7),
        (changed({"kind": "other"}), "TAMPER_DETECTED", 7),
        (changed({"bytes": 1}), "TAMPER_DETECTED", 19),
        (changed({"more": 1}), "TAMPER_DETECTED", 23),
        (changed({}, more=1), "TAMPER_DETECTED", 40),
        (changed({}, value=None), "TAMPER_DETECTED", 24),
        (changed({"format": 5}), "GOLDEN_FOREIGN", 1),
        (changed({"format": "aos-golden/2", "new": 1}), "GOLDEN_VERSION", 4),
        (b"[]", "GOLDEN_FOREIGN", 1),
        (b'{"golden": []}', "GOLDEN_FOREIGN", 1),
        (b'{"golden": {}}', "GOLDEN_FOREIGN", 1),
    ],
)
def test_a_head_that_is_not_what_we_write_is_refused(data: bytes, code: str, line: int) -> None:
    with pytest.raises(GoldenFileError) as caught:
        parse_value_golden(data, file="f")
    assert (caught.value.code, caught.value.line) == (code, line), caught.value.message


@pytest.mark.parametrize("seal", [None, "x", [], {}, {"key_id": 5}])
def test_with_policy_off_the_content_can_be_read_whatever_the_seal(seal: Any) -> None:
    golden = parse_value_golden(changed({"seal": seal}, value=[1]), file="f", policy=Policy.OFF)
    assert (golden.value, golden.signature, golden.key_id) == ([1], Signature.UNCHECKED, None)


# sealing anew


@pytest.mark.parametrize("hash_only", [False, True])
def test_a_new_seal_changes_nothing_else(hash_only: bool) -> None:
    data = value_golden(hash_only=hash_only)
    golden = parse_value_golden(data, file="f")
    signed = reseal_value_golden(data, golden, RING)
    assert signed == value_golden(ring=RING, hash_only=hash_only)
    assert reseal_value_golden(signed, golden, None) == data
    assert reseal_value_golden(data.replace(b"\n", b"\r\n"), golden, RING) == signed


def test_a_new_seal_keeps_aliases_and_every_number(tmp_path: Path) -> None:
    ids = ["6fa459ea-ee8a-3ca4-894e-db77e160355e", "16fd2706-8baf-433b-82eb-8c7fada847da"]
    value = {"run_id": ids[0], "other": {"trace_id": ids[1], "n": [1e21, 1e-7, -0.0, 2**90]}}
    data = render_value_golden(
        canonicalize(value), key="k", seed=1, provenance=PROVENANCE, ring=None
    )
    golden = parse_value_golden(data, file="f")
    again = reseal_value_golden(reseal_value_golden(data, golden, RING), golden, None)
    assert again == data
