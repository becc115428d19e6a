"""One command from its arguments to its exit code, whatever happens on the way."""

from __future__ import annotations

import os
import sys
from copy import copy
from io import TextIOWrapper
from typing import Any

import typer
from typer.main import get_command

from aos_workflow.cli.app import app, umbrella
from aos_workflow.cli.completing import prepare, variable
from aos_workflow.cli.output import ClosedPipeError, Output, error_lines, printable
from aos_workflow.config import environment, wants_traceback
from aos_workflow.errors import AosError, UsageError

__all__ = ["run"]

BAD_INPUT = 2
INTERNAL = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130
CLOSED_PIPE = 141


class InternalError(AosError):
    """A bug of ours, as the user sees it."""

    code = "INTERNAL"


def run(arguments: list[str] | None = None, program: str = "aos-workflow") -> int:
    """Run a command and return its exit code. Nothing but a wish for the traceback lets an exception through."""
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    _prepare_streams()
    try:
        return _invoke(arguments, program)
    except ClosedPipeError:
        _forget_stdout()
        return CLOSED_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except AosError as error:
        return _report(error, BAD_INPUT, as_json)
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return _report(UsageError(f"{where}{error.strerror or error}"), BAD_INPUT, as_json)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError" and not as_json:
            sys.stderr.write(f"{error}\n")
            return BAD_INPUT
        if (usage := _usage(error, program)) is not None:
            return _report(usage, BAD_INPUT, as_json)
        if type(error).__name__ == "Abort":
            return INTERRUPTED
        if wants_traceback():
            raise
        return _report(_internal(error), INTERNAL, as_json)


def _prepare_streams() -> None:
    """Standard streams that exist, and that no text can break. A closed one is ``None`` in Python."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _invoke(arguments: list[str], program: str) -> int:
    if variable(program) in environment():
        prepare()
    # Calling the app itself would put a traceback hook in place.
    command = get_command(umbrella if program == "aos" else _narrowed(app, arguments))
    try:
        found: Any = command.main(arguments, prog_name=program, standalone_mode=False)
    except SystemExit as stop:
        found = stop.code
    _flush()
    return found if isinstance(found, int) else 0


def _narrowed(whole: typer.Typer, arguments: list[str]) -> typer.Typer:
    """The application with only the command that is called, if it has it: building all of them takes 50 ms."""
    wanted = arguments[0] if arguments else ""
    commands = [each for each in whole.registered_commands if each.name == wanted]
    groups = [each for each in whole.registered_groups if each.name == wanted]
    if not (commands or groups):
        return whole
    narrowed = copy(whole)
    narrowed.registered_commands, narrowed.registered_groups = commands, groups
    return narrowed


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise ClosedPipeError from None


def _forget_stdout() -> None:
    """Keep the interpreter from complaining at exit about what it can no longer write."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _usage(error: Exception, program: str) -> UsageError | None:
    """The error as ours, if it is the argument parser's: click's, or the one that typer brings along."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    context = getattr(error, "ctx", None)  # of the command that was reached
    return UsageError(message(), hint=f"{context.command_path if context else program} --help")


def _internal(error: Exception) -> InternalError:
    """Its type only: a message from somewhere may quote what must not be shown."""
    return InternalError(
        f"internal error: {type(error).__name__}; this is a bug",
        hint="set AOS_TRACEBACK=1 to see where it happened, and report it",
    )


def _report(error: AosError, code: int, as_json: bool) -> int:
    try:
        if as_json:
            Output(as_json=True).document({"ok": False, "error": error.to_dict()})
        else:
            sys.stderr.write("".join(f"{printable(line)}\n" for line in error_lines(error)))
    except ClosedPipeError:
        _forget_stdout()
    except OSError:
        pass
    return code
