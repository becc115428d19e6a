"""Runs and steps as spans, one below the other, and nothing of replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.engine import Context, workflow
from aos_workflow.golden import GoldenRecorder
from aos_workflow.skills import SkillRegistry, skill
from aos_workflow.tracing import TracedEngine

PROVIDER = TracerProvider()


@skill("search", side_effects="none", cost_cents=2)
async def search(fails: bool) -> str:
    with trace.get_tracer("mine", tracer_provider=PROVIDER).start_as_current_span("mine"):
        if fails:
            raise RuntimeError("password=hunter22 did not work")
    return "found"


@workflow("finds")
async def finds(ctx: Context, fails: bool = False) -> Any:
    return await ctx.step(search, fails)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    PROVIDER.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def engine(**options: Any) -> TracedEngine:
    return TracedEngine(
        SkillRegistry(search),
        MemoryStore(),
        workflows=[finds],
        policy=None,
        emergency=None,
        provider=PROVIDER,
        **options,
    )


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


async def test_a_run_its_step_and_what_the_skill_does(spans: InMemorySpanExporter) -> None:
    async with engine() as made:
        result = await made.run("finds", run_id="r1", seed=1)
    found = by_name(spans)
    run, step, inner = found["run finds"], found["step search"], found["mine"]
    assert (parent_of(inner), parent_of(step)) == (step.context.span_id, run.context.span_id)
    assert dict(step.attributes or {}) == {
        "aos.run_id": "r1",
        "aos.tenant_id": "default",
        "aos.step_path": "1:search",
        "aos.skill_id": "search",
        "aos.skill_version": search.version,
        "aos.attempts": 1,
        "aos.cost_cents": 2.0,
    }
    assert (run.attributes or {})["aos.status"] == "completed"
    assert result.ok


async def test_failures_have_their_code(spans: InMemorySpanExporter) -> None:
    async with engine() as made:
        await made.run("finds", inputs={"fails": True}, seed=1)
    for name in ("run finds", "step search"):
        span = by_name(spans)[name]
        assert (span.attributes or {})["error.type"] == "EXECUTION_ERROR"
        assert not span.status.is_ok


async def test_the_hashes_are_those_of_an_engine_without_traces(
    spans: InMemorySpanExporter, tmp_path: Path
) -> None:
    async with engine(golden=GoldenRecorder(tmp_path)) as made:
        result = await made.run("finds", seed=1)
        spans.clear()
        again = await made.replay(run_id=result.run_id)
    assert again.workflow_hash == result.workflow_hash
    assert [span.name for span in spans.get_finished_spans()] == ["mine"]
