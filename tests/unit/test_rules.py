"""What rules do to a value, and what they say about themselves."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_workflow.errors import RuleError
from aos_workflow.golden.canonical import Canonical, canonicalize, content_hash
from aos_workflow.golden.rules import DEFAULT_RULES, NO_RULES, VOLATILE_FIELDS, Rule, Rules
from aos_workflow.golden.value_classes import VALUE_CLASSES, ValueClass

T1, T2 = "2026-01-01T00:00:00Z", "2026-06-30T12:34:56.789+02:00"
U1, U2 = "0b7f4a3e-43a1-4c8e-9d4b-3f6f4b7a1c2d", "9d0e2a8c-5b0f-4f0e-8a67-0c1d2e3f4a5b"


def under(value: Any, *rules: str, base: str = "none") -> Canonical:
    return canonicalize(value, Rules.of(rules, base=base))


def text(value: Any, *rules: str, base: str = "none") -> Any:
    """The value as it is after the rules."""
    return json.loads(under(value, *rules, base=base).text)


# parsing


@pytest.mark.parametrize(
    ("rule", "printed"),
    [
        (".a: strip", ".a: strip"),
        ("  .a:strip  ", None),
        (".a:   mask", ".a: mask"),
        (".a: mask timestamp", ".a: mask timestamp"),
        (".a:uuid: strip", ".a:uuid: strip"),
        (".:any: hash", ".:any: hash"),
        (".a: alias", ".a: alias"),
        (".a:\talias\tid ", ".a: alias id"),
        ('["a"][0:1].{c,b}: round 3', ".a[0].{b,c}: round 3"),
        (".a[*]: sort", ".a[*]: sort"),
        (".a.**: keep", ".a.**: keep"),
    ],
)
def test_a_rule_prints_as_it_is_parsed(rule: str, printed: str | None) -> None:
    if printed is None:
        with pytest.raises(RuleError, match="column"):
            Rule.parse(rule)
        return
    parsed = Rule.parse(rule)
    assert str(parsed) == printed
    assert Rule.parse(printed) == parsed


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        ("", 1),
        ("a: strip", 1),
        (".a", 3),
        (".a strip", 3),
        (".a:strip", 9),
        (".a:", 4),
        (".a: ", 4),
        (".a: drop", 4),
        (".a: mask timestamp now", 4),
        (".a: mask time", 10),
        (".a: alias guid", 11),
        (".a:time: mask", 4),
        (".a:mask: mask mask", 4),
        (".a: strip timestamp", 11),
        (".a: sort 1", 10),
        (".a: keep a", 10),
        (".a: hash a", 10),
        (".a: round", 10),
        (".a: round x", 11),
        (".a: round -1", 11),
        (".a: round 16", 11),
        (".a: round ²", 11),
        (".a: round 1.5", 11),
        (".a[: strip", 3),
    ],
)
def test_a_wrong_rule_is_an_error_with_its_column(rule: str, column: int) -> None:
    with pytest.raises(RuleError) as caught:
        Rules.of([rule])
    assert f"column {column}:" in caught.value.message


@pytest.mark.parametrize("rules", [".a: strip", [None], [1], [(".a", "strip")], [[".a: strip"]]])
def test_rules_that_are_no_list_of_texts_are_refused(rules: Any) -> None:
    with pytest.raises(RuleError):
        Rules.of(rules)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(RuleError, match=r"aos-default/2.*known: none, aos-default/1"):
        Rules.of(base="aos-default/2")
    with pytest.raises(RuleError, match="keys must be"):
        Rules.of(keys="repr")  # type: ignore[arg-type]


def test_rules_from_every_form() -> None:
    expected = Rules.of([".a: strip", ".b: mask timestamp"])
    assert Rules.of({".a": "strip", ".b": "mask timestamp"}) == expected
    assert Rules.of([Rule.parse(".a: strip"), ".b: mask timestamp"]) == expected
    assert Rules.of(rule for rule in (".a: strip", ".b: mask timestamp")) == expected
    assert Rules.of(expected) is expected
    assert Rules.of() == Rules.of(None) == Rules.of([]) == DEFAULT_RULES


# which rule


def test_the_first_rule_wins() -> None:
    assert text({"a": T1}, ".a: mask timestamp", ".a: strip") == {"a": "<timestamp>"}
    assert text({"a": T1}, ".a: strip", ".a: mask timestamp") == {}
    assert text({"a": U1}, ".a: alias uuid", ".**: mask string") == {"a": "<uuid#1>"}


def test_the_users_rules_come_before_the_shipped_ones() -> None:
    assert text({"timestamp": T1}, ".timestamp: alias", base="aos-default/1") == {
        "timestamp": "<id#1>"
    }


def test_a_rule_that_does_not_accept_leaves_the_value_to_the_next() -> None:
    rules = (".a: mask timestamp", ".a: round 1", ".a: alias")
    assert text({"a": T1}, *rules) == {"a": "<timestamp>"}
    assert text({"a": 1.26}, *rules) == {"a": 1.3}
    assert text({"a": "x"}, *rules) == {"a": "<id#1>"}
    assert text({"a": None}, *rules) == {"a": None}
    assert under({"a": "x"}, *rules).hits == (0, 0, 1)


def test_keep_exempts_from_later_rules() -> None:
    value = {"timestamp": T1, "a": {"timestamp": T2}}
    kept = under(value, ".a.timestamp: keep", base="aos-default/1")
    assert json.loads(kept.text) == {"timestamp": "<timestamp>", "a": {"timestamp": T2}}
    assert kept.hits[:2] == (1, 1)


def test_keep_on_a_container_keeps_the_container_not_what_is_below() -> None:
    value = {"a": {"timestamp": T1}, "b": {"timestamp": T1}}
    assert text(value, ".a: keep", ".**.b: strip", ".**.timestamp: strip") == {"a": {}}
    assert text(value, ".a.**: keep", ".**.timestamp: strip") == {"a": {"timestamp": T1}, "b": {}}


def test_a_class_limits_the_selector() -> None:
    value = {"a": T1, "b": "soon", "c": U1}
    assert text(value, ".*:timestamp: strip") == {"b": "soon", "c": U1}
    assert text(value, ".*:uuid: hash")["c"].startswith("<sha256:")


def test_selector_class_and_action_class_must_both_accept() -> None:
    value = {"a": U1, "b": T1, "c": "x y"}
    assert text(value, ".*:uuid: mask timestamp") == value
    assert text(value, ".*:uuid: alias id") == {"a": "<id#1>", "b": T1, "c": "x y"}


# the actions


def test_a_mask_still_checks_what_the_value_is() -> None:
    for value in ("soon", "", 5, None, True, [T1], {"a": T1}):
        assert text({"timestamp": value}, base="aos-default/1") == {"timestamp": value}
    assert text({"timestamp": T1}, base="aos-default/1") == {"timestamp": "<timestamp>"}


@pytest.mark.parametrize(
    ("value", "placeholder"),
    [
        ("x", "<string>"),
        (1, "<number>"),
        (1.5, "<number>"),
        (True, "<boolean>"),
        ([1], "<array>"),
        ((1,), "<array>"),
        ({"b": 1}, "<object>"),
        (None, None),
    ],
)
def test_a_mask_without_a_class_keeps_the_type(value: Any, placeholder: str | None) -> None:
    assert text({"a": value}, ".a: mask") == {"a": placeholder}


def test_aliases_are_numbered_by_first_appearance_for_each_class() -> None:
    value = {"a": U2, "b": U1, "c": [U1, U2], "z": {"trace": "t-9", "other": "t-9"}}
    assert text(value, ".{a,b}: alias uuid", ".c[*]: alias uuid", ".z.*: alias id") == {
        "a": "<uuid#1>",
        "b": "<uuid#2>",
        "c": ["<uuid#2>", "<uuid#1>"],
        "z": {"trace": "<id#1>", "other": "<id#1>"},
    }


def test_swapped_ids_are_caught() -> None:
    right = {"run_id": U1, "steps": [{"parent": U1, "trace_id": U1}, {"trace_id": U2}]}
    renamed = {"run_id": U2, "steps": [{"parent": U1, "trace_id": U2}, {"trace_id": U1}]}
    swapped = {"run_id": U1, "steps": [{"parent": U1, "trace_id": U2}, {"trace_id": U1}]}
    assert content_hash(right, DEFAULT_RULES) == content_hash(renamed, DEFAULT_RULES)
    assert content_hash(right, DEFAULT_RULES) != content_hash(swapped, DEFAULT_RULES)


@given(st.randoms(use_true_random=False), st.lists(st.sampled_from("pqrs"), min_size=2))
def test_alias_numbers_do_not_depend_on_the_order_of_insertion(
    shuffler: random.Random, ids: list[str]
) -> None:
    pairs = [(f"k{i}", {"run_id": x, "n": {"span_id": x}}) for i, x in enumerate(ids)]
    expected = canonicalize(dict(pairs)).text
    shuffler.shuffle(pairs)
    mixed = {key: dict(reversed(item.items())) for key, item in pairs}
    assert canonicalize(mixed).text == expected


def test_a_number_and_its_text_have_different_aliases() -> None:
    assert text([7, "7", 7.0, 1e21, 10**21], "[*]: alias") == [
        "<id#1>",
        "<id#2>",
        "<id#1>",
        "<id#3>",
        "<id#4>",
    ]


@pytest.mark.parametrize("value", [True, None, [], {}, ["x"]])
def test_only_texts_and_numbers_have_aliases(value: Any) -> None:
    assert text({"a": value}, ".a: alias") == {"a": value}


@pytest.mark.parametrize("value", ['a"b', "a\\", '\\"', "é\n", "\x00\x01:", "😀", "", "x" * 500])
def test_any_text_can_be_aliased(value: str) -> None:
    found = text([value, "other", value], "[*]: alias")
    assert found == ["<id#1>", "<id#2>", "<id#1>"]


@pytest.mark.parametrize("attempt", range(3))
def test_a_text_that_looks_like_a_mark_is_left_alone(attempt: int) -> None:
    impostors = ["\x00\x01" + "\x02" * n + ":id:sx" for n in range(attempt + 1)]
    value = {"a": "x", "b": impostors, "c": 'x"' + impostors[0]}
    assert text(value, ".a: alias") == {**value, "a": "<id#1>"}
    hashed = text(value, ".a: alias", ".b: hash")
    assert hashed["b"] == f"<sha256:{content_hash(impostors)}>"


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (1.25, 1, "1.2"),
        (1.35, 1, "1.4"),
        (2.0, 2, "2"),
        (7, 2, "7"),
        (1e-9, 3, "0"),
        (-1e-9, 3, "0"),
        (1e22, 2, "1e+22"),
        (123456.789, 0, "123457"),
    ],
)
def test_round(value: float, decimals: int, expected: str) -> None:
    assert under([value], f"[0]: round {decimals}").text == f"[{expected}]".encode()


@pytest.mark.parametrize("value", [True, "1.25", None, [1.25]])
def test_round_accepts_only_numbers(value: Any) -> None:
    assert text([value], "[0]: round 1") == [value]


def test_an_integer_is_rounded_without_losing_digits() -> None:
    assert under([2**60 + 1, 2**70], "[*]: round 2").text == f"[{2**60 + 1},{2**70}]".encode()


def test_sort_orders_by_canonical_text() -> None:
    assert text({"a": [3, "b", 10, None, {"y": 1, "x": 2}, "a"]}, ".a: sort") == {
        "a": ["a", "b", 10, 3, None, {"x": 2, "y": 1}]
    }
    assert text((2, 1), ".: sort") == [1, 2]


@pytest.mark.parametrize("value", ["cba", {"b": 1, "a": 2}, None, 5])
def test_sort_accepts_only_lists(value: Any) -> None:
    assert text([value], "[0]: sort") == [value]


def test_rules_below_apply_before_sorting() -> None:
    first = [{"v": 1, "at": T2}, {"v": 2, "at": T1}]
    second = [{"v": 2, "at": T2}, {"v": 1, "at": T1}]
    rules = (".: sort", "[*].at: mask timestamp")
    assert under(first, *rules).text == under(second, *rules).text


def test_no_id_decides_the_order_of_a_sorted_list() -> None:
    rules = (".items: sort", ".**.id: alias uuid")
    first = {"items": [{"id": U1, "v": 1}, {"id": U2, "v": 2}], "last": {"id": U2}}
    second = {"items": [{"id": U1, "v": 2}, {"id": U2, "v": 1}], "last": {"id": U1}}
    swapped = {"items": [{"id": U1, "v": 2}, {"id": U2, "v": 1}], "last": {"id": U2}}
    assert under(first, *rules).text == under(second, *rules).text
    assert under(first, *rules).text != under(swapped, *rules).text


def test_hash_keeps_only_the_digest() -> None:
    value = {"a": {"x": [1.0, "y"]}}
    assert text(value, ".a: hash") == {"a": f"<sha256:{content_hash(value['a'])}>"}


def test_hash_sees_what_the_rules_below_leave() -> None:
    rules = (".a: hash", ".**.at: mask timestamp", ".**.id: alias")
    same = [
        under({"a": {"at": at, "id": one, "x": [{"id": two}, {"id": one}]}}, *rules).text
        for at, one, two in [(T1, "p", "q"), (T2, "q", "p")]
    ]
    assert same[0] == same[1]
    swapped = {"a": {"at": T1, "id": "p", "x": [{"id": "p"}, {"id": "q"}]}}
    assert under(swapped, *rules).text != same[0]


def test_aliases_outside_a_hash_are_not_counted_inside() -> None:
    rules = (".a: hash", ".**.id: alias")
    value = {"a": {"id": "p"}, "b": {"id": "q"}, "c": {"id": "p"}}
    assert text(value, *rules)["b"] == {"id": "<id#1>"}
    assert text(value, *rules)["c"] == {"id": "<id#2>"}


def test_strip_in_objects_and_lists() -> None:
    value = {"a": 1, "b": [1, "x", 2, "y", [3]], "c": {"a": 1}}
    assert text(value, ".a: strip", ".b[*]:integer: strip") == {"b": ["x", "y", [3]], "c": {"a": 1}}
    assert text(value, ".b[1:-1]: strip") == {**value, "b": [1, [3]]}
    assert text(value, ".: strip") is None


def test_what_has_no_spelling_may_be_stripped_but_not_masked_as_something_else() -> None:
    value = {"a": object(), "b": float("nan"), "c": "\ud800", "d": {1: 2}, "e": {3}, "f": 1}
    assert text(value, ".{a,b,c,d}: strip") == {"e": {"$aos.set": [3]}, "f": 1}


# what is reported


def test_d11_every_consecutive_match_is_counted() -> None:
    """ApprovalTests' line scrubber skips every second consecutive match (PEERS D11)."""
    for count in (1, 2, 3, 7, 8, 9, 64, 65, 129, 500):
        found = under([{"at": T1, "n": 1}] * count, "[*].at: mask timestamp")
        assert found.hits == (count,)
        assert found.text.count(b"<timestamp>") == count
        assert under([T1] * count, "[*]: mask timestamp").hits == (count,)
        assert under([T1] * count, "[*]: strip").text == b"[]"


