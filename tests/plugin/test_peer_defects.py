"""The defects of other golden and snapshot plugins, D1 to D16 of PEERS.md: the same situation, the right outcome."""

from __future__ import annotations

import json
import time

import pytest
from tests.plugin.conftest import Inner, text_of

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
XDIST = ("xdist",)


@WORKERS
def test_d01_a_failing_test_takes_no_golden_with_it(inner: Inner, workers: tuple[str, ...]) -> None:
    """syrupy 7.0.2: ``--snapshot-update -x``, the first test fails: the whole snapshot file is deleted."""
    inner.ini(use=XDIST)
    inner.file(
        "test_a.py",
        """
        def test_first(golden):
            assert "one" == golden
        def test_second(golden):
            assert "two" == golden
        """.replace("        ", "", 1).replace("\n        ", "\n"),
    )
    inner.recorded()
    before = inner.snapshot()
    assert len(before) == 2
    inner.file(
        "test_a.py",
        "def test_first(golden):\n    assert 'other' == golden\n    assert False\n"
        "def test_second(golden):\n    assert 'two' == golden\n",
    )
    for stop in ((), ("-x",)):
        for prune in ((), ("--golden-prune",)):
            result = inner.record(*stop, *prune, *workers)
            assert result.ret != 0
            assert inner.snapshot() == before


def test_d02_conflict_markers_are_never_a_match(inner: Inner) -> None:
    """syrupy: a snapshot with ``<<<<<<<`` conflict markers passes."""
    inner.file("test_a.py", "def test_it(golden):\n    assert {'a': 1, 'b': 2} == golden\n")
    inner.recorded()
    (path,) = inner.goldens
    text = path.read_text()
    conflicted = text.replace(
        '    "a": 1,\n', '<<<<<<< HEAD\n    "a": 1,\n=======\n    "a": 2,\n>>>>>>> other\n'
    )
    assert conflicted != text
    path.write_text(conflicted)
    for flags in ((), ("--golden-verify",), ("--golden-record", "--golden-repeat=1")):
        result = inner.run(*flags)
        assert result.ret == 1
        line = conflicted[: conflicted.index("<<<<<<<")].count("\n") + 1
        assert f"{path.relative_to(inner.root)}:{line}: " in text_of(result)
        assert "conflict" in text_of(result)
    assert path.read_text() == conflicted


@pytest.mark.parametrize("count", [400])
def test_d03_eight_workers_record_what_one_process_records(inner: Inner, count: int) -> None:
    """syrupy 5.5.3: ``-n 8`` recording of 400 goldens leaves 210 on disk."""
    inner.ini(use=XDIST)
    inner.file(
        "test_a.py",
        "import pytest\n"
        f"@pytest.mark.parametrize('n', range({count}))\n"
        "def test_many(golden, n):\n"
        "    assert {'n': n, 'squares': [i * n for i in range(20)]} == golden\n",
    )
    assert inner.record("-n", "8").ret == 0
    parallel = inner.without_provenance()
    assert len(parallel) == count
    for path in inner.goldens:
        path.unlink()
    inner.recorded()
    assert inner.without_provenance() == parallel
    assert inner.verify("-n", "2").ret == 0
    again = inner.snapshot()
    assert inner.record("-n", "8").ret == 0
    assert inner.snapshot() == again


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{1: 'x'}", "the key 1 is int"),
        ("{(1, 2): 'x'}", "the key (1, 2) is tuple"),
        ("Plain()", "no canonical spelling for"),
        ("{'deep': [Plain()]}", ".deep[0]"),
        ("{'f': lambda: 1}", ".f"),
    ],
)
def test_d04_nothing_is_dropped_or_spelled_by_its_class_name(
    inner: Inner, value: str, says: str
) -> None:
    """syrupy JSON: non-string keys dropped, plain objects become their class name: false passes."""
    inner.file(
        "test_a.py",
        f"class Plain:\n    pass\ndef test_it(golden):\n    assert {value} == golden\n",
    )
    result = inner.record()
    assert result.ret == 1
    assert says in text_of(result)
    assert not inner.goldens


