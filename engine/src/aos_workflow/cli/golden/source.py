"""What a command reads: a golden of any form, plain JSON, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.golden.files import Form
    from aos_workflow.golden.rules import Rules

__all__ = ["STDIN", "Source", "all_goldens", "parse_rules", "read_source"]

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a file and their form; plain JSON counts as the older form."""

    file: str
    data: bytes
    form: Form

    def document(self) -> Any:
        """The JSON value of a file that is not read as a golden.

        Raises:
            GoldenFileError: it is not JSON.
        """
        from aos_workflow.golden.strict_json import loads

        return loads(self.data, file=self.file)


def read_source(path: Path) -> Source:
    """What the file holds, or standard input for ``-``.

    Raises:
        GoldenFileError: it cannot be read, or is too large.
    """
    from aos_workflow.golden.files import form_in
    from aos_workflow.golden.source import read_bytes, read_stream

    if path == STDIN:
        data = read_stream(sys.stdin.buffer)
        return Source("<stdin>", data, form_in(data, None))
    data = read_bytes(path)
    return Source(str(path), data, form_in(data, path))


def all_goldens(paths: Iterable[Path]) -> list[Path]:
    """Every golden that the files and folders name, each once.

    Raises:
        UsageError: none at all, which is most likely a wrong path.
        GoldenFileError: a folder cannot be listed.
    """
    from aos_workflow.errors import UsageError
    from aos_workflow.golden.files import golden_files

    given = list(paths)
    found = list(dict.fromkeys(path for root in given for path in golden_files(root)))
    if not found:
        raise UsageError(
            f"no goldens in {', '.join(map(str, given))}: no file ends with .json or .steps.jsonl",
            hint="check the path",
        )
    return found


def parse_rules(name: str | None, texts: list[str] | None, default: Rules) -> Rules:
    """The rule set that --rules and --rule describe.

    Raises:
        RuleError: a rule that does not parse, or an unknown set.
    """
    from aos_workflow.golden.rules import DEFAULT_RULES, Rules

    base = {None: default.base, "default": DEFAULT_RULES.base}.get(name, name)
    assert base is not None
    extra = default.extra if name is None else ()
    return Rules.of([*(texts or ()), *extra], base=base, keys=default.keys)