def test_hits_are_counted_by_the_rule_that_applied() -> None:
    rules = (".**.at: mask timestamp", ".**.at: mask", ".never: strip")
    found = under([{"at": T1}, {"at": "x"}, {"at": None}], *rules)
    assert found.hits == (1, 1, 0)


@pytest.mark.parametrize(
    ("rules", "blind"),
    [
        ((), 0),
        ((".a: strip",), 1),
        ((".b: strip",), 3),
        ((".a: mask",), 1),
        ((".b: mask",), 3),
        ((".*:integer: mask",), 1),
        ((".a: mask any",), 1),
        ((".a: mask integer",), 1),
        ((".a: mask number",), 1),
        ((".a:string: mask",), 0),
        ((".a: mask pid",), 0),
        ((".a:any: mask pid",), 0),
        ((".a: alias",), 0),
        ((".b: hash",), 0),
        ((".a: round 0",), 0),
        ((".a: keep", ".a: strip"), 0),
        ((".: strip",), 4),
    ],
)
def test_the_share_of_what_is_not_compared(rules: tuple[str, ...], blind: int) -> None:
    found = under({"a": 17, "b": {"c": "x", "d": [None, True]}}, *rules)
    assert (found.leaves, found.blind) == (4, blind)
    assert found.blind_share == blind / 4


