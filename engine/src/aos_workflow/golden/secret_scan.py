"""Finding credentials in a value before it is written to disk, and masking them in error output.

Two kinds of evidence count:

* *Shape*, anywhere in a text: the tokens of known issuers, JSON Web Tokens, private keys,
  authorization headers, a password in a URL.
* *Place*: a random-looking text under a key such as ``password`` or ``clientSecret``. The key must
  end in the word, so ``password_policy`` and ``token_type`` do not count. ``token`` counts unless
  a word before it says that it means a position or a vocabulary (``next_page_token``,
  ``eos_token``); ``tokens`` never does, as it counts words (``prompt_tokens``).

What is obviously made up is let through: ``changeme``, ``test-secret``, ``<redacted>``,
``${VAR}``, ``xxxx``, 1234567890, the issuers' own examples. A UUID counts under a secret key only.

A finding says where and what, never the value.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from math import log2
from typing import Any

from aos_workflow.golden.paths import Path, format_path
from aos_workflow.golden.value_classes import classify

__all__ = ["Finding", "redact", "scan", "shown_path"]

MASK = "***"
MIN_LENGTH = 8
"""Characters; a shorter value under a secret key is not told from a word."""
MIN_ENTROPY_BITS = 2.75
"""Per character (Shannon). 16 random hex digits have 3.3 in the mean; ``password`` has 2.75."""
MAX_VALUE = 16 * 1024
"""Characters; a longer value under a secret key is a document."""
MAX_KEY = 128
"""Characters; a longer key is data, not a name."""

_EDGE = r"(?<![A-Za-z0-9_-])"
_SHAPES = (
    ("aws_access_key", _EDGE + r"A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("github_token", r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"),
    ("gitlab_token", r"glpat-[A-Za-z0-9_-]{20,64}"),
    ("slack_token", r"xox[abprs]-[A-Za-z0-9-]{10,255}"),
    (
        "slack_webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/"
        r"(?P<slack_webhook_value>[A-Za-z0-9/]{24,128})",
    ),
    ("anthropic_key", _EDGE + r"sk-ant-[A-Za-z0-9_-]{20,255}"),
    (
        "openai_key",
        _EDGE + r"sk-(?:(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{20,255}|[A-Za-z0-9]{20,255})",
    ),
    ("google_api_key", r"AIza[A-Za-z0-9_-]{35}"),
    ("stripe_key", r"[sr]k_live_[A-Za-z0-9]{16,255}"),
    ("npm_token", _EDGE + r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    ("pypi_token", r"pypi-Ag[A-Za-z0-9_-]{50,1024}"),
    ("huggingface_token", _EDGE + r"hf_[A-Za-z0-9]{30,64}(?![A-Za-z0-9_])"),
    ("sendgrid_key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("twilio_key", _EDGE + r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    (
        "jwt",
        _EDGE + r"eyJ[A-Za-z0-9_-]{8,8192}+\.eyJ[A-Za-z0-9_-]{8,8192}+\.[A-Za-z0-9_-]{16,8192}",
    ),
    (
        "private_key",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?P<private_key_value>[^-]*+(?:-(?!----)[^-]*+)*+)",
    ),
    (
        "authorization_header",
        r"[Bb](?ai:earer) {1,4}(?P<authorization_header_value>[A-Za-z0-9._~+/=-]{16,8192})",
    ),
    (
        "basic_authorization",
        r"[Bb](?ai:asic) {1,4}(?P<basic_authorization_value>[A-Za-z0-9+/]{8,1024}={0,2})",
    ),
    ("url_password", r"://[^\s/?#:@]{0,256}:(?P<url_password_value>[^\s/?#@]{1,256})@"),
)
_PROSE_LIKE = ("authorization_header", "basic_authorization")
"""Shapes that ``basic understanding`` has too."""
_ALL = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _SHAPES)
_SHAPE = re.compile(_ALL)
_SHAPE_NEAR = re.compile(rf"(?s:.){{0,12}}?(?:{_ALL})")
"""A shape that begins up to 12 characters on: :data:`_ANCHOR` stands in the middle of a prefix."""
_VALUE_GROUPS = frozenset(_SHAPE.groupindex) - {kind for kind, _ in _SHAPES}
_ANCHOR = re.compile(
    r"_(?=[A-Za-z0-9])(?:(?<=gh[pousr]_)|(?<=hub_)(?=pat_)|(?<=[sr]k_)(?=live_)|(?<=npm_)|(?<=hf_))"
    r"|-(?:(?<=\bsk-)|(?<=glpat-)|(?<=xox[abprs]-)|(?<=pypi-)(?=Ag)|(?=----BEGIN ))"
    r"|I(?<=A[KS]I)(?=A[A-Z2-7]{16})"
    r"|z(?<=AIz)(?=a[A-Za-z0-9_-]{35})"
    r"|J(?<=\beyJ)(?=[A-Za-z0-9_-]{8})"
    r"|G(?<=SG)(?=\.[A-Za-z0-9_-]{22}\.)"
    r"|K(?<=SK)(?=[0-9a-f]{32})"
    r"|k(?<=hooks\.slack)(?=\.com/)"
    r"|B(?=(?ai:earer|asic) {1,4}[A-Za-z0-9._~+/=-]{8})"
    r"|b(?=(?ai:earer|asic) {1,4}[A-Za-z0-9._~+/=-]{8})"
    r"|:(?=//[^\s/?#@]{1,512}@)"
)
"""Where :data:`_SHAPE` may match, at ten times its speed.

