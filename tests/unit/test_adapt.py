"""How Python values are spelled, and which have no spelling."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import numpy as np
import pandas as pd
import pydantic
import pytest

from aos_workflow import errors
from aos_workflow.golden.canonical import canonical_bytes, canonical_json, canonicalize
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.rules import NO_RULES, Rules
from aos_workflow.golden.strict_json import loads


class Colour(Enum):
    RED = "red"
    NESTED = ("a", 1.0)


class Level(IntEnum):
    LOW = 1


class Mood(StrEnum):
    GOOD = "good"


class Access(Flag):
    READ = 1
    WRITE = 2


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not me"


class Whole(int):
    def __int__(self) -> int:
        return -1


class Real(float):
    def __float__(self) -> float:
        return -1.0


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass(frozen=True)
class Data:
    name: str
    inner: Any = None
    cached: int = dataclasses.field(default=3, init=False, compare=False)


@attrs.frozen
class Attrs:
    name: str
    _hidden: int = 2


class Model(pydantic.BaseModel):
    name: str = pydantic.Field(alias="theName", default="n")
    at: datetime = datetime(2026, 1, 1)
    inner: Data | None = None
    secret: str = pydantic.Field(default="s3cret", exclude=True)


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int


class Root(pydantic.RootModel[list[int]]):
    pass


class OwnMapping(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        return {"b": 1, "a": 2}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("b", "a"))

    def __len__(self) -> int:
        return 2


def digest(data: bytes) -> dict[str, Any]:
    return {
        "$aos.bytes": {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()},
    }


UUID_TEXT = "0b7f4a3e-43a1-4c8e-9d4b-3f6f4b7a1c2d"
PLUS2 = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # subclasses of the JSON types
        (Text("x"), "x"),
        (Whole(7), 7),
        (Real(2.5), 2.5),
        (Level.LOW, 1),
        (Mood.GOOD, "good"),
        (collections.OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        ({Text("k"): 1, Mood.GOOD: 2}, {"k": 1, "good": 2}),
        # mappings and sequences
        (OwnMapping(), {"a": 2, "b": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (collections.UserDict(a=1), {"a": 1}),
        ((1, (2,)), [1, [2]]),
        (Point(1, 2), [1, 2]),
        (collections.deque([1, 2], maxlen=5), [1, 2]),
        # sets
        (set(), {"$aos.set": []}),
        ({3, 20, "a", None}, {"$aos.set": ["a", 20, 3, None]}),
        (frozenset({(1, 2), (1,)}), {"$aos.set": [[1, 2], [1]]}),
        ({frozenset({2, 1})}, {"$aos.set": [{"$aos.set": [1, 2]}]}),
        # bytes
        (b"", digest(b"")),
        (b"abc", digest(b"abc")),
        (bytearray(b"abc"), digest(b"abc")),
        (memoryview(b"abc"), digest(b"abc")),
        # classes with fields
        (Data("n", Data("m")), {"name": "n", "cached": 3, "inner": {"name": "m", "inner": None, "cached": 3}}),
        (Attrs("n"), {"name": "n", "_hidden": 2}),
        (Model(theName="x"), {"name": "x", "at": "2026-01-01T00:00:00", "inner": None}),
        (
            Model(inner=Data("d")),
            {
                "name": "n",
                "at": "2026-01-01T00:00:00",
                "inner": {"name": "d", "inner": None, "cached": 3},
            },
        ),
        (Open(a=1, b={2}), {"a": 1, "b": {"$aos.set": [2]}}),
        (Root([1, 2]), {"root": [1, 2]}),
        # enums
        (Colour.RED, "red"),
        (Colour.NESTED, ["a", 1]),
        (Access.READ | Access.WRITE, 3),
        # text forms
        (Decimal("1.50"), "1.50"),
        (Decimal("NaN"), "NaN"),
        (UUID(UUID_TEXT), UUID_TEXT),
        (PurePosixPath("a/b"), "a/b"),
        (PureWindowsPath(r"a\b"), "a/b"),
        (Path("x"), "x"),
        # time
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        (datetime(2026, 1, 2, 3, 4, 5, 6), "2026-01-02T03:04:05.000006"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (datetime(2026, 1, 2, tzinfo=PLUS2), "2026-01-02T00:00:00+02:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (time(3, 4, tzinfo=UTC), "03:04:00Z"),
        (timedelta(seconds=90, milliseconds=500), "PT90.5S"),
        (timedelta(days=1), "PT86400S"),
        (timedelta(microseconds=-1), "-PT0.000001S"),
        (timedelta(0), "PT0S"),
        # numpy
        (np.int64(5), 5),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.datetime64("2026-01-02T03:04:05"), "2026-01-02T03:04:05"),
        (np.datetime64(1, "ns"), "1970-01-01T00:00:00.000000001"),
        (np.datetime64("NaT"), "NaT"),
        (np.timedelta64(90_500, "ms"), "PT90.5S"),
        (np.timedelta64(1, "ns"), "PT0.000000001S"),
        (np.timedelta64("NaT"), "NaT"),
        (
            np.array([[1, 2], [3, 4]], dtype=np.int16),
            {"$aos.ndarray": {"data": [[1, 2], [3, 4]], "dtype": "int16", "shape": [2, 2]}},
        ),
        (np.array(1.5), {"$aos.ndarray": {"data": 1.5, "dtype": "float64", "shape": []}}),
        (np.zeros((0, 2)), {"$aos.ndarray": {"data": [], "dtype": "float64", "shape": [0, 2]}}),
        # pandas
        (pd.Timestamp("2026-01-02T03:04:05.000000001"), "2026-01-02T03:04:05.000000001"),
        (pd.Timestamp("2026-01-02", tz="UTC"), "2026-01-02T00:00:00Z"),
        (pd.Timedelta(nanoseconds=1), "PT0.000000001S"),
        (pd.Timedelta(nanoseconds=-1), "-PT0.000000001S"),
        (
            pd.Series([1, 2], index=["a", "b"], name="s"),
            {"$aos.series": {"data": [1, 2], "dtype": "int64", "index": ["a", "b"], "name": "s"}},
        ),
        (
            pd.DataFrame({"a": [1, 2], "b": [0.5, 2.0]}),
            {
                "$aos.dataframe": {
                    "columns": ["a", "b"],
                    "data": [[1, 0.5], [2, 2]],
                    "dtypes": ["int64", "float64"],
                    "index": [0, 1],
                }
            },
        ),
    ],
)  # fmt: skip
def test_every_documented_type_has_its_spelling(value: Any, expected: Any) -> None:
    for wrapped, spelled in ((value, expected), ({"v": [value]}, {"v": [expected]})):
        text = canonical_bytes(wrapped)
        assert json.loads(text) == spelled
        assert text == canonical_bytes(spelled if b"$aos." not in text else wrapped)
        assert canonical_json(loads(text)).text == text


def test_an_array_is_not_a_list() -> None:
    assert canonical_bytes(np.array([1, 2])) != canonical_bytes([1, 2])
    assert canonical_bytes({1, 2}) != canonical_bytes([1, 2])
    assert canonical_bytes(b"ab") != canonical_bytes("ab")


def test_a_rule_sees_the_adapted_value() -> None:
    value = {"timestamp": datetime(2026, 1, 1), "duration": np.float64(2.0), "pid": Level.LOW}
    expected = b'{"duration":"<duration>","pid":"<pid>","timestamp":"<timestamp>"}'
    assert canonicalize(value).text == expected
    assert canonicalize({"trace_id": UUID(UUID_TEXT), "run_id": UUID_TEXT}).text == (
        b'{"run_id":"<id#1>","trace_id":"<id#1>"}'
    )


def test_a_set_is_in_order_after_the_rules_too() -> None:
    rules = Rules.of([".**.at: mask timestamp"], base="none")
    first = {("b", 1), ("a", 2)}
    assert canonicalize(first, rules).text == b'{"$aos.set":[["a",2],["b",1]]}'
    stamped = [
        {Data("x", f"2026-01-0{a}T00:00:00Z"), Data("y", f"2026-01-0{b}T00:00:00Z")}
        for a, b in ((1, 2), (2, 1))
    ]
    rules = Rules.of([".**.inner: mask timestamp"], base="none")
    assert canonicalize(stamped[0], rules).text == canonicalize(stamped[1], rules).text


@pytest.mark.parametrize("tag", ["set", "bytes", "ndarray", "anything"])
def test_data_from_json_may_use_our_tags(tag: str) -> None:
    for body in ([2, 1], 5, None, {"x": [2.0]}):
        text = json.dumps({f"$aos.{tag}": body}, separators=(",", ":")).replace("2.0", "2")
        assert canonical_json(json.loads(text)).text == text.encode()


SETS = """
import sys
from dataclasses import dataclass
from aos_workflow.golden.canonical import canonicalize
@dataclass(frozen=True)
class Item:
    name: str
    tags: frozenset
