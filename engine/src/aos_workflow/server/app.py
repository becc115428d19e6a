"""The API as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aos_workflow import __version__
from aos_workflow.determinism import Entropy, SystemEntropy
from aos_workflow.errors import AosError
from aos_workflow.server import controls, events, goldens, operations, people, runs
from aos_workflow.server.admission import Admission
from aos_workflow.server.asking import refuse_unknown_query
from aos_workflow.server.backend import Backend
from aos_workflow.server.gate import REQUEST_ID, Gate, Log
from aos_workflow.server.keys import ApiKeys
from aos_workflow.server.openapi import document
from aos_workflow.server.problems import (
    PROBLEM_TYPE,
    ProblemError,
    problem_of,
    problem_of_bug,
    problem_of_invalid,
)
from aos_workflow.server.settings import ServerSettings

__all__ = ["Server"]

_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


class Server:
    """The whole API over a backend; an ASGI application. Closes the backend's store when it ends."""

    def __init__(
        self,
        backend: Backend,
        keys: ApiKeys,
        settings: ServerSettings | None = None,
        *,
        entropy: Entropy | None = None,
        log: Log | None = None,
    ) -> None:
        self.settings = settings or ServerSettings()
        self.backend = backend
        self.app = _application(backend, self.settings)
        self._gate = Gate(
            self.app,
            Admission(keys, self.settings),
            self.settings,
            backend.registry,
            clock=backend.engine.clock,
            entropy=entropy or SystemEntropy(),
            log=log or (lambda event, fields: None),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._gate(scope, receive, send)


def _application(backend: Backend, settings: ServerSettings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await backend.close()

    app = FastAPI(
        title="aos-workflow",
        version=__version__,
        summary="Start, watch and repair runs of workflows.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan,
        dependencies=[Depends(refuse_unknown_query)],
    )
    app.state.backend = backend
    app.state.settings = settings
    for module in (operations, runs, events, people, goldens, controls):
        app.include_router(module.router)
    app.openapi = document(app)  # type: ignore[method-assign]
    _answer_errors(app)
    return app


def _answer_errors(app: FastAPI) -> None:
    """Every error as a problem."""

    def answering(kind: type[Exception], to_problem: Callable[[Exception], ProblemError]) -> None:
        async def answer(request: Request, error: Exception) -> Response:
            return _response(request, to_problem(error))

        app.add_exception_handler(kind, answer)

    def of_aos(error: Exception) -> ProblemError:
        assert isinstance(error, AosError)
        return problem_of(error)

    def of_http(error: Exception) -> ProblemError:
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "BAD_REQUEST")
        return ProblemError(error.status_code, code, str(error.detail), headers=error.headers)

    async def of_method(request: Request, error: Exception) -> Response:
        """405 with every method of the path; the router knows only those of its first route."""
        path = getattr(request.scope.get("route"), "path", None)
        allowed = [name.upper() for name in app.openapi()["paths"].get(path, ())]
        headers = {"Allow": ", ".join(sorted(allowed))}
        detail = f"{request.method} is not allowed here"
        return _response(request, ProblemError(405, _CODES[405], detail, headers=headers))

    def of_invalid(error: Exception) -> ProblemError:
        assert isinstance(error, RequestValidationError)
        return problem_of_invalid(error.errors())

    def as_it_is(error: Exception) -> ProblemError:
        assert isinstance(error, ProblemError)
        return error

    def of_bug(error: Exception) -> ProblemError:
        return problem_of_bug()

    answering(Exception, of_bug)
    answering(ProblemError, as_it_is)
    answering(AosError, of_aos)
    answering(HTTPException, of_http)
    answering(RequestValidationError, of_invalid)
    app.add_exception_handler(405, of_method)


def _response(request: Request, problem: ProblemError) -> Response:
    body = problem.body(request.scope.get(REQUEST_ID, ""))
    return Response(body, problem.status, problem.headers, media_type=PROBLEM_TYPE)
