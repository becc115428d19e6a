"""Canonical form: RFC 8785 by its own vectors and by an independent implementation, and our documented extension."""

from __future__ import annotations

import hashlib
import struct
import sys
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aos_workflow.errors import CanonicalError, NonFiniteNumberError
from aos_workflow.golden import NO_RULES, canonical_bytes, canonicalize, content_hash
from aos_workflow.golden.adapt import RESERVED_PREFIX
from aos_workflow.golden.canonical import canonical_json
from aos_workflow.golden.strict_json import loads

APPENDIX_B = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]
"""RFC 8785, appendix B: the bits of a double, and its text."""


@pytest.mark.parametrize(("bits", "text"), APPENDIX_B)
def test_the_numbers_of_rfc_8785_appendix_b(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(number).decode() == text
    assert canonical_bytes({"a": [number]}).decode() == f'{{"a":[{text}]}}'


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_the_numbers_that_rfc_8785_refuses(bits: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(NonFiniteNumberError) as caught:
        canonical_bytes({"a": [0, number]})
    assert caught.value.path == ".a[1]"


def test_the_sample_of_rfc_8785_section_3_2() -> None:
    source = rb"""{
       "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
       "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
       "literals": [null, true, false]
     }"""
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(loads(source)).text == expected.encode()


def test_the_key_order_of_rfc_8785_section_3_2_3() -> None:
    source = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    found = list(loads(canonical_bytes(source)))
    assert found == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert loads(canonical_bytes({"deep": [source]})) == {"deep": [source]}


keys = st.text().filter(lambda key: not key.startswith(RESERVED_PREFIX))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1.0, 1e15, 1e16, 1e20, 1e21, 1e-5, 1e-6, 1e-7, 123456789.5])
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(
            keys | st.sampled_from(["\ufb33", "\U0001f600", "a", "\ue000"]), inner, max_size=6
        )
    ),
    max_leaves=30,
)


def len_of(number: int) -> str:
    return f"{number.bit_length()}-bits"


def _agrees(value: Any) -> None:
    text = canonical_bytes(value)
    assert text == rfc8785.dumps(value)
    assert canonical_json(value).text == text
    assert content_hash(value) == hashlib.sha256(text).hexdigest()
    assert canonical_bytes(loads(text)) == text


@given(json_values)
@settings(max_examples=500, deadline=None)
def test_the_text_is_that_of_an_independent_implementation(value: Any) -> None:
    _agrees(value)


@pytest.mark.slow
@given(json_values)
@settings(
    max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
def test_the_text_is_that_of_an_independent_implementation_100_000_times(value: Any) -> None:
    _agrees(value)


@given(json_values)
@settings(max_examples=500, deadline=None)
def test_both_spellings_in_one_go_are_those_that_are_asked_for_one_by_one(value: Any) -> None:
    one, both = canonicalize(value), canonicalize(value, indented=True)
    assert (both.text, both.hash, both.hits) == (one.text, one.hash, one.hits)
    assert both.pretty() == one.pretty()


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=2000, deadline=None)
def test_every_float_is_spelled_as_an_independent_implementation_does(number: float) -> None:
    assert canonical_bytes(number) == rfc8785.dumps(number)
    assert canonical_bytes([number] * 9) == rfc8785.dumps([number] * 9)


@pytest.mark.parametrize(
    "number",
    [2**53 + 1, -(2**53) - 1, 2**63, 2**64, -(2**63) - 1, 10**400, -(10**5000)],
    ids=len_of,
)
def test_integers_keep_all_their_digits(number: int) -> None:
    """The one extension of RFC 8785: what JavaScript could not read back is spelled out, not rounded."""
    text = canonical_bytes({"n": [number, {"m": number}]})
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        assert text.decode() == f'{{"n":[{number},{{"m":{number}}}]}}'
    finally:
        sys.set_int_max_str_digits(limit)


def test_what_coincides_and_what_does_not() -> None:
    def same(*values: Any) -> bool:
        return len({content_hash(value) for value in values}) == 1

    assert same(1, 1.0, 1e0)
    assert same(0, 0.0, -0.0)
    assert same([1, 2], (1, 2))
    assert same({"a": 1, "b": 2}, {"b": 2, "a": 1})
    distinct = [1, True, "1", None, 0, False, "", "true", [], {}, [1], {"1": 1}, 1.5, "1.5"]
    assert len({content_hash(value) for value in distinct}) == len(distinct)
    assert not same(2**53, 2**53 + 1)


def test_the_input_is_never_written_to() -> None:
    value = {
        "run_id": "a-1",
        "at": [1.0, {"started_at": "2026-01-01T00:00:00Z", "n": -0.0}],
        "s": (1, 2),
    }
    before = repr(value)
    canonicalize(value)
    assert repr(value) == before


def test_the_pretty_form_is_the_same_value_on_many_lines() -> None:
    value = {"b": [1.0, {"x": 1e21}], "a": {"run_id": "q", "é": "😀"}, "n": 2**70, "e": [], "o": {}}
    found = canonicalize(value)
    pretty = found.pretty()
    assert pretty.count(b"\n") > 5
    assert canonical_json(loads(pretty)).text == found.text
    assert canonicalize(value).pretty() == pretty
    assert canonicalize(value, indented=True).pretty() == pretty


def test_texts_that_look_like_our_marks_stay_what_they_are() -> None:
    strange = ["\x00\x01uuid:s1", "\x7f000000000", "\x7f000000001", "\x80000000000", "<id#1>"]
    value = {"run_id": "one", "texts": strange, "more": {"trace_id": "one", "\x7f000000000": 1}}
    assert loads(canonicalize(value).text) == {
        "run_id": "<id#1>",
        "texts": strange,
        "more": {"trace_id": "<id#1>", "\x7f000000000": 1},
    }


def test_a_value_that_cannot_be_written_names_its_path() -> None:
    with pytest.raises(CanonicalError) as caught:
        canonicalize({"a": [{"b": object()}]})
    assert caught.value.path == ".a[0].b"
    assert "object" in str(caught.value)


def test_json_with_our_own_tags_is_data_like_any_other() -> None:
    value = {"$aos.set": [2, 1], "$aos.bytes": "x"}
    assert canonical_json(value, NO_RULES).text == rfc8785.dumps(
        {"$aos.bytes": "x", "$aos.set": [2, 1]}
    )