Every alternative begins with one character that is rare in prose, so the search skips from one such
character to the next. A shape without an anchor is never found; a test holds the two together.
"""

_TELLTALES = (
    *(
        b"akia asia ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xox hooks.slack.com/ sk- aiza".split()
    ),
    *(b"k_live_ npm_ pypi-ag hf_ sg. eyj -----begin ://".split()),
    b"bearer ",
    b"basic ",
)
"""In lower case: every shape has one of these, a Twilio key apart."""
_TWILIO = re.compile(rb"SK[0-9a-f]{32}")
_STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(:?)')
"""Every string and whether it is a key. All of them: one that is passed over gives its last quote to the next."""
_KEYS_REMEMBERED = 4096
_HARMLESS_KEYS: set[bytes] = set()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_WORDS = _words(
    "password passwd passphrase pwd secret secrets token credential credentials cookie cookies jwt "
    "authorization bearer apikey apikeys accesskey privatekey secretkey authtoken accesstoken"
)
_KEY_WORDS = _words("api access private secret session signing encryption master")
_STEMS = (
    *(b"password passwd passphrase pwd secret token credential cookie jwt".split()),
    *(b"authorization bearer key".split()),
)
"""In lower case: the last word of every secret key has one of these in it."""
_HARMLESS_TOKEN_WORDS = _words(
    "page next prev previous continuation cursor pagination sync eos bos pad unk sep cls mask "
    "special stop start end begin first last current prompt completion input output max min "
    "total num per image text audio"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SCHEME = re.compile(r"(?i:bearer|basic|token|apikey|digest) +")
_TEMPLATE = re.compile(
    r"[\s{}<>]|\.\.\.|\*\*\*|\u2026|(?i:x{4})|0{6}|\A(?:\$[A-Za-z_][A-Za-z0-9_]*\Z|\$\(|%\()"
)
_REFERENCE = re.compile(
    r"[a-z][a-z0-9+]*://|arn:|projects/|(?:env|vault|file|ssm):"
    r"|~?/(?:run|etc|var|home|usr|opt|tmp|mnt|secrets)/|[A-Za-z]:\\"
)
_SEQUENCE = re.compile(r"(?i:1234567890|0123456789|abcdefgh|example|placeholder|changeme|redacted)")
_LETTERS = re.compile(r"[a-z]+")
_HAS_LETTER = re.compile(r"[A-Za-z]")
_HAS_OTHER = re.compile(r"[0-9!@#$%^&*?+=~]")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{32}")
_MADE_UP = _words(
    "a an the my your our some this is not for only real no secret password passwd passphrase pass "
    "pwd token key api apikey access private auth bearer test testing tests unit example sample "
    "dummy fake mock stub changeme change me it placeholder redacted masked hidden removed omitted "
    "filtered none null undefined todo insert here value foo bar baz qux user username admin root "
    "guest default local localhost dev demo abc xxx string unused invalid wrong env client session "
    "cookie credential credentials sk ant proj ghp hf npm"
)
_PUBLIC_CLASSES = frozenset(("timestamp", "date", "address", "temp_path"))

_Trail = tuple["_Trail", str | int] | None
"""The way from the root, last step first; cheaper than a path for what is never reported."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a value looks like a credential, and what kind; ``secret_value`` means by its place."""

    path: str
    kind: str


