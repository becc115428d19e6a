"""Counting, what it costs in series, and the text that Prometheus reads."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aos_workflow.assembly.metering import counted, registry_for
from aos_workflow.determinism import FixedClock
from aos_workflow.errors import UsageError
from aos_workflow.metrics import CATALOGUE, EngineMeter, Registry, exposition
from aos_workflow.metrics import catalogue as m
from aos_workflow.metrics.exporter import exporting
from aos_workflow.metrics.registry import FRESH


@pytest.fixture
def registry() -> Registry:
    return Registry(CATALOGUE)


def samples(registry: Registry) -> dict[str, float]:
    """Every sample as Prometheus' own parser reads it."""
    found = {}
    for family in text_string_to_metric_families(exposition(registry).decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def test_the_catalogue_names_each_metric_once() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)
    declared = {id(value) for value in vars(m).values() if isinstance(value, m.Metric)}
    assert declared == {id(metric) for metric in CATALOGUE}


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_names_follow_the_conventions_of_prometheus(metric: m.Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert set(metric.known) <= set(metric.labels)
    assert metric.help.endswith(".")


def test_known_series_stand_at_zero_from_the_start(registry: Registry) -> None:
    """Else the first failure of a process would be no increase of anything."""
    found = samples(registry)
    assert found["nova_workflow_runs_total{status=failed}"] == 0
    assert found["nova_workflow_replay_failures_total{}"] == 0
    assert found["nova_workflow_golden_mismatches_total{cause=tampered}"] == 0
    assert found["nova_workflow_checkpoint_save_failures_total{code=STORE_UNAVAILABLE}"] == 0
    assert found["nova_workflow_checkpoint_save_seconds_bucket{le=+Inf}"] == 0


@pytest.mark.parametrize(
    ("seconds", "first_edge"),
    [(0.1999, "0.2"), (0.2, "0.2"), (0.2001, "0.5"), (1.0, "1"), (1.001, "2.5"), (11, "+Inf")],
)
def test_an_observation_counts_in_its_bucket_and_all_above(
    registry: Registry, seconds: float, first_edge: str
) -> None:
    registry[m.SAVE_SECONDS].histogram().observe(seconds)
    lines = exposition(registry).decode().splitlines()
    buckets = [line for line in lines if line.startswith(f"{m.SAVE_SECONDS.name}_bucket")]
    first = next(line for line in buckets if line.endswith(" 1"))
    assert f'le="{first_edge}"' in first
    assert all(line.endswith(" 1") for line in buckets[buckets.index(first) :])
    assert samples(registry)[f"{m.SAVE_SECONDS.name}_sum{{}}"] == seconds


@pytest.mark.parametrize("seen", [1, FRESH - 1, FRESH, FRESH + 1, 3 * FRESH + 7])
def test_whatever_number_of_observations_is_counted_whole(registry: Registry, seen: int) -> None:
    """Some hundred are kept before they are counted; a reading in between sees them all."""
    values = [random.Random(seen).random() * 3 for _ in range(seen)]
    meter = EngineMeter(registry, iter(values).__next__)
    for number in range(seen):
        meter.saved(0.0)
        if number == seen // 2:
            samples(registry)
    found = samples(registry)
    name = m.SAVE_SECONDS.name
    assert found[f"{name}_count{{}}"] == seen
    assert found[f"{name}_sum{{}}"] == pytest.approx(sum(values))
    for edge in m.SAVE_SECONDS.buckets:
        below = sum(value <= edge for value in values)
        assert found[f"{name}_bucket{{le={edge:g}}}"] == below


def test_saving_is_one_histogram_under_two_names(registry: Registry) -> None:
    clock = FixedClock()
    meter = EngineMeter(registry, clock.monotonic)
    began_s = meter.now_s()
    clock.elapsed_s = 0.3
    meter.saved(began_s)
    found = samples(registry)
    assert found["nova_workflow_checkpoint_save_seconds_sum{}"] == 0.3
    assert found["nova_workflow_checkpoint_duration_seconds_sum{op=save}"] == 0.3
    assert found["nova_workflow_checkpoint_duration_seconds_count{op=load}"] == 0


def test_a_label_has_a_bounded_number_of_values(registry: Registry) -> None:
    meter = EngineMeter(registry)
    for number in range(m.MAX_VALUES + 50):
        meter.step_tried(f"skill{number}", meter.now_s(), None)
    found = samples(registry)
    counts = [name for name in found if name.startswith(f"{m.STEP_SECONDS.name}_count")]
    assert len(counts) == m.MAX_VALUES + 1
    assert found[f"{m.STEP_SECONDS.name}_count{{skill=other,status=completed}}"] == 50


def test_labels_of_any_text_are_escaped(registry: Registry) -> None:
    hostile = 'a"b\\c\nd}é'
    registry[m.QUEUE_DEPTH].value(hostile).set(3)
    assert samples(registry)[f"nova_workflow_queue_depth{{queue={hostile}}}"] == 3


def test_wrong_labels_are_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="has the labels"):
        registry[m.RUNS].value("failed", "x")


