"""An examination as text for people and as one HTML file that needs nothing else."""

from __future__ import annotations

import json
import linecache
from collections.abc import Iterator
from html import escape
from typing import Any

from aos_workflow.doctor.result import Cause, Examination

__all__ = ["html", "text"]

MAX_PATHS = 4
MAX_VALUE = 60
UNPROVEN = "not proven: no perturbation of this line alone shows it"


def text(found: Examination) -> list[str]:
    """The lines that a terminal shows."""
    return list(_lines(found))


def _lines(found: Examination) -> Iterator[str]:
    runs = f"{found.runs} runs, {found.seconds:.1f} s"
    if found.deterministic:
        yield f"{found.target}: no difference under these perturbations ({runs})"
    else:
        yield f"{found.target}: not deterministic, {_count(len(found.causes), 'cause')} ({runs})"
    for number, cause in enumerate(found.causes, 1):
        yield ""
        yield from _cause(number, cause)
    for cause in found.latent:
        yield f"latent: {cause.label} at {cause.file}:{cause.line} ({cause.source})"
    yield ""
    looked = ", ".join(f"{a.name} {a.differed}/{a.runs}" for a in found.axes)
    yield f"looked at (differing runs of all): {looked}"
    for limit in found.limits:
        yield f"limit: {limit}"


def _cause(number: int, cause: Cause) -> Iterator[str]:
    yield f"{number}. {cause.label}  {cause.file}:{cause.line}  in {cause.function}"
    source = linecache.getline(cause.file, cause.line).strip()
    if source:
        yield f"     {source}"
    for path in cause.paths[:MAX_PATHS]:
        yield f"   {path['path']}: {_brief(path['expected'])} or {_brief(path['got'])}"
    for line in cause.evidence:
        yield f"   evidence: {line}"
    if not cause.proven:
        yield f"   {UNPROVEN}"
    if len(cause.chain) > 1:
        yield "   called by " + ", ".join(
            f"{name} (line {line})" for _, line, name in cause.chain[1:5]
        )
    yield f"   fix: {cause.fix}"
    if cause.replay:
        yield f"   replay: {cause.replay}"


def _brief(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= MAX_VALUE else shown[: MAX_VALUE - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}
h2{font-size:1.05rem;margin:1.5rem 0 .3rem}code,pre{font:13px/1.45 ui-monospace,monospace;background:#f3f3f1}
pre{padding:.5rem .7rem;overflow-x:auto}
table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:left}
b.label{background:#8a1c1c;color:#fff;padding:.05rem .4rem;border-radius:.2rem}
"""


def html(found: Examination) -> str:
    """One page with everything."""
    verdict = (
        "no difference under these perturbations" if found.deterministic else "not deterministic"
    )
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{escape(found.target)}</title><style>{STYLE}</style>",
        f"<h1>{escape(found.target)}</h1><p>{verdict}; {found.runs} runs</p>",
        *(_html_cause(cause) for cause in found.causes),
        "<h2>Looked at</h2><table><tr><th>axis<th>runs<th>differed<th>failed<th>lines</tr>",
        *(
            f"<tr><td>{escape(a.name)}<td>{a.runs}<td>{a.differed}<td>{a.failed}<td>{a.sites}</tr>"
            for a in found.axes
        ),
        "</table>",
        *(f"<p>Limit: {escape(limit)}</p>" for limit in found.limits),
    ]
    return "\n".join(parts) + "\n"


def _html_cause(cause: Cause) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['path'])}</code><td><code>{escape(_brief(p['expected']))}</code>"
        f"<td><code>{escape(_brief(p['got']))}</code></tr>"
        for p in cause.paths
    )
    source = escape(linecache.getline(cause.file, cause.line).rstrip())
    told = cause.evidence if cause.proven else (*cause.evidence, UNPROVEN)
    evidence = "".join(f"<li>{escape(line)}</li>" for line in told)
    return (
        f"<h2><b class=label>{escape(cause.label)}</b> {escape(cause.file)}:{cause.line} in"
        f" <code>{escape(cause.function)}</code></h2><pre>{source}</pre>"
        f"<table><tr><th>path<th>one run<th>another</tr>{rows}</table><ul>{evidence}</ul>"
        f"<p>Fix: {escape(cause.fix)}</p><pre>{escape(cause.replay)}</pre>"
    )
