"""The four hooks that a project may implement."""

from __future__ import annotations

from tests.plugin.conftest import Inner, text_of


def test_a_value_of_ones_own_is_spelled(inner: Inner) -> None:
    inner.file(
        "conftest.py",
        "from pytest_aos_golden.hooks import NULL\n"
        "def pytest_golden_canonicalize(value):\n"
        "    if type(value).__name__ == 'Money':\n        return f'{value.cents} ct'\n"
        "    if type(value).__name__ == 'Nothing':\n        return NULL\n",
    )
    inner.file(
        "test_a.py",
        "class Money:\n    cents = 5\nclass Nothing: pass\n"
        "def test_it(golden):\n    assert {'a': [Money()], 'b': Nothing(), 'c': 1} == golden\n",
    )
    inner.recorded()
    assert [*inner.values.values()] == [{"a": ["5 ct"], "b": None, "c": 1}]
    assert inner.verify().ret == 0


def test_an_error_in_a_hook_is_the_users_own(inner: Inner) -> None:
    inner.file(
        "conftest.py",
        "def pytest_golden_canonicalize(value):\n    raise LookupError('in my hook')\n",
    )
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    result = inner.record()
    assert result.ret == 1
    assert "LookupError: in my hook" in text_of(result)


def test_rules_for_some_tests(inner: Inner) -> None:
    inner.ini("golden_max_stripped = 1")
    inner.file(
        "conftest.py",
        "def pytest_golden_rules(item):\n"
        "    if 'masked' in item.name:\n        return ['.**.size: mask number']\n",
    )
    inner.file(
        "sub/conftest.py", "def pytest_golden_rules(item):\n    return {'.port': 'mask number'}\n"
    )
    inner.file(
        "sub/test_a.py",
        "import os\n"
        "def test_masked(golden):\n    assert {'size': os.getpid(), 'port': os.getpid()} == golden\n"
        "def test_plain(golden):\n    assert {'size': 1, 'port': os.getpid()} == golden\n",
    )
    inner.recorded()
    assert inner.values == {
        "sub/test_a.py::test_masked": {"size": "<number>", "port": "<number>"},
        "sub/test_a.py::test_plain": {"size": 1, "port": "<number>"},
    }
    # A rule for many tests is not dead because one of them has no use for it.
    assert inner.verify().ret == 0


def test_a_key_that_does_not_change_with_the_place_of_the_test(inner: Inner) -> None:
    inner.file(
        "conftest.py",
        "def pytest_golden_key(item):\n"
        "    return f'plans/{item.name}' if 'plan' in item.name else None\n",
    )
    text = "def test_plan(golden):\n    assert 1 == golden\n    assert 2 == golden('n')\n"
    inner.file("test_a.py", text + "def test_other(golden):\n    assert 3 == golden\n")
    inner.recorded()
    assert inner.values == {
        "plans/test_plan": 1,
        "plans/test_plan#n": 2,
        "test_a.py::test_other": 3,
    }
    inner.file("tests/test_moved.py", text)
    inner.file("test_a.py", "def test_other(golden):\n    assert 3 == golden\n")
    assert inner.verify().ret == 0
    # A part of the tests says nothing about keys that name no file.
    assert inner.verify("test_a.py").ret == 0
    assert inner.run("--golden-prune", "test_a.py").ret == 0
    assert len(inner.goldens) == 3
    inner.file("tests/test_moved.py", "def test_plan():\n    pass\n")
    result = inner.verify()
    assert result.ret == 1
    assert "unused plans/test_plan: its test passed without using it" in text_of(result)
    (inner.root / "tests" / "test_moved.py").unlink()
    result = inner.verify()
    assert result.ret == 1
    assert "unused plans/test_plan: its test does not exist any more" in text_of(result)


def test_a_key_that_is_no_text(inner: Inner) -> None:
    inner.file("conftest.py", "def pytest_golden_key(item):\n    return 7\n")
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    result = inner.run()
    assert result.ret == 1
    assert "pytest_golden_key returned 7, expected a text" in text_of(result)


def test_two_tests_with_one_key(inner: Inner) -> None:
    inner.file("conftest.py", "def pytest_golden_key(item):\n    return 'same'\n")
    inner.file(
        "test_a.py",
        "def test_1(golden):\n    assert 1 == golden\ndef test_2(golden):\n    assert 2 == golden\n",
    )
    result = inner.record()
    assert result.ret == 1
    assert "two values for one golden" in text_of(result)
    assert not inner.goldens


def test_a_mismatch_is_told(inner: Inner) -> None:
    inner.file(
        "conftest.py",
        "import json\n"
        "def pytest_golden_mismatch(item, mismatch):\n"
        "    print('TOLD', item.nodeid, json.dumps(mismatch))\n",
    )
    inner.file("test_a.py", "def test_it(golden):\n    assert {'a': 1} == golden\n")
    inner.recorded()
    inner.file("test_a.py", "def test_it(golden):\n    assert {'a': 2} == golden\n")
    result = inner.run("-s")
    import json

    line = next(line for line in result.outlines if "TOLD" in line)
    told = json.loads(line.partition("test_a.py::test_it ")[2])
    assert told["key"] == "test_a.py::test_it"
    assert told["file"] == inner.goldens[0].relative_to(inner.golden_dir).as_posix()
    assert told["cause"] == "value"
    assert told["entries"] == [
        {"path": ".a", "kind": "changed", "cause": "value", "expected": 1, "got": 2}
    ]
    assert len(told["expected_hash"]) == len(told["got_hash"]) == 64
    assert told["expected_hash"] != told["got_hash"]
