"""URLs as the most gullible client would read them: each host that some parser might connect to is judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.hosts import is_internal, judge_host
from aos_workflow.planner_sandbox.paths import climbs_out, judge_sensitive
from aos_workflow.planner_sandbox.policy import SandboxPolicy

__all__ = ["URL_IN_TEXT", "has_scheme", "judge_url", "without_port"]

_MAX_REDIRECTS = 4
_MAX_PARAMETERS = 100

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]{1,30}):(?![0-9]{1,5}(?:[/?#]|$))")
_AUTHORITY = re.compile(r"[\\/]{2}[^\\/]")
_AUTHORITY_END = re.compile(r"[/?#]")
_SPLIT_PARAMETERS = re.compile(r"[?&;#]")
_REDIRECT = re.compile(
    r"(?:.*[_.-])?(?:url|uri|next|redir|redirect|redirect_?ur[il]|redirect_?to|return|return_?to|return_?ur[il]|"
    r"dest|destination|continue|goto|go|target|to|u|r|link|href|out|forward|callback|image_?url|src|"
    r"source|host|domain|site|proxy|fetch|load|feed|webhook|endpoint|origin|ref|rurl)",
    re.IGNORECASE,
)
_INNER = re.compile(r"(?:https?|ftps?|gopher|dict|ldaps?|file):/{1,3}[^/\s]", re.IGNORECASE)
_HOSTLIKE = re.compile(
    r"\[|[^/]*\.|localhost(?:[:/?#]|$)|[0-9]{8,10}(?:[:/?#]|$)|[0-9]+:|0x|[A-Za-z0-9_.-]+:[0-9]{1,5}(?:[/?#]|$)",
    re.I,
)
URL_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}+:/{1,3}[^\s\"'<>`|]{1,2048}")

_WEB = frozenset(["http", "https", "ws", "wss"])
_NOT_DANGEROUS_DATA = re.compile(r"(?:image/(?!svg)|audio/|video/|font/)", re.IGNORECASE)
_DANGEROUS = frozenset(
    [
        *("about", "blob", "chrome", "data", "dict", "expect", "feed", "file", "filesystem", "ftp", "ftps"),
        *("glob", "gopher", "imap", "jar", "javascript", "ldap", "ldaps", "local_file", "mhtml", "netdoc"),
        *("nfs", "phar", "php", "pop3", "resource", "rtsp", "smb", "smtp", "telnet", "tftp", "url"),
        *("vbscript", "view-source", "zip", "compress.zlib", "ogg", "jndi", "rmi", "iiop", "corbaname"),
    ]
)  # fmt: skip
_OPAQUE = frozenset(
    [
        *("about", "data", "expect", "glob", "javascript", "mailto", "phar", "php", "tel", "urn"),
        *("vbscript", "zip", "compress.zlib"),
    ]
)
_WRAPPERS = frozenset(["url", "view-source", "jar", "feed", "blob", "filesystem", "uri"])
_TAKES_NO_SLASHES = frozenset(
    ["data", "javascript", "vbscript", "jar", "url", "view-source", "jndi"]
)


def has_scheme(text: str) -> bool:
    """Whether a whole text reads as an absolute URL, or as one relative to a scheme."""
    text = text.strip()
    if re.match(r"[\\/]{2}[^\\/\s]", text):
        return True
    found = _SCHEME.match(text)
    if not found:
        return False
    rest = text[found.end() :]
    if rest[:1] in ("/", "\\"):
        return True
    return found[1].lower() in _TAKES_NO_SLASHES and bool(rest) and not rest[0].isspace()


def judge_url(text: str, policy: SandboxPolicy, *, strict: bool) -> Iterator[Reason]:
    """Why a plan may not use a URL.

    ``strict`` is for fields that hold URLs: only allowed schemes, and a text without one starts with a host.
    Otherwise only schemes that are known as dangerous are refused.
    """
    text = text.strip().strip("<>\"'")
    if _CONTROL.search(text) or "\\" in text:
        yield Reason(
            Code.URL_MALFORMED, "a backslash or control character, which clients read differently"
        )
        text = _CONTROL.sub("", text)
    yield from _judge(text, policy, strict=strict, depth=0)


def _judge(text: str, policy: SandboxPolicy, *, strict: bool, depth: int) -> Iterator[Reason]:
    found = _SCHEME.match(text)
    rest = text
    scheme = ""
    if found:
        scheme, rest = found[1].lower(), text[found.end() :]
        yield from _judge_scheme(scheme, rest, policy, strict=strict)
        if scheme in _OPAQUE:
            return
        if scheme in _WRAPPERS and depth < _MAX_REDIRECTS:
            yield from _judge(rest, policy, strict=strict, depth=depth + 1)
            return
    elif not re.match(r"[\\/]{2}", text) and not (strict and _HOSTLIKE.match(text)):
        yield from _judge_tail(text, policy, depth)
        return
    if scheme not in _WEB and scheme and not _AUTHORITY.match(rest):
        yield from judge_sensitive(rest)
        yield from _judge_tail(rest, policy, depth)
        return
    rest = rest.lstrip("/\\")
    slashed = rest.replace("\\", "/")
    end = _AUTHORITY_END.search(slashed)
    authority, tail = (slashed[: end.start()], slashed[end.start() :]) if end else (slashed, "")
    if authority:
        yield from _judge_authority(authority, policy, is_web=scheme in _WEB or not scheme)
    elif scheme in _WEB:
        yield Reason(Code.URL_MALFORMED, "no host")
    yield from _judge_confusion(rest, tail, policy)
    yield from _judge_tail(tail, policy, depth)


def _judge_scheme(
    scheme: str, rest: str, policy: SandboxPolicy, *, strict: bool
) -> Iterator[Reason]:
    if scheme in policy.allowed_schemes:
        return
    if not strict and (
        scheme not in _DANGEROUS or (scheme == "data" and _NOT_DANGEROUS_DATA.match(rest))
    ):
        return
    allowed = ", ".join(sorted(policy.allowed_schemes))
    yield Reason(Code.URL_SCHEME, f"the scheme {shown(scheme)}; allowed: {allowed}")


def _judge_authority(authority: str, policy: SandboxPolicy, *, is_web: bool) -> Iterator[Reason]:
    user, at, host = authority.rpartition("@")
    if at and is_web:
        yield Reason(Code.URL_USERINFO, "user information before the host")
        for part in user.split("@")[:2]:
            seen = without_port(part.split()[0]) if part.strip() else ""
            yield from filter(is_internal, judge_host(seen, policy, needs_dot=False))
    yield from judge_host(without_port(host), policy, needs_dot=is_web)


def without_port(authority: str) -> str:
    """The host of ``host:port``; an address of version 6 keeps its brackets."""
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0] if authority.count(":") == 1 else authority


def _judge_confusion(rest: str, tail: str, policy: SandboxPolicy) -> Iterator[Reason]:
    """``http://good#@evil``, ``http://good\\@evil``: some parsers see another host behind the ``@``."""
    candidates = []
    before, at, after = tail[1:].partition("@")
    if tail[:1] in ("?", "#") and at and "/" not in before and "=" not in before:
        candidates.append(after)
    before, backslash, after = rest.partition("\\")
    if backslash and "/" not in before and "@" in after.split("/")[0]:
        candidates.append(after.split("@", 1)[1])
    for candidate in candidates:
        yield Reason(
            Code.URL_USERINFO, "an '@' that some clients take for the end of user information"
        )
        host = without_port(re.split(r"[/\\?#]", candidate, maxsplit=1)[0])
        yield from filter(is_internal, judge_host(host, policy, needs_dot=True))