def scan(value: object, *, limit: int = 20) -> list[Finding]:
    """The first ``limit`` findings in a value made of plain JSON types, at most one for each text.

    Order: of the document, but what stands directly in a list or object comes before what is
    nested in it. A credential used as a key is found too, and masked in the path.
    """
    if isinstance(value, str):
        kind = _kind_of(value, is_secret_place=False)
        return [Finding(format_path(()), kind)] if kind and limit > 0 else []
    return [Finding(_path(trail), kind) for trail, kind in islice(_find(value), limit)]


def is_clean(text: bytes) -> bool:
    """Whether :func:`scan` surely finds nothing in the value of this canonical text; without parsing it.

    ``False`` says nothing: look with :func:`scan`.
    """
    lower = text.lower()
    for telltale in _TELLTALES:
        if telltale in lower:
            return False
    if _TWILIO.search(text):
        return False
    for word in _STEMS:
        if word in lower:
            keys = {key for key, colon in _STRING.findall(text) if colon} - _HARMLESS_KEYS
            return not any(map(_is_suspect_key, keys))
    return True


def _is_suspect_key(raw: bytes) -> bool:
    """Whether a key, as the text spells it, may be one of a secret; if not, that is remembered."""
    if b"\\" in raw or _is_secret_key(raw.decode()):
        return True
    if len(raw) <= MAX_KEY and len(_HARMLESS_KEYS) < _KEYS_REMEMBERED:
        _HARMLESS_KEYS.add(raw)
    return False


def redact(text: str) -> str:
    """The text with everything that has the shape of a credential replaced by ``***``."""
    return _SHAPE.sub(_mask, text) if _ANCHOR.search(text) else text


def shown_path(path: Path) -> str:
    """The path as it may be shown: without a credential that somebody used as a key."""
    return format_path([redact(part) if isinstance(part, str) else part for part in path])


def _mask(found: re.Match[str]) -> str:
    if found.lastgroup in _PROSE_LIKE and not _is_genuine(found):
        return found[0]
    for name in _VALUE_GROUPS:
        start, end = found.span(name)
        if start >= 0:
            return found.string[found.start() : start] + MASK + found.string[end : found.end()]
    return MASK


def _path(trail: _Trail) -> str:
    parts: list[str | int] = []
    while trail is not None:
        trail, part = trail
        parts.append(part)
    return shown_path(parts[::-1])


def _find(value: object) -> Iterator[tuple[_Trail, str]]:
    """The hot loop. ``in_secret`` says of a list that it stands under a secret key."""
    has_anchor = _ANCHOR.search
    secret_keys: dict[str, bool] = {}
    stack: list[tuple[object, _Trail, bool]] = [(value, None, False)]
    while stack:
        container, trail, in_secret = stack.pop()
        is_object = isinstance(container, dict)
        nested: list[tuple[object, _Trail, bool]] = []
        for key, item in _children(container):
            if is_object:
                known = secret_keys.get(key)
                if known is None:
                    known = secret_keys[key] = _is_secret_key(key)
                    if kind := _token_in(key):
                        yield (trail, key), kind
                in_secret = known
            if type(item) is str:
                if (in_secret or has_anchor(item)) and (kind := _kind_of(item, in_secret)):
                    yield (trail, key), kind
            elif type(item) is dict or type(item) is list:
                nested.append((item, (trail, key), in_secret))
        nested.reverse()
        stack += nested


