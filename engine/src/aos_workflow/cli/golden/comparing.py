"""``golden diff``: what two goldens, or two JSON values, differ in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.golden.source import Source, parse_rules, read_source
from aos_workflow.cli.options import AsJson, RuleSet, RuleTexts
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.errors import GoldenFileError
    from aos_workflow.golden.compare import Content
    from aos_workflow.golden.diff import Diff, Entry
    from aos_workflow.golden.rules import Rules

__all__ = ["register"]

Expected = Annotated[
    Path,
    typer.Argument(
        metavar="A", help="What is expected: a golden of any form, or JSON; - for stdin."
    ),
]
Got = Annotated[Path, typer.Argument(metavar="B", help="What was got, of the same kind.")]
Times = Annotated[bool, typer.Option("--timestamps", help="Compare the times of events as well.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many differences are shown.")]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two files: what is compared of it, and what is wrong with it as a golden."""

    source: Source
    content: Content
    is_golden: bool
    damage: GoldenFileError | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="\b\nExample:\n  aos-workflow golden diff expected.steps.jsonl actual.steps.jsonl"
    )(diff)


def diff(
    a: Expected,
    b: Got,
    rules: RuleSet = None,
    rule: RuleTexts = None,
    timestamps: Times = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two goldens or two JSON values. Exits with 1 if anything does.

    Lists and the events of runs are aligned. Volatile values of goldens are compared by the shipped rules, those of
    plain JSON by none; --rules and --rule say otherwise. An edited golden is compared as it is, and the damage is
    reported.
    """
    from aos_workflow.golden.compare import compare_contents, diff_contents
    from aos_workflow.golden.rules import DEFAULT_RULES, NO_RULES

    output = Output(as_json=as_json)
    left, right = _side(a), _side(b)
    default = DEFAULT_RULES if left.is_golden or right.is_golden else NO_RULES
    in_force = parse_rules(rules, rule, default)
    found = diff_contents(left.content, right.content, in_force)
    times: list[dict[str, Any]] = []
    if timestamps and left.content.events is not None:
        every = compare_contents(left.content, right.content, in_force, ignore_timestamps=False)
        times = [item for item in every if item["type"] == "timestamp_changed"]
    _report(output, left, right, found, times, limit)
    output.document(_document(left, right, found, times, in_force))
    if not found.equal or times:
        raise typer.Exit(1)


def _side(path: Path) -> Side:
    """Read a file, damaged or not, as long as it can be made out.

    Raises:
        GoldenFileError: it cannot.
    """
    from aos_workflow.golden.compare import Content, content_of_golden
    from aos_workflow.golden.files import parse, verify_bytes
    from aos_workflow.golden.sealing import Policy

    source = read_source(path)
    document = source.document() if source.form == "legacy" else None
    if source.form == "legacy" and not (isinstance(document, dict) and "signature" in document):
        return Side(source, Content(document), False, None)
    golden = parse(source.data, file=source.file, form=source.form, policy=Policy.OFF)
    damage = verify_bytes(source.data, file=source.file, form=source.form).error
    return Side(source, content_of_golden(golden), True, damage)


def _report(
    output: Output, left: Side, right: Side, found: Diff, times: list[dict[str, Any]], limit: int
) -> None:
    from aos_workflow.golden.explain import headline

    output.line(f"expected: {left.source.file}")
    output.line(f"got:      {right.source.file}")
    for side in (left, right):
        if side.damage is not None:
            output.line(f"warning: {side.damage.code} {side.damage.message}")
    output.line(headline(found))
    for entry in found.entries[:limit]:
        output.lines(_lines(entry, left, right))
    if found.total > limit:
        output.line(f"... and {found.total - limit:,} more; --limit shows them")
    for item in times[:limit]:
        output.line(
            f"event {item['index']} .timestamp: expected {item['expected']}, got {item['got']}"
        )


def _lines(entry: Entry, left: Side, right: Side) -> list[str]:
    """A difference in words. In a run, the event comes first and the path begins in it."""
    from aos_workflow.golden.explain import describe

    if left.content.events is None or right.content.events is None or not entry.path:
        return describe(entry)
    is_added = entry.kind == "added" and len(entry.path) == 1
    events = right.content.events if is_added else left.content.events
    event = events[int(entry.path[0])]
    step = event.data.get("step_id") if event.event_type == "step" else None
    name = f"event {entry.path[0]} ({event.event_type}{f' {step}' if step else ''})"
    if len(entry.path) == 1:
        return [f"{name}: {'added' if is_added else 'missing'}"]
    inside = replace(entry, path=entry.path[1:], got_path=entry.got_path[1:])
    return [f"{name}", *(f"  {line}" for line in describe(inside))]


def _document(
    left: Side, right: Side, found: Diff, times: list[dict[str, Any]], rules: Rules
) -> dict[str, Any]:
    damaged = [side.damage.to_dict() for side in (left, right) if side.damage is not None]
    return {
        "ok": found.equal and not times,
        "expected": left.source.file,
        "got": right.source.file,
        "rules": rules.to_json(),
        **({"damage": damaged} if damaged else {}),
        "diff": found.to_json(),
        **({"timestamps": times} if times else {}),
    }
