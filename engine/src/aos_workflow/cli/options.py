"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AsJson",
    "GoldenDir",
    "KeyFile",
    "LogFile",
    "Modules",
    "RuleSet",
    "RuleTexts",
    "RunId",
]

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

LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        metavar="FILE",
        help="Write the log there too, a JSON document a line. Default: AOS_LOG_FILE, else nowhere.",
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

RunId = Annotated[str, typer.Option("--run", "--run-id", metavar="RUN", help="The run's id.")]

Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--workflows",
        "-w",
        metavar="MODULE",
        help="Module, .py, .yaml or .json file with workflows and skills. May be repeated.",
    ),
]

GoldenDir = Annotated[
    Path | None,
    typer.Option("--golden", metavar="FOLDER", help="Where goldens are. Default: GOLDEN_DIR."),
]
