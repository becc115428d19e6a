"""``@pytest.mark.shadow`` and ``--shadow-cycles``: simulations as tests."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.plugin.conftest import Inner

FLOWS = """
import random
from aos_workflow.engine import workflow
from aos_workflow.skills import skill

@skill("double", side_effects="none")
def double(n: int) -> int:
    return 2 * n

@skill("dice", side_effects="none")
def dice(sides: int) -> int:
    return random.randrange(10**9)

@workflow("good")
async def good(ctx, n: int):
    return await ctx.step(double, n=n)

@workflow("bad")
async def bad(ctx, n: int):
    return await ctx.step(dice, sides=n)
"""


@pytest.fixture
def project(inner: Inner) -> Inner:
    inner.file("flows.py", FLOWS)
    return inner


def test_a_clean_workflow_passes_and_a_bad_one_fails_with_the_command(project: Inner) -> None:
    project.file(
        "test_flows.py",
        """
import pytest
from flows import bad, good

@pytest.fixture
def chosen():
    return good

@pytest.mark.shadow(cycles=12)
def test_good(chosen):
    return chosen

@pytest.mark.shadow(cycles=5, faults="none", seed=3)
def test_bad():
    return bad
""",
    )
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    assert "5 cycles, 5 mismatches, 0 errors" in text
    assert "5 x random in bad: step '1:dice', output" in text
    command = next(line.strip() for line in result.outlines if "shadow reproduce" in line)
    again = subprocess.run(
        [sys.executable, "-m", "aos_workflow.cli", *command.split()[1:]],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1, again.stderr
    assert again.stdout.startswith("seen again")


def test_the_marker_may_name_modules_and_the_option_sets_the_cycles(project: Inner) -> None:
    project.file(
        "test_flows.py",
        """
import pytest

@pytest.mark.shadow("flows::good", "flows::bad", cycles=100_000, faults="none")
def test_all():
    pass
""",
    )
    result = project.run("--shadow-cycles", "7")
    result.assert_outcomes(failed=1)
    assert "7 cycles," in result.stdout.str()
    project.run("--shadow-cycles", "0").assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("(rounds=3)", "takes workflows, cycles, faults and seed; got rounds"),
        ("(cycles=-1)", "cycles=-1"),
        ("(faults='some')", "none or default or heavy"),
        ("(seed='x')", "seed='x'"),
    ],
)
def test_an_unusable_marker_says_so(inner: Inner, marker: str, words: str) -> None:
    inner.file("test_it.py", f"import pytest\n\n@pytest.mark.shadow{marker}\ndef test_it(): pass\n")
    result = inner.run()
    assert result.ret != 0
    assert words in result.stdout.str() + result.stderr.str()


def test_what_cannot_be_simulated_says_so(inner: Inner) -> None:
    inner.file(
        "test_it.py",
        """
import pytest
from aos_workflow.engine import workflow

@pytest.mark.shadow(cycles=1)
def test_nothing():
    pass

@pytest.mark.shadow(cycles=1)
def test_number():
    return 7

@pytest.mark.shadow(cycles=1)
def test_inside():
    @workflow("inside")
    async def inside(ctx):
        return 1
    return inside

@pytest.mark.shadow(cycles=1)
async def test_async():
    pass

@pytest.mark.shadow("no_such_module", cycles=1)
def test_unknown():
    pass
""",
    )
    result = inner.run()
    result.assert_outcomes(failed=5)
    text = result.stdout.str()
    for words in (
        "nothing to simulate",
        "7 cannot be simulated",
        "stands at the top level of no module",
        "it cannot be async",
        "no_such_module",
    ):
        assert words in text