def _judge_tail(tail: str, policy: SandboxPolicy, depth: int) -> Iterator[Reason]:
    """Path, query and fragment: traversal, and URLs that a server there may follow."""
    path = re.split(r"[?#]", tail, maxsplit=1)[0]
    if climbs_out(path):
        yield Reason(Code.PATH_TRAVERSAL, "the path climbs above its root")
    if depth >= _MAX_REDIRECTS:
        yield Reason(Code.URL_REDIRECT, f"URLs nested deeper than {_MAX_REDIRECTS} levels")
        return
    for inner in islice(_inner_urls(tail), _MAX_PARAMETERS):
        refused = [
            reason
            for reason in _judge(inner, policy, strict=True, depth=depth + 1)
            if is_internal(reason) or reason.code in (Code.URL_SCHEME, Code.URL_REDIRECT)
        ]
        if refused:
            yield Reason(Code.URL_REDIRECT, f"carries another address: {refused[0].message}")
            yield from refused


def _inner_urls(tail: str) -> Iterator[str]:
    path, _, query = tail.partition("?")
    found = _INNER.search(path)
    if found:
        yield path[found.start() :]
    for parameter in _SPLIT_PARAMETERS.split(query, maxsplit=_MAX_PARAMETERS):
        name, equals, value = parameter.partition("=")
        if equals and (
            has_scheme(value) or (_REDIRECT.fullmatch(name[:64]) and _HOSTLIKE.match(value))
        ):
            yield value