def test_an_empty_value_has_no_blind_share() -> None:
    assert under({}).blind_share == 0.0


# the rule set


LOOSENINGS = [
    [".a: mask timestamp"],
    [".a: mask"],
    [".a: strip"],
    [".*: mask timestamp"],
    [".**.a: mask timestamp"],
    [".{a,b}: mask timestamp"],
    [".a: alias"],
    [".a:uuid: strip"],
    [".a: round 2"],
    [".a: round 1"],
    [".a: sort"],
    [".a: hash"],
    [".a[0]: strip"],
    [".a[0:]: strip"],
    [".a[*]: strip"],
    [".a: mask timestamp", ".b: strip"],
    [".b: strip", ".a: mask timestamp"],
    [".a: keep"],
]


def test_the_hash_of_a_rule_set_changes_with_any_loosening() -> None:
    sets = [
        Rules.of(rules, base=base) for rules in LOOSENINGS for base in ("none", "aos-default/1")
    ]
    sets += [DEFAULT_RULES, NO_RULES, Rules.of(keys="text"), Rules.of(base="none", keys="text")]
    assert len({rules.hash for rules in sets}) == len(sets)


def test_the_hash_does_not_depend_on_how_a_rule_is_written() -> None:
    assert Rules.of(['["a"].{c,b}:  strip']).hash == Rules.of([".a.{b,c}: strip"]).hash


