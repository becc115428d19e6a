"""Every byte and every line of a golden counts: no damage to either goes unnoticed.

*Bytes.* A golden in which one byte was replaced is refused, or it reads as the very same JSON (white space, the ``E``
of a number). An older golden has nothing but its signature, so for it this holds where the key is at hand.

*Lines.* Of a run golden whose lines were deleted, swapped or repeated, the error names the first line that is not what
was written there; or the last line, if the file ends too early for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
from tests.golden_samples import (
    OTHER_RING,
    PLAN,
    RING,
    legacy_golden,
    run_golden,
    value_golden,
)

from aos_workflow.errors import GoldenFileError
from aos_workflow.golden import KeyRing, Policy, ValueGolden
from aos_workflow.golden.legacy_golden import parse_legacy_golden
from aos_workflow.golden.run_golden import parse_run_golden
from aos_workflow.golden.value_golden import parse_value_golden

Read = Callable[[bytes], Any]


def reader(parse: Callable[..., Any], ring: KeyRing | None) -> Read:
    policy = Policy.INTEGRITY if ring is None else Policy.REQUIRE
    return lambda data: parse(data, file="golden", ring=ring, policy=policy)


VALUE, RUN, LEGACY = parse_value_golden, parse_run_golden, parse_legacy_golden
GOLDENS: dict[str, tuple[bytes, Read]] = {
    "value": (value_golden(), reader(VALUE, None)),
    "signed value": (value_golden(ring=RING), reader(VALUE, RING)),
    "signed value, no key": (value_golden(ring=RING), reader(VALUE, None)),
    "hash only": (value_golden(hash_only=True), reader(VALUE, None)),
    "run": (run_golden(2), reader(RUN, None)),
    "signed run": (run_golden(2, ring=RING), reader(RUN, RING)),
    "signed run, no key": (run_golden(2, ring=RING), reader(RUN, None)),
    "older form": (legacy_golden(), reader(LEGACY, RING)),
}


def replacements(byte: int) -> list[int]:
    return sorted({byte ^ 0x01, byte ^ 0x20, byte ^ 0x80, ord(" "), ord("7")} - {byte})


def exactly(data: bytes) -> str:
    """What a golden says as JSON: tells 1 from 1.0 and one order of keys from another."""
    return repr([json.loads(line) for line in data.split(b"\n") if line.strip()])


def says(data: bytes, *, lines: bool) -> str:
    return exactly(data) if lines else repr(json.loads(data))


def unnoticed(data: bytes, read: Read, at: Iterator[int] | range) -> list[str]:
    """Every replacement of a byte that is neither refused nor without meaning."""
    lines = b"\n{" in data
    original = says(data, lines=lines)
    found = []
    for position in at:
        for byte in replacements(data[position]):
            damaged = data[:position] + bytes([byte]) + data[position + 1 :]
            try:
                read(damaged)
            except GoldenFileError as error:
                if error.line is None:
                    found.append(f"byte {position}: no line in {error.code}")
                continue
            if says(damaged, lines=lines) != original:
                found.append(f"byte {position}: {data[position]:#x} became {byte:#x}")
    return found


@pytest.mark.parametrize("name", GOLDENS)
def test_a_changed_byte_is_found_or_means_nothing(name: str) -> None:
    data, read = GOLDENS[name]
    read(data)
    assert unnoticed(data, read, range(len(data))) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["value", "run"])
def test_a_changed_byte_in_a_bigger_golden(kind: str) -> None:
    if kind == "value":
        items = [{**PLAN, "id": index, "blob": "é" * index} for index in range(40)]
        data, read = value_golden(items, ring=RING), reader(VALUE, RING)
    else:
        data, read = run_golden(40, ring=RING), reader(RUN, RING)
    assert unnoticed(data, read, range(len(data))) == []


@pytest.mark.parametrize("name", GOLDENS)
def test_a_missing_or_doubled_byte_is_found_or_means_nothing(name: str) -> None:
    data, read = GOLDENS[name]
    lines = b"\n{" in data
    for at in range(len(data)):
        for damaged in (data[:at] + data[at + 1 :], data[:at] + data[at : at + 1] + data[at:]):
            try:
                read(damaged)
            except GoldenFileError:
                continue
            assert says(damaged, lines=lines) == says(data, lines=lines), f"byte {at}"


@pytest.mark.parametrize("name", GOLDENS)
def test_a_golden_cut_short_anywhere_is_found(name: str) -> None:
    data, read = GOLDENS[name]
    for length in range(len(data.rstrip())):
        with pytest.raises(GoldenFileError):
            read(data[:length])


def swapped_seal() -> Iterator[tuple[str, bytes]]:
    """A golden under whose content the seal of another one stands."""
    one, two = run_golden(2, ring=RING), run_golden(3, ring=RING)
    yield "run", one[: one.rindex(b"\n{") + 1] + two[two.rindex(b"\n{") + 1 :]
    first, second = (json.loads(value_golden(value, ring=RING)) for value in (1, 2))
    first["golden"]["seal"] = second["golden"]["seal"]
    yield "value", json.dumps(first).encode()


def test_the_seal_of_another_golden_does_not_fit() -> None:
    for kind, data in swapped_seal():
        with pytest.raises(GoldenFileError, match=r"does not match|chain|seal") as caught:
            (RUN if kind == "run" else VALUE)(data, file="golden", ring=RING)
        assert caught.value.code == "TAMPER_DETECTED"


def test_taking_a_signature_away_needs_a_policy_to_be_seen() -> None:
    golden = parse_value_golden(value_golden(), file="golden", ring=RING)
    assert isinstance(golden, ValueGolden)
    assert golden.signature == "unsigned"
    with pytest.raises(GoldenFileError) as caught:
        parse_value_golden(value_golden(), file="golden", ring=RING, policy=Policy.REQUIRE)
    assert caught.value.code == "GOLDEN_UNSIGNED"
    with pytest.raises(GoldenFileError) as caught:
        parse_value_golden(
            value_golden(ring=OTHER_RING), file="golden", ring=RING, policy=Policy.REQUIRE
        )
    assert caught.value.code == "GOLDEN_UNKNOWN_KEY"


# lines of a run


def damages(count: int) -> Iterator[tuple[str, list[int]]]:
    """Every deletion, swap and repetition of lines, as the numbers (from 0) of the lines that result."""
    lines = list(range(count))
    for at in lines:
        yield f"line {at + 1} deleted", lines[:at] + lines[at + 1 :]
        for to in range(count + 1):
            yield f"line {at + 1} repeated before {to + 1}", [*lines[:to], at, *lines[to:]]
            rest = lines[:at] + lines[at + 1 :]
            yield f"line {at + 1} moved to {to + 1}", [*rest[:to], at, *rest[to:]]
    for one, two in combinations(lines, 2):
        other = lines.copy()
        other[one], other[two] = two, one
        yield f"lines {one + 1} and {two + 1} swapped", other
    for start, stop in combinations(range(count + 1), 2):
        yield f"lines {start + 1} to {stop} deleted", lines[:start] + lines[stop:]


def first_departure(order: list[int]) -> int:
    """The number of the first line that is not what was written there, or of the last line."""
    for at, line in enumerate(order):
        if at != line:
            return at + 1
    return max(1, len(order))


def check_lines(data: bytes, read: Read) -> int:
    lines = data.splitlines(keepends=True)
    checked = 0
    for what, order in damages(len(lines)):
        if order == list(range(len(lines))):
            continue
        with pytest.raises(GoldenFileError) as caught:
            read(b"".join(lines[line] for line in order))
        assert caught.value.line == first_departure(order), f"{what}: {caught.value.message}"
        assert caught.value.code in ("TAMPER_DETECTED", "GOLDEN_TRUNCATED", "GOLDEN_EMPTY"), what
        checked += 1
    return checked


@pytest.mark.parametrize("name", ["run", "signed run", "signed run, no key"])
def test_a_deleted_swapped_or_repeated_line_is_named(name: str) -> None:
    data, read = GOLDENS[name]
    assert check_lines(data, read) > 50


@pytest.mark.parametrize("name", ["run", "signed run"])
def test_also_in_a_golden_with_crlf_line_ends(name: str) -> None:
    data, read = GOLDENS[name]
    data = data.replace(b"\n", b"\r\n")
    assert read(data).run_id == "run-1"
    assert check_lines(data, read) > 50


@pytest.mark.slow
def test_a_deleted_swapped_or_repeated_line_of_a_long_run_is_named() -> None:
    assert check_lines(run_golden(38, ring=RING), reader(RUN, RING)) > 4000


def test_an_edited_line_is_named() -> None:
    lines = run_golden(3, ring=RING).splitlines(keepends=True)
    for at, line in enumerate(lines):
        edited = line.replace(b'"run-1"', b'"run-2"')
        with pytest.raises(GoldenFileError) as caught:
            parse_run_golden(b"".join([*lines[:at], edited, *lines[at + 1 :]]), file="golden")
        assert (caught.value.line, caught.value.code) == (at + 1, "TAMPER_DETECTED")


def test_lines_of_another_run_do_not_fit() -> None:
    one = run_golden(3).splitlines(keepends=True)
    two = run_golden(3, run_id="run-2").splitlines(keepends=True)
    for at in range(len(one)):
        with pytest.raises(GoldenFileError) as caught:
            parse_run_golden(b"".join([*one[:at], two[at], *one[at + 1 :]]), file="golden")
        # The first line of another run is a good start; the break is where the run changes.
        assert caught.value.line == (2 if at == 0 else at + 1)
