"""Triage as one HTML file that needs nothing else: no network, no fonts, and no script but its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from aos_workflow.golden.triage.grouping import Group
from aos_workflow.golden.triage.markup import clipped, visible
from aos_workflow.golden.triage.result import Cause, Triage, Verdict
from aos_workflow.golden.triage.subject import Subject
from aos_workflow.golden.triage.summary import Summary
from aos_workflow.golden.triage.timeline import Room, timeline

__all__ = ["page_of"]

MAX_CAUSES = 20
MAX_GROUPS = 100
MAX_TIMELINES = 20
"""Groups of mismatches that are shown with the timeline of their first one."""
MAX_NOTES = 50
MAX_NAME = 400
"""Characters of a place, a rule or a value in the summary."""


def page_of(found: Triage | Summary) -> str:
    """The page."""
    if isinstance(found, Triage):
        title, aside, main = _headline(found), _aside_of_triage(found), _main_of_triage(found)
    else:
        title, aside, main = _totals(found), _aside_of_summary(found), _main_of_summary(found)
    style, script = _resource("page.css"), _resource("page.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return "".join(
        (
            "<!doctype html>\n<html lang=en><head><meta charset=utf-8>",
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name=viewport content="width=device-width, initial-scale=1">',
            "<meta name=referrer content=no-referrer>",
            f"<title>{found.verdict} · {visible(title)}</title><style>{style}</style></head><body>",
            _SKIP if _has_first(found) else "",
            _bar(found.verdict, title),
            "<div class=frame><aside aria-label=Summary>",
            *_doctor(found.diagnosed),
            *_no_doctor(found.undiagnosed),
            *aside,
            "</aside><main id=main>",
            *main,
            f"</main></div><script>{script}</script></body></html>\n",
        )
    )


_SKIP = "<a class=skip href='#first'>Skip to the first divergence</a>"


def _has_first(found: Triage | Summary) -> bool:
    if isinstance(found, Triage):
        return found.first is not None
    return any(each.first is not None for each in found.examined.values())


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _bar(verdict: str, title: str) -> str:
    return (
        f"<div class=bar role=navigation aria-label=Differences><span class='badge {verdict}'>{verdict}</span>"
        f"<span class=what>{visible(title)}</span><span class=at id=at role=status></span>"
        "<button type=button data-key=p>Previous<kbd>p</kbd></button>"
        "<button type=button data-key=n>Next<kbd>n</kbd></button>"
        "<button type=button data-key=f>First<kbd>f</kbd></button>"
        "<button type=button data-key=e>Unfold all<kbd>e</kbd></button></div>"
    )


def _header(verdict: Verdict, title: str) -> str:
    badge = f"<span class='badge {verdict}'>{verdict}</span>"
    return f"<header class=headline>{badge}<h1>{visible(title)}</h1></header>"


def _doctor(diagnosed: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for found in diagnosed:
        evidence = "".join(f"<li>{visible(line)}</li>" for line in found["evidence"])
        yield (
            f"<section class='card doctor'><h2>The doctor names the line</h2>"
            f"<p><span class='tag hard'>{visible(found['label'])}</span> "
            f"<code>{visible(found['file'])}:{found['line']}</code> in <code>{visible(found['function'])}</code></p>"
            f"<p>{visible(found['fix'])}</p><ul class='small soft'>{evidence}</ul></section>"
        )


def _no_doctor(problem: str | None) -> Iterator[str]:
    if problem:
        yield f"<section class='card doctor'><h2>The doctor could not look</h2><p>{visible(problem)}</p></section>"


# two goldens


def _headline(found: Triage) -> str:
    return _sentence(found.cause.title) if found.cause else "The goldens are the same"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _aside_of_triage(found: Triage) -> Iterator[str]:
    yield _header(found.verdict, _headline(found))
    if found.cause is not None:
        name, where = visible(found.cause.name), clipped(found.cause.where, MAX_NAME)
        yield f"<p><span class='tag hard'>{name}</span> <code>{where}</code></p>"
        yield _fix(found.cause)
        yield _why(found.cause.evidence)
    yield from _other_causes(found.causes[1:])
    yield f"<section class=card><h2>Compared</h2><dl>{''.join(_counts(found))}</dl></section>"
    for name, subject in (("a · expected", found.a), ("b · got", found.b)):
        rows = "".join(_subject(subject))
        file = f"<code>{visible(subject.file)}</code>"
        is_open = " open" if subject.damage is not None else ""
        yield f"<details class=card{is_open}><summary><b>{name}</b> {file}</summary><dl>{rows}</dl></details>"
    if found.notes:
        notes = "".join(f"<li>{visible(note)}</li>" for note in found.notes)
        yield f"<section class=card><h2>Notes</h2><ul class=small>{notes}</ul></section>"


def _fix(cause: Cause | Group) -> str:
    rule = f"<code class=rule>{clipped(cause.rule, MAX_NAME)}</code>" if cause.rule else ""
    return f"<section class='card fix'><h2>Fix</h2><p>{visible(cause.fix)}</p>{rule}</section>"


def _why(evidence: Sequence[str]) -> str:
    items = "".join(f"<li>{clipped(line, MAX_NAME)}</li>" for line in evidence)
    return (
        f"<section class=card><h2>Why</h2><ul class=small>{items}</ul></section>" if items else ""
    )


def _other_causes(causes: Sequence[Cause]) -> Iterator[str]:
    if not causes:
        return
    yield f"<section class=card><h2>{len(causes):,} more {'cause' if len(causes) == 1 else 'causes'}</h2>"
    for cause in causes[:MAX_CAUSES]:
        rule = f"<code class=rule>{clipped(cause.rule, MAX_NAME)}</code>" if cause.rule else ""
        evidence = "".join(f"<li>{visible(line)}</li>" for line in cause.evidence)
        yield (
            f"<details><summary><span class=tag>{visible(cause.name)}</span> "
            f"<code>{clipped(cause.where, MAX_NAME)}</code>"
            f"</summary><p class=small>{visible(cause.fix)}</p>{rule}<ul class='small soft'>{evidence}</ul></details>"
        )
    if len(causes) > MAX_CAUSES:
        yield f"<p class=soft>{len(causes) - MAX_CAUSES:,} more are left out</p>"
    yield "</section>"


def _counts(found: Triage) -> Iterator[str]:
    more = "" if found.complete else " or more"
    yield _pair("differences", f"{found.total:,}{more}")
    for name, count in found.counts.items():
        if count:
            yield _pair(name, f"{count:,}")


def _subject(subject: Subject) -> Iterator[str]:
    yield _pair("form", subject.form)
    if subject.seed is not None:
        yield _pair("seed", str(subject.seed))
    yield _pair("signature", str(subject.signature))
    for name in ("recorded_at", "commit", "tool", "python", "platform"):
        if subject.provenance.get(name):
            yield _pair(name.replace("_", " "), str(subject.provenance[name]))
    if subject.damage is not None:
        yield _pair("damage", subject.damage.message)


def _pair(name: str, value: str) -> str:
    return f"<dt>{visible(name)}</dt><dd>{clipped(value, MAX_NAME)}</dd>"


def _main_of_triage(found: Triage) -> Iterator[str]:
    yield from _runs(found, Room(opens_here=True))


def _runs(found: Triage, room: Room) -> Iterator[str]:
    yield "<ol class=timeline aria-label='Both runs, step by step'>"
    before = room.left_out
    yield from timeline(found, room)
    yield "</ol>"
    if room.left_out > before or not found.complete:
        yield (
            "<p class=left-out>Left out: "
            f"{room.left_out - before:,} differing steps that are not shown, and "
            f"{'places beyond those that were kept' if not found.complete else 'no others'}. "
            "The JSON document (--output) has all that were kept.</p>"
        )


# simulations


def _totals(found: Summary) -> str:
    if not found.mismatches:
        return f"0 mismatches in {found.cycles:,} cycles"
    causes = "cause" if len(found.groups) == 1 else "causes"
    return f"{found.mismatches:,} mismatches, {len(found.groups):,} {causes}"


def _aside_of_summary(found: Summary) -> Iterator[str]:
    yield _header(found.verdict, _totals(found))
    if found.groups:
        worst = found.groups[0]
        skill = f" in <code>{visible(worst.skill)}</code>" if worst.skill else ""
        yield f"<p>Most often: <b>{visible(worst.title)}</b>{skill}</p>"
        yield _fix(worst)
    for each in found.simulations:
        rows = [
            _pair("folder", str(each.folder)),
            _pair("state", each.state),
            _pair("cycles", f"{each.all_cycles:,}"),
            _pair("mismatches", f"{each.all_mismatches:,}"),
            _pair("errors", f"{each.errors:,}"),
            *([_pair("first error", each.first_error)] if each.first_error else []),
        ]
        yield f"<section class=card><h2>Simulation</h2><dl>{''.join(rows)}</dl></section>"
    said = [f"ignored: {path} {why}" for path, why in found.ignored] + found.notes
    if said:
        items = "".join(f"<li>{visible(line)}</li>" for line in said[:MAX_NOTES])
        yield f"<section class=card><h2>Notes</h2><ul class=small>{items}</ul></section>"


def _main_of_summary(found: Summary) -> Iterator[str]:
    room = Room()
    yield "<div class=groups>"
    for number, group in enumerate(found.groups[:MAX_GROUPS]):
        yield from _group(group, found, room, number)
    yield "</div>"
    if len(found.groups) > MAX_GROUPS:
        more = len(found.groups) - MAX_GROUPS
        yield f"<p class=left-out>Left out: {more:,} more causes. The JSON document has them.</p>"


def _group(group: Group, found: Summary, room: Room, number: int) -> Iterator[str]:
    share = 100 * group.count / max(1, found.mismatches)
    skill = f" in <code>{visible(group.skill)}</code>" if group.skill else ""
    yield (
        "<section class='card group' data-stop tabindex=-1>"
        f"<header><span class=number>{group.count:,}</span><h3>{visible(_sentence(group.title))}{skill}</h3>"
        f"<span class='tag hard'>{visible(group.cause)}</span></header>"
        "<svg viewBox='0 0 100 1' preserveAspectRatio=none aria-hidden=true><rect class=all width=100 height=1 />"
        f"<rect class=part width={share:.2f} height=1 /></svg><dl>"
    )
    yield _pair("workflow", group.workflow)
    yield _pair("first seed", f"{group.first.seed} (cycle {group.first.number:,})")
    yield _pair("where", group.where)
    if group.only_under:
        yield _pair("under", ", ".join(group.only_under))
    if group.examined < group.count:
        yield _pair(
            "examined", f"{group.examined:,} of {group.count:,}, the others by their reports"
        )
    yield f"</dl>{_why(group.evidence).replace('class=card', 'class=small')}"
    yield f"<p><b>Fix:</b> {visible(group.fix)}</p>"
    if group.rule:
        yield f"<code class=rule>{clipped(group.rule, MAX_NAME)}</code>"
    if group.command:
        yield f"<p class=soft>See it again:</p><code class=rule>{visible(group.command)}</code>"
    triage = found.examined.get((group.first.run, group.first.number))
    if triage is not None and number < MAX_TIMELINES:
        is_open = " open" if number == 0 else ""
        yield f"<details{is_open}><summary>The first one, step by step</summary>"
        yield from _runs(triage, room)
        yield "</details>"
    yield "</section>"
