"""A workflow that is code: a coroutine function whose first argument is the context."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aos_workflow.errors import RunInputsError, SpecProblem, UsageError
from aos_workflow.golden.canonical import content_hash

__all__ = ["Workflow", "workflow"]

WorkflowFunction = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, eq=False)
class Workflow:
    """One version of a workflow. ``max_parallel`` is how many of its steps may run at the same time."""

    id: str
    version: str
    function: WorkflowFunction
    budget_cents: float | None = None
    timeout_s: float | None = None
    max_parallel: int = 100

    @cached_property
    def spec_hash(self) -> str:
        """Identifies the workflow by name and version: a change that replays must not survive needs a new version."""
        return content_hash(["aos-workflow-code/1", self.id, self.version])

    @cached_property
    def spec_json(self) -> dict[str, Any]:
        """What stands for the workflow where specs are kept."""
        where = f"{self.function.__module__}:{self.function.__qualname__}"
        return {"workflow_id": self.id, "version": self.version, "code": where}

    @cached_property
    def _signature(self) -> inspect.Signature:
        _, *rest = inspect.signature(self.function).parameters.values()
        return inspect.Signature(rest)

    def bind(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the function, defaults filled in.

        Raises:
            RunInputsError: something is missing or not declared.
        """
        try:
            bound = self._signature.bind(**inputs)
        except TypeError as error:
            problem = SpecProblem(".inputs", None, None, "bad-inputs", str(error))
            raise RunInputsError([problem], hint=f"{self.id} takes {self._signature}") from None
        bound.apply_defaults()
        return dict(bound.arguments)

    def __call__(self, *args: Any, **kwargs: Any) -> Awaitable[Any]:
        return self.function(*args, **kwargs)


def workflow(
    id: str,  # noqa: A002 - the word users know
    version: str = "1",
    *,
    budget_cents: float | None = None,
    timeout_s: float | None = None,
    max_parallel: int = 100,
) -> Callable[[WorkflowFunction], Workflow]:
    """Make a coroutine function a workflow::

        @workflow("remediate", version="3", budget_cents=500)
        async def remediate(ctx, alert): ...

    Raises:
        UsageError: not a coroutine function, no context argument, an id or limit that cannot be one.
    """
    if not id or not version or any(c.isspace() for c in f"{id}{version}"):
        raise UsageError(f"workflow id {id!r} and version {version!r} must be texts without space")
    for name, limit in (("budget_cents", budget_cents), ("timeout_s", timeout_s)):
        if limit is not None and not limit >= 0:
            raise UsageError(f"workflow {id!r}: {name} is {limit!r}, expected 0 or more")
    if max_parallel < 1:
        raise UsageError(f"workflow {id!r}: max_parallel is {max_parallel}, expected 1 or more")

    def decorate(function: WorkflowFunction) -> Workflow:
        if not inspect.iscoroutinefunction(function):
            raise UsageError(
                f"workflow {id!r}: {function!r} is no coroutine function", hint="use async def"
            )
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters or any(
            p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            or (p.kind is p.POSITIONAL_ONLY and p is not parameters[0])
            for p in parameters
        ):
            raise UsageError(
                f"workflow {id!r}: {function.__name__}{inspect.signature(function)} must take the context first, and "
                "then inputs by name",
                hint=f"async def {function.__name__}(ctx, ...)",
            )
        return Workflow(id, version, function, budget_cents, timeout_s, max_parallel)

    return decorate
