"""The texts that one text may turn into once somebody decodes it."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode
from binascii import Error as Base64Error
from html import unescape
from urllib.parse import unquote

__all__ = ["ROUNDS", "fold", "from_base64", "hidden", "is_smuggling", "latin", "skeleton", "unfold"]

ROUNDS = 4
"""Layers of encoding that are undone; one more is itself a reason to refuse."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_HIDDEN = re.compile(
    _INVISIBLE.pattern[:-1] + "\x01-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u2028\u2029]"
)
_SMUGGLED = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007e]")
"""Tag characters that no flag emoji opens: ASCII that people cannot see and models can."""

_TAGS = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_LOOKALIKES = str.maketrans(
    {
        "\u3002": ".", "\u06d4": ".", "\u0701": ".", "\u0702": ".", "\ua4f8": ".", "\u2024": ".",
        "\u2044": "/", "\u2215": "/", "\u29f8": "/", "\u2571": "/", "\u27cb": "/", "\u3033": "/",
        "\u2216": "\\", "\u29f5": "\\", "\u29f9": "\\", "\u2572": "\\",
        "\u02d0": ":", "\ua789": ":", "\u2236": ":", "\u05c3": ":",
        "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u037e": ";",
    }
)  # fmt: skip
_LATIN = {
    "a": "\u0430\u03b1\u0251\u1d00", "b": "\u0432\u03b2\u044c", "c": "\u0441\u1d04\u03f2",
    "d": "\u0501\u0257\u1d05", "e": "\u0435\u0451\u03b5\u1d07\u0454", "g": "\u0261\u0581",
    "h": "\u04bb\u0570\u043d", "i": "\u0456\u03b9\u0131\u026a\u04cf", "j": "\u0458\u03f3\u1d0a",
    "k": "\u043a\u03ba\u1d0b", "l": "\u01c0\u04c0\u029f", "m": "\u043c\u1d0d", "n": "\u03b7\u0578\u0274",
    "o": "\u043e\u03bf\u0585\u1d0f\u0966", "p": "\u0440\u03c1\u1d18", "q": "\u051b\u0563",
    "r": "\u0433\u0280", "s": "\u0455\ua731", "t": "\u0442\u03c4\u1d1b", "u": "\u03c5\u057d\u1d1c",
    "v": "\u03bd\u0475\u1d20", "w": "\u051d\u0461\u03c9\u1d21", "x": "\u0445\u03c7",
    "y": "\u0443\u03b3\u04af\u028f", "z": "\u0290\u03b6\u1d22",
    "A": "\u0410\u0391", "B": "\u0412\u0392", "C": "\u0421", "E": "\u0415\u0395", "H": "\u041d\u0397",
    "I": "\u0406\u0399", "J": "\u0408", "K": "\u041a\u039a", "M": "\u041c\u039c", "N": "\u039d",
    "O": "\u041e\u039f", "P": "\u0420\u03a1", "S": "\u0405", "T": "\u0422\u03a4", "X": "\u0425\u03a7",
    "Y": "\u03a5\u04ae", "Z": "\u0396",
}  # fmt: skip
"""Letters of other scripts that look like Latin ones: a working subset of Unicode TR 39."""

_CONFUSABLES = str.maketrans({mark: plain for plain, marks in _LATIN.items() for mark in marks})

_OVERLONG = re.compile(r"%c0%(?:ae|af|2e|2f|5c)|%c1%(?:9c|1c)|%e0%80%(?:ae|af)", re.IGNORECASE)
_OVERLONG_MEANS = {"ae": ".", "2e": ".", "af": "/", "2f": "/", "5c": "\\", "9c": "\\", "1c": "\\"}
_PERCENT_U = re.compile(r"%u([0-9a-fA-F]{4})")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\u\{([0-9a-fA-F]{1,6})\}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:0x|\\x)?(?:[0-9a-fA-F]{2}){12,}")
_GROWTH = 4


def fold(text: str) -> str:
    """As most readers normalise it: NFKC, nothing invisible, look-alike punctuation in ASCII."""
    if text.isascii():
        return text
    visible = _INVISIBLE.sub("", text.translate(_TAGS))
    folded = unicodedata.normalize("NFKC", visible)
    if len(folded) > _GROWTH * len(text) + 64:  # U+FDFA alone becomes 18 characters
        folded = visible
    return _digits(folded.translate(_LOOKALIKES))


def _digits(text: str) -> str:
    """Decimal digits of every script in ASCII: ``١٢٧`` is an address to some resolvers."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(mark)) if not mark.isascii() and mark.isdecimal() else mark
        for mark in text
    )


def skeleton(text: str) -> str:
    """What a hurried reader sees: folded, look-alike letters in Latin, one case, no white space."""
    seen = fold(text[:512])
    if not seen.isascii():
        seen = seen.translate(_CONFUSABLES)
        seen = "".join(
            m for m in unicodedata.normalize("NFKD", seen) if not unicodedata.combining(m)
        )
    return "".join(seen.split()).casefold()


def latin(text: str) -> str:
    """Folded, and look-alike letters in Latin."""
    return text if text.isascii() else fold(text).translate(_CONFUSABLES)


def hidden(text: str) -> str | None:
    """The first invisible or control character as ``U+200B``, or None; tab and line ends are fine."""
    found = _HIDDEN.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def is_smuggling(text: str) -> bool:
    """Whether text for machines only is woven into it, as Unicode tags."""
    return not text.isascii() and _SMUGGLED.search(text) is not None


def unfold(text: str) -> list[str]:
    """The text itself, then what each further layer of decoding makes of it, without repetitions.

    A layer is Unicode folding, character references, ``\\x`` and ``\\u`` escapes and percent encoding
    (overlong UTF-8 included). At most ``ROUNDS + 1`` layers; more were there if the last still changes.
    """
    views = [text]
    for _ in range(ROUNDS + 1):
        after = _decode(views[-1])
        if after == views[-1]:
            break
        views.append(after)
    return views


def _decode(text: str) -> str:
    text = fold(text)
    if "&" in text and ";" in text:
        text = unescape(text)
    if "\\" in text:
        text = _ESCAPE.sub(_character, text)
    if "%" in text:
        text = _OVERLONG.sub(lambda found: _OVERLONG_MEANS[found[0][-2:].lower()], text)
        text = _PERCENT_U.sub(_character, text)
        text = unquote(text, errors="replace")
    return text


def _character(found: re.Match[str]) -> str:
    number = int(next(filter(None, found.groups())), 16)
    is_character = number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return chr(number) if is_character else "\ufffd"


def from_base64(text: str) -> bytes | None:
    """What a text that is nothing but base64 (either alphabet) or hexadecimal digits stands for."""
    text = text.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text.removeprefix("0x").removeprefix("\\x"))
    if not _BASE64.fullmatch(text):
        return None
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(text + "=" * (-len(text) % 4))
    except Base64Error:
        return None
