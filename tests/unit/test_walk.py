"""The fast walk against a slow and obvious one: same text, counts and hits, whatever the shapes, whatever the rules."""

from __future__ import annotations

import copy
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aos_workflow.errors import KeySpellingError, ReservedKeyError
from aos_workflow.golden import Rules, canonicalize, shapes
from aos_workflow.golden import rules as rules_module
from aos_workflow.golden.canonical import canonical_json
from aos_workflow.golden.rules import Rule
from aos_workflow.golden.selectors import AnyChild, Deep, Keys, Slice
from aos_workflow.golden.strict_json import loads
from aos_workflow.golden.value_classes import VALUE_CLASSES

GONE = object()


class Reference:
    """Applies rules one value at a time, with no plan, column, cache or number of its own."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules.all
        self.hits = [0] * len(self.rules)
        self.leaves = 0
        self.blind = 0
        self.aliases: dict[tuple[str, str, str], str] = {}
        self.counts: dict[str, int] = {}

    def apply(self, value: Any, path: tuple[Any, ...] = ()) -> Any:
        for number, rule in enumerate(self.rules):
            if not matches(rule, path):
                continue
            if not all(VALUE_CLASSES[name].matches(value) for name in rule.value_classes):
                continue
            new = self._act(rule, value, path)
            if new is not NotImplemented:
                self.hits[number] += 1
                return new
        return self._below(value, path)

    def _below(self, value: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(value, dict):
            names = sorted(value, key=lambda key: key.encode("utf-16-be"))
            items = {name: self.apply(value[name], (*path, (name, None))) for name in names}
            return {name: item for name, item in items.items() if item is not GONE}
        if isinstance(value, list):
            new = [self.apply(item, (*path, (i, len(value)))) for i, item in enumerate(value)]
            return [item for item in new if item is not GONE]
        self.leaves += 1
        return value

    def _act(self, rule: Rule, value: Any, path: tuple[Any, ...]) -> Any:
        if rule.action == "keep":
            return self._below(value, path)
        if rule.action == "strip":
            self._drop(value, blind=True)
            return GONE
        if rule.action == "mask":
            if not rule.value_classes and value is None:
                return NotImplemented
            checked = set(rule.value_classes) - {"any", "string", "integer", "number", "boolean"}
            self._drop(value, blind=not checked)
            return f"<{[json_type(value), *rule.value_classes][-1]}>"
        if rule.action == "alias":
            return self._alias(["id", *rule.value_classes][-1], value)
        if rule.action == "round":
            if isinstance(value, bool) or not isinstance(value, int | float):
                return NotImplemented
            self.leaves += 1
            return round(float(value), int(rule.argument or 0))
        if rule.action == "sort":
            if not isinstance(value, list):
                return NotImplemented
            return sorted(self._below(value, path), key=rfc8785.dumps)
        if rule.action == "hash":
            outside = self.aliases, self.counts
            self.aliases, self.counts = {}, {}
            text = rfc8785.dumps(self._below(value, path))
            self.aliases, self.counts = outside
            return f"<sha256:{hashlib.sha256(text).hexdigest()}>"
        raise AssertionError(rule)

    def _alias(self, name: str, value: Any) -> Any:
        if not isinstance(value, int | float | str) or isinstance(value, bool):
            return NotImplemented
        self.leaves += 1
        spelled = value if isinstance(value, str) else rfc8785.dumps(value).decode()
        key = (name, "text" if isinstance(value, str) else "number", spelled)
        if key not in self.aliases:
            self.counts[name] = self.counts.get(name, 0) + 1
            self.aliases[key] = f"<{name}#{self.counts[name]}>"
        return self.aliases[key]

    def _drop(self, value: Any, *, blind: bool) -> None:
        self.leaves += leaves_of(value)
        self.blind += leaves_of(value) if blind else 0


def matches(rule: Rule, path: tuple[Any, ...]) -> bool:
    def step(segments: Any, parts: Any) -> bool:
        if not segments:
            return not parts
        match segments[0]:
            case Deep():
                return any(step(segments[1:], parts[i:]) for i in range(len(parts) + 1))
            case AnyChild():
                return bool(parts) and step(segments[1:], parts[1:])
            case Keys(names):
                return bool(parts) and parts[0][0] in names and step(segments[1:], parts[1:])
            case Slice() as span:
                if not parts or not isinstance(parts[0][0], int):
                    return False
                return span.holds(*parts[0]) and step(segments[1:], parts[1:])
        raise AssertionError(segments)

    return step(rule.selector.segments, path)


def leaves_of(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(leaves_of, value.values()))
    return sum(map(leaves_of, value)) if isinstance(value, list) else 1


def json_type(value: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object"}
    return kinds.get(type(value), "array")


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-100, 100)
    | st.floats(-1e6, 1e6, allow_nan=False)
    | st.sampled_from(
        [
            0.0,
            1.0,
            -3.0,
            1e-7,
            1e16,
            1e22,
            2.0**53,
            "",
            "text",
            "2026-01-01T00:00:00Z",
            "a-1",
            "b-2",
            12.5,
        ]
    )
)
names = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "at",
        "run_id",
        "duration_ms",
        "started_at",
        "id",
        "items",
        "\U0001f600",
        "\ufb33",
    ]
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=5),
    max_leaves=20,
)


@st.composite
def tables(draw: st.DrawFn) -> Any:
    """Lists of dicts that are alike, or nearly, in numbers around every threshold of the walk."""
    count = draw(st.sampled_from([1, 7, 8, 9, 63, 64, 65, 128, 129, 200]))
    pool = draw(st.lists(st.dictionaries(names, values, max_size=4), min_size=1, max_size=3))
    odd = draw(st.integers(0, count))
    rows = [
        copy.deepcopy(pool[(i * 7) % len(pool)] if i % 5 == odd % 5 else pool[0])
        for i in range(count)
    ]
    for i, row in enumerate(rows):
        if "run_id" in row:
            row["run_id"] = f"run-{i % 11}"
        if "c" in row and draw(st.booleans()) and i < 4:
            row["c"] = draw(scalars)
    return rows


documents = values | st.dictionaries(names, tables() | values, max_size=3) | tables()
rule_pool = [
    ".**.at: mask timestamp",
    ".**.id: alias",
    ".**.a: strip",
    ".a: keep",
    ".**.b:number: round 2",
    ".items[*].c: mask",
    ".items[0]: strip",
    ".items[-1].b: mask any",
    ".**.items[1:3]: keep",
    ".**.c:timestamp: mask",
    ".**:integer: alias integer",
    ".*.b: alias",
    '["\\ud83d\\ude00"]: strip',
    ".**.{b,c}: mask number",
    ".**.c: hash",
    ".items[*]: hash",
    ".**.run_id: mask",
    ".**.{a,b,c}: keep",
    ".**.started_at:any: mask timestamp",
]
rule_sets = st.tuples(
    st.lists(st.sampled_from(rule_pool), max_size=4, unique=True),
    st.sampled_from(["none", "aos-default/1"]),
).map(lambda drawn: Rules.of(drawn[0], base=drawn[1]))


def _check(value: Any, rules: Rules) -> None:
    before = copy.deepcopy(value)
    reference = Reference(rules)
    expected = reference.apply(copy.deepcopy(value))
    text = b"null" if expected is GONE else rfc8785.dumps(expected)
    for found in (canonicalize(value, rules), canonical_json(value, rules)):
        assert found.text == text
        assert found.hash == hashlib.sha256(text).hexdigest()
        assert (found.leaves, found.blind) == (reference.leaves, reference.blind)
        assert list(found.hits) == reference.hits
    assert value == before
    assert json.dumps(value) == json.dumps(before)


@pytest.fixture(params=[False, True], ids=["interpreted", "compiled"])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time, a function is written for every shape that comes twice."""
    if request.param:
        monkeypatch.setattr(shapes, "_HOT", 1)
        monkeypatch.setattr(shapes, "_SAMPLES", 1)
    rules_module._automaton.cache_clear()


