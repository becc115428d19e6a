"""Reading JSON from files that nobody vouches for: exactly what is there, or a distinct error.

Three paths, from fast to careful:

1. orjson reads the bytes and writes the result again. The same bytes prove that nothing was lost:
   a repeated key would be missing, an integer beyond 64 bits would have turned into a float.
   Everything we write takes this path.
2. Otherwise the standard library reads, with a check for repeated keys.
3. If that fails, or orjson found fault, :class:`_Scanner` finds the first thing that is wrong.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from math import isinf
from typing import Any, NoReturn, TypeAlias

import orjson

from aos_workflow import errors
from aos_workflow.golden.limits import MAX_DEPTH, MAX_FILE_BYTES
from aos_workflow.golden.secret_scan import redact

__all__ = ["loads", "loads_canonical"]

_WHITE = b" \t\r\n"
_CONFLICT = re.compile(rb"^(?:<{7}|={7}|>{7}|\|{7})", re.MULTILINE)
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "UTF-8 with a byte order mark"),
    (b"\xff\xfe", "UTF-16 or UTF-32"),
    (b"\xfe\xff", "UTF-16"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
)
_SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ", "xz data"),
    (b"%PDF-", "a PDF document"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def loads(
    data: bytes,
    *,
    file: str = "",
    first_line: int = 1,
    max_bytes: int = MAX_FILE_BYTES,
    max_depth: int = MAX_DEPTH,
) -> Any:
    """The JSON value that ``data`` spells, with every digit of its integers.

    ``file`` and ``first_line`` only serve the errors; ``first_line`` lets one line of a JSONL file
    be read by itself. A list in a list has depth 2. CRLF and white space around it are fine.

    Raises:
        GoldenTooLargeError: more than ``max_bytes``.
        GoldenEmptyError: nothing, or only white space.
        GoldenBinaryError: a NUL byte, or the signature of a known binary format.
        GoldenForeignError: a pointer of Git LFS.
        GoldenEncodingError: a byte order mark, UTF-16, not UTF-8, or an escaped lone surrogate.
        GoldenConflictError: merge markers; carries the line of the first.
        GoldenTooDeepError: nested deeper than ``max_depth``.
        GoldenDuplicateKeyError: an object holds a key twice; carries the line of the second.
        GoldenTruncatedError: the end is missing.
        GoldenSyntaxError: not JSON in another way, also NaN and numbers beyond a float's range.
    """
    if len(data) <= max_bytes:
        try:
            value = orjson.loads(data)
            if _is_within_depth(value, max_depth):
                if _spells_itself(value, data):
                    return value
                return json.loads(data, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            pass
    return _read_slowly(_Source(data, file, first_line), max_bytes, max_depth)


def loads_canonical(text: bytes) -> Any:
    """The value of a canonical text that this process wrote or has verified; three times as fast as :func:`loads`."""
    value = orjson.loads(text)
    return value if orjson.dumps(value) == text else loads(text, max_bytes=len(text))


def _is_within_depth(value: Any, limit: int) -> bool:
    """Level by level, so that no depth can exhaust the stack."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        level = [
            item
            for container in level
            for item in (container.values() if type(container) is dict else container)
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return True
    return not level


def _spells_itself(value: Any, data: bytes) -> bool:
    """Whether orjson writes ``value`` as the very bytes it was read from, line ends aside."""
    body = data.strip(_WHITE)
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 if b"\n" in body else None) == body
    except orjson.JSONEncodeError:  # deeper than orjson writes
        return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _read_slowly(source: _Source, max_bytes: int, max_depth: int) -> Any:
    """The error; or the value, for what only orjson refuses: a huge integer, a great depth."""
    source.check_size(max_bytes)
    source.check_is_text()
    text = source.decode()
    _Scanner(source, text, max_depth).run()
    try:
        return json.loads(text)
    except RecursionError:
        source.fail(errors.GoldenTooDeepError, "nested deeper than the call stack allows")
    except ValueError:
        source.fail(errors.GoldenSyntaxError, "not JSON that Python can read")


