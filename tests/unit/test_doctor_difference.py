"""Where outputs differ, and the kind of it."""

from __future__ import annotations

import pytest

from aos_workflow.doctor.difference import differences, kind_of, leaf_only


def found(x, y):
    return differences([x], [y])


@pytest.mark.parametrize(
    ("x", "y", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["$.a[0]", "$.a[1]"]),
        ({"a": [1]}, {"a": [1, 2]}, ["$.a"]),
        ({"a": 1}, {}, ["$.a"]),
        (1, True, ["$"]),
        (1, 1.0, ["$"]),
    ],
)
def test_paths(x, y, paths):
    assert [d.path for d in found(x, y)] == paths


@pytest.mark.parametrize(
    ("x", "y", "kind"),
    [
        ([1.0, 2.0], [1.0 + 1e-12, 2.0], "rounding"),
        ([1.0], [1.1], "numbers"),
        (["a", "b"], ["b", "a"], "order"),
        (["a", "b"], ["a", "c"], "values"),
        ([["a"]], [["a", "b"]], "shape"),
    ],
)
def test_kinds(x, y, kind):
    assert kind_of(found(x, y)) == kind


def test_truth_values_steer():
    assert leaf_only(found([1.5], [2.5]))
    assert not leaf_only(found([True], [False]))
