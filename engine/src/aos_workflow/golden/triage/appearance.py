"""What two differing values look like: times, tokens, random numbers, the same words in another order.

Each function looks at both values; a single one tells little. Texts are looked at up to MAX_TEXT characters.
"""

from __future__ import annotations

import re
from collections import Counter
from math import ulp

from aos_workflow.golden.value_classes import VALUE_CLASSES, classify

__all__ = [
    "is_environment_name",
    "is_external_name",
    "is_hash_name",
    "is_seed_name",
    "is_time",
    "is_time_text",
    "looks_random",
    "same_words",
    "volatile_class",
]

MAX_TEXT = 10_000
RANDOM_DIGITS = 12
"""Significant digits from which a float is more likely drawn or computed than written."""
MIN_TOKEN = 6
ROUNDING_ULPS = 64
"""Distance of two floats up to which rounding explains it: of times since 1970, 15 µs."""

_SEEDS = re.compile(r"(?:^|_)seeds?$")
_HASHES = re.compile(r"(?:^|_)(?:hash|sha\d*|digest|checksum|etag|fingerprint)$")
_ENVIRONMENT = re.compile(
    r"^(?:cwd|pwd|home|lang|locale|tz|timezone|encoding|platform|os|arch|machine|cpus|cpu_count|python|env|environ|"
    r"environment|hash_?seed)$|_(?:env|home)$|^python_version$"
)
_EXTERNAL = re.compile(
    r"(?:^|[^a-z])(?:http|https|fetch|request|get_url|url|api|llm|chat|completion|gpt|model|download|scrape|crawl|rpc|"
    r"grpc|webhook|remote|external|sql|smtp|s3|web)(?:$|[^a-z])"
)
_KEYS = (
    (re.compile(r"(?:^|_)(?:timestamp|ts|time|date|at|when|now|epoch)$"), ("timestamp", "date")),
    (
        re.compile(
            r"(?:^|_)(?:ms|us|ns|secs?|seconds|elapsed|duration|latency|took|uptime|runtime|age|wall_time)$"
        ),
        ("duration",),
    ),
    (re.compile(r"(?:^|_)p?pid$|process_id$"), ("pid",)),
    (re.compile(r"(?:^|_)port$"), ("port",)),
    (re.compile(r"(?:^|_)host(?:name)?$|node_name$"), ("host",)),
    (
        re.compile(r"(?:^|_)(?:nonce|uuid|guid|request_id|trace_id|span_id|session_id|correlation_id|run_id)$"),
        ("id",),
    ),
)  # fmt: skip
_INSIDE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|0x[0-9a-fA-F]{6,16}"
    r"|\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|seconds)\b"
    r"|/(?:tmp|var/tmp|var/folders)/\S+"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
_TOKEN = re.compile(r"[0-9a-fA-F]+|[0-9A-Za-z_=+/-]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _word(name: str) -> str:
    return _CAMEL.sub("_", name).lower().replace("-", "_")


def is_seed_name(name: str) -> bool:
    """``seed``, ``step_seed``, ``rngSeed``."""
    return _SEEDS.search(_word(name)) is not None


def is_hash_name(name: str) -> bool:
    """``output_hash``: it differs because something else does."""
    return _HASHES.search(_word(name)) is not None


def is_time(expected: object, got: object) -> bool:
    """Whether two numbers are times, and differ by more than rounding."""
    if not (_is_epoch(expected) and _is_epoch(got)):
        return False
    assert isinstance(expected, int | float)
    assert isinstance(got, int | float)
    return abs(expected - got) > ROUNDING_ULPS * ulp(expected)


def is_environment_name(name: str) -> bool:
    """``cwd``, ``python_version``: says where something ran."""
    return _ENVIRONMENT.search(_word(name)) is not None


def is_external_name(name: str) -> bool:
    """``http.get``, ``llm_call``: asks somebody else."""
    return _EXTERNAL.search(_word(name)) is not None


def volatile_class(name: str, expected: object, got: object) -> str | None:
    """The value class of two values that are new in every run: by their looks, else by the name above them."""
    found = classify(expected)
    if found is not None and found == classify(got):
        return found
    if is_time(expected, got):
        return "timestamp"
    for pattern, classes in _KEYS:
        if pattern.search(_word(name)):
            for each in classes:
                if VALUE_CLASSES[each].matches(expected) and VALUE_CLASSES[each].matches(got):
                    return each
    return None


def _is_epoch(value: object) -> bool:
    """Seconds or more since 1970, with a fraction or too many digits for a count of something."""
    if not isinstance(value, float) and not (isinstance(value, int) and value >= 10**12):
        return False
    return VALUE_CLASSES["timestamp"].matches(value)


def is_time_text(expected: object, got: object) -> bool:
    """Whether two texts differ only in times, ids, addresses or temporary paths inside them."""
    if not isinstance(expected, str) or not isinstance(got, str):
        return False
    if max(len(expected), len(got)) > MAX_TEXT or not _INSIDE.search(expected):
        return False
    return _INSIDE.sub("\0", expected) == _INSIDE.sub("\0", got)


def same_words(expected: object, got: object) -> bool:
    """Whether two texts are the same words in another order."""
    if not isinstance(expected, str) or not isinstance(got, str) or len(expected) != len(got):
        return False
    if len(expected) > MAX_TEXT:
        return False
    left, right = re.findall(r"\w+", expected), re.findall(r"\w+", got)
    return len(left) > 1 and left != right and Counter(left) == Counter(right)


def looks_random(expected: object, got: object, *, same_code: bool = False) -> bool:
    """Whether two values look drawn. Between runs of the same code every number does."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return False
    if isinstance(expected, int | float) and isinstance(got, int | float):
        are_floats = isinstance(expected, float) and isinstance(got, float)
        return same_code or (are_floats and _is_long(expected) and _is_long(got))
    if not isinstance(expected, str) or not isinstance(got, str):
        return False
    return _are_tokens(expected, got) or _random_inside(expected, got, same_code)


def _is_long(number: float) -> bool:
    return len(repr(abs(number)).replace(".", "").lstrip("0")) >= RANDOM_DIGITS


def _are_tokens(expected: str, got: str) -> bool:
    """Texts of one length, of letters and digits mixed as nobody writes them."""
    if len(expected) != len(got) or not MIN_TOKEN <= len(expected) <= MAX_TEXT:
        return False
    texts = (expected, got)
    mixed = any(re.search(r"\d", t) for t in texts) and any(
        re.search(r"[A-Za-z]", t) for t in texts
    )
    differing = sum(a != b for a, b in zip(expected, got, strict=True))
    return mixed and all(_TOKEN.fullmatch(t) for t in texts) and differing > len(expected) // 2


def _random_inside(expected: str, got: str, same_code: bool) -> bool:
    """Texts that differ only in numbers, which look drawn."""
    if max(len(expected), len(got)) > MAX_TEXT:
        return False
    if _NUMBER.sub("#", expected) != _NUMBER.sub("#", got):
        return False
    numbers = zip(_NUMBER.findall(expected), _NUMBER.findall(got), strict=True)
    return all(same_code or min(len(a), len(b)) > RANDOM_DIGITS for a, b in numbers if a != b)
