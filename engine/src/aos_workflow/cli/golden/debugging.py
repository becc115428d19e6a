"""``golden diff-debug``: why two goldens differ, or why a whole simulation found mismatches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.doctor import arguments_of
from aos_workflow.cli.golden.keyring import ring_or_none
from aos_workflow.cli.options import AsJson, KeyFile, RuleTexts
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.golden.rules import Rules
    from aos_workflow.golden.triage import Summary, Triage

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "diff-debug",
        epilog="\b\nExamples:\n"
        "  aos-workflow golden diff-debug --golden-a a.steps.jsonl --golden-b b.steps.jsonl --html why.html\n"
        "  aos-workflow golden diff-debug --summary-dir /var/lib/aos/shadow-*",
    )(diff_debug)


def diff_debug(
    more: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR]...", help="More folders for --summary-dir."),
    ] = None,
    golden_a: Annotated[
        Path | None,
        typer.Option("--golden-a", metavar="FILE", help="What is expected: a golden of any form."),
    ] = None,
    golden_b: Annotated[
        Path | None, typer.Option("--golden-b", metavar="FILE", help="What was got.")
    ] = None,
    summary_dir: Annotated[
        list[Path] | None,
        typer.Option(
            "--summary-dir", metavar="DIR...", help="Output folders of simulations instead."
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every difference and every cause.")
    ] = False,
    output_file: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write the JSON document here.")
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one HTML page that needs nothing else."),
    ] = None,
    doctor: Annotated[
        str | None,
        typer.Option(
            "--doctor",
            metavar="FILE.py:FUNCTION",
            help="Also examine this function, and put the lines that are not deterministic on top.",
        ),
    ] = None,
    arguments: Annotated[
        str | None,
        typer.Option(
            "--args",
            metavar="JSON",
            help="Call it with these: a list, or an object of keyword arguments. Default: the inputs of the first "
            "step that differs, if it is the skill of that step.",
        ),
    ] = None,
    rule: RuleTexts = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Say why two goldens differ: the first divergence, its cause and its fix. Exits with 1 if they do.

    Steps are aligned by what they are. A damaged golden is a finding, not an error. With --summary-dir, the mismatches
    of simulations are grouped into causes, with counts and the first seed of each.
    """
    from aos_workflow.errors import UsageError
    from aos_workflow.golden.source import read_bytes
    from aos_workflow.golden.triage import lines_of, page_of, subject_of, summarise, triage

    folders = [*(summary_dir or ()), *(more or ())]
    goldens = [path for path in (golden_a, golden_b) if path is not None]
    if len(goldens) != (0 if summary_dir else 2) or (more and not summary_dir):
        raise UsageError(
            "give two goldens, or folders of simulations",
            hint="--golden-a A --golden-b B, or --summary-dir DIR",
        )
    if arguments is not None and doctor is None:
        raise UsageError(
            "--args are the doctor's", hint="--doctor FILE.py:FUNCTION --args '[1, 2]'"
        )
    given = arguments_of(arguments)
    ring, extra = ring_or_none(key_file), _rules(rule)
    found: Triage | Summary
    if summary_dir:
        found = summarise(folders, ring=ring, extra=extra)
    else:
        a, b = (subject_of(read_bytes(path), file=str(path), ring=ring) for path in goldens)
        found = triage(a, b, extra=extra)
    if doctor is not None:
        found = _examined(found, doctor, _recorded(found, doctor) if given is None else given)
    document = found.to_json()
    if output_file is not None:
        output_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if html_file is not None:
        html_file.write_text(page_of(found), encoding="utf-8")
    output = Output(as_json=as_json)
    for line in lines_of(found, verbose=verbose):
        output.line(line)
    output.document(document)
    if found.verdict == "FAIL":
        raise typer.Exit(1)


def _rules(texts: list[str] | None) -> Rules | None:
    from aos_workflow.golden.rules import Rules

    return Rules.of(texts, base="none") if texts else None


def _examined(found: Triage | Summary, target: str, given: Any) -> Triage | Summary:
    """With what the doctor finds in a function in a second or so, or why it cannot look."""
    from aos_workflow.doctor import examine
    from aos_workflow.errors import UsageError

    try:
        causes = examine(target, args=given, budget="quick").causes
    except UsageError as error:
        text = f"{target} could not be examined: {error.message}"
        next_ = error.hint or f"aos-workflow doctor {target} --args JSON"
        return replace(found, undiagnosed=f"{text}; next: {next_}")
    return replace(found, diagnosed=tuple(cause.to_json() for cause in causes))


def _recorded(found: Triage | Summary, target: str) -> dict[str, Any] | None:
    """The inputs of the first step that differs, if the function is its skill and the golden has them."""
    from aos_workflow.golden.triage import Triage

    if not isinstance(found, Triage) or (first := found.first) is None or first.skill is None:
        return None
    if target.rpartition(":")[2] != first.skill.rpartition(".")[2].replace("-", "_"):
        return None
    pair = next(f.pair for f in found.findings if first in f.differences)
    unit = pair.left or pair.right
    data = unit.data if unit is not None and isinstance(unit.data, dict) else {}
    inputs = data.get("input", data.get("inputs"))  # of the engine's runs, and of the older form
    return inputs if isinstance(inputs, dict) else None
