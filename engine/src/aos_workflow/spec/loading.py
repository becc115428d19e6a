"""Specs from text and files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from aos_workflow.errors import GoldenFileError, GoldenTooLargeError, SpecError, UsageError
from aos_workflow.golden.source import read_bytes
from aos_workflow.spec.json_text import read_json
from aos_workflow.spec.limits import MAX_BYTES
from aos_workflow.spec.models import WorkflowSpec
from aos_workflow.spec.plain import NotReadableError
from aos_workflow.spec.positions import ParsedText
from aos_workflow.spec.problems import Finding, to_problems
from aos_workflow.spec.validation import KnownSkills, spec_from_data
from aos_workflow.spec.yaml_text import read_yaml

__all__ = ["SpecFormat", "load_spec_file", "parse_spec"]

SpecFormat: TypeAlias = Literal["yaml", "json"]

_FORMATS: dict[str, SpecFormat] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def load_spec_file(path: str | Path, *, known_skills: KnownSkills | None = None) -> WorkflowSpec:
    """The spec in a file whose name ends in ``.yaml``, ``.yml`` or ``.json``, of at most ``MAX_BYTES`` bytes.

    Raises:
        SpecError: the file cannot be read, or carries every problem of what is in it.
        UsageError: another ending.
    """
    file = Path(path)
    written_in = _FORMATS.get(file.suffix.lower())
    if written_in is None:
        raise UsageError(
            f"{file}: a spec file ends in {', '.join(_FORMATS)}",
            hint="rename it, or read it yourself and call parse_spec(text, format)",
        )
    try:
        data = read_bytes(file, limit=MAX_BYTES)
    except GoldenTooLargeError:
        raise _error(_too_large(), str(file)) from None
    except GoldenFileError as error:
        message = error.message.removeprefix(f"{file}: ")
        raise _error(Finding((), "unreadable", message), str(file)) from None
    return parse_spec(data, written_in, known_skills=known_skills, file=str(file))


def parse_spec(
    text: str | bytes,
    format: SpecFormat = "yaml",  # noqa: A002 - the word users know
    *,
    known_skills: KnownSkills | None = None,
    file: str = "",
) -> WorkflowSpec:
    """The spec that a text describes; bytes are UTF-8. ``file`` only serves the errors.

    Raises:
        SpecError: carries every problem with its line and column, warnings included, if there is at least one error.
        UsageError: another format.
    """
    try:
        parsed = _read(text, format)
    except NotReadableError as error:
        raise _error(error.finding, file) from None
    return spec_from_data(
        parsed.value,
        known_skills=known_skills,
        file=file,
        locate=parsed.locate,
        found_before=parsed.findings,
    )


def _read(text: str | bytes, written_in: SpecFormat) -> ParsedText:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise NotReadableError(_too_large())
    if data.startswith(_BYTE_ORDER_MARK):
        message = "a byte order mark; save it as plain UTF-8"
        raise NotReadableError(Finding((), "encoding", message, position=(1, 1)))
    match written_in:
        case "json":
            return read_json(data)
        case "yaml":
            return read_yaml(_decode(data))
        case _:
            raise UsageError(f"format {written_in!r}, expected 'yaml' or 'json'")


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        message = f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8"
        finding = Finding((), "encoding", message, position=(line, column))
        raise NotReadableError(finding) from None


def _too_large() -> Finding:
    return Finding((), "too-large", f"more than {MAX_BYTES:,} bytes")


def _error(finding: Finding, file: str) -> SpecError:
    return SpecError(to_problems([finding]), file=file)
