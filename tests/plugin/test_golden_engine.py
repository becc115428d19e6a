"""``golden_engine``: whole runs of workflows, recorded and verified."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Inner

FLOW = """
import pytest
from aos_workflow.engine import workflow
from aos_workflow.skills import skill

@skill("double", side_effects="none")
def double(n: int) -> int:
    return {factor} * n

@workflow("demo")
async def demo(ctx, n: int):
    doubled = await ctx.step(double, n)
    return {{"doubled": doubled, "dice": ctx.random.randint(1, 6), "id": str(ctx.uuid())}}

@pytest.mark.golden(seed={seed})
async def test_run(golden_engine):
    result = await golden_engine.run(demo, inputs={{"n": 4}})
    assert result.ok
"""


@pytest.fixture
def project(inner: Inner) -> Inner:
    inner.ini("asyncio_mode = auto", use=("asyncio",))
    inner.file("test_flow.py", FLOW.format(factor=2, seed=7))
    return inner


def test_a_run_is_recorded_and_verified(project: Inner) -> None:
    project.recorded()
    assert project.verify().ret == 0


def test_a_changed_step_is_found_with_path_and_values(project: Inner) -> None:
    project.recorded()
    project.file("test_flow.py", FLOW.format(factor=3, seed=7))
    result = project.verify()
    assert result.ret == 1
    text = "\n".join(result.outlines)
    assert "output" in text
    assert "8" in text
    assert "12" in text


def test_another_seed_is_another_run(project: Inner) -> None:
    project.recorded()
    project.file("test_flow.py", FLOW.format(factor=2, seed=8))
    assert project.verify().ret == 1


def test_what_is_not_the_same_twice_is_refused(project: Inner) -> None:
    text = FLOW.format(factor=2, seed=7).replace(
        "return 2 * n", "return id(object()) % 1000003 * n"
    )
    project.file("test_flow.py", text)
    result = project.run("--golden-record")
    assert result.ret == 1
    assert not list(project.golden_dir.rglob("*.golden.json"))