def test_the_shipped_rules_are_pinned() -> None:
    """A change of the shipped rules is a new name: ``aos-default/2``."""
    pinned = "b42e66e21af1d3aac71de2f41b560be86cdd50eb7854537538edd0d82437a2d8"
    assert DEFAULT_RULES.hash == pinned
    assert len(VOLATILE_FIELDS) == 49


@pytest.mark.parametrize("base", ["none", "aos-default/1"])
@pytest.mark.parametrize("keys", ["error", "text"])
@pytest.mark.parametrize("texts", LOOSENINGS)
def test_a_stored_rule_set_is_the_same_again(texts: list[str], base: str, keys: Any) -> None:
    rules = Rules.of(texts, base=base, keys=keys)
    stored = json.loads(json.dumps(rules.to_json()))
    again = Rules.from_json(stored)
    assert again == rules
    assert again.hash == rules.hash == stored["hash"]


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"base": "none"},
        {"extra": []},
        {"base": "none", "extra": ".a: strip"},
        {"base": None, "extra": []},
        {"base": ["none"], "extra": []},
        {"base": "later/9", "extra": []},
        {"base": "none", "extra": [1]},
        {"base": "none", "extra": [".a: later"]},
        {"base": "none", "extra": [], "keys": "later"},
        {"base": "none", "extra": [], "keys": ["text"]},
    ],
)
def test_a_stored_rule_set_that_is_none_of_ours_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(RuleError):
        Rules.from_json(stored)


