"""Reading untrusted JSON: the value that is there, or an error that says what and on which line."""

from __future__ import annotations

import gzip
import json
import pickle
import sys
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aos_workflow import errors
from aos_workflow.golden import strict_json
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.strict_json import loads

PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def exact(value: Any) -> str:
    """Tells 1 from 1.0 and True, 0.0 from -0.0, and one order of keys from another."""
    return repr(value)


def nested(depth: int, opening: str = "[", closing: str = "]", inner: str = "") -> bytes:
    return (opening * depth + inner + closing * depth).encode()


# what is read


@given(json_values)
@example({"a": [1.0, -0.0, 1e16, 2**64, -(2**63), 10**400]})
@example({"\x00\x1f\x7f": "\u2028é😀", "": {}})
def test_every_document_reads_as_the_standard_library_reads_it(value: Any) -> None:
    indented = json.dumps(value, indent=2)
    for text in (
        json.dumps(value),
        indented,
        indented.replace("\n", "\r\n") + "\r\n",
        f" \t\n{json.dumps(value, ensure_ascii=False)}\n\n",
    ):
        assert exact(loads(text.encode())) == exact(json.loads(text))


@given(json_values.filter(lambda value: value is not None))
def test_fast_and_slow_path_agree(value: Any) -> None:
    try:
        texts = [orjson.dumps(value), orjson.dumps(value, option=PRETTY) + b"\n"]
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, a surrogate
        return
    for data in texts:
        fast = loads(data)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strict_json, "_spells_itself", lambda value, data: False)
            assert exact(loads(data)) == exact(fast)


def test_what_we_write_takes_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"b": [1, 2.5, {"x": "é\n"}], "a": None, "big": 2**63}
    pretty = orjson.dumps(value, option=PRETTY) + b"\n"
    written = [pretty, pretty.replace(b"\n", b"\r\n"), orjson.dumps(value), pretty.rstrip()]
    monkeypatch.setattr(strict_json.json, "loads", None)
    assert all(loads(data) == value for data in written)


@pytest.mark.parametrize(
    "text",
    [
        "0", "-0", "1.0", "-0.0", "1e5", "1E+2", "123456789012345678901234567890",
        "18446744073709551615", "18446744073709551616", "-9223372036854775809",
        "9" * 309, "9" * 4300, "0.1000000000000000055511151231257827", "1e-400", "1.7976931348623157e308",
        '"\\ud83d\\ude00"', '"\\\\ud800"', '"\\u0041\\/\\b"', '"<<<<<<< HEAD"', '["=======", ">>>>>>>"]',
        "[]", "{}", "[[], {}]", '{"a": {"a": 1}, "b": {"a": 1}}', "null", "true", "\r\n 1 \r\n",
    ],
)  # fmt: skip
def test_accepted_exactly(text: str) -> None:
    assert exact(loads(text.encode())) == exact(json.loads(text))


# what is refused


