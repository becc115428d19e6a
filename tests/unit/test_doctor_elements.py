"""What decides the hash of a value, and sets whose order is controlled."""

from __future__ import annotations

import copy
import enum
import pickle
import sys
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import pytest

from aos_workflow.doctor.child.elements import hash_kind, order_key, stable_text
from aos_workflow.doctor.child.sets import FrozenSet, Set, arranged


class Plain:
    pass


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "stable"), (1.5, "stable"), ((1, 2), "stable"), (range(3), "stable"), (frozenset({1}), "stable"),
        ("a", "seeded"), (b"a", "seeded"), ((1, "a"), "seeded"), (Colour.RED, "seeded"), (Path("a"), "seeded"),
        (Plain(), "address"), (Plain, "address"), (len, "address"), ((1, Plain()), "address"),
        (None, "stable" if sys.version_info >= (3, 12) else "address"),
    ],
)  # fmt: skip
def test_what_decides_a_hash(value, kind):
    assert hash_kind(value) == kind


def test_the_text_of_an_object_holds_no_address():
    @dataclass
    class Pair:
        left: object
        right: object

    assert "0x" not in stable_text(Pair(Plain(), [len, Plain]))
    assert stable_text(Plain()) == stable_text(Plain())


def test_an_order_and_its_reverse_move_every_element():
    one, other = arranged(["a", "b"], "k", "seeded"), arranged(["a", "b"], "-k", "seeded")
    assert one == other[::-1]
    assert order_key("k", "a") != order_key("l", "a")


@pytest.mark.parametrize(("ours", "plain"), [(Set, set), (FrozenSet, frozenset)])
def test_controlled_sets_are_sets(ours, plain):
    value = ours("abc")
    assert value == plain("abc")
    assert isinstance(value, plain)
    assert isinstance(plain(), ours)
    assert isinstance(value, AbstractSet)
    assert type(value | {"d"}) is ours
    assert type(value - {"a"}) is ours
    assert type({"d", "e"} & ours("d")) in (ours, set)
    assert plain(value) == plain("abc")
    assert sorted(value) == ["a", "b", "c"]
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value
    assert eval(repr(value)) == value
    assert ours.__name__ == plain.__name__
    assert "a" in value


def test_subclasses_are_told_apart():
    class Tags(Set):
        pass

    assert isinstance(Tags("a"), Tags)
    assert not isinstance({"a"}, Tags)
