"""The store on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import orjson

from aos_workflow.checkpoint.heads import ANY_VERSION, new_head, states_before
from aos_workflow.checkpoint.limits import (
    DEAD_AFTER_S,
    MAX_PAYLOAD_BYTES,
    OUT_OF_ROW_BYTES,
    UNRESPONSIVE_AFTER_S,
    refuse_large,
    refuse_large_input,
)
from aos_workflow.checkpoint.postgres import statements as sql
from aos_workflow.checkpoint.postgres.connection import TRIES, Connection, Database, Statement
from aos_workflow.checkpoint.postgres.grouping import GroupCommit
from aos_workflow.checkpoint.postgres.migrating import migrate
from aos_workflow.checkpoint.postgres.rows import (
    decision_of,
    head_of,
    skill_of,
    spec_of,
    statistics_of,
    step_of,
    worker_of,
)
from aos_workflow.checkpoint.postgres.texts import text_of
from aos_workflow.checkpoint.quantiles import QUANTILES
from aos_workflow.checkpoint.records import (
    Census,
    Checkpoint,
    Commit,
    Committed,
    Controls,
    Decision,
    Due,
    NewRun,
    RunFilter,
    RunStatistics,
    RunStatus,
    SkillRow,
    SpecRow,
    StepRecord,
    StepStatus,
    Transition,
    WorkerRow,
)
from aos_workflow.checkpoint.refusals import (
    already_over,
    conflict,
    leased,
    moved_on,
    no_question,
    not_allowed,
    other_run,
    too_few_steps,
    unknown_run,
    unknown_skill,
)
from aos_workflow.determinism import Entropy, SystemEntropy
from aos_workflow.errors import StoreUnavailableError, UsageError

__all__ = ["CheckpointStore"]

_LANES = 4
"""Connections for commits."""
_CREATE_TRIES = 5


class CheckpointStore:
    """See :class:`~aos_workflow.checkpoint.port.Store`. One store belongs to one event loop.

    ``dsn`` is the database; without one, that of ``DATABASE_URL``, or the embedded PostgreSQL in ``AOS_HOME``. Opens by
    itself at the first use, and brings the schema up to date unless ``migrates`` is false.

    ``pool_size`` limits the connections, four of which are for commits. ``statement_timeout_s`` limits each statement.
    An output of more than ``max_payload_bytes`` is refused; one of more than ``out_of_row_bytes`` is kept by its
    digest, once for a run. ``batch`` is how many commits of different runs may go out as one statement. ``tries`` is
    how often something is tried while the database cannot be reached: 12 are about 13 seconds.
    """

    def __init__(
        self,
        dsn: str | None = None,
        *,
        pool_size: int = 10,
        statement_timeout_s: float = 30.0,
        max_payload_bytes: int = MAX_PAYLOAD_BYTES,
        out_of_row_bytes: int = OUT_OF_ROW_BYTES,
        batch: int = 200,
        tries: int = TRIES,
        application_name: str = "aos-workflow",
        migrates: bool = True,
        entropy: Entropy | None = None,
    ) -> None:
        if pool_size <= _LANES or min(batch, tries) < 1 or statement_timeout_s <= 0:
            raise UsageError(
                f"a store needs more than {_LANES} connections, a batch and tries of 1 or more, and time for "
                f"statements: got {pool_size=}, {batch=}, {tries=}, {statement_timeout_s=}"
            )
        self._dsn = dsn
        self._pool_size = pool_size
        self._statement_timeout_s = statement_timeout_s
        self._max_payload_bytes = max_payload_bytes
        self._out_of_row_bytes = out_of_row_bytes
        self._batch = batch
        self._tries = tries
        self._entropy = entropy or SystemEntropy()
        self._unsure_claims: dict[str, str] = {}
        self._application_name = application_name
        self._migrates = migrates
        self._opened: tuple[Database, GroupCommit] | None = None
        self._opening: asyncio.Lock | None = None
        self._release: Callable[[], None] | None = None

    def __repr__(self) -> str:
        state = "open" if self._opened else "not open"
        return f"<CheckpointStore, {state}>"  # never the address: it may hold a password

    async def open(self) -> Self:
        await self._parts()
        return self

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        release, self._release = self._release, None
        try:
            if opened is not None:
                database, group = opened
                await group.close()
                await database.close()
        finally:
            if release is not None:
                await asyncio.to_thread(release)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    # runs

    async def save_spec(self, spec: SpecRow) -> None:
        await self._fetch(
            sql.SAVE_SPEC, spec.spec_hash, spec.workflow_id, spec.version, spec.spec_json.decode()
        )

    async def load_spec(self, spec_hash: str) -> SpecRow | None:
        row = await self._row(sql.LOAD_SPEC, spec_hash)
        return None if row is None else spec_of(row)

    async def newest_spec(self, workflow_id: str) -> SpecRow | None:
        row = await self._row(sql.NEWEST_SPEC, workflow_id)
        return None if row is None else spec_of(row)

    async def create(self, run: NewRun) -> tuple[Checkpoint, bool]:
        refuse_large_input(run, self._max_payload_bytes)
        token = self._token()
        for _ in range(_CREATE_TRIES):
            row = await self._row(sql.CREATE, *_creation(run, token))
            if row is not None:
                return new_head(run, row["created_at_s"], row["epoch"]), True
            found = await self._row(
                sql.HEAD_BY_KEY, run.run_id, run.tenant_id, run.workflow_id, run.idempotency_key
            )
            if found is not None:
                known = head_of(found)
                if other_run(known, run):
                    raise conflict(known, run)
                return known, found["lease_token"] == token  # made by an earlier try
        raise StoreUnavailableError(
            f"run {run.run_id!r} is created and deleted again and again", run_id=run.run_id
        )

    async def load(self, run_id: str) -> Checkpoint | None:
        from aos_workflow.golden.strict_json import loads  # commands that only list do without

        row = await self._row(sql.HEAD, run_id)
        if row is None:
            return None
        outputs = {
            step.step_path: None if step.output_json is None else loads(step.output_json)
            for step in await self.load_steps(run_id)
            if step.status is StepStatus.COMPLETED
        }
        return replace(head_of(row), step_outputs=outputs)

    async def load_head(self, run_id: str) -> Checkpoint | None:
        row = await self._row(sql.HEAD, run_id)
        return None if row is None else head_of(row)

    async def load_steps(
        self, run_id: str, *, after: int = -1, limit: int | None = None
    ) -> tuple[StepRecord, ...]:
        return tuple(step_of(row) for row in await self._fetch(sql.STEPS, run_id, after, limit))

    async def load_draws(self, run_id: str) -> bytes | None:
        row = await self._row(sql.DRAWS, run_id)
        return None if row is None or row["draws_json"] is None else row["draws_json"].encode()

    async def list_runs(self, which: RunFilter) -> tuple[Checkpoint, ...]:
        at_s, run_id = which.before or (None, None)
        rows = await self._fetch(
            sql.LIST,
            None if which.statuses is None else [status.value for status in which.statuses],
            which.workflow_id,
            which.tenant_id,
            which.queue,
            which.owner,
            which.updated_before_s,
            at_s,
            run_id,
            which.limit,
        )
        return tuple(head_of(row) for row in rows)

    async def statistics(self, workflow_id: str, *, since_s: float | None = None) -> RunStatistics:
        rows = await self._fetch(sql.STATISTICS, workflow_id, since_s, list(QUANTILES))
        return statistics_of(workflow_id, rows)

    async def delete(self, run_id: str, *, by: str) -> bool:
        token = self._token()
        done = (sql.DELETED, run_id, token)
        if await self._row(sql.DELETE, run_id, DEAD_AFTER_S, by, token, done=done) is not None:
            return True
        row = await self._row(sql.HEAD, run_id)
        if row is None:
            return False
        raise leased(head_of(row))

    # going on with a run

    async def commit(self, commit: Commit) -> Committed:
        refuse_large(commit, self._max_payload_bytes)
        opened = self._opened
        _, group = opened if opened is not None else await self._parts()
        return await group.commit(commit)

    async def claim(
        self, owner: str, *, queues: Sequence[str] = ("default",), limit: int = 1
    ) -> tuple[Checkpoint, ...]:
        # While it is not known what came of a claim, its runs are nobody else's: so it is asked for again first.
        token = self._unsure_claims.get(owner)
        rows = [] if token is None else await self._fetch(sql.CLAIMED, owner, token)
        if not rows:
            token = self._unsure_claims[owner] = self._token()
            done = (sql.CLAIMED, owner, token)
            rows = await self._fetch(sql.CLAIM, owner, list(queues), limit, token, done=done)
        del self._unsure_claims[owner]
        heads = [head_of(row) for row in rows]
        return tuple(
            sorted(heads, key=lambda head: (head.priority, head.available_at_s, head.run_id))
        )

    async def take(self, run_id: str, owner: str) -> Checkpoint:
        row = await self._row(sql.TAKE, run_id, owner, DEAD_AFTER_S)
        if row is not None:
            return head_of(row)
        head = await self._head(run_id)
        if head.status is RunStatus.RUNNING:
            raise leased(head)
        raise already_over(head, "be taken up")

    async def transition(self, change: Transition) -> Checkpoint:
        token = self._token()
        row = await self._row(
            sql.TRANSITION,
            change.run_id,
            change.status.value,
            change.by,
            change.reason,
            change.error_code,
            change.error_message,
            change.expected_version,
            change.reset_attempts,
            states_before(change.status),
            token,
            change.budget_cents,
            done=(sql.CHANGED, change.run_id, token),
        )
        if row is not None:
            head = head_of(row)  # as it was before, where this statement changed another table
            raised = change.budget_cents
            return head if raised is None else replace(head, budget_cents=raised)
        head = await self._head(change.run_id)
        if change.expected_version not in (None, head.version):
            raise moved_on(change)
        raise not_allowed(head, change.status)

    async def request_cancel(self, run_id: str, *, by: str) -> Checkpoint:
        token = self._token()
        row = await self._row(
            sql.CANCEL,
            run_id,
            by,
            states_before(RunStatus.CANCELLED),
            token,
            done=(sql.CHANGED, run_id, token),
        )
        if row is not None:
            return head_of(row)
        raise already_over(await self._head(run_id), "be cancelled")

    async def fork(self, run_id: str, new: NewRun, *, steps: int) -> Checkpoint:
        forked = replace(new, mode="fork", forked_from_run_id=run_id, forked_from_step=steps)
        refuse_large_input(forked, self._max_payload_bytes)
        await self._head(run_id)

        token = self._token()

        async def work(connection: Connection, again: bool) -> Any:
            there = await connection.fetchval(sql.COUNT_STEPS, run_id)
            if there < steps:
                raise too_few_steps(run_id, steps, there)
            row = await connection.fetchrow(sql.CREATE, *_creation(forked, token))
            if row is not None:
                await connection.execute(sql.FORK_STEPS, run_id, forked.run_id, steps)
            return row

        database, _ = await self._parts()
        row = await database.transaction(work)
        if row is not None:
            head = new_head(forked, row["created_at_s"], row["epoch"])
            return replace(head, next_step_index=steps)
        found = await self._row(
            sql.HEAD_BY_KEY, new.run_id, new.tenant_id, new.workflow_id, new.idempotency_key
        )
        if found is None:
            raise unknown_run(new.run_id)
        if found["lease_token"] != token:
            raise conflict(head_of(found), new)
        return head_of(found)

    # asking people

    async def ask(self, question: Decision, *, expires_in_s: float | None = None) -> Decision:
        async def work(connection: Connection, again: bool) -> Decision:
            if await connection.fetchrow(sql.LOCK_HEAD, question.run_id) is None:
                raise unknown_run(question.run_id)
            asked = (question.run_id, question.step_path)
            request = question.request_json.decode()
            row = await connection.fetchrow(sql.ASKED, *asked)
            if row is None and question.kind == "signal":
                row = await connection.fetchrow(sql.KEPT_SIGNAL, *asked, question.name, request)
            if row is None:
                row = await connection.fetchrow(
                    sql.ASK, *asked, question.kind, question.name, request, expires_in_s
                )
            return decision_of(row)

        database, _ = await self._parts()
        return await database.transaction(work)

    async def decide(
        self,
        run_id: str,
        name: str,
        *,
        decision: str,
        by: str,
        payload_json: bytes | None = None,
        step_path: str | None = None,
    ) -> Decision:
        token = self._token()
        answer = (run_id, name, decision, text_of(payload_json), by)

        async def work(connection: Connection, again: bool) -> Decision:
            if again:
                row = await connection.fetchrow(sql.DECIDED, run_id, token)
                if row is not None:
                    return decision_of(row)
            row = await connection.fetchrow(sql.LOCK_HEAD, run_id)
            if row is None:
                raise unknown_run(run_id)
            head = head_of(row)
            if head.status in (RunStatus.COMPLETED, RunStatus.CANCELLED):
                raise already_over(head, f"be told {name!r}")
            row = await connection.fetchrow(sql.DECIDE, *answer, step_path, token)
            if row is None and decision == "received" and step_path is None:
                row = await connection.fetchrow(sql.KEEP_SIGNAL, *answer, token)
            if row is None:
                raise no_question(run_id, name)
            await connection.fetch(sql.WAKE, run_id)
            return decision_of(row)

        database, _ = await self._parts()
        return await database.transaction(work)

    async def decisions(
        self,
        *,
        run_id: str | None = None,
        tenant_id: str | None = None,
        open_only: bool = False,
        limit: int = 100,
    ) -> tuple[Decision, ...]:
        rows = await self._fetch(sql.DECISIONS, run_id, open_only, tenant_id, limit)
        return tuple(decision_of(row) for row in rows)

    async def wake(self, run_id: str) -> bool:
        return await self._row(sql.WAKE, run_id) is not None

    # workers

    async def join(self, worker: WorkerRow) -> None:
        meta = worker.meta_json.decode()
        await self._fetch(sql.JOIN, worker.worker_id, list(worker.queues), worker.status, meta)

    async def beat(self, worker_id: str, *, status: str = "running") -> bool:
        return await self._row(sql.BEAT, worker_id, status) is not None

    async def leave(self, worker_id: str) -> int:
        return len(await self._fetch(sql.LEAVE, worker_id))

    async def workers(self) -> tuple[WorkerRow, ...]:
        return tuple(worker_of(row) for row in await self._fetch(sql.WORKERS, UNRESPONSIVE_AFTER_S))

    async def reap(
        self, *, silent_for_s: float = DEAD_AFTER_S, limit: int = 500
    ) -> tuple[str, ...]:
        rows = await self._fetch(sql.REAP, silent_for_s, limit)
        if len(rows) < limit:
            rows += await self._fetch(sql.WAKE_ALL, limit - len(rows))
        return tuple(sorted(row["run_id"] for row in rows))

    # operators

    async def census(self, *, stale: int = 100) -> Census:
        row = await self._row(sql.CENSUS, stale)
        live = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.SUSPENDED)
        return Census(
            {status: row[status.value] for status in live if row[status.value]},
            {queue: Due(runs, oldest_s) for queue, runs, oldest_s in orjson.loads(row["due"])},
            tuple((run, workflow, age_s) for run, workflow, age_s in orjson.loads(row["stale"])),
            row["questions"],
        )

    async def controls(self) -> Controls:
        row = await self._row(sql.CONTROLS)
        disabled = {
            (skill_id, None if version == ANY_VERSION else version): reason
            for skill_id, version, reason in orjson.loads(row["disabled"])
        }
        return Controls(row["epoch"], row["stopped"], row["stop_reason"], disabled)

    async def set_stop(self, stopped: bool, *, by: str, reason: str | None = None) -> Controls:
        await self._fetch(sql.SET_STOP, stopped, reason, by)
        return await self.controls()

    async def register_skills(self, skills: Sequence[SkillRow]) -> None:
        rows = {(row.skill_id, row.version): row for row in skills}
        ordered = [rows[key] for key in sorted(rows)]
        await self._fetch(
            sql.REGISTER_SKILLS,
            [row.skill_id for row in ordered],
            [row.version for row in ordered],
            [row.side_effects for row in ordered],
            [text_of(row.input_schema_json) for row in ordered],
            [text_of(row.output_schema_json) for row in ordered],
        )

    async def set_skill(
        self,
        skill_id: str,
        *,
        enabled: bool,
        by: str,
        reason: str | None = None,
        version: str | None = None,
        unregistered: bool = False,
    ) -> int:
        rows = await self._fetch(sql.SET_SKILL, skill_id, version, enabled, reason, by)
        changed = {row["version"] for row in rows}
        to_come = version or ANY_VERSION
        if unregistered and not enabled and to_come not in changed:
            await self._fetch(sql.ADD_SKILL, skill_id, to_come, enabled, reason, by)
            changed.add(to_come)
        if not changed:
            raise unknown_skill(skill_id, version, await self.skills(), enabled=enabled)
        return len(changed)

    async def skills(self) -> tuple[SkillRow, ...]:
        return tuple(skill_of(row) for row in await self._fetch(sql.SKILLS))

    # inside

    async def _parts(self) -> tuple[Database, GroupCommit]:
        if self._opened is not None:
            return self._opened
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:
            if self._opened is None:
                self._opened = await self._open()
        return self._opened

    async def _open(self) -> tuple[Database, GroupCommit]:
        dsn, is_ours = self._dsn, False
        if dsn is None:
            from aos_workflow.assembly.database import default_database

            lease = await asyncio.to_thread(default_database)
            dsn, is_ours, self._release = lease.dsn, lease.is_embedded, lease.release
        database = Database(
            dsn,
            pool_size=self._pool_size - _LANES,
            statement_timeout_s=self._statement_timeout_s,
            application_name=self._application_name,
            tries=self._tries,
            entropy=self._entropy,
        )
        if self._migrates:
            await database.alone(lambda connection: migrate(connection, whole_database=is_ours))
        group = GroupCommit(
            database, lanes=_LANES, batch=self._batch, out_of_row_bytes=self._out_of_row_bytes
        )
        return database, group

    def _token(self) -> str:
        """A name for one call, by which its repetition is recognised."""
        return self._entropy.token_hex(8)

    async def _fetch(
        self, statement: str, *arguments: Any, done: Statement | None = None
    ) -> list[Any]:
        database, _ = await self._parts()
        return await database.fetch(statement, *arguments, done=done)

    async def _row(self, statement: str, *arguments: Any, done: Statement | None = None) -> Any:
        rows = await self._fetch(statement, *arguments, done=done)
        return rows[0] if rows else None

    async def _head(self, run_id: str) -> Checkpoint:
        row = await self._row(sql.HEAD, run_id)
        if row is None:
            raise unknown_run(run_id)
        return head_of(row)


def _creation(run: NewRun, token: str) -> tuple[Any, ...]:
    return (
        run.run_id,
        run.tenant_id,
        run.workflow_id,
        run.spec_hash,
        run.seed,
        run.input_json.decode(),
        run.mode,
        run.budget_cents,
        run.idempotency_key,
        run.golden_uri,
        run.target_resource,
        orjson.dumps(dict(run.labels)).decode(),
        run.parent_run_id,
        run.parent_step_path,
        run.forked_from_run_id,
        run.forked_from_step,
        run.owner,
        run.max_attempts,
        run.queue,
        run.priority,
        run.delay_s,
        token,
    )
