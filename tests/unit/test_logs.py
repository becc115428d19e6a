"""Lines that the runbooks can search, with ids, without secrets, whatever the disk does."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from aos_workflow import config
from aos_workflow.checkpoint import MemoryStore
from aos_workflow.determinism import FixedClock
from aos_workflow.engine import Context, Worker, WorkflowEngine, workflow
from aos_workflow.errors import CheckpointVersionConflictError, GoldenTamperedError, UsageError
from aos_workflow.golden import GoldenRecorder
from aos_workflow.logs import Mask, Sinks, log_to, worker_log
from aos_workflow.policies import Limits, PolicyEnforcer
from aos_workflow.skills import SkillRegistry, skill

TOKEN = "ghp_" + "a1B2c3D4e5" * 4


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@skill("talk", side_effects="none", cost_cents=2)
def talk() -> int:
    logging.getLogger("mine").warning("told %s", TOKEN)
    structlog.get_logger().info("said", password="hunter22", n=1)
    raise ValueError("no such thing")


@workflow("talks")
async def talks(ctx: Context) -> Any:
    return await ctx.step(talk)


@workflow("looks")
async def looks(ctx: Context) -> Any:
    return await ctx.step("no_such_skill")


async def worked(written: io.StringIO, name: str, **options: Any) -> list[dict[str, Any]]:
    logger = log_to(Sinks(stream=written), clock=FixedClock())
    usual = {"policy": None, "emergency": None}
    async with WorkflowEngine(
        SkillRegistry(talk), MemoryStore(), workflows=[talks, looks], **(usual | options)
    ) as engine:
        await engine.start(name, run_id="r1", tenant_id="acme")
        await Worker(engine, report=worker_log(logger, "w1")).run_until_idle()
    return lines(written)


async def test_every_line_says_of_which_run_step_and_tenant(written: io.StringIO) -> None:
    found = await worked(written, "talks")
    assert [line["event"].split()[0] for line in found] == [
        "run_taken",
        "told",
        "said",
        "step_failed",
        "run_left",
    ]
    assert {line["run_id"] for line in found} == {"r1"}
    assert {line["tenant_id"] for line in found} == {"acme"}
    assert {line.get("step_path") for line in found} == {None, "1:talk"}
    assert [line["level"] for line in found] == ["INFO", "WARNING", "INFO", "ERROR", "ERROR"]
    assert found[0]["timestamp"] == "2026-01-01T00:00:00.000Z"
    assert found[0]["checkpoint"] == {"version": 1, "steps": 0}


async def test_secrets_are_masked_whoever_writes_them(written: io.StringIO) -> None:
    found = await worked(written, "talks")
    assert TOKEN not in written.getvalue()
    assert found[1]["event"] == "told ***"
    assert found[2]["password"] == "***"


@pytest.mark.parametrize(
    ("name", "limits", "code"),
    [
        ("talks", Limits(), "EXECUTION_ERROR"),
        ("looks", Limits(), "SKILL_NOT_FOUND"),
        ("talks", Limits(step_ceiling_cents=1), "POLICY_VIOLATION"),
    ],
)
async def test_the_codes_that_the_runbook_searches(
    written: io.StringIO, name: str, limits: Limits, code: str
) -> None:
    found = await worked(written, name, policy=PolicyEnforcer(limits))
    assert [line["event"] for line in found if line.get("error_code") == code] == [
        "step_failed",
        "run_left",
    ]
    assert all(line["level"] == "ERROR" for line in found if code in json.dumps(line))


@pytest.mark.parametrize(
    ("event", "error", "word"),
    [
        ("run_lost", CheckpointVersionConflictError("moved on"), "CheckpointVersionConflictError"),
        ("golden_failed", GoldenTamperedError("line 3", file="g", line=3), "TAMPER_DETECTED"),
    ],
)
def test_errors_of_ours_stand_in_the_line(
    written: io.StringIO, event: str, error: Any, word: str
) -> None:
    worker_log(log_to(Sinks(stream=written)), "w1")(event, {"run_id": "r", **error.to_dict()})
    assert word in written.getvalue()
    assert lines(written)[0]["level"] == "ERROR"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"password": "x"}, {"password": "***"}),
        ({"db": {"api_key": [1]}}, {"db": {"api_key": "***"}}),
        ({"authorization": None}, {"authorization": None}),
        ({"token_count": 3, "tokens": 4}, {"token_count": 3, "tokens": 4}),
        ({"url": "postgresql://nova:s3cr3tword@db/x"}, {"url": "postgresql://nova:***@db/x"}),
        (["a known-secret here"], ["a *** here"]),
        (["login with password=hunter2 failed"], ["login with password=*** failed"]),
        ({"n": 1.5, "b": True, "o": None}, {"n": 1.5, "b": True, "o": None}),
    ],
)
def test_masking(value: Any, masked: Any) -> None:
    assert Mask(["known-secret", "abc"]).value(value) == masked


def test_masking_is_bounded_in_depth() -> None:
    nested: Any = "end"
    for _ in range(100):
        nested = [nested]
    assert "..." in json.dumps(Mask().value(nested))


def test_a_line_is_one_line_and_ascii_whatever_is_in_it(written: io.StringIO) -> None:
    log_to(Sinks(stream=written)).error(
        "two\nlines", text="\x1b[31m ü \ud800", data=b"x", obj=object
    )
    assert written.getvalue().count("\n") == 1
    assert written.getvalue().isascii()
    assert lines(written)[0]["event"] == "two\nlines"


def test_an_exception_of_the_library_is_told_in_full(written: io.StringIO) -> None:
    log_to(Sinks(stream=written))
    try:
        raise RuntimeError(f"with {TOKEN}")
    except RuntimeError:
        logging.getLogger("x").exception("it failed")
    (line,) = lines(written)
    assert "RuntimeError: with ***" in line["exception"]


def test_nothing_below_the_level_is_written(written: io.StringIO) -> None:
    logger = log_to(Sinks(stream=written))
    logger.debug("no")
    logging.getLogger("x").debug("no")
    assert written.getvalue() == ""


async def test_a_secret_in_an_error_is_in_no_store_and_no_golden_whatever_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @skill("leak", side_effects="none")
    def leak() -> int:
        raise ValueError("password=hunter2hunter2 of-this-process")

    @workflow("leaks")
    async def leaks(ctx: Context) -> Any:
        return await ctx.step(leak)

    monkeypatch.setenv("MY_API_KEY", "of-this-process")
    recorder, store = GoldenRecorder(tmp_path, secret="a long secret of tests"), MemoryStore()
    async with WorkflowEngine(
        SkillRegistry(leak), store, golden=recorder, workflows=[leaks], policy=None
    ) as engine:
        result = await engine.run("leaks", run_id="r1")
    kept = "ValueError: password=*** of-this-process"
    [step] = await store.load_steps("r1")
    assert step.error_message == kept
    assert result.error_message == f"step '1:leak' failed: {kept}"
    golden = recorder.path_of("r1").read_text()
    assert "hunter2" not in golden
    assert kept in golden


def moved(path: Path) -> None:
    path.rename(path.with_suffix(".1"))


@pytest.mark.parametrize("rotate", [moved, Path.unlink], ids=["moved", "removed"])
def test_a_file_that_is_moved_away_is_opened_anew(
    tmp_path: Path, rotate: Callable[[Path], object]
) -> None:
    path = tmp_path / "logs" / "worker.log"
    sinks = Sinks(path, io.StringIO())
    sinks.write("one")
    rotate(path)
    sinks.write("two")
    sinks.close()
    assert path.read_text() == "two\n"
    assert sinks.lost == 0


def test_a_full_disk_loses_lines_and_stops_nothing() -> None:
    sinks = Sinks(Path("/dev/full"), io.StringIO())
    sinks.write("one")
    sinks.write("two")
    assert sinks.lost == 2
    sinks.close()


def test_a_log_that_cannot_be_opened_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be opened"):
        Sinks(tmp_path / "file" / "worker.log")


def test_the_secrets_of_the_environment_are_known() -> None:
    found = config.secrets(
        {
            "AOS_API_KEY": "the-key",
            "DATABASE_URL": "postgresql://nova:p%40ssword@db/x",
            "REDIS_URL": "redis://[broken",
            "HOME": "/home/me",
        }
    )
    assert set(found) == {"the-key", "p@ssword", "redis://[broken"}


def test_what_has_the_name_of_a_secret_is_one_if_it_is_long_enough() -> None:
    found = config.secrets(
        {
            "MY_API_KEY": "12345678",
            "OTHER_TOKEN": "1234567",
            "PWD": "/home/me/work",
            "KEY": "12345678",
        }
    )
    assert found == ("12345678",)