def _children(container: object) -> Iterable[tuple[Any, object]]:
    if isinstance(container, dict):
        return container.items()
    return enumerate(container) if isinstance(container, list) else ()


def _kind_of(text: str, is_secret_place: bool) -> str | None:
    kind = _token_in(text)
    return "secret_value" if kind is None and is_secret_place and _is_secret(text) else kind


def _token_in(text: str) -> str | None:
    for anchor in _ANCHOR.finditer(text):
        found = _SHAPE_NEAR.match(text, max(0, anchor.start() - 12))
        if found and _is_genuine(found):
            return found.lastgroup
    return None


def _is_genuine(found: re.Match[str]) -> bool:
    """Whether what has the shape of a credential is not made up."""
    kind = found.lastgroup
    assert kind is not None
    value = found[f"{kind}_value"] if f"{kind}_value" in _VALUE_GROUPS else found[kind]
    match kind:
        case "private_key":
            return _KEY_BODY.search(value) is not None
        case "basic_authorization":
            return _is_basic(value)
        case "url_password":
            user = found[kind][3:].partition(":")[0]
            return user != value and not _TEMPLATE.search(value) and not _is_made_up(value)
        case "authorization_header":
            return _is_mixed(value) and _is_random(value)
        case _:
            return _is_random(value)


def _is_basic(value: str) -> bool:
    """Base 64 of ``user:password``, where the password is not made up (RFC 7617)."""
    try:
        text = b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (Base64Error, UnicodeDecodeError):
        return False
    password = text.partition(":")[2]
    return text.isprintable() and bool(password) and not _is_made_up(password)


@lru_cache(maxsize=4096)
def _is_secret_key(key: str) -> bool:
    if len(key) > MAX_KEY:
        return False
    words = [word.lower() for word in _WORD.findall(key)]
    while words and words[-1].isdigit():
        words.pop()
    if not words:
        return False
    last, before = words[-1], words[:-1]
    if last == "token":
        return _HARMLESS_TOKEN_WORDS.isdisjoint(before)
    if last in ("key", "keys"):
        return bool(before) and before[-1] in _KEY_WORDS
    return last in _SECRET_WORDS


def _is_secret(text: str) -> bool:
    """Whether a text under a secret key looks like one; of a cookie, any of its parts."""
    if len(text) > MAX_VALUE:
        return False
    text = _SCHEME.sub("", text.strip(), count=1) if _SCHEME.match(text.strip()) else text.strip()
    if ";" in text and "=" in text:
        parts = text.split(";")
        return any(_is_secret_text(part.partition("=")[2].strip()) for part in parts)
    return _is_secret_text(text)


def _is_secret_text(text: str) -> bool:
    return (
        _is_mixed(text)
        and not _TEMPLATE.search(text)
        and not _REFERENCE.match(text)
        and _is_random(text)
        and classify(text) not in _PUBLIC_CLASSES
    )


def _is_mixed(text: str) -> bool:
    """Letters together with digits or signs: no word, no phrase, no number."""
    return _HAS_LETTER.search(text) is not None and _HAS_OTHER.search(text) is not None


def _is_random(text: str) -> bool:
    return (
        len(text) >= MIN_LENGTH
        and _entropy_bits(text) >= MIN_ENTROPY_BITS
        and not _is_made_up(text)
    )


def _entropy_bits(text: str) -> float:
    """Shannon entropy of the characters of one text, in bits per character."""
    length = len(text)
    return -sum(n / length * log2(n / length) for n in Counter(text).values())


def _is_made_up(text: str) -> bool:
    """Made only of words that say so, or holding a run that nobody draws by lot."""
    return _SEQUENCE.search(text) is not None or _MADE_UP.issuperset(_LETTERS.findall(text.lower()))
