"""``--golden-report``: the summary of a run as JSON, Markdown, or one self-contained HTML page."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_aos_golden.summary import OF_THE_FOLDER, Summary, counted

__all__ = ["write_report"]


def write_report(path: Path, summary: Summary) -> None:
    """Write the report; the name's end decides its form.

    Raises:
        OSError: the place cannot be written.
    """
    data = summary.to_json()
    render = {".json": _json, ".md": _markdown, ".html": _html}[path.suffix.lower()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(data), encoding="utf-8")


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def _counts(data: dict[str, Any]) -> str:
    counts = {**data["counts"], **{name: len(data[name]) for name in OF_THE_FOLDER}}
    return ", ".join(counted(counts)) or "no goldens used"


def _sections(data: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str, Sequence[str]]]]]:
    """Title, and for each row a heading, a remark and lines of text."""
    yield (
        "Failures",
        [(row["test"], _status(row), row["message"]) for row in data["failures"]],
    )
    yield "Refused", [(row["test"], row["key"], row["message"]) for row in data["refused"]]
    yield (
        "Recorded",
        [
            (
                row["key"],
                row["kind"]
                + (f", renamed from {row['renamed_from']}" if row["renamed_from"] else ""),
                row["message"],
            )
            for row in data["recorded"]
        ],
    )
    yield "Unused", [(row["key"], row["file"], [row["why"]]) for row in data["unused"]]
    yield "Deleted", [(row["key"], row["file"], [row["why"]]) for row in data["pruned"]]
    yield "Unreadable", [(row["file"], "", [row["why"]]) for row in data["unreadable"]]
    yield (
        "Dead rules",
        [(row["rule"], row["where"], ["matched nothing"]) for row in data["dead_rules"]],
    )
    yield "Notes", [(note, "", []) for note in data["notes"]]


def _status(row: dict[str, Any]) -> str:
    return f"{row['status']}, cause: {row['cause']}" if row["cause"] else str(row["status"])


def _markdown(data: dict[str, Any]) -> str:
    lines = [f"# Goldens: {data['verdict']}", "", f"Mode `{data['mode']}`: {_counts(data)}.", ""]
    for title, rows in _sections(data):
        if rows:
            lines += [f"## {title} ({len(rows)})", ""]
        for heading, remark, text in rows:
            lines.append(f"- {_code(heading)}" + (f" ({remark})" if remark else ""))
            if text:
                lines += ["", "  ```text", *(f"  {line}" for line in text), "  ```", ""]
        if rows:
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _code(text: str) -> str:
    """Between backticks, more of them than the text has in a row."""
    if "`" not in text:
        return f"`{text}`"
    fence = "`" * (1 + max(map(len, re.findall("`+", text))))
    return f"{fence} {text} {fence}"


_STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--card:#f6f8fa;
--bad:#b42318;--good:#1a7f37}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;--line:#30363d;--card:#161b22;
--bad:#ff7b72;--good:#56d364}}
body{margin:0 auto;max-width:70rem;padding:1.5rem;background:var(--bg);color:var(--fg);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0}h1.FAIL{color:var(--bad)}h1.PASS{color:var(--good)}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
p{color:var(--dim);margin:.3rem 0}details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0}
summary{padding:.5rem .8rem;cursor:pointer;overflow-wrap:anywhere}summary:focus-visible{outline:2px solid var(--fg)}
summary code{font-weight:600}summary span{color:var(--dim)}
pre{margin:0;padding:.8rem;background:var(--card);border-top:1px solid var(--line);
font-size:.875rem;white-space:pre-wrap;overflow-wrap:anywhere}
"""


def _html(data: dict[str, Any]) -> str:
    verdict = data["verdict"]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Goldens: {verdict}</title><style>{_STYLE}</style></head><body>",
        f'<h1 class="{verdict}">Goldens: {verdict}</h1>',
        f"<p>Mode <code>{html.escape(data['mode'])}</code>: {html.escape(_counts(data))}.</p>",
    ]
    for title, rows in _sections(data):
        if rows:
            parts.append(f"<h2>{title} ({len(rows)})</h2>")
        for heading, remark, text in rows:
            dim = f" <span>{html.escape(remark)}</span>" if remark else ""
            body = f"<pre>{html.escape(chr(10).join(text))}</pre>" if text else ""
            open_ = " open" if title in ("Failures", "Refused") else ""
            parts.append(
                f"<details{open_}><summary><code>{html.escape(heading)}</code>{dim}</summary>{body}</details>"
            )
    parts.append("</body></html>")
    return "\n".join(parts) + "\n"
