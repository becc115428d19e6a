"""The ``golden`` fixture in a test's hand: names, rules, seeds, clocks, and every kind of test and operand."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Inner, text_of


def both(inner: Inner, text: str, *, use: tuple[str, ...] = (), ini: tuple[str, ...] = ()) -> None:
    """Record and verify a test file."""
    inner.ini(*ini, use=use)
    inner.file("test_a.py", text)
    assert inner.record().ret == 0
    assert inner.verify().ret == 0


def fails(inner: Inner, text: str, says: str) -> str:
    """Record a test file, expect a failure that says something, and nothing written."""
    inner.file("test_a.py", text)
    result = inner.record()
    assert result.ret == 1
    assert says in text_of(result)
    assert not inner.goldens
    return text_of(result)


# names


def test_unnamed_goldens_are_counted(inner: Inner) -> None:
    both(
        inner,
        "def test_it(golden):\n    assert 1 == golden\n    assert 2 == golden\n    assert golden == 3\n"
        "    assert 4 == golden('four')\n    assert 1 == golden('one')\n    assert 1 == golden('one')\n",
    )
    key = "test_a.py::test_it"
    assert inner.values == {
        key: 1,
        f"{key}#(2)": 2,
        f"{key}#(3)": 3,
        f"{key}#four": 4,
        f"{key}#one": 1,
    }


@pytest.mark.parametrize("name", ["''", "' '", "'(2)'", "{'a': 1}", "7", "b'x'"])
def test_what_is_no_name_is_refused(inner: Inner, name: str) -> None:
    text = fails(inner, f"def test_it(golden):\n    assert golden({name}) == 1\n", "TypeError")
    assert "golden" in text


@pytest.mark.parametrize(
    "name", ["a/b", "größe", "x" * 300, "../../up", "a#b", "line\\nbreak", "."]
)
def test_any_text_is_a_name(inner: Inner, name: str) -> None:
    both(inner, f"def test_it(golden):\n    assert 1 == golden('{name}')\n")
    assert all(path.is_relative_to(inner.golden_dir / "test_a") for path in inner.goldens)


def test_two_values_for_one_name(inner: Inner) -> None:
    fails(
        inner,
        "def test_it(golden):\n    assert 1 == golden('n')\n    assert 2 == golden('n')\n",
        "two different values for one golden, test_a.py::test_it#n",
    )


def test_a_second_unnamed_golden_from_another_thread(inner: Inner) -> None:
    text = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def test_it(golden):\n"
        "    def check(n):\n        assert n == {golden}\n"
        "    with ThreadPoolExecutor(2) as pool:\n        list(pool.map(check, range(4)))\n"
    )
    fails(inner, text.format(golden="golden"), "from another task or thread")
    both(inner, text.format(golden="golden(str(n))"))
    assert len(inner.values) == 4


# operators


def test_unequal_is_an_error(inner: Inner) -> None:
    fails(inner, "def test_it(golden):\n    assert 1 != golden\n", "write assert value == golden")


def test_a_golden_is_not_a_truth(inner: Inner) -> None:
    fails(inner, "def test_it(golden):\n    assert golden\n", "neither true nor false")


def test_a_golden_is_not_compared_with_a_golden(inner: Inner) -> None:
    fails(
        inner,
        "def test_it(golden):\n    assert golden('a') == golden('b')\n",
        "compared with a value, not with another golden",
    )


def test_a_comparison_without_assert_does_not_pass_silently(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it(golden):\n    1 == golden\n")
    inner.recorded()
    assert inner.run().ret == 0
    inner.file("test_a.py", "def test_it(golden):\n    2 == golden\n")
    result = inner.run()
    assert result.ret == 1
    assert "the test passed although a golden did not match" in text_of(result)
    assert ".: expected 1, got 2" in text_of(result)


def test_the_difference_is_shown_however_the_assertion_is_written(inner: Inner) -> None:
    inner.file(
        "helper.py", "def check(value, golden):\n    assert value == golden, 'in a helper'\n"
    )
    text = (
        "from helper import check\n"
        "def test_left(golden):\n    assert {{'a': {n}}} == golden\n"
        "def test_right(golden):\n    assert golden == {{'a': {n}}}\n"
        "def test_message(golden):\n    assert {{'a': {n}}} == golden, 'mine'\n"
        "def test_helper(golden):\n    check({{'a': {n}}}, golden)\n"
        "def test_named(golden):\n    assert {{'a': {n}}} == golden('name')\n"
        "def test_part(golden):\n    assert {{'a': {n}}} == {{'a': golden}}\n"
        "def test_raise(golden):\n    if not ({{'a': {n}}} == golden): raise ValueError\n"
    )
    inner.file("test_a.py", text.format(n=1))
    inner.recorded()
    inner.file("test_a.py", text.format(n=2))
    result = inner.run()
    assert result.ret == 1
    output = text_of(result)
    assert output.count("expected 1, got 2") == 7
    assert "site-packages" not in output
    assert "/pytest_aos_golden/" not in output


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("numpy.array([[1, 2], [3, 4]])", "numpy.array([[1, 2], [3, 5]])"),
        ("numpy.float64(1.5)", "numpy.float64(2.5)"),
        ("pandas.DataFrame({'a': [1, 2]})", "pandas.DataFrame({'a': [1, 3]})"),
        ("pandas.Series([1, 2], name='s')", "pandas.Series([1, 2], name='t')"),
        ("pandas.Timestamp('2026-01-01')", "pandas.Timestamp('2026-01-02')"),
        ("pandas.Index([1, 2])", "pandas.Index([1, 3])"),
    ],
)
def test_operands_with_an_equality_of_their_own(inner: Inner, one: str, other: str) -> None:
    text = (
        "import numpy, pandas\n"
        "def test_left(golden):\n    assert {v} == golden\n"
        "def test_right(golden):\n    assert golden == {v}\n"
    )
    inner.file("test_a.py", text.format(v=one))
    result = inner.record()
    if result.ret and "no canonical spelling for pandas" in text_of(result):
        return  # said, and not guessed
    assert result.ret == 0
    assert inner.verify().ret == 0
    inner.file("test_a.py", text.format(v=other))
    result = inner.run()
    assert result.ret == 1
    assert "2 failed" in text_of(result)


def test_operands_made_by_classes(inner: Inner) -> None:
    both(
        inner,
        "import attrs, dataclasses, enum, uuid, decimal, datetime, pathlib, pydantic\n"
        "@dataclasses.dataclass\nclass D:\n    a: int\n"
        "@attrs.define\nclass A:\n    a: int\n"
        "class P(pydantic.BaseModel):\n    a: int\n"
        "class E(enum.Enum):\n    X = 'x'\n"
        "class Liar:\n    def __eq__(self, other): return True\n"
        "def test_it(golden):\n"
        "    value = [D(1), A(2), P(a=3), E.X, uuid.UUID(int=1), decimal.Decimal('1.0'), {1, 2}, b'x',\n"
        "             datetime.date(2026, 1, 2), pathlib.PurePosixPath('a/b')]\n"
        "    assert value == golden\n",
    )


# rules, hash only


def test_rules_of_a_comparison_a_marker_and_the_ini_file(inner: Inner) -> None:
    both(
        inner,
        "import os, pytest\n"
        "pytestmark = pytest.mark.golden(rules={'.module': 'mask number'})\n"
        "@pytest.mark.golden(rules=['.marker: mask number'])\n"
        "def test_it(golden):\n"
        "    pid = os.getpid()\n"
        "    value = {'use': pid, 'marker': pid, 'module': pid, 'ini': pid, 'rest': [1] * 20}\n"
        "    assert value == golden(rules='.use: mask number')\n",
        ini=("golden_rules = .ini: mask number",),
    )
    (value,) = inner.values.values()
    assert {name for name, item in value.items() if item == "<number>"} == {
        "use",
        "marker",
        "module",
        "ini",
    }


def test_other_rules_are_another_golden(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it(golden):\n    assert {'a': 1} == golden\n")
    inner.recorded()
    inner.ini("golden_rules = .b: strip")
    result = inner.run()
    assert result.ret == 1
    assert "the volatile rules are not those the golden was recorded under" in text_of(result)
    assert "new:       .b: strip" in text_of(result)


@pytest.mark.parametrize(
    "rule", ["'no selector'", "'.a: dance'", "5", "[5]", "{'.a': 'dance'}", "'.a[: mask'"]
)
def test_a_rule_that_does_not_parse(inner: Inner, rule: str) -> None:
    output = fails(inner, f"def test_it(golden):\n    assert 1 == golden(rules={rule})\n", "rule")
    assert "/aos_workflow/" not in output


def test_a_rule_of_the_ini_file_that_does_not_parse(inner: Inner) -> None:
    inner.ini("golden_rules = .a: dance")
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    result = inner.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: rule '.a: dance', column" in text_of(result)


def test_rules_may_not_take_most_of_a_value_away(inner: Inner) -> None:
    fails(
        inner,
        "def test_it(golden):\n    assert {'a': 1, 'b': 2} == golden(rules=['.a: strip'])\n",
        "more than golden_max_stripped allows (20%)",
    )


def test_hash_only(inner: Inner) -> None:
    text = "def test_it(golden):\n    assert 'the text {n}' == golden(hash_only=True)\n"
    both(inner, text.format(n=1))
    assert "the text" not in inner.goldens[0].read_text()
    inner.file("test_a.py", text.format(n=2))
    result = inner.run()
    assert result.ret == 1
    assert "only the hash is recorded: expected " in text_of(result)


def test_the_size_of_a_golden_is_limited(inner: Inner) -> None:
    inner.ini("golden_max_bytes = 10")
    text = "def test_it(golden):\n    assert 'x' * {n} == golden{more}\n"
    inner.file("test_a.py", text.format(n=8, more=""))
    inner.recorded()
    inner.file("test_a.py", text.format(n=9, more=""))
    result = inner.record()
    assert result.ret == 1
    assert "the value has 11 bytes, more than golden_max_bytes (10)" in text_of(result)
    inner.file("test_a.py", text.format(n=9, more="(hash_only=True)"))
    inner.recorded()


def test_a_secret_is_not_recorded(inner: Inner) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    text = "def test_it(golden):\n    assert {{'note': '{v}', 'n': 1, 'm': 2}} == golden{more}\n"
    output = fails(inner, text.format(v=secret, more=""), ".note (github_token)")
    assert output.count(secret) == 1  # in the test's own source line
    both(
        inner,
        text.format(v=secret, more="(rules=['.note: mask string'])"),
        ini=("golden_max_stripped = 1",),
    )
    assert secret.encode() not in inner.goldens[0].read_bytes()


def test_a_secret_is_not_recorded_as_the_id_of_a_parameter(inner: Inner) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    text = "import pytest\n@pytest.mark.parametrize('t', [{p}])\ndef test_it(golden, t):\n    assert 1 == golden\n"
    fails(inner, text.format(p=repr(secret)), "the key of the golden, which stands in its file,")
    both(inner, text.format(p=f"pytest.param({secret!r}, id='token')"))


def test_a_secret_is_not_shown_when_it_differs(inner: Inner) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    inner.file("test_a.py", "def test_it(golden):\n    assert {'note': 'x', 'n': [1]} == golden\n")
    inner.recorded()
    inner.file("value.py", f"VALUE = {{'note': '{secret}', 'n': [1, '{secret}'], '{secret}': 1}}\n")
    inner.file(
        "test_a.py", "import value\ndef test_it(golden):\n    assert value.VALUE == golden\n"
    )
    for flags in ((), ("-vv",), ("--golden-report=r.json", "--golden-report=r.html", "-l")):
        result = inner.run(*flags)
        assert result.ret == 1
        assert secret[:12] not in text_of(result)
    for name in ("r.json", "r.html"):
        assert secret[:12] not in (inner.root / name).read_text()


# seed and clock


def test_seeds_of_marker_class_module_and_ini(inner: Inner) -> None:
    both(
        inner,
        "import pytest\n"
        "def test_ini(golden):\n    assert golden.seed == 11; assert golden.seed == golden\n"
        "@pytest.mark.golden(seed=7)\nclass TestIt:\n"
        "    def test_class(self, golden):\n        assert golden.seed == 7; assert 1 == golden\n"
        "    @pytest.mark.golden(seed=8)\n"
        "    def test_own(self, golden):\n        assert golden.seed == 8; assert 1 == golden\n"
        "    @pytest.mark.golden(rules=['.: keep'])\n"
        "    def test_inherited(self, golden):\n        assert golden.seed == 7; assert 1 == golden\n",
        ini=("golden_seed = 11",),
    )


def test_a_golden_of_another_seed_does_not_match(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it(golden):\n    assert 1 == golden\n")
    inner.recorded()
    inner.ini("golden_seed = 4")
    result = inner.run()
    assert result.ret == 1
    assert "recorded with seed 0, this test has seed 4" in text_of(result)


@pytest.mark.parametrize(
    "argument",
    [
        "seed='x'",
        "seed=True",
        "seed=-1",
        "seed=2**63",
        "freeze=5",
        "hash_only=1",
        "rules=5",
        "sede=1",
        "7",
    ],
)
def test_a_marker_with_a_wrong_argument(inner: Inner, argument: str) -> None:
    inner.file(
        "test_a.py",
        f"import pytest\n@pytest.mark.golden({argument})\ndef test_it(golden):\n    assert 1 == golden\n",
    )
    result = inner.record()
    assert result.ret == 1
    assert "test_a.py::test_it: @pytest.mark.golden" in text_of(result)
    assert "/pytest_aos_golden/" not in text_of(result)


def test_global_generators_are_seeded_and_put_back(inner: Inner) -> None:
    both(
        inner,
        "import random\nimport numpy\nimport pytest\n"
        "random.seed(99)\nnumpy.random.seed(99)\n"
        "want = random.Random(99)\nwant_np = numpy.random.RandomState(99)\n"
        "@pytest.fixture\ndef drawn():\n    return random.random()\n"
        "def test_before():\n    assert random.random() == want.random()\n"
        "    assert numpy.random.rand() == want_np.rand()\n"
        "def test_it(golden, drawn):\n    assert [drawn, random.random(), float(numpy.random.rand())] == golden\n"
        "@pytest.mark.golden(seed=5)\n"
        "def test_seeded(golden):\n    assert [random.random(), float(numpy.random.rand())] == golden\n"
        "def test_after():\n    assert random.random() == want.random()\n"
        "    assert numpy.random.rand() == want_np.rand()\n"
        "@pytest.mark.golden(seed=5)\n"
        "def test_marked_only():\n    assert random.random() == random.Random(5).random()\n",
    )


def test_a_generator_that_is_loaded_later_is_put_back_too(inner: Inner) -> None:
    both(
        inner,
        "def test_first(golden):\n    assert 1 == golden\n"
        "def test_loads(golden):\n    global want\n    import numpy\n    numpy.random.seed(99)\n"
        "    want = numpy.random.RandomState(99)\n    assert 2 == golden\n"
        "def test_seeded(golden):\n    import numpy\n    assert float(numpy.random.rand()) == golden\n"
        "def test_after():\n    import numpy\n    assert numpy.random.rand() == want.rand()\n",
    )


def test_the_clock_stands_still_only_where_a_test_asks(inner: Inner) -> None:
    both(
        inner,
        "import datetime, time, pytest\n"
        "@pytest.mark.golden(freeze='2026-01-01T00:00:00Z')\n"
        "def test_frozen(golden):\n"
        "    assert datetime.datetime.now(datetime.timezone.utc).isoformat() == golden\n"
        "    assert time.time() == golden('time')\n"
        "@pytest.mark.golden(freeze=datetime.datetime(2025, 5, 5))\n"
        "def test_object(golden):\n    assert datetime.date.today().isoformat() == golden\n"
        "def test_free():\n    import sys\n    assert time.time() > 1.77e9 or True\n"
        "    assert 'Fake' not in datetime.datetime.__name__\n",
    )
    assert inner.values["test_a.py::test_frozen"] == "2026-01-01T00:00:00+00:00"
    recorded = {path.read_text().partition('"recorded_at": "')[2][:4] for path in inner.goldens}
    assert recorded != {"2026", "2025"}


def test_a_clock_that_cannot_be_set(inner: Inner) -> None:
    output = fails(
        inner,
        "import pytest\n@pytest.mark.golden(freeze='teatime')\n"
        "def test_it(golden):\n    assert 1 == golden\n",
        "not a time",
    )
    assert "/pytest_aos_golden/" not in output


# kinds of tests


def test_classes_parameters_and_inheritance(inner: Inner) -> None:
    both(
        inner,
        "import pytest\n"
        "class Base:\n    def test_shared(self, golden):\n        assert type(self).__name__ == golden\n"
        "class TestA(Base): pass\nclass TestB(Base): pass\n"
        "@pytest.mark.parametrize('x', [1, 'two', None, 3.5, (4,), object], ids=repr)\n"
        "def test_ids(golden, x):\n    assert repr(x) == golden\n",
    )
    assert len(inner.values) == 8


def test_unittest_classes_with_an_autouse_fixture(inner: Inner) -> None:
    both(
        inner,
        "import random, unittest\nimport pytest\n"
        "class TestIt(unittest.TestCase):\n"
        "    @pytest.fixture(autouse=True)\n"
        "    def hold(self, golden):\n        self.golden = golden\n"
        "    def test_one(self):\n        assert random.random() == self.golden\n"
        "    def test_two(self):\n        self.assertEqual(2, self.golden)\n",
    )
    inner.file("test_a.py", (inner.root / "test_a.py").read_text().replace("(2,", "(3,"))
    result = inner.run()
    assert result.ret == 1
    assert ".: expected 2, got 3" in text_of(result)


def test_asynchronous_tests_with_pytest_asyncio(inner: Inner) -> None:
    both(
        inner,
        "import asyncio, random\nimport pytest\n"
        "@pytest.mark.golden(freeze='2026-01-01')\n"
        "async def test_it(golden):\n"
        "    await asyncio.sleep(0.01)\n    assert 1 == golden\n    assert random.random() == golden\n"
        "async def test_gathered(golden):\n"
        "    async def check(n):\n        await asyncio.sleep(0)\n        assert n == golden(str(n))\n"
        "    await asyncio.gather(*map(check, range(5)))\n",
        use=("asyncio",),
        ini=("asyncio_mode = auto", "asyncio_default_fixture_loop_scope = function"),
    )
    assert len(inner.values) == 7


def test_asynchronous_tests_with_anyio(inner: Inner) -> None:
    both(
        inner,
        "import anyio\nimport pytest\npytestmark = pytest.mark.anyio\n"
        "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
        "async def test_it(golden):\n    await anyio.sleep(0)\n    assert 1 == golden\n"
        "async def test_group(golden):\n"
        "    async def check(n):\n        assert n == golden(str(n))\n"
        "    async with anyio.create_task_group() as group:\n"
        "        for n in range(3):\n            group.start_soon(check, n)\n",
        use=("anyio",),
    )
    assert len(inner.values) == 4


def test_subtests(inner: Inner) -> None:
    text = (
        "def test_it(golden, subtests):\n"
        "    for n in range(3):\n"
        "        with subtests.test(n=n):\n            assert {value} == golden(str(n))\n"
    )
    both(inner, text.format(value="n"))
    inner.file("test_a.py", text.format(value="0"))
    before = inner.snapshot()
    result = inner.record()
    assert inner.snapshot() != before or result.ret == 0
    inner.file("test_a.py", text.format(value="[9][n]"))
    before = inner.snapshot()
    assert inner.record().ret == 1
    assert inner.snapshot() == before


def test_doctests(inner: Inner) -> None:
    inner.file(
        "mod.py", 'def f():\n    """\n    >>> 1 == getfixture("golden")\n    True\n    """\n'
    )
    assert inner.record("--doctest-modules", "mod.py").ret == 0
    assert [*inner.values] == ["mod.py::mod.f"]
    assert inner.verify("--doctest-modules", "mod.py").ret == 0


# fixtures around it


def test_by_getfixturevalue(inner: Inner) -> None:
    both(
        inner,
        "def test_it(request):\n    assert 1 == request.getfixturevalue('golden')\n"
        "def test_other():\n    pass\n",
    )


def test_in_setup_and_teardown(inner: Inner) -> None:
    text = (
        "import pytest\n"
        "@pytest.fixture\ndef around(golden):\n"
        "    assert 'before' == golden('setup')\n    yield\n    assert '{after}' == golden('teardown')\n"
        "def test_it(around):\n    pass\n"
    )
    both(inner, text.format(after="after"))
    assert len(inner.values) == 2
    inner.file("test_a.py", text.format(after="other"))
    result = inner.verify()
    assert result.ret == 1
    assert 'expected "after", got "other"' in text_of(result)


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_in_a_fixture_of_several_tests(inner: Inner, scope: str) -> None:
    text = (
        f"import pytest\n@pytest.fixture(scope='{scope}')\n"
        "def wide(golden):\n    {body}\n    return golden\n"
        "def test_it(wide):\n    assert 2 == wide\n"
    )
    both(inner, text.format(body="assert golden.seed == 0"))
    before = inner.snapshot()
    inner.file("test_a.py", text.format(body="assert 1 == golden"))
    result = inner.record()
    assert result.ret == 1
    assert f"golden was compared in the fixture 'wide' (scope {scope})" in text_of(result)
    assert "/pytest_aos_golden/" not in text_of(result)
    assert inner.snapshot() == before


def test_a_fixture_of_ones_own_on_top(inner: Inner) -> None:
    both(
        inner,
        "import pytest\n"
        "@pytest.fixture\ndef golden(golden):\n    return golden('mine', rules=['[0]: mask number'])\n"
        "def test_it(golden):\n    assert [1, 2] == golden\n",
        ini=("golden_max_stripped = 0.5",),
    )
    assert inner.values == {"test_a.py::test_it#mine": ["<number>", 2]}


def test_outside_a_test(inner: Inner) -> None:
    inner.file(
        "conftest.py",
        "import pytest\nheld = []\n"
        "@pytest.fixture(autouse=True)\ndef hold(golden):\n    held.append(golden)\n"
        "def pytest_sessionfinish():\n"
        "    try:\n        held[0] == 1\n"
        "    except Exception as error:\n        print('SAID', error)\n",
    )
    inner.file("test_a.py", "def test_it():\n    pass\n")
    assert "SAID golden was used outside a test" in text_of(inner.run("-s"))
