"""``aos-workflow stack``: PostgreSQL and Valkey on this machine, for people, runbooks and tests."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output, error_lines, printable

if TYPE_CHECKING:
    from aos_workflow.stack import ServiceStatus, Stack

__all__ = ["app"]

app = typer.Typer(
    help="PostgreSQL and Valkey on this machine: start, stop, look.",
    epilog='\b\nExample:\n  aos-workflow stack up\n  eval "$(aos-workflow stack env)"\n'
    '  psql -c "SELECT 1;"\n  aos-workflow stack down',
    no_args_is_help=True,
    rich_markup_mode=None,
)
redis_app = typer.Typer(
    help="Ask Valkey, where redis-cli is not at hand.",
    epilog="\b\nExample:\n  aos-workflow stack redis ping",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(redis_app, name="redis")

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="FOLDER",
        help="Where the servers' files are. Default: AOS_HOME, or your data folder.",
    ),
]
Services = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SERVICE]...", help="db or redis. Default: both.", show_default=False),
]
OneService = Annotated[str, typer.Argument(metavar="SERVICE", help="db or redis.")]
FAILED = 1


@app.command(
    epilog="\b\nExample:\n  aos-workflow stack up\n  aos-workflow stack up db --db-port 5434"
)
def up(
    services: Services = None,
    db_port: Annotated[
        int | None, typer.Option("--db-port", metavar="PORT", help="Default: 5433.")
    ] = None,
    redis_port: Annotated[
        int | None, typer.Option("--redis-port", metavar="PORT", help="Default: 6379.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Start services and have them run until 'stack down'. What runs already stays as it is.

    PostgreSQL listens on localhost:5433 as user nova with database nova_aos, Valkey on localhost:6379. The passwords
    are those of AOS_STACK_PASSWORD (default: novapass) and AOS_STACK_REDIS_PASSWORD (default: none).
    """
    output = Output(as_json=as_json)
    with _failing(output):
        stack = _stack(home, db_port, redis_port)
        found = stack.up(_names(services))
        _show(output, stack, found)
        output.line('next: eval "$(aos-workflow stack env)"')


@app.command(
    epilog="\b\nExample:\n  aos-workflow stack down\n  aos-workflow stack down redis --force"
)
def down(
    services: Services = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also if other processes use a service.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Stop services; their data stays. One that other processes use goes on until they leave.

    Exits with 1 if one goes on.
    """
    output = Output(as_json=as_json)
    with _failing(output):
        results = _stack(home).down(_names(services), force=force)
        for result in results:
            users = ", ".join(map(str, result.users))
            used = f"goes on, used by {users or 'other processes'}"
            output.line(f"{result.service}: {'stopped' if result.stopped else used}")
        ok = all(result.stopped for result in results)
        if not ok:
            output.line("next: aos-workflow stack down --force")
        services_data = [
            {"service": r.service, "stopped": r.stopped, "users": list(r.users)} for r in results
        ]
        output.document({"ok": ok, "services": services_data})
    if not ok:
        raise typer.Exit(FAILED)


@app.command(epilog="\b\nExample:\n  aos-workflow stack status --json")
def status(services: Services = None, home: Home = None, as_json: AsJson = False) -> None:
    """Say how services are, who uses them and where their files lie.

    Exits with 1 if one does not run.
    """
    output = Output(as_json=as_json)
    with _failing(output):
        stack = _stack(home)
        found = stack.status(_names(services))
        _show(output, stack, found)
        for one in found:
            end = "with 'stack down'" if one.pinned else "after its last user"
            users = ", ".join(map(str, one.users)) or "none seen"
            output.line(f"{one.service}: {one.folder}")
            if one.running:
                output.line(f"  ends {end}; users: {users}; restarts: {one.restarts}")
    if not all(one.running for one in found):
        raise typer.Exit(FAILED)


@app.command(epilog="\b\nExample:\n  aos-workflow stack ps")
def ps(home: Home = None, as_json: AsJson = False) -> None:
    """List the services with their processes and ports."""
    output = Output(as_json=as_json)
    with _failing(output):
        stack = _stack(home)
        _show(output, stack, stack.status())


@app.command(
    epilog='\b\nExample:\n  eval "$(aos-workflow stack env)"\n  psql -c "SELECT 1;"',
)
def env(home: Home = None, as_json: AsJson = False) -> None:
    """Print the variables that clients of the running services read, for a shell to evaluate.

    PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, DATABASE_URL and REDIS_URL. The passwords are among them.
    """
    output = Output(as_json=as_json)
    with _failing(output):
        environment = _stack(home).environment()
        output.lines([f"export {name}={shlex.quote(it)}" for name, it in environment.items()])
        output.document({"ok": True, "environment": environment})


@app.command(epilog="\b\nExample:\n  aos-workflow stack logs db --tail 100")
def logs(
    service: OneService,
    tail: Annotated[
        int, typer.Option("--tail", "-n", min=0, metavar="LINES", help="How many lines.")
    ] = 100,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print the end of a service's log."""
    output = Output(as_json=as_json)
    with _failing(output):
        lines = _stack(home).logs(service, tail)
        output.lines(lines)
        output.document({"ok": True, "service": service, "lines": lines})


@app.command(epilog="\b\nExample:\n  aos-workflow stack restart db")
def restart(services: Services = None, home: Home = None, as_json: AsJson = False) -> None:
    """Stop running services and start them again, on the same ports and with their data."""
    output = Output(as_json=as_json)
    with _failing(output):
        stack = _stack(home)
        names = _names(services)
        for name in names:
            stack.restart(name)
        _show(output, stack, stack.status(names))


@redis_app.command(
    epilog="\b\nExample:\n  aos-workflow stack redis ping\n"
    "  aos-workflow stack redis ping --port 6380",
)
def ping(
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", help="Default: that of the running service."),
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="HOST")] = "127.0.0.1",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print what Valkey, or another server that speaks Redis' protocol, answers to PING.

    Exits with 1 if that is not PONG.
    """
    output = Output(as_json=as_json)
    with _failing(output):
        answer = _answer(home, host, port)
        output.line(answer)
        output.document({"ok": answer == "PONG", "answer": answer})
    if answer != "PONG":
        raise typer.Exit(FAILED)


@redis_app.command(
    epilog="\b\nExample:\n  aos-workflow stack redis command dbsize\n"
    "  aos-workflow stack redis command keys 'budget:*'",
)
def command(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="As redis-cli has them.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print what the running Valkey answers to a command."""
    output = Output(as_json=as_json)
    with _failing(output):
        lines = _answers(home, "127.0.0.1", None, words)
        output.lines(lines)
        output.document({"ok": True, "answer": lines})


