"""What every route asks for: the backend, and a caller whose key is good for it.

Coroutines all of them: FastAPI would run a plain function in a thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from aos_workflow.server.backend import Backend
from aos_workflow.server.gate import CALLER
from aos_workflow.server.keys import Caller, Scope
from aos_workflow.server.problems import ProblemError, problem_of_invalid
from aos_workflow.server.settings import ServerSettings

__all__ = ["Admin", "Back", "Operator", "Reader", "Settings", "refuse_unknown_query"]


async def refuse_unknown_query(request: Request) -> None:
    """Refuse parameters that the route does not have: a filter with a slip of the pen would give everything.

    Raises:
        ProblemError: there is one; names it and those that the route has.
    """
    dependant = request.scope["route"].dependant
    known = sorted(field.alias for field in dependant.query_params)
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        expected = f"expected {', '.join(known)}" if known else "none is expected"
        raise problem_of_invalid(
            [{"loc": ("query", name), "msg": f"no such parameter; {expected}"} for name in unknown]
        )


async def _backend(request: Request) -> Backend:
    found: Backend = request.app.state.backend
    return found


async def _settings(request: Request) -> ServerSettings:
    found: ServerSettings = request.app.state.settings
    return found


def _with(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    async def caller_of(request: Request) -> Caller:
        caller: Caller = request.scope[CALLER]
        if caller.scope < scope:
            raise ProblemError(
                403,
                "FORBIDDEN",
                f"key {caller.key_id!r} may {caller.scope.name.lower()}; this needs {scope.name.lower()}",
                hint=f"aos-workflow api-keys add ID --scope {scope.name.lower()} --tenant TENANT",
            )
        return caller

    return caller_of


Back = Annotated[Backend, Depends(_backend)]
Settings = Annotated[ServerSettings, Depends(_settings)]
Reader = Annotated[Caller, Depends(_with(Scope.READ))]
Operator = Annotated[Caller, Depends(_with(Scope.OPERATE))]
Admin = Annotated[Caller, Depends(_with(Scope.ADMIN))]
