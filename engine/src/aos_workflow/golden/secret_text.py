"""Secrets in running text, as of an error: what has the shape of a credential, and what stands behind its name.

``password=hunter2``, ``api_key: 'abc'`` and ``Cookie: sid=1; csrf=2`` keep the name and lose the value. What is masked
depends on the text alone, so that a golden is the same wherever it is recorded.

Behind a colon, a word of letters that is followed by another word is prose: ``token: Field required`` stays. What
follows an ``=`` is a value in any case.
"""

from __future__ import annotations

import re

from aos_workflow.golden.secret_scan import MASK, redact

__all__ = ["is_secret_name", "redact_text"]

_NAME = (
    r"(?:(?i:password|passwd|passphrase)"
    r"|(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=[A-Z]))(?i:secret|token|authorization|dsn|credentials?|(?P<cookie>cookie)"
    r"|(?:api|access|secret|private|signing|encryption)[_-]?key))"
)
_SECRET_NAME = re.compile(rf"{_NAME}\Z")
_QUOTED = (
    r"""(?:(?P<quote>["'])(?:\\.|(?!(?P=quote))[^\\\n])*+"""
    r"""|(?P<escaped>\\+["'])(?:(?!(?P=escaped)).)*+)"""
)
_BARE = (
    r"(?P<bare>(?:(?i:bearer|basic|token|digest|apikey)[ \t]{1,4})?"
    r"(?(colon)(?![A-Za-z]+[ \t]+[A-Za-z]))[^\s\"'\\]\S*+(?(cookie)(?:(?<=;)[ \t]+[^\s=;]+=\S*+)*+))"
)
_NAMED = re.compile(
    rf"{_NAME}(?:\\*[\"'])?[ \t]{{0,2}}(?:={{1,2}}|(?P<colon>:))[ \t]{{0,2}}(?:{_QUOTED}|{_BARE})"
)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret: ``DB_PASSWORD``, ``clientSecret``, ``x-api-key``."""
    return _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """The text with what has the shape of a credential, or stands behind the name of one, replaced by ``***``."""
    found = redact(text)
    return _NAMED.sub(_mask, found) if "=" in found or ":" in found else found


def _mask(found: re.Match[str]) -> str:
    quote = found["quote"] or found["escaped"]
    start = (
        found.start("bare")
        if quote is None
        else found.end("quote" if found["quote"] else "escaped")
    )
    return found[0][: start - found.start()] + MASK