@given(documents, rule_sets)
@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.usefixtures("compiled")
def test_the_walk_agrees_with_the_reference(value: Any, rules: Rules) -> None:
    _check(value, rules)


# Sorting and aliasing together is more than the reference can do: it numbers before it sorts.
@given(documents, st.sampled_from([".**.items: sort", ".: sort", ".**: sort", ".*[1:]: sort"]))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.usefixtures("compiled")
def test_a_walk_that_sorts_agrees_with_the_reference(value: Any, rule: str) -> None:
    _check(value, Rules.of([rule, ".**.started_at: mask timestamp", ".**.a: strip"], base="none"))


@pytest.mark.slow
@given(documents, rule_sets)
@settings(
    max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@pytest.mark.usefixtures("compiled")
def test_the_walk_agrees_with_the_reference_20_000_times(value: Any, rules: Rules) -> None:
    _check(value, rules)


def test_what_a_shape_was_once_does_not_decide_what_it_is() -> None:
    """One set of keys with every mixture of types, often enough that the shape is compiled in between."""
    rules = Rules.of([".**.b:number: round 1"])
    kinds: list[Any] = [
        1,
        1.0,
        1.25,
        "x",
        None,
        True,
        [1.0],
        {"b": 2.55},
        [],
        {},
        1e22,
        "2026-01-01T00:00:00Z",
    ]
    for turn in range(40):
        for i in range(len(kinds)):
            row = {
                "a": kinds[(i + turn) % len(kinds)],
                "b": kinds[i],
                "started_at": kinds[(i * 5) % len(kinds)],
            }
            _check(row, rules)
            _check([row] * 9, rules)


def test_keys_that_are_equal_to_texts_but_are_none_do_not_pass_for_them() -> None:
    class Name(str):
        pass

    assert canonicalize({"a": 1.0}).text == canonicalize({Name("a"): 1.0}).text == b'{"a":1}'
    for _ in range(30):
        canonicalize([{"1": 1}, {"1": 2}])
    for key in (1, True, 1.0, None, ("1",)):
        with pytest.raises(KeySpellingError):
            canonicalize([{key: 1}] * 9)
    assert canonicalize({1: "x"}, Rules.of(keys="text")).text == b'{"1":"x"}'
    with pytest.raises(KeySpellingError, match="both spelled '1'"):
        canonicalize({1: "x", "1": "y"}, Rules.of(keys="text"))


@pytest.mark.usefixtures("compiled")
def test_tuples_are_lists() -> None:
    rows = [{"a": (1, 2.0, {"started_at": "2026-01-01T00:00:00Z"}), "b": ((1, 2), [])}] * 20
    plain = json.loads(json.dumps(rows))
    assert canonicalize(rows).text == canonicalize(plain).text
    assert canonicalize(rows).hits == canonicalize(plain).hits


@pytest.mark.usefixtures("compiled")
def test_shapes_that_differ_in_one_key_are_told_apart() -> None:
    """Every guess which shape comes next is wrong here, in every way."""
    rules = Rules.of([".**.at: mask timestamp", ".**.id: alias"], base="none")
    at = "2026-01-01T00:00:00Z"
    rows = [
        {"id": "a", "at": at, "z": 1},
        {"id": "a", "as": at, "z": 1},
        {"ie": "b", "at": at, "z": 1.0},
        {"id": "b", "at": at},
        {"z": 1, "at": at, "id": "c"},
        {"id": {"id": "c"}, "at": {"at": at}, "z": {"z": 2.0}},
        {"id": [], "at": [at], "z": {}},
        {},
    ]
    for turn in range(6):
        shuffled = [rows[(i * 3 + turn) % len(rows)] for i in range(40)]
        _check({"rows": shuffled, "row": rows[turn], **rows[-turn - 1]}, rules)


@pytest.mark.usefixtures("compiled")
def test_a_shape_met_in_trusted_data_is_not_trusted_elsewhere() -> None:
    for _ in range(5):
        assert canonical_json({"a": {"$aos.set": [1]}}).text == b'{"a":{"$aos.set":[1]}}'
        assert canonicalize({"a": {1}}, Rules.of(base="none")).text == b'{"a":{"$aos.set":[1]}}'
        with pytest.raises(ReservedKeyError):
            canonicalize({"a": {"$aos.set": [1]}}, Rules.of(base="none"))


@pytest.mark.usefixtures("compiled")
def test_keys_and_classes_never_become_code() -> None:
    evil = {"'": 1, '"""': 2, "\\": 3, "\n    raise SystemExit": 4, "{i}": 5, "#": 6, "key0": 7.0}
    for _ in range(5):
        _check([evil, {key: {key: "x"} for key in evil}] * 3, Rules.of(['.**["#"]: mask integer']))


def test_threads_may_share_everything() -> None:
    """What is remembered of shapes is shared by all walks under like rules."""
    rules = Rules.of([".**.k3: mask"], base="none")
    kinds: list[Any] = [1, 2.0, "x", None, [1.0, {"k1": 2.0}], {"k2": {"k3": 3.5}}]
    values = [
        {f"k{i}": kinds[(i * n) % len(kinds)] for i in range(n % 7)}
        | {"rows": [{"k1": kinds[n % 6]}] * 9}
        for n in range(600)
    ]
    expected = [canonicalize(value, rules).hash for value in values]
    rules_module._automaton.cache_clear()
    again = Rules.of([".**.k3: mask"], base="none")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda value: canonicalize(value, again).hash, values * 4))
    assert found == expected * 4


def test_many_shapes_and_wide_tables_are_no_trouble() -> None:
    wide = {f"k{i}": float(i) for i in range(3000)}
    many = [{f"k{i}": 1.0, "run_id": f"r{i}"} for i in range(5000)]
    found = loads(canonicalize({"wide": wide, "many": many}).text)
    assert found["wide"]["k7"] == 7
    assert found["many"][4999] == {"k4999": 1, "run_id": "<id#5000>"}
