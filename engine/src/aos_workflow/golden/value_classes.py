"""Kinds of values that may differ between two like runs: ``timestamp``, ``uuid``, ``duration``.

A rule that names a class has been told by its author what to expect, so
:attr:`ValueClass.matches` also accepts the spellings that mean something only there:
``1700000000`` as a timestamp, ``12.5`` as a duration. :func:`classify` sees a value and nothing
else; it names a class only for text that can hardly be anything else, and never for a number.

The formats are checked, the calendar is not: ``2024-02-31`` is a date. As in RFC 8785, ``1.0`` is
the integer 1; a boolean is never a number. Every pattern is linear in the length of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from math import isfinite
from types import MappingProxyType
from typing import TypeGuard

from aos_workflow.errors import RuleError

__all__ = ["VALUE_CLASSES", "ValueClass", "classify", "placeholder"]

MAX_CLASSIFIED = 4096
"""Longer text is never classified: nothing we know is longer than a path (PATH_MAX)."""
MAX_ID = 128
"""Characters of an opaque identifier."""
MAX_HOST = 253 + len(":65535")
"""Characters of a host name (RFC 1035) and a port."""
MAX_PID = 2**22
"""The largest ``kernel.pid_max`` of Linux."""
MAX_PORT = 2**16 - 1
YEAR_2000_S = 946_684_800
YEAR_2100_S = 4_102_444_800
_EPOCH_BOUNDS = [
    bound * unit for unit in (1, 10**3, 10**6, 10**9) for bound in (YEAR_2000_S, YEAR_2100_S)
]

_HEX = "[0-9a-fA-F]"
_TIME = (
    r"(?:[01][0-9]|2[0-4]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:[.,][0-9]{1,12}+)?+)?+"
    r"(?: ?+(?:[Zz]|UTC|GMT|[+-][0-9]{2}(?::?+[0-9]{2})?+))?+"
)
_BASIC_TIME = (
    r"(?:[01][0-9]|2[0-4])[0-5][0-9](?:[0-5][0-9](?:\.[0-9]{1,12})?)?(?:[Zz]|[+-][0-9]{4})?"
)
_DATE = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_BASIC_DATE = r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = "[0-9]{2}:[0-9]{2}"

_TIMESTAMP = (
    rf"{_DATE}[Tt ]{_TIME}"  # ISO 8601 extended, RFC 3339
    rf"|{_BASIC_DATE}T{_BASIC_TIME}"  # ISO 8601 basic
    rf"|(?:{_DAY}, )?[0-9]{{1,2}} {_MONTH} [0-9]{{4}} {_CLOCK}(?::[0-9]{{2}})?"
    r" (?:[+-][0-9]{4}|GMT|UTC?|[ECMP][SD]T)"  # RFC 2822, HTTP
    rf"|{_DAY} {_MONTH} [ 0-9][0-9] {_CLOCK}:[0-9]{{2}} [0-9]{{4}}"  # ctime
)
_UUID = rf"(?:urn:uuid:)?{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_ULID = r"(?=[0-9]{0,25}[A-Z])[0-7][0-9A-HJKMNP-TV-Z]{25}"
_POINTER = rf"0x{_HEX}{{6,16}}"
_ADDRESS = rf"{_POINTER}|<[^\n]{{1,256}}? at {_POINTER}\b[^\n]{{0,512}}>"
_TEMP_PATH = (
    r"(?:file://)?(?:/private)?(?:/tmp|/var/tmp|/var/folders|/dev/shm)/[^\s\x00]+"
    r"|(?:file:///)?[A-Za-z]:[\\/](?:Users[\\/][^\\/\n]{1,64}[\\/]AppData[\\/]Local|Windows)"
    r"[\\/](?i:Temp)[\\/][^\n\x00]+"
    r"|(?=[/\\.~A-Za-z])[^\s\x00]*?[/\\]pytest-of-[^\s\x00]+"
)
_UNIT = "[nu\u00b5\u03bcm]s|s(?:ec(?:s|onds?)?)?|m(?:in(?:s|utes?)?)?|h(?:rs?|ours?)?|d(?:ays?)?"
_DURATION = (
    r"P(?=[0-9T])(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+W)?(?:[0-9]+D)?"
    r"(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:[.,][0-9]+)?S)?)?"  # ISO 8601
    rf"|(?:[0-9]+(?:\.[0-9]+)? ?(?:{_UNIT}) ?)++"
    r"|(?:[0-9]+ days?, )?[0-9]+:[0-5][0-9](?::[0-5][0-9])?(?:\.[0-9]+)?"  # str(timedelta)
)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_HOST = (
    rf"(?:{_OCTET}(?:\.{_OCTET}){{3}}"
    rf"|(?![0-9.]*+(?::|\Z)){_LABEL}(?:\.{_LABEL})*+\.?)"
    r"(?::[0-9]{1,5})?"
)

_timestamp_text = re.compile(_TIMESTAMP).fullmatch
_uuid_text = re.compile(_UUID).fullmatch
_ulid_text = re.compile(_ULID).fullmatch
_date_text = re.compile(_DATE).fullmatch
_address_inside = re.compile(rf"\b(?:{_POINTER})\b").search
_temp_path_text = re.compile(_TEMP_PATH).fullmatch
_epoch_text = re.compile(r"[0-9]{9,19}(?:\.[0-9]{1,9})?").fullmatch
_duration_text = re.compile(_DURATION).fullmatch
_host_text = re.compile(_HOST).fullmatch
_id_text = re.compile(rf"[^\s\x00-\x1f\x7f]{{1,{MAX_ID}}}").fullmatch
# The usual spelling alone: faster by a fifth and by a half.
_rfc3339_text = re.compile(
    rf"{_DATE}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,12}})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
).fullmatch
_ascii_id_text = re.compile(f"[!-~]{{1,{MAX_ID}}}").fullmatch
_self_evident = re.compile(
    f"(?P<timestamp>{_TIMESTAMP})|(?P<date>{_DATE})|(?P<uuid>{_UUID})|(?P<ulid>{_ULID})"
    f"|(?P<address>{_ADDRESS})|(?P<temp_path>{_TEMP_PATH})"
).fullmatch


@dataclass(frozen=True, slots=True)
class ValueClass:
    """A named set of JSON values; ``matches`` may be asked about any value, also a container."""

    name: str
    description: str
    matches: Callable[[object], bool]
    text_passes: Callable[[str], object] | None = None
    """A faster test for text, a function in C: what passes belongs to the class, what does not still may."""


def classify(value: object) -> str | None:
    """The most specific class that a JSON leaf belongs to by its looks alone, or ``None``."""
    if not isinstance(value, str) or not 6 <= len(value) <= MAX_CLASSIFIED:
        return None
    found = _self_evident(value)
    return found.lastgroup if found else None


def placeholder(name: str) -> str:
    """What stands for a masked value of the class ``name``.

    Raises:
        RuleError: there is no such class; the message lists those there are.
    """
    if name not in VALUE_CLASSES:
        known = ", ".join(sorted(VALUE_CLASSES))
        raise RuleError(f"unknown value class {name!r}; known: {known}")
    return f"<{name}>"


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, float) and isfinite(value)


def _is_integer(value: object) -> TypeGuard[float]:
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, float) and value.is_integer()


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_any(value: object) -> bool:
    return True


def _is_timestamp(value: object) -> bool:
    if isinstance(value, str):
        if _timestamp_text(value):
            return True
        return bool(_epoch_text(value)) and _is_epoch(float(value))
    return _is_number(value) and _is_epoch(value)


def _is_epoch(number: float) -> bool:
    """In s, ms, µs or ns since 1970, from the year 2000 up to 2100; these ranges do not overlap."""
    return bisect_right(_EPOCH_BOUNDS, number) % 2 == 1


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _uuid_text(value) is not None


def _is_ulid(value: object) -> bool:
    return isinstance(value, str) and _ulid_text(value) is not None


def _is_date(value: object) -> bool:
    return isinstance(value, str) and _date_text(value) is not None


def _is_address(value: object) -> bool:
    return isinstance(value, str) and "0x" in value and _address_inside(value) is not None


def _is_temp_path(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= MAX_CLASSIFIED
        and _temp_path_text(value) is not None
    )


def _is_duration(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_ID and _duration_text(value) is not None
    return _is_number(value) and value >= 0


def _is_pid(value: object) -> bool:
    return _is_integer(value) and 1 <= value <= MAX_PID


def _is_port(value: object) -> bool:
    return _is_integer(value) and 1 <= value <= MAX_PORT


def _is_host(value: object) -> bool:
    if not isinstance(value, str) or len(value) > MAX_HOST:
        return False
    return _host_text(value) is not None or (value.count(":") > 1 and _is_ipv6(value))


def _is_ipv6(text: str) -> bool:
    if text.startswith("["):
        text, _, port = text[1:].partition("]")
        if port and not (port[0] == ":" and port[1:].isdecimal()):
            return False
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return _id_text(value) is not None
    return _is_integer(value) and value >= 0


_CLASSES = (
    # Recognisable by themselves.
    ValueClass("uuid", "a UUID with dashes (RFC 9562), also as urn:uuid:", _is_uuid, _uuid_text),
    ValueClass(
        "ulid", "a ULID: 26 characters of Crockford's base 32, upper case", _is_ulid, _ulid_text
    ),
    ValueClass(
        "timestamp",
        "ISO 8601, RFC 3339, RFC 2822, HTTP or ctime; or s, ms, µs, ns since 1970 in 2000-2099",
        _is_timestamp,
        _rfc3339_text,
    ),
    ValueClass("date", "YYYY-MM-DD", _is_date, _date_text),
    ValueClass("address", "text that holds an address such as 0x7f3a2b1c4d50", _is_address),
    ValueClass("temp_path", "a path in a temporary folder, also of pytest", _is_temp_path),
    # To be named by a rule.
    ValueClass(
        "duration",
        "a number not below 0, or text such as PT1.5S, 12.3ms, 1h2m, 0:00:01.5",
        _is_duration,
    ),
    ValueClass("pid", f"an integer from 1 to {MAX_PID}", _is_pid),
    ValueClass("port", f"an integer from 1 to {MAX_PORT}", _is_port),
    ValueClass("host", "a host name, IPv4 or IPv6 address, with or without a port", _is_host),
    ValueClass(
        "id",
        f"1 to {MAX_ID} characters without white space (UUID, hex, run_01H..., call_abc), "
        "or an integer not below 0",
        _is_id,
        _ascii_id_text,
    ),
    # The types of JSON.
    ValueClass("string", "any text", _is_string),
    ValueClass("integer", "any whole number", _is_integer),
    ValueClass("number", "any finite number", _is_number),
    ValueClass("boolean", "true or false", _is_boolean),
    ValueClass("any", "every value", _is_any),
)

VALUE_CLASSES: Mapping[str, ValueClass] = MappingProxyType({each.name: each for each in _CLASSES})
"""Every class by its name."""
