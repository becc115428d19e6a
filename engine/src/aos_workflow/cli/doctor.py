"""``aos-workflow doctor``: which line makes a function's output differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.golden import Rules

__all__ = ["arguments_of", "doctor"]

FOUND = 1


def doctor(
    target: Annotated[
        str, typer.Argument(metavar="FILE.py:FUNCTION", help="Or package.module:function.")
    ],
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", help="Call with this seed; may be repeated. Default: 0, 7, 1234."),
    ] = None,
    arguments: Annotated[
        str | None,
        typer.Option(
            "--args",
            metavar="JSON",
            help="Call with these: a list, or an object of keyword arguments.",
        ),
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", metavar="TIER", help="quick, default or deep.")
    ] = "default",
    axis: Annotated[
        list[str] | None,
        typer.Option("--axis", metavar="NAME", help="Look only at this axis; may be repeated."),
    ] = None,
    rules: Annotated[
        str | None, typer.Option("--rules", metavar="SET", help="Shipped rules: none or default.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule", metavar="RULE", help="A rule such as '.**.took_ms: mask'. May be repeated."
        ),
    ] = None,
    latent: Annotated[
        bool, typer.Option("--latent", help="Also list sources that do not reach the output.")
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option("--time-limit", metavar="SECONDS", help="For one run of the calls."),
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the report as one HTML page."),
    ] = None,
    replayed: Annotated[
        str | None,
        typer.Option("--replay", metavar="PERTURBATION", help="Show one difference again."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name the lines that make a function's output differ between runs, each proven by perturbing only it.

    The function is called many times in processes of its own, with everything held still but one thing. Exits with 0 if
    nothing made a difference, with 1 if something did.
    """
    from aos_workflow.doctor import examine, html, text

    output = Output(as_json=as_json)
    given = arguments_of(arguments)
    seeds: dict[str, Any] = {"seeds": tuple(seed)} if seed else {}
    if replayed is not None:
        _replay(output, target, replayed, {"args": given, **seeds})
        return
    found = examine(
        target,
        args=given,
        budget=budget,  # type: ignore[arg-type]
        axes=axis,
        rules=_rules(rules, rule),
        latent=latent,
        limit_s=time_limit,
        **seeds,
    )
    if html_file is not None:
        html_file.write_text(html(found), encoding="utf-8")
    output.lines(text(found))
    output.document({"ok": found.deterministic, **found.to_json()})
    if not found.deterministic:
        raise typer.Exit(FOUND)


def _replay(output: Output, target: str, perturbation: str, given: dict[str, Any]) -> None:
    from aos_workflow.doctor import replay

    found = replay(target, perturbation, **given)
    for difference in found:
        values = f"{json.dumps(difference.expected)} or {json.dumps(difference.got)}"
        output.line(f"call {difference.call}  {difference.path}: {values}")
    if not found:
        output.line("no difference")
    differences = [
        {"call": d.call, "path": d.path, "expected": d.expected, "got": d.got} for d in found
    ]
    output.document({"ok": not found, "differences": differences})
    if found:
        raise typer.Exit(FOUND)


def arguments_of(text: str | None) -> Any:
    """What ``--args`` says. Raises UsageError."""
    from aos_workflow.errors import UsageError

    if text is None:
        return None
    try:
        given = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--args is not JSON: {error}", hint="--args '[1, 2]'") from None
    if not isinstance(given, list | dict):
        raise UsageError("--args must be a list or an object", hint="--args '{\"seed\": 7}'")
    return given


def _rules(shipped: str | None, own: list[str] | None) -> Rules | None:
    if shipped is None and not own:
        return None
    from aos_workflow.golden import Rules

    base = "none" if shipped in (None, "none") else "aos-default/1"
    return Rules.of(own or (), base=base)
