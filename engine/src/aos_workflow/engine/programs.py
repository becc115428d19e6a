"""The workflows that an engine knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import SpecRow
from aos_workflow.engine.code_workflow import Workflow
from aos_workflow.engine.program import CodeProgram, Program, SpecProgram
from aos_workflow.errors import UsageError, WorkflowNotFoundError
from aos_workflow.spec import WorkflowSpec, parse_spec

__all__ = ["Programs"]


class Programs:
    """Workflows by id, and every version of them by hash."""

    def __init__(self) -> None:
        self._newest: dict[str, Program] = {}
        self._versions: dict[str, Program] = {}
        self._saved: set[str] = set()

    def add(self, item: Workflow | WorkflowSpec) -> Program:
        """Make a workflow known; a later one of the same id is the one that runs from then on.

        Raises:
            UsageError: neither a ``@workflow`` nor a spec; or other code under the same id and version.
        """
        program = self._program(item)
        known = self._versions.get(program.spec_hash)
        if known is not None:
            self._same(known, program)
            program = known
        self._versions[program.spec_hash] = program
        self._newest[program.workflow_id] = program
        return program

    def of(self, item: Workflow | WorkflowSpec | str) -> Program:
        """The program of a workflow, or of a name that is known. Raises WorkflowNotFoundError, and as :meth:`add`."""
        if not isinstance(item, str):
            return self.add(item)
        found = self._newest.get(item)
        if found is None:
            near = difflib.get_close_matches(item, self._newest, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(sorted(self._newest)) or "none"
            raise WorkflowNotFoundError(
                f"no workflow {item!r} is known here{meant}",
                hint=f"give the module that has it (--workflows MODULE, or engine.register), or name one of: {known}",
            )
        return found

    async def version(self, spec_hash: str, store: Store) -> Program:
        """The version that a run was started with; one that is data is taken from the store.

        Raises:
            WorkflowNotFoundError: it is code, and not known here.
        """
        found = self._versions.get(spec_hash)
        if found is not None:
            return found
        row = await store.load_spec(spec_hash)
        if row is None:
            raise WorkflowNotFoundError(
                f"no workflow with spec hash {spec_hash} is known here, or kept in the store",
                hint="give the module of the version that it was started with: --workflows MODULE, or engine.register",
            )
        if b'"code"' in row.spec_json and b'"steps"' not in row.spec_json:
            raise WorkflowNotFoundError(
                f"version {row.version} of workflow {row.workflow_id!r} is code, and not registered here",
                hint="give the module that has that version: --workflows MODULE, or engine.register",
            )
        return self.add(parse_spec(row.spec_json.decode()))

    async def save(self, program: Program, store: Store) -> None:
        """Have the store keep a version, once."""
        if program.spec_hash not in self._saved:
            await store.save_spec(
                SpecRow(program.spec_hash, program.workflow_id, program.version, program.spec_json)
            )
            self._saved.add(program.spec_hash)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._newest))

    def _program(self, item: Workflow | WorkflowSpec) -> Program:
        if isinstance(item, Workflow):
            return CodeProgram(item)
        if isinstance(item, WorkflowSpec):
            return SpecProgram(item)
        raise UsageError(
            f"{item!r} is no workflow",
            hint="give a WorkflowSpec, a function with @workflow(...), or a name",
        )

    def _same(self, known: Program, new: Program) -> None:
        if (
            isinstance(known, CodeProgram)
            and isinstance(new, CodeProgram)
            and known.workflow.function is not new.workflow.function
        ):
            raise UsageError(
                f"version {new.version!r} of workflow {new.workflow_id!r} is registered already, as "
                f"{known.workflow.function.__qualname__}",
                hint="give the changed workflow a new version",
            )
