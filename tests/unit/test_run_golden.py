"""The golden of a run: one line an event, chained and sealed. Damage line by line is in tests/contract."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.golden_samples import OTHER_RING, PROVENANCE, RING, run_events, run_golden

from aos_workflow.errors import DepthError, GoldenFileError
from aos_workflow.golden import (
    DEFAULT_RULES,
    Event,
    Policy,
    Rules,
    Signature,
    canonical_bytes,
)
from aos_workflow.golden.hashing import CHAIN_START, chain_next
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.run_golden import (
    canonical_events,
    content_of,
    parse_run_golden,
    read_events,
    render_event,
    render_trailer,
    reseal_run_golden,
)


def lines_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def rendered(events: list[Event], **trailer: Any) -> bytes:
    """A golden of any events, also of such as we would not record."""
    lines, chain = [], CHAIN_START
    for event in events:
        line, chain = render_event(event, chain)
        lines.append(line)
    return b"".join([*lines, render_trailer(events, chain, provenance=PROVENANCE, **trailer)])


def refused(data: bytes) -> tuple[str, int | None]:
    with pytest.raises(GoldenFileError) as caught:
        parse_run_golden(data, file="f")
    return caught.value.code, caught.value.line


# writing


def test_each_line_is_canonical_json_with_these_fields() -> None:
    *events, trailer = run_golden(2).splitlines()
    for line in events:
        record = json.loads(line)
        assert list(record) == ["chain", "data", "event_type", "index", "run_id", "timestamp"]
        assert line == canonical_bytes(record)
    assert list(json.loads(trailer)) == [
        "event_type", "format", "hash", "head", "provenance", "records", "rules", "run_id", "seal",
    ]  # fmt: skip


def test_the_chain_is_over_the_line_before_and_the_event() -> None:
    chain = CHAIN_START
    *events, trailer = lines_of(run_golden(2))
    for record in events:
        found = record.pop("chain")
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        chain = chain_next(chain, text.encode())
        assert found == chain
    assert trailer["head"] == chain


def test_what_is_written_reads_back() -> None:
    golden = parse_run_golden(run_golden(ring=RING), file="f", ring=RING, policy=Policy.REQUIRE)
    assert list(golden.events) == run_events()
    assert golden.run_id == "run-1"
    assert golden.rules == DEFAULT_RULES
    assert golden.signature is Signature.VALID
    assert golden.key_id == RING.signing.id
    assert golden.hash == content_of(run_events())


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"n": value}
    return value


@pytest.mark.parametrize("depth", [MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH])
def test_a_line_may_be_as_deep_as_a_value_so_its_data_is_one_less(depth: int) -> None:
    events = [Event("note", "r", 0, "2026-01-01T00:00:00.000Z", nested(depth))]
    if depth == MAX_DEPTH:
        with pytest.raises(DepthError):
            rendered(events)
    else:
        assert list(parse_run_golden(rendered(events), file="f").events) == events


# the content hash


def test_run_id_and_times_are_not_in_the_content_hash() -> None:
    events = run_events()
    others = [replace(e, run_id="other", timestamp="2030-01-01T00:00:00.000Z") for e in events]
    assert content_of(others) == content_of(events)


@pytest.mark.parametrize("change", [{"event_type": "other"}, {"index": 9}, {"data": {}}])
def test_everything_else_is(change: dict[str, Any]) -> None:
    events = run_events()
    changed = [events[0], replace(events[1], **change), *events[2:]]
    assert content_of(changed) != content_of(events)
    assert content_of([events[1], events[0], *events[2:]]) != content_of(events)


def test_volatile_rules_apply_to_the_content_hash_and_begin_in_the_event() -> None:
    one, two = (
        [Event("step", "r", 0, "t", {"output": {"took_ms": ms, "other": 1}})] for ms in (3, 4)
    )
    assert content_of(one) == content_of(two)
    rules = Rules.of([".data.output.other: strip"], base="none")
    assert [json.loads(c.text) for c in canonical_events(one, rules)] == [
        {"data": {"output": {"took_ms": 3}}, "event_type": "step", "index": 0}
    ]


# reading


def test_blank_lines_and_crlf_are_nothing() -> None:
    data = run_golden().replace(b"\n", b"\r\n\r\n")
    assert list(parse_run_golden(b"\n" + data, file="f").events) == run_events()


def test_events_out_of_step_with_their_lines_are_refused_even_if_the_chain_holds() -> None:
    one, two, three = run_events(1)
    assert refused(rendered([one, replace(two, index=5), three])) == ("TAMPER_DETECTED", 2)
    assert refused(rendered([replace(one, index=1), two, three])) == ("TAMPER_DETECTED", 1)
    assert refused(rendered([one, replace(two, run_id="other"), three])) == ("TAMPER_DETECTED", 2)


def test_a_seal_that_was_made_for_another_run_is_refused() -> None:
    events = run_events(1)
    chain = json.loads(run_golden(1).splitlines()[2])["chain"]
    other = [replace(event, run_id="other") for event in events]
    seal = render_trailer(other, chain, provenance=PROVENANCE)
    data = b"".join([*run_golden(1).splitlines(keepends=True)[:-1], seal])
    assert refused(data) == ("TAMPER_DETECTED", 4)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": None}, "TAMPER_DETECTED"),
        ({"format": "aos-golden/2", "anything": 1}, "GOLDEN_VERSION"),
        ({"format": "other/1"}, "GOLDEN_FOREIGN"),
        ({"records": "3"}, "TAMPER_DETECTED"),
        ({"records": True}, "TAMPER_DETECTED"),
        ({"records": 4}, "TAMPER_DETECTED"),
        ({"head": "0"}, "TAMPER_DETECTED"),
        ({"hash": "0"}, "TAMPER_DETECTED"),
        ({"run_id": "0"}, "TAMPER_DETECTED"),
        ({"rules": {}}, "TAMPER_DETECTED"),
        ({"rules": None}, "TAMPER_DETECTED"),
        ({"provenance": None}, "TAMPER_DETECTED"),
        ({"provenance": {}}, "TAMPER_DETECTED"),
        ({"seal": None}, "TAMPER_DETECTED"),
        ({"more": 1}, "TAMPER_DETECTED"),
    ],
)
def test_a_trailer_that_is_not_what_we_write_is_refused(change: dict[str, Any], code: str) -> None:
    *events, trailer = lines_of(run_golden(1))
    data = "\n".join(json.dumps(record) for record in [*events, {**trailer, **change}])
    assert refused(data.encode()) == (code, 4)


def test_a_golden_without_events_has_nothing_to_break() -> None:
    golden = parse_run_golden(rendered([]), file="f")
    assert golden.events == ()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"a": 1}', "GOLDEN_FOREIGN"),
        (b"[]", "GOLDEN_FOREIGN"),
        (b"5", "GOLDEN_FOREIGN"),
        (b'{"event_type":"step","run_id":"r","index":0,"timestamp":"t","data":{}}', "TAMPER_DETECTED"),
        (b'{"event_type":"step","run_id":"r","index":0.0,"timestamp":"t","data":{},"chain":""}', "TAMPER_DETECTED"),
    ],
)  # fmt: skip
def test_a_first_line_that_is_not_ours(line: bytes, code: str) -> None:
    assert refused(line + b"\n" + run_golden()) == (code, 1)


def test_a_later_line_that_is_not_ours_was_edited() -> None:
    lines = run_golden().splitlines(keepends=True)
    assert refused(b"".join([lines[0], b'{"a": 1}\n', *lines[1:]])) == ("TAMPER_DETECTED", 2)


def test_what_a_message_quotes_of_a_line_is_short() -> None:
    lines = run_golden().splitlines(keepends=True)
    with pytest.raises(GoldenFileError) as caught:
        parse_run_golden(lines[0] + b'{"%b": 1}\n' % (b"k" * 10_000), file="f")
    assert len(caught.value.message) < 600


def test_with_policy_off_an_edited_golden_can_be_read() -> None:
    data = run_golden().replace(b'"answer":1.5', b'"answer":9.5')
    golden = parse_run_golden(data, file="f", policy=Policy.OFF)
    assert golden.events[2].data["output"]["answer"] == 9.5
    assert golden.signature is Signature.UNCHECKED


# an unfinished run


def test_the_events_of_a_run_without_its_end_can_be_read(tmp_path: Any) -> None:
    path = tmp_path / "r.steps.jsonl.part"
    lines = run_golden().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2][:30]]))
    assert list(read_events(path)) == run_events()[:2]
    path.write_bytes(b"")
    assert read_events(path) == ()


# sealing anew


@pytest.mark.parametrize("end", [b"\n", b"", b"\n\n", b"\r\n"])
def test_a_new_seal_changes_nothing_else(end: bytes) -> None:
    data = run_golden()
    golden = parse_run_golden(data, file="f")
    changed = data.rstrip().replace(b"\n", b"\r\n") + end if end == b"\r\n" else data.rstrip() + end
    assert reseal_run_golden(changed, golden, RING) == run_golden(ring=RING)
    assert reseal_run_golden(run_golden(ring=OTHER_RING), golden, None) == data