class _Source:
    """The bytes of a file and where they come from; builds the errors."""

    def __init__(self, data: bytes, file: str, first_line: int) -> None:
        self.data = data
        self.file = file
        self.first_line = first_line

    def fail(
        self,
        error: type[errors.GoldenFileError],
        message: str,
        *,
        lines_before: int = 0,
        hint: str | None = None,
    ) -> NoReturn:
        name = shlex.quote(self.file) if self.file else "FILE"
        if self.file == "<stdin>":
            hint = "look at what is piped in"
        hint = hint or "restore it with `git checkout -- {name}`, or re-record with --golden-record"
        line = self.first_line + lines_before
        raise error(message, file=self.file, line=line, hint=hint.replace("{name}", name)) from None

    def check_size(self, max_bytes: int) -> None:
        if len(self.data) > max_bytes:
            self.fail(
                errors.GoldenTooLargeError,
                f"{len(self.data):,} bytes; the limit is {max_bytes:,}",
                hint="record less, or keep only the digest of large content (rule: hash)",
            )

    def check_is_text(self) -> None:
        """In this order, because each would also be the next."""
        data = self.data
        if not data or data.isspace():
            self.fail(errors.GoldenEmptyError, "empty" if not data else "nothing but white space")
        for signature, name in _BYTE_ORDER_MARKS:
            if data.startswith(signature):
                self._fail_encoding(f"{name} (byte 0), expected plain UTF-8")
        for signature, name in _SIGNATURES:
            if data.startswith(signature):
                self.fail(errors.GoldenBinaryError, f"this is {name}, not JSON")
        if data.startswith(_LFS_POINTER):
            self.fail(
                errors.GoldenForeignError,
                "a pointer of Git LFS stands where the file must be: its content was not fetched",
                hint="git lfs pull",
            )
        nul = data.find(b"\0")
        if nul in (0, 1) and [byte == 0 for byte in data[nul : nul + 3]] == [True, False, True]:
            self._fail_encoding(f"UTF-16 (byte {nul} is NUL), expected UTF-8")
        if nul >= 0:
            before = data.count(b"\n", 0, nul)
            self.fail(errors.GoldenBinaryError, f"binary: byte {nul} is NUL", lines_before=before)
        conflict = _CONFLICT.search(data)
        if conflict:
            self.fail(
                errors.GoldenConflictError,
                f"unresolved merge conflict: {conflict[0].decode()}",
                lines_before=data.count(b"\n", 0, conflict.start()),
                hint="take one side with `git checkout --ours -- {name}` (or --theirs), "
                "or re-record with --golden-record",
            )

    def _fail_encoding(self, message: str, *, lines_before: int = 0) -> NoReturn:
        self.fail(
            errors.GoldenEncodingError,
            message,
            lines_before=lines_before,
            hint="save it as UTF-8 without a byte order mark, "
            "or restore it with `git checkout -- {name}`",
        )

    def decode(self) -> str:
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            at = error.start
            before = self.data.count(b"\n", 0, at)
            self._fail_encoding(
                f"byte {at} (0x{self.data[at]:02x}) is not UTF-8", lines_before=before
            )


_SPACE = re.compile(r"[ \t\n\r]*")
_TEXT = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+')
_CUT_ESCAPE = re.compile(r"(?:\\(?:u[0-9a-fA-F]{0,3})?)?[ \t\n\r]*")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F]..)|.)"
)
_BARE = re.compile(r'[^ \t\n\r,:"\[\]{}]*')
_NUMBER = re.compile(r"-?(?P<whole>0|[1-9][0-9]*)(?P<real>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_CUT_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:(?<=[0-9])[eE][+-]?)?)?")
_LITERALS = ("true", "false", "null")
_NOT_FINITE = ("NaN", "Infinity", "-Infinity", "nan", "inf", "-inf")
_PYTHON = ("True", "False", "None", "undefined")

_Step: TypeAlias = "tuple[Callable[[str, int], _Step], int]"
"""What reads the next token, and where; it gets the first character of the token and the place."""