@pytest.mark.parametrize(
    ("tell", "name"),
    [
        (lambda meter: meter.run_left("w", "failed"), "nova_workflow_runs_total{status=failed}"),
        (
            lambda meter: meter.run_left("w", "suspended"),
            "workflow_executions_total{status=suspended,workflow=w}",
        ),
        (
            lambda meter: meter.replay_failed("EXTERNAL_CALL"),
            "nova_workflow_replay_failures_total{}",
        ),
        (
            lambda meter: meter.golden_refused("TAMPER_DETECTED"),
            "nova_workflow_golden_mismatches_total{cause=tampered}",
        ),
        (
            lambda meter: meter.save_failed("CHECKPOINT_VERSION_CONFLICT"),
            "nova_workflow_lease_losses_total{}",
        ),
        (
            lambda meter: meter.held_up("BUDGET_EXCEEDED"),
            "nova_workflow_policy_refusals_total{reason=budget}",
        ),
        (
            lambda meter: meter.step_refused("SKILL_NOT_FOUND"),
            "nova_workflow_step_failures_total{code=SKILL_NOT_FOUND}",
        ),
        (lambda meter: meter.step_kept(1.0), "nova_workflow_cost_cents_total{}"),
    ],
)
def test_what_an_engine_tells_is_counted(
    registry: Registry, tell: Callable[[EngineMeter], Any], name: str
) -> None:
    tell(EngineMeter(registry))
    assert samples(registry)[name] == 1


def test_a_run_that_waits_has_not_ended_and_a_missing_golden_is_no_mismatch(
    registry: Registry,
) -> None:
    meter = EngineMeter(registry)
    meter.run_left("w", "suspended")
    meter.golden_refused("GOLDEN_MISSING")
    found = samples(registry)
    assert sum(v for k, v in found.items() if k.startswith("nova_workflow_runs_total")) == 0
    assert sum(v for k, v in found.items() if "golden_mismatches" in k) == 0


def test_a_gauge_that_is_read_forgets_what_is_gone(registry: Registry) -> None:
    registry[m.RUNNING_AGE].replace({("run-1", "w"): 12.5, ("run-2", "w"): 3.0})
    registry[m.RUNNING_AGE].replace({("run-2", "w"): 4.0})
    found = {name: v for name, v in samples(registry).items() if "running_age" in name}
    assert found == {"nova_workflow_running_age_seconds{run_id=run-2,workflow=w}": 4.0}


def test_what_a_worker_reports_is_counted() -> None:
    registry = registry_for("engine", "worker")
    told: list[str] = []
    report = counted(registry, lambda event, fields: told.append(event))
    report("runs_requeued", {"runs": ["a", "b"]})
    report("store_unavailable", {})
    found = samples(registry)
    assert found["nova_workflow_runs_requeued_total{}"] == 2
    assert found["nova_workflow_store_unavailable_total{}"] == 1
    assert told == ["runs_requeued", "store_unavailable"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_complain_about(registry: Registry) -> None:
    EngineMeter(registry).step_tried("search", 0.0, "EXECUTION_ERROR")
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=exposition(registry),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


async def test_a_port_shows_them(registry: Registry) -> None:
    def get(path: str, method: str = "GET") -> tuple[int, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    async with exporting(registry, "127.0.0.1", 0) as port:
        assert await asyncio.to_thread(get, "/metrics") == (200, exposition(registry))
        assert (await asyncio.to_thread(get, "/"))[0] == 404
        assert (await asyncio.to_thread(get, "/metrics", "POST"))[0] == 405
        assert await asyncio.to_thread(get, "/metrics?x=1", "HEAD") == (200, b"")
        with pytest.raises(UsageError, match="cannot be shown"):
            async with exporting(registry, "127.0.0.1", port):
                pass
