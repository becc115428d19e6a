"""What a whole text looks like, where its field's name does not say what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.addresses import spellings
from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.hosts import is_known_inside, judge_host, normal_host
from aos_workflow.planner_sandbox.paths import climbs, judge_sensitive
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.prose import is_mention
from aos_workflow.planner_sandbox.urls import URL_IN_TEXT, has_scheme, judge_url, without_port

__all__ = ["judge_bare_url", "judge_shape", "judge_tokens"]

_MAX_CHARS = 8192
_PLAIN_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_ODD_ADDRESS = re.compile(
    r"0x[0-9a-f]+|[0-9]{8,10}|(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){1,3}",
    re.IGNORECASE,
)
_ROOTED = re.compile(r"[/~\\]|[A-Za-z]:[\\/]")
_SECRET_FILE = re.compile(r"/etc/(?:passwd|shadow|sudoers)\b")
_MAX_TOKENS = 500


def judge_bare_url(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    """A text that is one URL and nothing else is no prose."""
    text = text.strip()
    if len(text) <= _MAX_CHARS and not _has_space(text) and has_scheme(text):
        yield from judge_url(text, policy, strict=False)


def judge_shape(text: str, policy: SandboxPolicy, *, is_target: bool) -> Iterator[Reason]:
    """A whole text as a URL, an address, a name or a path. ``is_target`` takes odd numbers for addresses."""
    text = text.strip()
    if not text or len(text) > _MAX_CHARS:
        return
    if has_scheme(text):
        first = text.split(maxsplit=1)[0]
        if not is_mention(text, first, words=3):
            yield from judge_url(text if not _has_space(text) else first, policy, strict=False)
    elif not _has_space(text):
        yield from _judge_machine(text, policy, is_target=is_target)
    is_path = "/" in text or "\\" in text or text == ".."
    if is_path and climbs(text) and (not _has_space(text) or text.startswith("..")):
        yield Reason(Code.PATH_TRAVERSAL, f"{shown(text)} leads upwards")
    is_rooted = _ROOTED.match(text) and not is_mention(text, "", words=3)
    if is_rooted or (is_path and not _has_space(text)):
        yield from judge_sensitive(text)
    if (found := _SECRET_FILE.search(text)) and not is_mention(text, found[0], words=3):
        yield Reason(Code.PATH_SENSITIVE, f"{shown(found[0])} holds credentials")


def _judge_machine(text: str, policy: SandboxPolicy, *, is_target: bool) -> Iterator[Reason]:
    if text.count(":") > 1 and spellings(text.strip("[]")):
        host = text
    else:
        host = normal_host(without_port(re.split(r"[/?#]", text, maxsplit=1)[0]))
    is_numeric = _PLAIN_ADDRESS.fullmatch(host) or (is_target and _ODD_ADDRESS.fullmatch(host))
    if is_numeric or ":" in host or is_known_inside(host):
        for reason in judge_host(host, policy, needs_dot=False):
            if reason.code not in (Code.HOST_NOT_ALLOWED, Code.HOST_MALFORMED):
                yield reason


def judge_tokens(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    """URLs, addresses and paths among the words of a command or a program."""
    for found in URL_IN_TEXT.finditer(text):
        yield from judge_url(found[0].rstrip(").,;"), policy, strict=False)
    for token in re.split(r"[\s'\"(),;|&<>=`]+", text, maxsplit=_MAX_TOKENS):
        if "." not in token and ":" not in token and "/" not in token and "local" not in token:
            continue
        token = token.removeprefix("@").strip("[]{}")
        if "://" not in token and len(token) <= _MAX_CHARS:
            yield from _judge_machine(token, policy, is_target=False)
            if climbs(token):
                yield Reason(Code.PATH_TRAVERSAL, f"{shown(token)} leads upwards")
            yield from judge_sensitive(token)


def _has_space(text: str) -> bool:
    return any(mark in text for mark in " \t\n\r")