@pytest.mark.parametrize(
    ("data", "error", "line", "said"),
    [
        # nothing there
        (b"", errors.GoldenEmptyError, 1, "empty"),
        (b" \t\r\n\n", errors.GoldenEmptyError, 1, "white space"),
        # not text, not UTF-8
        (b"\x89PNG\r\n\x1a\n\x00\x00", errors.GoldenBinaryError, 1, "PNG"),
        (gzip.compress(b'{"a": 1}', mtime=0), errors.GoldenBinaryError, 1, "gzip"),
        (pickle.dumps({"a": 1}, protocol=5), errors.GoldenBinaryError, 1, "pickle"),
        (b'{"a":\n "\x00"}', errors.GoldenBinaryError, 2, "byte 8 is NUL"),
        (b"\x00" * 4096, errors.GoldenBinaryError, 1, "byte 0 is NUL"),
        ('{"a": 1}'.encode("utf-16"), errors.GoldenEncodingError, 1, "UTF-16"),
        ('{"a": 1}'.encode("utf-16-le"), errors.GoldenEncodingError, 1, "UTF-16"),
        ('{"a": 1}'.encode("utf-16-be"), errors.GoldenEncodingError, 1, "UTF-16"),
        ('{"a": 1}'.encode("utf-32"), errors.GoldenEncodingError, 1, "UTF-32"),
        ('{"a": 1}'.encode("utf-8-sig"), errors.GoldenEncodingError, 1, "byte order mark"),
        (b'{"a":\n "caf\xe9"}', errors.GoldenEncodingError, 2, "byte 11 (0xe9)"),
        (b'"\xed\xa0\x80"', errors.GoldenEncodingError, 1, "byte 1 (0xed)"),
        (b'["ok",\n"\\ud800"]', errors.GoldenEncodingError, 2, "\\ud800"),
        (b'"\\ude00\\ud83d"', errors.GoldenEncodingError, 1, "\\ude00"),
        (b'{"\\uDBFF": 1}', errors.GoldenEncodingError, 1, "\\uDBFF"),
        # merge conflicts
        (
            b'{\n<<<<<<< HEAD\n  "a": 1\n=======\n  "a": 2\n>>>>>>> theirs\n}\n',
            errors.GoldenConflictError, 2, "<<<<<<<",
        ),
        (b'{\r\n  "a": 1\r\n=======\r\n}', errors.GoldenConflictError, 3, "======="),
        (b'{"a": 1}\n>>>>>>> theirs\n', errors.GoldenConflictError, 2, ">>>>>>>"),
        (b'{"a": 1}\n||||||| base\n', errors.GoldenConflictError, 2, "|||||||"),
        (b"<<<<<<< HEAD", errors.GoldenConflictError, 1, "<<<<<<<"),
        # a marker in a string is not what is wrong here
        (b'["<<<<<<< HEAD",\n"=======" 1]', errors.GoldenSyntaxError, 2, "',' or ']'"),
        # a key twice
        (b'{"a": 1,\n"b": 2,\n"a": 1}', errors.GoldenDuplicateKeyError, 3, '"a"'),
        (b'[{"a": 1}, {"a": 1,\n"\\u0061": 2}]', errors.GoldenDuplicateKeyError, 2, '"a"'),
        (b'{"x":{"":1,"":2}}', errors.GoldenDuplicateKeyError, 1, '""'),
        # cut off
        (b'{"a": [1,\n 2', errors.GoldenTruncatedError, 2, "a list that begins on line 1"),
        (b'{"a": 1,\n\n', errors.GoldenTruncatedError, 1, "an object that begins on line 1"),
        (b'{"a"', errors.GoldenTruncatedError, 1, "an object"),
        (b'{"a":', errors.GoldenTruncatedError, 1, "an object"),
        (b'{"a": "text', errors.GoldenTruncatedError, 1, "an object"),
        (b'{"a": "text\n', errors.GoldenTruncatedError, 1, "an object"),
        (b'["\\', errors.GoldenTruncatedError, 1, "a list"),
        (b'["\\u12', errors.GoldenTruncatedError, 1, "a list"),
        (b'["\\ud83d', errors.GoldenTruncatedError, 1, "a list"),
        (b"[tru", errors.GoldenTruncatedError, 1, "a list"),
        (b"[-", errors.GoldenTruncatedError, 1, "a list"),
        (b"[1.", errors.GoldenTruncatedError, 1, "a list"),
        (b"[1.5e-\n", errors.GoldenTruncatedError, 1, "a list"),
        (b"nul", errors.GoldenTruncatedError, 1, "a value"),
        (b'"', errors.GoldenTruncatedError, 1, "a value"),
        # wrong in the middle
        (b'{"a": 1}}', errors.GoldenSyntaxError, 1, "expected the end of the text, found '}'"),
        (b'{"a": 1}\n{"a": 2}', errors.GoldenSyntaxError, 2, "expected the end"),
        (b"[1,\n]", errors.GoldenSyntaxError, 2, "expected a value, found ']'"),
        (b'{"a": 1,}', errors.GoldenSyntaxError, 1, "a key in double quotes, found '}'"),
        (b"{'a': 1}", errors.GoldenSyntaxError, 1, 'found "\'"'),
        (b'{"a" 1}', errors.GoldenSyntaxError, 1, "expected ':'"),
        (b'{"a": 1 "b": 2}', errors.GoldenSyntaxError, 1, "',' or '}'"),
        (b"[1}", errors.GoldenSyntaxError, 1, "',' or ']'"),
        (b"]", errors.GoldenSyntaxError, 1, "expected a value"),
        (b"// comment\n1", errors.GoldenSyntaxError, 1, "found '/'"),
        (b"[01]", errors.GoldenSyntaxError, 1, "expected a value, found '0'"),
        (b"[+1]", errors.GoldenSyntaxError, 1, "found '+'"),
        (b"[True]", errors.GoldenSyntaxError, 1, "True is not JSON"),
        (b'["a\nb"]', errors.GoldenSyntaxError, 1, "line break inside a string"),
        (b'["a\tb"]', errors.GoldenSyntaxError, 1, "U+0009"),
        (b'["\\x41"]', errors.GoldenSyntaxError, 1, "backslash"),
        (b'["\\u12g4"]', errors.GoldenSyntaxError, 1, "backslash"),
        # numbers
        (b"[1,\nNaN]", errors.GoldenSyntaxError, 2, "NaN is not a JSON number"),
        (b"[-Infinity]", errors.GoldenSyntaxError, 1, "-Infinity is not a JSON number"),
        (b"[1e400]", errors.GoldenSyntaxError, 1, "infinity as a float"),
        (b"[" + b"9" * 400 + b".0]", errors.GoldenSyntaxError, 1, "infinity as a float"),
    ],
)  # fmt: skip
def test_refused_with_its_own_error(
    data: bytes, error: type[errors.GoldenFileError], line: int, said: str
) -> None:
    with pytest.raises(errors.GoldenFileError) as caught:
        loads(data, file="a b.golden.json")
    assert type(caught.value) is error
    assert (caught.value.file, caught.value.line) == ("a b.golden.json", line)
    assert said in caught.value.message
    assert caught.value.hint

    with pytest.raises(error) as caught:  # the same text as line 70 of a JSONL file
        loads(data, first_line=70)
    assert caught.value.line == line + 69


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b'{"a": 1', "git checkout -- 'a b.json'"),
        (b"", "--golden-record"),
        (b"<<<<<<< HEAD", "git checkout --ours -- 'a b.json'"),
        (b"\xef\xbb\xbf{}", "without a byte order mark"),
    ],
)
def test_the_hint_is_a_command_that_can_be_pasted(data: bytes, hint: str) -> None:
    with pytest.raises(errors.GoldenFileError) as caught:
        loads(data, file="a b.json")
    assert hint in str(caught.value)


