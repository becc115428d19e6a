"""``aos-workflow completion``: commands and options with the tab key."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["PROGRAMS", "completion", "prepare", "variable"]

SHELLS = ("bash", "zsh", "fish")
PROGRAMS = ("aos-workflow", "aos")


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print what a shell needs to complete 'aos-workflow' and 'aos'. Put it where the shell starts."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    from aos_workflow.cli.output import Output
    from aos_workflow.errors import UsageError

    if shell not in SHELLS:
        raise UsageError(
            f"no completion for {shell!r}: expected one of {', '.join(SHELLS)}",
            hint="aos-workflow completion bash",
        )
    output = Output(as_json=False)
    for program in PROGRAMS:
        script = get_completion_script(
            prog_name=program, complete_var=variable(program), shell=shell
        )
        output.lines(script.splitlines())


def variable(program: str) -> str:
    """The variable by which a shell asks a program for completions."""
    return f"_{program.replace('-', '_').upper()}_COMPLETE"


def prepare() -> None:
    """Make the parser answer shells."""
    from typer.completion import completion_init  # type: ignore[attr-defined]

    completion_init()
