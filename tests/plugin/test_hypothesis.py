"""Goldens beside property-based tests."""

from __future__ import annotations

from tests.plugin.conftest import Inner, text_of

HYPOTHESIS = ("hypothesispytest",)
HEAD = "from hypothesis import example, given, settings, strategies as st\n"


def test_an_unnamed_golden_inside_given_asks_for_a_key(inner: Inner) -> None:
    inner.ini(use=HYPOTHESIS)
    inner.file(
        "test_a.py",
        f"{HEAD}@settings(deadline=None)\n@given(st.integers())\ndef test_it(golden, n):\n    assert n == golden\n",
    )
    result = inner.record("-p", "no:cacheprovider")
    assert result.ret == 1
    output = text_of(result)
    assert "golden inside @given needs a key" in output
    assert "golden.example('key')" in output
    assert "health" not in output.lower()
    assert not inner.goldens


def test_an_explicit_example_has_a_golden_of_its_own(inner: Inner) -> None:
    inner.ini(use=HYPOTHESIS)
    text = (
        f"{HEAD}@settings(max_examples=5, deadline=None)\n@given(st.integers())\n@example(7)\n@example(8)\n"
        "def test_it(golden, n):\n"
        "    if n in (7, 8):\n        assert {{'n': n * {factor}}} == golden.example(f'n={{n}}')\n"
    )
    inner.file("test_a.py", text.format(factor=1))
    assert inner.run("--golden-record").ret == 0
    assert inner.values == {
        "test_a.py::test_it#example:n=7": {"n": 7},
        "test_a.py::test_it#example:n=8": {"n": 8},
    }
    assert inner.verify().ret == 0
    inner.file("test_a.py", text.format(factor=2))
    result = inner.run()
    assert result.ret == 1
    assert "expected 7, got 14" in text_of(result)


def test_a_named_golden_must_be_the_same_for_all_examples(inner: Inner) -> None:
    inner.ini(use=HYPOTHESIS)
    text = (
        f"{HEAD}@settings(deadline=None)\n@given(st.integers())\n"
        "def test_it(golden, n):\n    assert {} == golden('all')\n"
    )
    inner.file("test_a.py", text.format("n - n"))
    inner.recorded()
    assert inner.verify().ret == 0
    inner.file("test_a.py", text.format("n"))
    result = inner.record()
    assert result.ret == 1
    assert "two different values for one golden" in text_of(result)


def test_outside_given_nothing_changes(inner: Inner) -> None:
    inner.ini(use=HYPOTHESIS)
    inner.file(
        "test_a.py",
        f"{HEAD}def test_it(golden):\n    @given(st.integers())\n    def check(n): pass\n    check()\n"
        "    assert 1 == golden\n",
    )
    inner.recorded()
    assert inner.verify().ret == 0