def test_d04_a_tuple_is_a_list_by_documented_spelling_and_a_set_is_not(inner: Inner) -> None:
    """syrupy JSON: tuple equals list. Here too, as documented; a set does not."""
    inner.file("test_a.py", "def test_it(golden):\n    assert [1, 2] == golden\n")
    inner.recorded()
    inner.file("test_a.py", "def test_it(golden):\n    assert (1, 2) == golden\n")
    assert inner.run().ret == 0
    inner.file("test_a.py", "def test_it(golden):\n    assert {1, 2} == golden\n")
    assert inner.run().ret == 1


def test_d05_exit_codes_are_those_of_pytest(inner: Inner) -> None:
    """syrupy: the exit status is OR-ed: 2 becomes 3, which means internal error."""
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    inner.recorded()
    inner.file("test_b.py", "def broken(:\n")
    assert inner.verify().ret == pytest.ExitCode.INTERRUPTED
    inner.file("test_b.py", "import pytest\ndef test_stop():\n    raise KeyboardInterrupt\n")
    assert inner.verify().ret == pytest.ExitCode.INTERRUPTED
    inner.file("test_b.py", "import pytest\ndef test_stop():\n    pytest.exit('enough', 7)\n")
    assert inner.verify().ret == 7
    (inner.root / "test_b.py").unlink()
    assert inner.verify().ret == pytest.ExitCode.OK
    inner.file("test_a.py", "def test_it(golden):\n    assert 2 == golden\n")
    assert inner.verify().ret == pytest.ExitCode.TESTS_FAILED
    assert inner.verify("-k", "nothing").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert inner.verify("--nonsense").ret == pytest.ExitCode.USAGE_ERROR


ALTERNATING = """
import pathlib
def test_it(golden):
    count = pathlib.Path("count")
    n = int(count.read_text()) if count.exists() else 0
    count.write_text(str(n + 1))
    assert {values}[n] == golden
    assert {passes}[n]
"""


@pytest.mark.parametrize(
    ("values", "passes"),
    [
        ("[1, 2, 1, 2]", "[False, True, True, True]"),
        ("[2, 1, 1, 1]", "[True, True, True, True]"),
        ("[1, 2, 1, 1]", "[False, False, True, True]"),
    ],
)
@WORKERS
def test_d06_a_value_that_alternates_is_flaky_not_passed(
    inner: Inner, values: str, passes: str, workers: tuple[str, ...]
) -> None:
    """syrupy with reruns: a value that alternates passes on retry."""
    inner.ini(use=("rerunfailures", "xdist"))
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    inner.recorded()
    inner.file("test_a.py", ALTERNATING.format(values=values, passes=passes))
    result = inner.run("--reruns", "3", *workers)
    assert result.ret == 1
    assert "flaky golden: test_a.py::test_it" in text_of(result)


def test_d06_recording_notices_too(inner: Inner) -> None:
    """syrupy with reruns: recording never notices."""
    inner.ini(use=("rerunfailures",))
    inner.file(
        "test_a.py",
        ALTERNATING.format(values="[1, 2, 1, 2]", passes="[False, False, True, True]"),
    )
    result = inner.record("--reruns", "3")
    assert result.ret == 1
    assert "flaky golden: test_a.py::test_it" in text_of(result)
    assert not inner.goldens


@pytest.mark.parametrize(
    "after",
    ["assert False", "raise ValueError", "pytest.skip('late')", "pytest.xfail('late')"],
)
@WORKERS
def test_d07_only_passing_tests_record(inner: Inner, after: str, workers: tuple[str, ...]) -> None:
    """syrupy, inline-snapshot, pytest-golden: a test that fails after the comparison still overwrites its golden."""
    inner.ini(use=XDIST)
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    inner.recorded()
    before = inner.snapshot()
    inner.file(
        "test_a.py", f"import pytest\ndef test_it(golden):\n    assert 2 == golden\n    {after}\n"
    )
    inner.record(*workers)
    assert inner.snapshot() == before


def test_d07_a_failing_teardown_is_a_failing_test(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import pytest\n@pytest.fixture\ndef broken():\n    yield\n    raise ValueError\n"
        "def test_it(golden, broken):\n    assert 1 == golden\n",
    )
    assert inner.record().ret == 1
    assert not inner.goldens


@WORKERS
def test_d08_ci_never_writes(inner: Inner, workers: tuple[str, ...]) -> None:
    """pytest-regressions, CI=true: the first run writes the missing golden and fails, the second passes."""
    inner.ini(use=XDIST)
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    for _ in range(2):
        for flags in ((), ("--golden-verify",)):
            result = inner.run(*flags, *workers, CI="true")
            assert result.ret == 1
            assert "no golden recorded for test_a.py::test_it" in text_of(result)
            assert not inner.golden_dir.exists()