def _answer(home: Path | None, host: str, port: int | None) -> str:
    return _answers(home, host, port, ["PING"])[0]


def _answers(home: Path | None, host: str, port: int | None, words: list[str]) -> list[str]:
    from aos_workflow import config
    from aos_workflow.errors import ServerStoppedError
    from aos_workflow.stack import ValkeyServer, ask

    password = config.stack_redis_password()
    if port is None:
        server = _stack(home).server("redis")
        assert isinstance(server, ValkeyServer), "the service redis is a Valkey"
        host, port, password = server.host, server.port, server.password
    try:
        return ask(host, port, words, password)
    except OSError as error:
        raise ServerStoppedError(
            f"redis does not answer on {host}:{port}: {error}",
            service="redis",
            hint="aos-workflow stack up redis",
        ) from None


def _stack(home: Path | None, db_port: int | None = None, redis_port: int | None = None) -> Stack:
    from aos_workflow import config
    from aos_workflow.stack import PostgresSettings, Stack, ValkeySettings

    return Stack(
        home or config.stack_home(),
        postgres=PostgresSettings(port=db_port, password=config.stack_password()),
        valkey=ValkeySettings(port=redis_port, password=config.stack_redis_password()),
    )


def _names(services: Sequence[str] | None) -> Sequence[str]:
    from aos_workflow.stack import SERVICES

    return services or SERVICES


def _show(output: Output, stack: Stack, found: Sequence[ServiceStatus]) -> None:
    output.table(
        ["SERVICE", "STATE", "PORT", "PID"],
        [(one.service, one.state, str(one.port or "-"), str(one.pid or "-")) for one in found],
    )
    output.document(
        {
            "ok": all(one.running for one in found),
            "home": str(stack.home),
            "services": [_data(one) for one in found],
        }
    )


def _data(one: ServiceStatus) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(one), "folder": str(one.folder), "users": list(one.users)}


@contextmanager
def _failing(output: Output) -> Iterator[None]:
    """Exit with 1, not as for bad input, when the servers fail."""
    from aos_workflow.errors import StackError

    try:
        yield
    except StackError as error:
        output.document({"ok": False, "error": error.to_dict()})
        if not output.as_json:
            sys.stderr.write("".join(f"{printable(line)}\n" for line in error_lines(error)))
        raise typer.Exit(FAILED) from None
