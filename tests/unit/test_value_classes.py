"""Value classes: what a rule that names one accepts, and what is recognised without being named."""

from __future__ import annotations

import datetime
import email.utils
import math
import uuid
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_workflow.errors import RuleError
from aos_workflow.golden.value_classes import (
    MAX_CLASSIFIED,
    MAX_ID,
    MAX_PID,
    VALUE_CLASSES,
    classify,
    placeholder,
)

UUID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
ULID = "01HZX3V7Q8R9S0T1A2B3C4D5E6"
SECOND = 1_700_000_000

SELF_EVIDENT = {
    "uuid": [UUID, UUID.upper(), f"urn:uuid:{UUID}"],
    "ulid": [ULID, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"],
    "timestamp": [
        "2024-01-02T03:04:05Z", "2024-01-02t03:04:05z", "2024-01-02 03:04:05",
        "2024-01-02T03:04", "2024-01-02T03:04:05.1", "2024-01-02T03:04:05,123456789",
        "2024-01-02T03:04:05.123456+00:00", "2024-01-02T03:04:05-0830", "2024-01-02T03:04:05+01",
        "2024-01-02 03:04:05 +0100", "2024-01-02 03:04:05.5 UTC", "2016-12-31T23:59:60Z",
        "2024-01-01T24:00:00", "20240102T030405Z", "20240102T0304+0100", "20240102T030405.123",
        "Tue, 02 Jan 2024 03:04:05 GMT", "Tue, 2 Jan 2024 03:04:05 +0000", "2 Jan 2024 03:04 EST",
        "Tue Jan  2 03:04:05 2024", "Tue Jan 12 03:04:05 2024",
    ],
    "date": ["2024-01-02", "1999-12-31"],
    "address": [
        "0x7f3a2b1c4d50", "0x00007F3A2B1C4D50", "<object object at 0x7f3a2b1c4d50>",
        "<function f at 0x7f3a2b1c4d50>", "<function f.<locals>.g at 0x7f3a2b1c4d50>",
        "<code object f at 0x7f3a2b1c4d50, file 'a.py', line 1>",
        "<bound method A.b of <A object at 0x7f3a2b1c4d50>>", "<A object at 0x10a3f5b80>",
    ],
    "temp_path": [
        "/tmp/x", "/tmp/tmpab12_/y.json", "/private/tmp/x", "/var/tmp/x", "file:///tmp/x",
        "/var/folders/zz/zyx_1/T/tmp.abc", "/private/var/folders/zz/a/T/b", "/dev/shm/x",
        r"C:\Users\Jo Doe\AppData\Local\Temp\a b.txt", "c:/Users/x/AppData/Local/Temp/y",
        r"C:\Windows\Temp\x", "/home/ci/pytest-of-ci/pytest-3/test_a0",
    ],
}  # fmt: skip

NAMED = {
    "timestamp": [
        SECOND, float(SECOND), SECOND + 0.25, SECOND * 10**3, SECOND * 10**6, SECOND * 10**9,
        str(SECOND), f"{SECOND}.123456", str(SECOND * 10**9),
    ],
    "address": ["see <A object at 0x7f3a2b1c4d50>", "two: 0x7f3a2b1c4d50, 0x7f3a2b1c4d60"],
    "duration": [
        0, 0.0, 12, 12.5, 10**400, "PT1.5S", "P1DT2H", "P3W", "P1Y2M", "PT0S", "12.3ms", "12.3 ms",
        "5min", "5 minutes", "1h2m3s", "1h 2m", "3 \u00b5s", "3\u03bcs", "0:00:01", "0:00:01.500",
        "1 day, 0:00:00", "12:30",
    ],
    "pid": [1, 4242, 1.0, MAX_PID - 1, MAX_PID],
    "port": [1, 8080, 65534, 65535],
    "host": [
        "localhost", "a.example.org", "a.example.org.", "ip-10-0-0-1.ec2.internal", "my_db:5432",
        "127.0.0.1", "10.0.0.1:80", "::1", "fe80::1", "[::1]:8080", "[::1]", "DESKTOP-1A2B",
    ],
    "id": [
        UUID, ULID, "deadbeef", "run_01HZX3V7Q8", "chatcmpl-9aBc", "call_abc", "x",
        "a" * (MAX_ID - 1), "a" * MAX_ID, 0, 17, 10**30,
    ],
    "string": ["", "a", UUID],
    "number": [0, -1, 1.5, 10**400],
    "integer": [0, -1, 2.0, 10**400],
    "boolean": [True, False],
    "any": [None, True, 0, "", [], {"a": 1}],
}  # fmt: skip

REFUSED = {
    "uuid": [UUID[:-1], UUID + "0", UUID.replace("-", ""), "g" + UUID[1:], f"{UUID} ", 1, None],
    "ulid": [ULID[:-1], ULID + "0", "8" + ULID[1:], ULID.lower(), "01234567890123456789012345"],
    "timestamp": [
        "soon", "", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-32T00:00:00Z",
        "2024-01-01T25:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-02",
        "2024-01-02T03:04:05Z ", "2024-01-02T03:04:05Z\n", "2024-01-02T03:04:05 ",
        "at 2024-01-02T03:04:05Z", "\u0662\u0660\u0662\u0664-01-02T03:04:05Z", "<timestamp>",
        0, 17, -SECOND, True, None, [SECOND], math.nan, math.inf, 10**400, "12", "9" * 19,
    ],
    "date": ["2024-1-2", "2024-13-01", "2024-01-02T", 20240102],
    "address": ["0x1f", "0x" + "a" * 17, "0x" + "a" * 40, "at 0xZZZZZZZZ", 0x7F3A2B1C4D50],
    "temp_path": ["/tmp", "/tmp/", "/tmpx/a", "/home/me/tmp/a", "see /tmp/x", "/tmp/x y", 1],
    "duration": [-1, -0.5, True, None, "", "P", "PT", "P1", "12", "fast", "-5ms", math.nan, math.inf],
    "pid": [0, -1, MAX_PID + 1, 1.5, True, "17", None],
    "port": [0, 65536, 1.5, True, "80"],
    "host": ["", "a b", "-a", "a-", "256.1.1.1", "1.2.3", "a..b", ":", "1:2:3", "[::1]x", 1, None],
    "id": ["", "a b", "a\n", "a\x00", "a" * (MAX_ID + 1), -1, 1.5, True, None, []],
    "string": [None, 1, ["a"]],
    "number": ["1", True, None, math.nan, math.inf],
    "integer": ["1", True, 1.5, math.nan, math.inf],
    "boolean": [0, 1, "true", None],
}  # fmt: skip


def pairs(*tables: Mapping[str, Sequence[object]]) -> list[tuple[str, object]]:
    return [(name, value) for table in tables for name in table for value in table[name]]


@pytest.mark.parametrize(("name", "value"), pairs(SELF_EVIDENT, NAMED))
def test_a_class_accepts(name: str, value: object) -> None:
    assert VALUE_CLASSES[name].matches(value)


@pytest.mark.parametrize(("name", "value"), pairs(REFUSED))
def test_a_class_refuses(name: str, value: object) -> None:
    assert not VALUE_CLASSES[name].matches(value)


@pytest.mark.parametrize(("name", "value"), pairs(SELF_EVIDENT))
def test_recognised_without_being_named(name: str, value: object) -> None:
    assert classify(value) == name


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, SECOND, float(SECOND), str(SECOND), [], {}, "", "hello", "localhost", "12.3ms",
        "deadbeef" * 4, "run_01HZX3V7Q8", "a text about 2024-01-02", "see <A object at 0x7f3a2b1c4d50>",
        "0x7f", "<timestamp>", "/tmp/" + "x" * MAX_CLASSIFIED,
    ],
)  # fmt: skip
def test_not_recognised(value: object) -> None:
    assert classify(value) is None