words = ["plan", "tool", "cost", "step", "run", "trace", "id", "x", "y", "z"]
print(canonicalize({
    "words": set(words),
    "mixed": {1, "1", 1.5, None, True, ("a", 1), frozenset(words)},
    "items": {Item(word, frozenset(words[:i])) for i, word in enumerate(words)},
    "dict": {word: {word} for word in set(words)},
}).hash)
"""


def test_sets_are_the_same_under_five_hash_seeds() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", SETS],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2", "77", "4294967295")
    }
    assert len(found) == 1


# what has no spelling


@pytest.mark.parametrize(
    ("key", "type_name"),
    [
        (1, "int"),
        (True, "bool"),
        (None, "NoneType"),
        (1.5, "float"),
        ((1,), "tuple"),
        (b"k", "bytes"),
    ],
)
def test_keys_that_are_not_text_are_an_error(key: Any, type_name: str) -> None:
    with pytest.raises(errors.KeySpellingError) as caught:
        canonicalize({"a": [{key: 1}]})
    assert caught.value.path == ".a[0]"
    assert f"is {type_name}, not text" in caught.value.message


def test_keys_may_be_spelled_as_text() -> None:
    rules = Rules.of(base="none", keys="text")
    value = {1: "a", None: "b", False: "c", "d": "d", Level.LOW + 1: "e", 2**70: "f"}
    assert json.loads(canonicalize(value, rules).text) == {
        "1": "a",
        "null": "b",
        "false": "c",
        "d": "d",
        "2": "e",
        str(2**70): "f",
    }
    for key in (1.5, (1,), b"k", Colour.RED):
        with pytest.raises(errors.KeySpellingError, match="not text"):
            canonicalize({key: 1}, rules)


@pytest.mark.parametrize(
    "value",
    [
        {1: "x", "1": "y"},
        {True: 1, "true": 2},
        {None: 1, "null": 2},
        {Mood.GOOD: 1} | {Text("Good".lower()): 2},
    ],
)
def test_two_keys_with_one_spelling_are_an_error(value: dict[Any, Any]) -> None:
    if len(value) == 1:  # equal text is one key already
        assert canonicalize(value, NO_RULES).text == b'{"good":2}'
        return
    with pytest.raises(errors.KeySpellingError, match="two keys are both spelled"):
        canonicalize({"a": value}, Rules.of(keys="text"))


@pytest.mark.parametrize("key", ["$aos.set", "$aos.", "$aos.mine"])
@pytest.mark.parametrize(
    "wrap", [dict, lambda pairs: [dict(pairs)], lambda pairs: {"x": {"y": dict(pairs)}}]
)
def test_our_own_name_space_is_reserved(key: str, wrap: Any) -> None:
    with pytest.raises(errors.ReservedKeyError) as caught:
        canonicalize(wrap([(key, [1])]))
    assert caught.value.path.endswith(f'["{key}"]')
    canonicalize(wrap([("$aos", 1), ("aos.", 2), ("x$aos.", 3)]))


def test_a_pydantic_extra_is_no_way_into_our_name_space() -> None:
    with pytest.raises(errors.ReservedKeyError):
        canonicalize(Open(a=1, **{"$aos.set": [1]}))


def nest(depth: int, kind: str) -> Any:
    """A scalar inside ``depth`` containers."""
    value: Any = 1.0
    for level in range(depth):
        as_dict = kind == "dict" or (kind == "mixed" and level % 2)
        value = {"k": value} if as_dict else ((value,) if kind == "tuple" else [value])
    return value


@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "mixed"])
@pytest.mark.parametrize("plain", [True, False])
def test_the_depth_has_a_limit(kind: str, plain: bool) -> None:
    leaf = [] if plain else [UUID(UUID_TEXT)]  # the adapted path has the same limit
    for depth in (MAX_DEPTH - 1, MAX_DEPTH):
        canonicalize(nest(depth, kind), NO_RULES)
        canonicalize([nest(depth - 1, kind), *leaf], NO_RULES)
    for value in (nest(MAX_DEPTH + 1, kind), [nest(MAX_DEPTH, kind), *leaf]):
        for function in (canonicalize, canonical_json):
            with pytest.raises(errors.DepthError, match=f"nested deeper than {MAX_DEPTH} levels"):
                function(value)


@pytest.mark.parametrize("rows", [1, 2, 8, 64, 200])
@pytest.mark.parametrize("kind", ["list", "dict", "mixed"])
def test_the_depth_limit_holds_in_long_lists_too(rows: int, kind: str) -> None:
    for row in ({"a": 1, "deep": None}, [None]):

        def lists(depth: int, row: Any = row) -> Any:
            deep = nest(depth, kind)
            return [{**row, "deep": deep} if isinstance(row, dict) else [deep]] * rows

        for depth in (MAX_DEPTH - 3, MAX_DEPTH - 2):
            assert canonicalize(lists(depth), NO_RULES).text == canonical_json(lists(depth)).text
        with pytest.raises(errors.DepthError):
            canonicalize(lists(MAX_DEPTH - 1), NO_RULES)


@pytest.mark.parametrize("depth", [10_000, 200_000])
def test_any_depth_is_survived(depth: int) -> None:
    value = nest(depth, "mixed")
    with pytest.raises(errors.DepthError) as caught:
        canonicalize(value)
    assert len(str(caught.value)) < 500
    while isinstance(value, (list, dict)):  # freed step by step, not by one deep recursion
        value = value["k"] if isinstance(value, dict) else value[0]


def test_a_value_that_contains_itself_is_an_error_with_its_path() -> None:
    loop: dict[str, Any] = {"a": [1]}
    loop["a"].append({"b": loop})
    with pytest.raises(errors.DepthError, match="contains itself") as caught:
        canonicalize(loop)
    assert caught.value.path == ".a[1].b"
    assert canonicalize(loop, Rules.of([".a[1].b: strip"])).text == b'{"a":[1,{}]}'
    assert canonicalize(loop, Rules.of([".a: mask"])).text == b'{"a":"<array>"}'


def test_the_same_value_twice_is_no_cycle() -> None:
    shared = {"x": {1}}
    once = {"x": {"$aos.set": [1]}}
    assert json.loads(canonical_bytes([shared, shared, (shared,)])) == [once, once, [once]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), np.float64("nan")])
@pytest.mark.parametrize("rows", [1, 3, 30, 300])
def test_numbers_that_json_has_not_are_an_error_with_their_path(value: float, rows: int) -> None:
    for good in (1.5, 1, None, "x"):
        with pytest.raises(errors.NonFiniteNumberError) as caught:
            canonicalize({"a": [{"b": good, "c": [0.5]}] * rows + [{"b": value, "c": [0.5]}]})
        assert caught.value.path == f".a[{rows}].b"
    with pytest.raises(errors.NonFiniteNumberError) as caught:
        canonicalize([0.5] * rows + [value])
    assert caught.value.path == f"[{rows}]"
    assert str(float(value)) in caught.value.message


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", "\ude00\ud83d"])
def test_lone_surrogates_are_an_error_with_their_path(value: str) -> None:
    for wrapped, path in (
        ({"a": [value]}, ".a[0]"),
        ({"a": {value: 1}}, ".a"),
        ({"a": Text(value)}, ".a"),
        ({"run_id": value}, ".run_id"),
    ):
        with pytest.raises(errors.TextEncodingError, match=r"U\+D") as caught:
            canonicalize(wrapped)
        assert caught.value.path == path


class Opaque:
    pass


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (object(), "object"),
        (Opaque(), f"{__name__}.Opaque"),
        (Opaque, "type"),
        (len, "builtin_function_or_method"),
        (iter([]), "list_iterator"),
        (range(3), "range"),
        (1j, "complex"),
        (np.complex128(1), "complex"),
        (np.longdouble(1), "numpy.longdouble"),
        (np.timedelta64(1, "M"), "numpy.timedelta64"),
        (pd.NA, "NAType"),
        (pydantic.SecretStr("x"), "SecretStr"),
        (NotImplemented, "NotImplementedType"),
    ],
)
def test_an_unknown_type_is_an_error_with_type_and_path(value: Any, type_name: str) -> None:
    with pytest.raises(errors.UnsupportedTypeError) as caught:
        canonicalize({"a": [None, value]})
    assert caught.value.path == ".a[1]"
    assert type_name in caught.value.message
    assert pickle.loads(pickle.dumps(caught.value)).path == ".a[1]"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "."),
        ({"a": Data("x", [object()])}, ".a.inner[0]"),
        ({"a": np.array([None, object()])}, '.a["$aos.ndarray"].data[1]'),
        ({"a": pd.Series([0.5, float("nan")])}, '.a["$aos.series"].data[1]'),
        ({"a": {object()}}, '.a["$aos.set"]'),
        ({"a": {Data("x", (Opaque,))}}, '.a["$aos.set"].inner[0]'),
        ({"odd key": object()}, '["odd key"]'),
    ],
)
def test_an_error_names_the_path(value: Any, path: str) -> None:
    with pytest.raises(errors.CanonicalError) as caught:
        canonicalize(value)
    assert caught.value.path == path


# rules and what has no spelling


NO_SPELLING = [
    object(),
    float("nan"),
    "\ud800",
    {1: 2},
    {"x": object()},
    {object()},
    [float("inf")],
]


@pytest.mark.parametrize("value", NO_SPELLING)
@pytest.mark.parametrize("neighbour", [1, {1}])
def test_a_stripped_value_needs_no_spelling(value: Any, neighbour: Any) -> None:
    """Whether something else in the value has to be adapted makes no difference."""
    rules = Rules.of([".a: strip"], base="none")
    found = canonicalize({"a": value, "b": neighbour}, rules)
    assert found.text == canonicalize({"b": neighbour}, NO_RULES).text
    assert (found.blind, found.leaves, found.hits) == (1, 2, (1,))


@pytest.mark.parametrize("value", NO_SPELLING)
@pytest.mark.parametrize("neighbour", [1, {1}])
@pytest.mark.parametrize("action", ["keep", "hash", "round 1", "sort", "alias", "mask timestamp"])
def test_no_other_rule_hides_a_value_without_spelling(
    value: Any, neighbour: Any, action: str
) -> None:
    with pytest.raises(errors.CanonicalError):
        canonicalize({"a": value, "b": neighbour}, Rules.of([f".a: {action}"], base="none"))


@pytest.mark.parametrize(
    ("value", "placeholder"),
    [
        (float("nan"), "number"),
        ("\ud800", "string"),
        ([object()], "array"),
        ({"x": float("nan")}, "object"),
    ],
)
@pytest.mark.parametrize("neighbour", [1, {1}])
def test_a_mask_without_a_class_drops_what_it_covers(
    value: Any, placeholder: str, neighbour: Any
) -> None:
    found = canonicalize({"a": value, "b": neighbour}, Rules.of([".a: mask"], base="none"))
    assert json.loads(found.text)["a"] == f"<{placeholder}>"
    assert (found.blind, found.leaves) == (1, 2)


# the user's own spelling


def spell_opaque(value: Any) -> Any:
    return {"opaque": {1}} if isinstance(value, Opaque) else NotImplemented


def test_a_custom_adapter_spells_own_types_anywhere() -> None:
    value = {"a": [Opaque()], "b": Data("x", Opaque()), "c": {Opaque()}}
    spelled = {"opaque": {"$aos.set": [1]}}
    assert json.loads(canonicalize(value, NO_RULES, adapter=spell_opaque).text) == {
        "a": [spelled],
        "b": {"name": "x", "inner": spelled, "cached": 3},
        "c": {"$aos.set": [spelled]},
    }


def test_a_custom_adapter_may_replace_plain_values_and_whole_documents() -> None:
    def upper(value: Any) -> Any:
        return value.upper() if isinstance(value, str) else NotImplemented

    assert canonicalize(["a", {"k": "b"}], adapter=upper).text == b'["A",{"k":"B"}]'
    assert canonicalize(1, adapter=lambda value: [] if value == 1 else value).text == b"[]"


def test_a_custom_adapter_that_never_ends_is_stopped() -> None:
    with pytest.raises(errors.DepthError):
        canonicalize(1, adapter=lambda value: [value])
