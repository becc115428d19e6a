"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "KeyFile", "RuleSet", "RuleTexts"]

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document to stdout.")]

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="File of GOLDEN_SECRET=... lines, of which the last signs. "
        "Default: GOLDEN_SECRET and GOLDEN_KEY_FILE of the environment.",
    ),
]

RuleSet = Annotated[
    str | None,
    typer.Option(
        "--rules", metavar="SET", help="Shipped rules for volatile values: none or default."
    ),
]

RuleTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        metavar="RULE",
        help="A rule before them, such as '.**.took_ms: mask'. May be repeated.",
    ),
]