def test_the_length_limit_of_recognition() -> None:
    for length in (MAX_CLASSIFIED - 1, MAX_CLASSIFIED):
        assert classify("/tmp/".ljust(length, "x")) == "temp_path"
    assert classify("/tmp/".ljust(MAX_CLASSIFIED + 1, "x")) is None


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_epochs_run_from_2000_up_to_2100(unit: int) -> None:
    matches = VALUE_CLASSES["timestamp"].matches
    first = int(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC).timestamp()) * unit
    end = int(datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC).timestamp()) * unit
    assert [matches(n) for n in (first - 1, first, first + 1)] == [False, True, True]
    assert [matches(n) for n in (end - 1, end, end + 1)] == [True, False, False]
    assert not matches(float(end))


@given(
    st.one_of(st.text(), st.from_regex(r"[0-9TZ:.+ -]{6,30}", fullmatch=True), st.uuids().map(str))
)
def test_what_is_recognised_is_accepted_by_its_class(text: str) -> None:
    name = classify(text)
    assert name is None or VALUE_CLASSES[name].matches(text)


@given(
    st.datetimes(
        timezones=st.sampled_from([None, datetime.UTC]), min_value=datetime.datetime(1000, 1, 1)
    )
)
def test_every_spelling_of_a_datetime_is_a_timestamp(moment: datetime.datetime) -> None:
    for text in (
        moment.isoformat(),
        str(moment),
        moment.ctime(),
        email.utils.format_datetime(moment.replace(tzinfo=datetime.UTC)),
        moment.strftime("%Y%m%dT%H%M%SZ").rjust(16, "0"),
    ):
        assert classify(text) == "timestamp"
    assert classify(moment.date().isoformat()) == "date"


@given(st.uuids())
def test_every_uuid_is_one(value: uuid.UUID) -> None:
    assert classify(str(value)) == classify(value.urn) == "uuid"


@given(st.timedeltas(min_value=datetime.timedelta(0)))
def test_every_spelling_of_a_timedelta_is_a_duration(value: datetime.timedelta) -> None:
    assert VALUE_CLASSES["duration"].matches(str(value))
    assert VALUE_CLASSES["duration"].matches(value.total_seconds())


@given(st.ip_addresses())
def test_every_ip_address_is_a_host(address: object) -> None:
    assert VALUE_CLASSES["host"].matches(str(address))


@pytest.mark.parametrize("name", VALUE_CLASSES)
@pytest.mark.parametrize(
    "text",
    ["1" * 50_000, "1h" * 50_000, "a." * 50_000, "/" * 50_000, "<" * 50_000 + " at 0x", "0x" * 50_000,
     "a/pytest-of" * 5_000, "1.1" * 50_000, " " * 50_000, "2024-01-02 " * 5_000, "1:" * 50_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_long_text_is_answered_at_once(name: str, text: str) -> None:
    """A pattern that backtracks would not come back from these within the time limit of the run."""
    assert VALUE_CLASSES[name].matches(text) in (True, False)
    assert classify(text[:MAX_CLASSIFIED]) in (None, *VALUE_CLASSES)


def test_names_descriptions_and_placeholders() -> None:
    for name, each in VALUE_CLASSES.items():
        assert each.name == name
        assert each.description
        assert placeholder(name) == f"<{name}>"
        assert not classify(placeholder(name))
    with pytest.raises(RuleError, match="unknown value class 'uid'; known: address, any"):
        placeholder("uid")
    with pytest.raises(TypeError):
        VALUE_CLASSES["x"] = VALUE_CLASSES["any"]  # type: ignore[index]
