"""Two runs side by side as HTML: what is equal folded away, what differs open, the first divergence marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from aos_workflow.golden.diff import ABSENT, is_secret_key
from aos_workflow.golden.explain import inner_differences
from aos_workflow.golden.triage.causes import FIXED_BY_RULE
from aos_workflow.golden.triage.markup import clipped, pretty, side_by_side, visible
from aos_workflow.golden.triage.result import Difference, Finding, Triage

__all__ = ["Room", "timeline"]

MAX_NAMES = 200
"""Equal steps that are named in one fold."""
MAX_OF_UNIT = 20
"""Differences of one step that are shown."""
MAX_INNER = 6
MAX_NAME = 400
PAGE_BYTES = 2 * 1024 * 1024
"""Text of all timelines of a page, after which nothing is added but what must be."""


@dataclass
class Room:
    """How much more a page may hold, and how many differing steps found no room.

    ``opens_here``: the page opens at the first divergence.
    """

    left: int = PAGE_BYTES
    left_out: int = 0
    is_first: bool = True
    opens_here: bool = False

    def take(self, html: str) -> str:
        self.left -= len(html)
        return html


def timeline(found: Triage, room: Room) -> Iterator[str]:
    """The items in the order of the run. The first divergence always has room."""
    first = found.first
    for differs, some in groupby(found.findings, key=lambda finding: finding.differs):
        findings = list(some)
        if not differs:
            yield room.take(_same(findings))
            continue
        before = room.left_out
        for finding in findings:
            is_first = first is not None and first in finding.differences and room.is_first
            if room.left <= 0 and not is_first:
                room.left_out += 1
                continue
            if is_first:
                room.is_first = False
            opens = "open" if room.opens_here else ""
            stop = f"id=first data-stop='{opens}'" if is_first else "data-stop"
            yield room.take(_differing(finding, first, is_first, stop))
        if room.left_out > before:
            yield f"<li class='item left-out'>{room.left_out - before:,} differing steps are left out here</li>"


def _same(findings: Sequence[Finding]) -> str:
    names = [finding.pair.unit.title for finding in findings]
    shown = "".join(
        f"<li><span class=tag>{visible(name)}</span></li>" for name in names[:MAX_NAMES]
    )
    more = (
        f"<li class=soft>and {len(names) - MAX_NAMES:,} more</li>" if len(names) > MAX_NAMES else ""
    )
    if len(names) == 1:
        said = f"<b>1 equal</b> · {visible(names[0])}"
    else:
        said = f"<b>{len(names):,} equal</b> · {visible(names[0])} … {visible(names[-1])}"
    fold = f"<details class=same><summary>{said}</summary><ul>{shown}{more}</ul></details>"
    return f"<li class=item>{fold}</li>"


def _differing(finding: Finding, first: Difference | None, is_first: bool, stop: str) -> str:
    unit, every = finding.pair.unit, finding.differences
    follows = bool(every) and all(each.follows for each in every)
    kind = "first" if is_first else "follows" if follows else ""
    shown = (
        sorted(every, key=lambda each: each is not first)[:MAX_OF_UNIT]
        if is_first
        else every[:MAX_OF_UNIT]
    )
    parts = [
        f"<li class='item differs {kind}'>",
        f"<article class=unit {stop} tabindex=-1 aria-label='{visible(unit.title)} differs'>",
        f"<header><h3>{visible(unit.title)}</h3>{''.join(_tags(finding, is_first, follows))}</header>",
        *(_place(each, finding) for each in shown),
    ]
    if finding.total > len(shown):
        parts.append(
            f"<p class='place small soft'><span>{finding.total - len(shown):,} more places of this step</span></p>"
        )
    if finding.pair.status == "changed":
        parts.append(_whole(finding))
    return "".join((*parts, "</article></li>"))


def _tags(finding: Finding, is_first: bool, follows: bool) -> Iterator[str]:
    if is_first:
        yield "<span class='tag first'>first divergence</span>"
    words = {"added": "only in b", "missing": "only in a"}
    if finding.pair.status in words:
        yield f"<span class=tag>{words[finding.pair.status]}</span>"
    if finding.pair.moved:
        yield "<span class=tag>moved</span>"
    if follows:
        yield "<span class=tag>consequence</span>"
        return
    for cause in dict.fromkeys(each.cause for each in finding.differences if not each.follows):
        hard = "" if cause in FIXED_BY_RULE else " hard"
        yield f"<span class='tag{hard}'>{visible(cause)}</span>"


def _place(each: Difference, finding: Finding) -> str:
    entry = each.entry
    if entry.kind == "reordered" and not isinstance(entry.expected, list):
        a, b = f"place {entry.expected}", f"place {entry.got}"
    else:
        secret = any(is_secret_key(part) for part in entry.path)
        a, b = _values(entry.expected, entry.got, secret)
    inner = _inner(each)
    reason = "follows from an earlier difference" if each.follows else each.why
    why = f"<span class=soft> · {visible(reason)}</span>"
    return (
        f"<div class=place><p><code>{clipped(each.path, MAX_NAME)}</code>{why}</p>"
        f"<div class=sides>{_side('a', a, entry.expected)}{_side('b', b, entry.got)}</div>{inner}</div>"
    )


def _values(expected: Any, got: Any, secret: bool) -> tuple[str, str]:
    if expected is ABSENT:
        return "", "***" if secret else pretty(got)
    if got is ABSENT:
        return "***" if secret else pretty(expected), ""
    return side_by_side(expected, got, secret=secret)


def _side(name: str, html: str, value: Any) -> str:
    label = "a · expected" if name == "a" else "b · got"
    if value is ABSENT:
        return (
            f"<div class='side none' data-side='{label}'><span class=nothing>nothing</span></div>"
        )
    return f"<div class='side {name}' data-side='{label}'><pre>{html}</pre></div>"


def _inner(each: Difference) -> str:
    """What differs inside a text that is JSON."""
    entry = each.entry
    if not isinstance(entry.expected, str) or any(map(is_secret_key, entry.path)):
        return ""
    lines = inner_differences(entry.expected, entry.got, max_lines=MAX_INNER)
    if not lines:
        return ""
    items = "".join(f"<li><code>{visible(line.strip())}</code></li>" for line in lines)
    return f"<ul class='inner small'>{items}</ul>"


def _whole(finding: Finding) -> str:
    left, right = finding.pair.left, finding.pair.right
    assert left is not None
    assert right is not None
    return (
        "<details class=whole><summary>All of it, side by side</summary><div class=sides>"
        f"<div class='side' data-side='a · expected'><pre>{pretty(left.data)}</pre></div>"
        f"<div class='side' data-side='b · got'><pre>{pretty(right.data)}</pre></div></div></details>"
    )