def test_extra_rules_are_tried_first() -> None:
    rules = Rules.of([".a: strip"]).with_extra([".a: keep"])
    assert [str(rule) for rule in rules.extra] == [".a: keep", ".a: strip"]
    assert rules.with_extra(None) is rules
    assert rules.with_extra([]) is rules
    assert rules.with_extra({".b": "strip"}).extra[0] == Rule.parse(".b: strip")
    assert Rules.of().with_extra(Rules.of([".b: strip"], keys="text")).keys == "text"


QUICK = [each for each in VALUE_CLASSES.values() if each.text_passes]


@pytest.mark.parametrize("value_class", QUICK, ids=lambda each: each.name)
@given(data=st.data())
def test_the_faster_test_of_a_class_accepts_nothing_else(
    value_class: ValueClass, data: st.DataObject
) -> None:
    assert value_class.text_passes is not None
    pattern = value_class.text_passes.__self__.pattern  # type: ignore[attr-defined]
    text = data.draw(st.from_regex(pattern, fullmatch=True) | st.text())
    assert not value_class.text_passes(text) or value_class.matches(text)


@pytest.mark.parametrize("name", sorted(VOLATILE_FIELDS))
def test_every_volatile_field_is_named_by_one_shipped_rule(name: str) -> None:
    matching = [rule for rule in DEFAULT_RULES.all if name in str(rule).replace("}", ",")]
    assert matching
    found = [canonicalize({name: value}) for value in (T1, 12, "some-id")]
    assert any(sum(each.hits) for each in found)
