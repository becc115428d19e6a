"""``golden canonical`` and ``golden hash``: what is compared of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aos_workflow.cli.golden.source import Source, parse_rules, read_source
from aos_workflow.cli.options import AsJson, RuleSet, RuleTexts
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.golden.canonical import Canonical

__all__ = ["register"]

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="JSON, or a golden, of which the content is meant; - for standard input.",
        allow_dash=True,
    ),
]
Pretty = Annotated[bool, typer.Option("--pretty", help="Indent it, for people.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="\b\nExample:\n  aos-workflow golden canonical result.json --rules default "
        "--rule '.**.cost: round 2'"
    )(canonical)
    app.command(name="hash", epilog="\b\nExample:\n  aos-workflow golden hash result.json --json")(
        hash_
    )


def canonical(
    file: File,
    rules: RuleSet = None,
    rule: RuleTexts = None,
    pretty: Pretty = False,
    as_json: AsJson = False,
) -> None:
    """Write the canonical form (RFC 8785) of a JSON value.

    Without rules it is the value as it is. Of the golden of a run, the canonical form of each event is written, one a
    line.
    """
    from aos_workflow.errors import UsageError

    output = Output(as_json=as_json)
    found, content = _content(read_source(file), rules, rule)
    if content is None:
        raise UsageError(
            f"{file} keeps the hash only: {found}", hint="aos-workflow golden hash prints it"
        )
    end = b"\n" if pretty or len(content) > 1 else b""
    text = b"".join((item.pretty() if pretty else item.text) + end for item in content)
    output.data(text)
    output.document({"ok": True, "file": str(file), "hash": found, "canonical": text.decode()})


def hash_(
    file: File, rules: RuleSet = None, rule: RuleTexts = None, as_json: AsJson = False
) -> None:
    """Print the SHA-256 of the canonical form.

    For a golden this is its content hash: that of the value, or that of the run without run id and times.
    """
    output = Output(as_json=as_json)
    found, _ = _content(read_source(file), rules, rule)
    output.line(found)
    output.document({"ok": True, "file": str(file), "hash": found})


def _content(
    source: Source, name: str | None, texts: list[str] | None
) -> tuple[str, list[Canonical] | None]:
    """The content hash of a file, and what it is over if that was kept."""
    from aos_workflow.golden.canonical import canonical_json
    from aos_workflow.golden.rules import NO_RULES
    from aos_workflow.golden.run_golden import canonical_events, content_of, parse_run_golden
    from aos_workflow.golden.value_golden import parse_value_golden

    if source.form == "run":
        run = parse_run_golden(source.data, file=source.file)
        rules = parse_rules(name, texts, run.rules)
        return content_of(run.events, rules), list(canonical_events(run.events, rules))
    rules = parse_rules(name, texts, NO_RULES)
    if source.form == "value":
        golden = parse_value_golden(source.data, file=source.file)
        if golden.kind == "hash":
            return golden.hash, None
        canonical = canonical_json(golden.value, rules)
    else:
        canonical = canonical_json(source.document(), rules)
    return canonical.hash, [canonical]