def test_an_error_shows_no_content_but_a_masked_key() -> None:
    token = "ghp_" + "aB3dE5gH7jK9" * 3
    for text in (f'{{"a": {token}}}', f'["x" {token}]', f'{{"{token}": 1, "{token}": 2}}'):
        with pytest.raises(errors.GoldenFileError) as caught:
            loads(text.encode())
        assert token not in str(caught.value)


# limits


def test_size_limit() -> None:
    data = b'"' + b"x" * 98 + b'"'
    assert loads(data, max_bytes=101) == loads(data, max_bytes=100) == "x" * 98
    with pytest.raises(errors.GoldenTooLargeError, match="100 bytes; the limit is 99"):
        loads(data, max_bytes=99)


@pytest.mark.parametrize("max_depth", [0, 1, 2, MAX_DEPTH, 253, 254, 255, 700])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ("[\n", "\n]")])
def test_depth_limit(max_depth: int, opening: str, closing: str) -> None:
    for depth in (max_depth - 1, max_depth):
        if depth >= 0:
            data = nested(depth, opening, closing, "1")
            assert loads(data, max_depth=max_depth) == json.loads(data)
    with pytest.raises(errors.GoldenTooDeepError, match=f"deeper than {max_depth} levels"):
        loads(nested(max_depth + 1, opening, closing, "1"), max_depth=max_depth)


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
@pytest.mark.parametrize("opening", ["[", '{"a":', "[\n", "[[],"])
def test_any_depth_is_an_error_not_a_crash(depth: int, opening: str) -> None:
    with pytest.raises(errors.GoldenTooDeepError):
        loads(opening.encode() * depth)
    with pytest.raises(errors.GoldenTooDeepError):
        loads(nested(depth), max_depth=depth - 1)


def test_a_permitted_depth_beyond_the_call_stack_is_an_error_too() -> None:
    with pytest.raises(errors.GoldenTooDeepError, match="call stack"):
        loads(nested(1_000_000), max_depth=1_000_000)


def test_the_depth_error_names_the_line_where_it_gets_too_deep() -> None:
    with pytest.raises(errors.GoldenTooDeepError) as caught:
        loads(b'{"a": [1, 2],\n"b":\n[[3]]}', max_depth=2)
    assert caught.value.line == 3


def test_the_longest_integer_is_the_one_that_python_reads() -> None:
    limit = sys.get_int_max_str_digits()
    for digits in (limit - 1, limit):
        assert loads(b"-" + b"9" * digits) == -(10**digits) + 1
    with pytest.raises(errors.GoldenSyntaxError, match="4,301 digits") as caught:
        loads(b"[1,\n" + b"9" * (limit + 1) + b"]")
    assert caught.value.line == 2


# anything at all


def refuses_or_agrees(data: bytes) -> None:
    line: int | None = 1
    try:
        value = loads(data, file="f")
    except errors.GoldenFileError as error:
        line = error.line
    else:
        assert exact(value) == exact(json.loads(data))
    assert line is not None
    assert 1 <= line <= data.count(b"\n") + 1


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    refuses_or_agrees(data)


@given(st.text(alphabet='{}[]:,"\\ud8eE+-.019 \t\r\ntrufalsn<=>N\x00é', max_size=60))
def test_any_near_json_is_read_or_refused(text: str) -> None:
    refuses_or_agrees(text.encode())


@given(json_values, st.data())
def test_a_cut_document_is_never_mistaken_for_a_whole_one(value: Any, data: st.DataObject) -> None:
    whole = json.dumps({"value": value}, indent=1).encode()
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    with pytest.raises(errors.GoldenTruncatedError):
        loads(cut)


@given(json_values, st.data())
def test_one_changed_byte_is_read_or_refused(value: Any, data: st.DataObject) -> None:
    whole = bytearray(json.dumps(value).encode())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    refuses_or_agrees(bytes(whole))
