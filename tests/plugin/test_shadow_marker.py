"""``@pytest.mark.shadow`` and ``--shadow-cycles``: simulations as tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def command(project: Inner, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aos_workflow.cli", "shadow", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_finds_what_pytest_found(project: Inner, tmp_path: Path) -> None:
    """Workflows in ``pythonpath`` and in the test module; the command in another folder; and the test it writes."""
    (project.root / "src").mkdir()
    (project.root / "flows.py").rename(project.root / "src" / "flows.py")
    project.file("pytest.ini", "[pytest]\npythonpath = src\n")
    project.file(
        "tests/test_f.py",
        """
import pytest
from aos_workflow.engine import workflow
from flows import bad, dice

@workflow("own")
async def own(ctx, n: int):
    return await ctx.step(dice, sides=n)

@pytest.mark.shadow(cycles=1, faults="none")
def test_imported():
    return bad

@pytest.mark.shadow(cycles=1, faults="none")
def test_own():
    return own
""",
    )
    project.run().assert_outcomes(failed=2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cases = sorted((project.root / ".pytest_cache" / "d" / "aos-shadow").glob("*/cycle_0"))
    assert len(cases) == 2
    for case in cases:
        inside = command(project, project.root, "reproduce", str(case.relative_to(project.root)))
        assert inside.stdout.startswith("seen again"), inside.stderr
        outside = command(project, elsewhere, "reproduce", str(case))
        assert outside.stdout.startswith("seen again"), outside.stderr
    case, test = cases[0], project.root / "tests" / "test_found.py"
    small = command(project, elsewhere, "shrink", str(case), "--test", str(test))
    assert small.returncode == 0, small.stderr
    assert command(project, elsewhere, "reproduce", str(case / "small")).returncode == 1
    assert str(project.root) not in test.read_text()
    found = project.run("tests/test_found.py")
    found.assert_outcomes(failed=1)
    assert "mismatch (random)" in found.stdout.str()


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
    text = result.stdout.str() + result.stderr.str()
    assert words in text
    assert "read_mark" not in text
    assert "_check" not in text


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