class _Scanner:
    """Raises for the first place where a text is not JSON as we accept it; passes if there is none.

    Pure Python at some MB/s with a stack of its own: for texts that are known to be unusual.
    """

    def __init__(self, source: _Source, text: str, max_depth: int) -> None:
        self.source = source
        self.text = text
        self.max_depth = max_depth
        self.open: list[tuple[int, set[str] | None]] = []  # where, and the keys if it is an object

    def run(self) -> None:
        expect: Callable[[str, int], _Step] = self._value
        at = self._skip(0)
        while at < len(self.text):
            expect, at = expect(self.text[at], at)
            at = self._skip(at)
        if self.open or expect == self._value:
            self._cut_off()

    def _value(self, mark: str, at: int) -> _Step:
        if mark == "{":
            return self._enter(at, set())
        if mark == "[":
            return self._enter(at, None)
        if mark == '"':
            return self._next, self._string(at)
        return self._next, self._bare(at)

    def _enter(self, at: int, keys: set[str] | None) -> _Step:
        self.open.append((at, keys))
        if len(self.open) > self.max_depth:
            self._fail(
                at,
                f"nested deeper than {self.max_depth} levels",
                errors.GoldenTooDeepError,
                hint="record a flatter value, or strip the deep part with a rule",
            )
        return (self._first_item if keys is None else self._first_key), at + 1

    def _first_item(self, mark: str, at: int) -> _Step:
        return self._close(at) if mark == "]" else self._value(mark, at)

    def _first_key(self, mark: str, at: int) -> _Step:
        return self._close(at) if mark == "}" else self._key(mark, at)

    def _close(self, at: int) -> _Step:
        self.open.pop()
        return self._next, at + 1

    def _key(self, mark: str, at: int) -> _Step:
        if mark != '"':
            self._unexpected(at, "a key in double quotes")
        end = self._string(at)
        key: str = json.loads(self.text[at:end])
        keys = self.open[-1][1]
        assert keys is not None
        if key in keys:
            shown = json.dumps(redact(key), ensure_ascii=False)
            shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
            self._fail(
                at, f"the key {shown} occurs twice in one object", errors.GoldenDuplicateKeyError
            )
        keys.add(key)
        return self._colon, end

    def _colon(self, mark: str, at: int) -> _Step:
        if mark != ":":
            self._unexpected(at, "':'")
        return self._value, at + 1

    def _next(self, mark: str, at: int) -> _Step:
        if not self.open:
            self._unexpected(at, "the end of the text")
        is_object = self.open[-1][1] is not None
        if mark == ",":
            return (self._key if is_object else self._value), at + 1
        if mark == ("}" if is_object else "]"):
            return self._close(at)
        self._unexpected(at, "',' or '}'" if is_object else "',' or ']'")

    def _string(self, at: int) -> int:
        found = _TEXT.match(self.text, at)
        assert found is not None
        end = found.end()
        if self.text[end : end + 1] != '"':
            self._fail_string(end)
        if "\\u" in found[0]:
            for escape in _ESCAPE.finditer(self.text, at, end):
                if escape["lone"]:
                    message = f"the lone surrogate {escape[0]} is not a character"
                    self._fail(
                        escape.start(),
                        message,
                        errors.GoldenEncodingError,
                        hint="something cut a text inside a character; re-record it",
                    )
        return end + 1

    def _fail_string(self, at: int) -> NoReturn:
        mark = self.text[at : at + 1]
        if _CUT_ESCAPE.fullmatch(self.text, at):
            self._cut_off()
        if mark in "\r\n":
            self._fail(at, "a line break inside a string; expected '\"' before it")
        if mark == "\\":
            self._fail(at, "a backslash that starts no JSON escape")
        self._fail(at, f"the control character U+{ord(mark):04X} unescaped inside a string")

    def _bare(self, at: int) -> int:
        found = _BARE.match(self.text, at)
        assert found is not None
        word, end = found[0], found.end()
        number = _NUMBER.fullmatch(word)
        if number:
            self._check_range(at, word, is_whole=not number["real"])
        elif word not in _LITERALS:
            self._fail_bare(word, at, end)
        return end

    def _check_range(self, at: int, word: str, *, is_whole: bool) -> None:
        digits, limit = len(word.lstrip("-")), sys.get_int_max_str_digits()
        if is_whole and 0 < limit < digits:
            self._fail(at, f"an integer of {digits:,} digits; Python reads at most {limit:,}")
        if not is_whole and isinf(float(word)):
            self._fail(at, "a number that is infinity as a float")

    def _fail_bare(self, word: str, at: int, end: int) -> NoReturn:
        is_last = bool(word) and self._skip(end) == len(self.text)
        is_cut = any(x.startswith(word) for x in _LITERALS) or _CUT_NUMBER.fullmatch(word)
        if is_last and is_cut:
            self._cut_off()
        if word in _NOT_FINITE:
            self._fail(at, f"{word} is not a JSON number; expected a finite one")
        if word in _PYTHON:
            self._fail(at, f"{word} is not JSON; expected true, false or null")
        self._unexpected(at, "a value")

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        assert found is not None
        return found.end()

    def _unexpected(self, at: int, expected: str) -> NoReturn:
        """Shows one character only: what stands here may be part of a secret."""
        self._fail(at, f"expected {expected}, found {self.text[at]!r}")

    def _cut_off(self) -> NoReturn:
        end = len(self.text.rstrip())
        inside = "a value"
        if self.open:
            start, keys = self.open[-1]
            kind = "a list" if keys is None else "an object"
            inside = f"{kind} that begins on line {self._line(start)}"
        self._fail(end, f"the text ends inside {inside}", errors.GoldenTruncatedError)

    def _line(self, at: int) -> int:
        return self.source.first_line + self.text.count("\n", 0, at)

    def _fail(
        self,
        at: int,
        message: str,
        error: type[errors.GoldenFileError] = errors.GoldenSyntaxError,
        *,
        hint: str | None = None,
    ) -> NoReturn:
        before = self.text.count("\n", 0, at)
        self.source.fail(error, message, lines_before=before, hint=hint)
