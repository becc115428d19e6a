"""Another plugin, or the project itself, defines a fixture called ``golden``."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Inner, text_of

XDIST = ("xdist",)
OTHER = (
    "import random\nimport pytest\n"
    "@pytest.fixture\ndef golden(request):\n    return 'the other one'\n"
)


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_two_owners_are_a_usage_error_that_names_both_ways_out(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini(use=XDIST)
    inner.fresh = True
    inner.file("other_golden.py", OTHER)
    inner.file("test_a.py", "def test_it(golden):\n    pass\n")
    result = inner.run("-p", "other_golden", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    output = text_of(result)
    assert "two plugins define the fixture 'golden': pytest-aos-golden and other_golden" in output
    assert "golden_fixture = aos_golden" in output
    assert "-p no:other_golden" in output


def test_with_the_alias_both_live_together(inner: Inner) -> None:
    inner.ini("golden_fixture = aos_golden")
    inner.fresh = True
    inner.file("other_golden.py", OTHER)
    inner.file(
        "test_a.py",
        "import random\n"
        "random.seed(3)\nwant = random.Random(3)\n"
        "def test_theirs(golden):\n    assert golden == 'the other one'\n"
        "    assert random.random() == want.random(), 'their tests are not ours to seed'\n"
        "def test_ours(aos_golden):\n    assert 1 == aos_golden\n",
    )
    result = inner.record("-p", "other_golden")
    assert result.ret == 0
    assert [*inner.values] == ["test_a.py::test_ours"]
    assert inner.verify("-p", "other_golden").ret == 0


def test_without_another_plugin_both_names_work(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "def test_it(golden, aos_golden):\n    assert golden is aos_golden\n    assert 1 == aos_golden\n",
    )
    inner.recorded()


@pytest.mark.parametrize("where", ["conftest.py", "sub/conftest.py", "sub/test_a.py"])
def test_a_project_may_define_its_own(inner: Inner, where: str) -> None:
    own = "import pytest\n@pytest.fixture\ndef golden():\n    return 5\n"
    test = "def test_it(golden):\n    assert golden == 5\n"
    inner.file("sub/test_a.py", test)
    inner.file(where, own + (test if where.endswith("test_a.py") else ""))
    assert inner.run().ret == 0


def test_a_project_may_import_its_own(inner: Inner) -> None:
    inner.file("mine.py", "import pytest\n@pytest.fixture\ndef golden():\n    return 5\n")
    inner.file("conftest.py", "from mine import golden\n")
    inner.file("test_a.py", "def test_it(golden):\n    assert golden == 5\n")
    assert inner.run().ret == 0


def test_a_fixture_name_that_is_not_ours(inner: Inner) -> None:
    inner.ini("golden_fixture = silver")
    result = inner.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected 'golden' or 'aos_golden'" in text_of(result)