def test_d09_a_mismatch_in_a_large_golden_is_explained_quickly(inner: Inner) -> None:
    """pytest-regressions: 65 s in a text diff of a 60,000-line golden. Here 2 s; the run around it has its own cost."""
    text = (
        "import json, time\n"
        "rows = [{'id': i, 'name': f'row {i}', 'values': [i, i + 1]} for i in range(8600)]\n"
        "def test_it(golden):\n"
        "    begun = time.process_time()\n"
        "    same = rows == golden\n"
        "    print('TOOK', time.process_time() - begun)\n"
        "    assert same\n"
    )
    inner.file("test_a.py", text)
    inner.recorded("-p", "no:cacheprovider")
    assert inner.goldens[0].read_bytes().count(b"\n") > 60_000
    inner.file(
        "test_a.py",
        text.replace("def test_it", "rows[4000]['name'] = 'other'; rows.insert(0, 5)\ndef test_it"),
    )
    begun = time.monotonic()
    result = inner.run()
    assert time.monotonic() - begun < 30
    assert result.ret == 1
    output = text_of(result)
    took = float(output.partition("TOOK ")[2].split()[0])
    assert took < 2
    assert "[0]: not expected, got 5" in output
    assert '[4000].name (now [4001].name): expected "row 4000", got "other"' in output
    assert output.count("\n") < 60


def test_d10_a_damaged_golden_is_an_error_and_stays_as_it_is(inner: Inner) -> None:
    """vcrpy ``once``: one bad byte in a cassette: the network is hit and the file overwritten."""
    inner.file("test_a.py", "def test_it(golden):\n    assert {'a': 'text'} == golden\n")
    inner.recorded()
    (path,) = inner.goldens
    damaged = path.read_bytes().replace(b"text", b"te\xfft")
    path.write_bytes(damaged)
    for flags in ((), ("--golden-verify",), ("--golden-record", "--golden-repeat=1")):
        result = inner.run(*flags)
        assert result.ret == 1
        assert f"{path.relative_to(inner.root)}:" in text_of(result)
        assert path.read_bytes() == damaged
    assert "--golden-force" in text_of(result)
    assert inner.record("--golden-force").ret == 0
    assert inner.verify().ret == 0


def test_d11_a_rule_applies_to_every_match_and_is_counted(inner: Inner) -> None:
    """ApprovalTests: a line scrubber skips every second consecutive match."""
    inner.file(
        "test_a.py",
        "import itertools, os\n"
        "def test_it(golden):\n"
        "    rows = [{'name': f'row {i}', 'token_x': os.getpid() + i} for i in range(9)]\n"
        "    assert rows == golden(rules=['[*].token_x: mask integer'])\n",
    )
    inner.ini("golden_max_stripped = 0.5")
    inner.recorded()
    (value,) = inner.values.values()
    assert {row["token_x"] for row in value} == {"<integer>"}
    assert inner.run().ret == 0


def test_d12_keys_that_look_alike_have_files_of_their_own(inner: Inner) -> None:
    """syrupy, pytest-regressions: ``a/b`` and ``ab``, ``a-b`` and ``a_b``, same-named methods share one file."""
    inner.file(
        "test_a.py",
        "import pytest\n"
        "@pytest.mark.parametrize('name', ['a/b', 'ab', 'a-b', 'a_b', 'a b', 'A-B', 'a:b', 'a\\\\b', '..', '.'])\n"
        "def test_it(golden, name):\n    assert name == golden\n"
        "class TestOne:\n    def test_same(self, golden):\n        assert 1 == golden\n"
        "class TestTwo:\n    def test_same(self, golden):\n        assert 2 == golden\n",
    )
    inner.recorded()
    assert len({str(path).lower() for path in inner.goldens}) == 12
    assert all(path.is_relative_to(inner.golden_dir / "test_a") for path in inner.goldens)
    assert inner.verify().ret == 0
    assert inner.values["test_a.py::test_it[a/b]"] == "a/b"


def test_d12_a_golden_under_the_name_of_another_is_noticed(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "def test_one(golden):\n    assert 1 == golden\n"
        "def test_two(golden):\n    assert 1 == golden\n",
    )
    inner.recorded()
    one, two = inner.goldens
    two.write_bytes(one.read_bytes())
    result = inner.run()
    assert result.ret == 1
    assert "this is the golden of 'test_a.py::test_one'" in text_of(result)


@WORKERS
def test_d13_repeats_of_a_test_share_its_golden(inner: Inner, workers: tuple[str, ...]) -> None:
    """syrupy with pytest-repeat: repeating changes node ids: every test fails."""
    inner.ini(use=("repeat", "xdist"))
    inner.file(
        "test_a.py",
        "import pytest\n"
        "def test_plain(golden):\n    assert 1 == golden\n"
        "@pytest.mark.parametrize('n', ['x', '1-3'])\n"
        "def test_parametrised(golden, n):\n    assert n == golden\n",
    )
    inner.recorded()
    assert len(inner.goldens) == 3
    assert inner.verify("--count", "3", *workers).ret == 0
    before = inner.snapshot()
    assert inner.record("--count", "3", *workers).ret == 0
    assert inner.snapshot() == before
    for path in inner.goldens:
        path.unlink()
    assert inner.run("--golden-record", "--count", "2", *workers).ret == 0
    assert set(inner.snapshot()) == set(before)
    assert inner.verify().ret == 0


def test_d13_repeats_that_disagree_are_not_recorded(inner: Inner) -> None:
    inner.ini(use=("repeat",))
    inner.file(
        "test_a.py",
        "import itertools\ncount = itertools.count()\n"
        "def test_it(golden):\n    assert next(count) == golden\n",
    )
    result = inner.record("--count", "2")
    assert result.ret == 1
    assert "two values for one golden" in text_of(result)
    assert not inner.goldens


def test_d14_a_selector_matches_only_what_it_says(inner: Inner) -> None:
    """insta: ``.**.a.b`` also matches a root-level ``b``."""
    inner.ini("golden_max_stripped = 0.5")
    inner.file(
        "test_a.py",
        "def test_it(golden):\n"
        "    value = {'b': 1, 'a': {'b': 2, 'c': {'b': 3}}, 'x': {'a': {'b': 4}}}\n"
        "    assert value == golden(rules=['.**.a.b: mask'])\n",
    )
    inner.recorded()
    (value,) = inner.values.values()
    assert value["b"] == 1
    assert value["a"]["c"]["b"] == 3
    assert value["a"]["b"] == value["x"]["a"]["b"] == "<number>"


def test_d15_a_second_unnamed_golden_from_a_concurrent_task_asks_for_a_name(inner: Inner) -> None:
    """All: call order inside ``asyncio.gather`` decides which golden is compared."""
    text = (
        "import asyncio\n"
        "def test_it(golden):\n"
        "    async def check(value, delay):\n"
        "        await asyncio.sleep(delay)\n"
        "        assert value == golden{named}\n"
        "    async def both():\n"
        "        await asyncio.gather(check('a', 0.01), check('b', 0))\n"
        "    asyncio.run(both())\n"
    )
    inner.file("test_a.py", text.format(named=""))
    result = inner.record()
    assert result.ret == 1
    assert "a second unnamed golden from another task or thread" in text_of(result)
    assert "golden('name')" in text_of(result)
    assert not inner.goldens
    inner.file("test_a.py", text.format(named="(value)"))
    inner.recorded()
    assert inner.values == {"test_a.py::test_it#a": "a", "test_a.py::test_it#b": "b"}


def test_d16_another_owner_of_the_fixture_name_is_a_usage_error(inner: Inner) -> None:
    """pytest-golden owns the fixture name ``golden``: pytest silently picks one of two plugins."""
    inner.fresh = True
    inner.file(
        "other_golden.py",
        "import pytest\n@pytest.fixture\ndef golden():\n    return 'the other one'\n",
    )
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    result = inner.run("-p", "other_golden")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "two plugins define the fixture 'golden'" in text_of(result)
    assert "golden_fixture = aos_golden" in text_of(result)


def test_every_golden_says_whose_it_is(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden('n')\n")
    inner.recorded()
    head = json.loads(inner.goldens[0].read_bytes())["golden"]
    assert head["key"] == "test_a.py::test_it#n"
    assert head["provenance"]["repeats"] == 1
