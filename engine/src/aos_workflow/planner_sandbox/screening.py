"""Which checks a text goes through, by kind. ``kinds`` has the same as a table for readers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from aos_workflow.planner_sandbox.code import (
    find_embedded_code,
    judge_code,
    judge_embedded_code,
    judge_serialized,
    judge_serialized_text,
)
from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.hosts import is_internal, judge_host
from aos_workflow.planner_sandbox.kinds import Kind
from aos_workflow.planner_sandbox.paths import climbs, judge_path
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.prompts import (
    fetched_urls,
    judge_instruction,
    judge_prompt_in_text,
)
from aos_workflow.planner_sandbox.prose import is_mention, is_prose, outside_code
from aos_workflow.planner_sandbox.shapes import judge_bare_url, judge_shape, judge_tokens
from aos_workflow.planner_sandbox.shell import (
    find_payload,
    is_certain,
    judge_argument,
    judge_command,
    judge_destructive,
    judge_payload,
)
from aos_workflow.planner_sandbox.sql import (
    find_sql_payload,
    judge_sql,
    judge_sql_payload,
    reads_as_sql,
)
from aos_workflow.planner_sandbox.templates import judge_any_template, judge_template
from aos_workflow.planner_sandbox.unfold import (
    ROUNDS,
    fold,
    from_base64,
    hidden,
    is_smuggling,
    latin,
    unfold,
)
from aos_workflow.planner_sandbox.urls import has_scheme, judge_url, without_port

__all__ = ["STRUCTURED", "screen"]

Check: TypeAlias = Callable[[str, SandboxPolicy], Iterator[Reason]]

_MAX_CHARS = {
    Kind.URL: 8192,
    Kind.HOST: 1024,
    Kind.TARGET: 8192,
    Kind.PATH: 4096,
    Kind.ROUTE: 8192,
    Kind.COMMAND: 16_384,
    Kind.ARGUMENT: 16_384,
    Kind.HEADER: 16_384,
    Kind.CODE: 65_536,
    Kind.SQL: 65_536,
}
"""Characters; what is longer is refused unread."""

_PROSE = frozenset([Kind.TEXT, Kind.INSTRUCTION, Kind.TEMPLATE])
STRUCTURED = frozenset(
    [Kind.URL, Kind.HOST, Kind.PATH, Kind.COMMAND, Kind.ARGUMENT, Kind.CODE, Kind.SQL, Kind.HEADER]
)
"""Kinds whose texts a machine takes apart."""

_MAX_HOSTS = 16
_LINE_BREAK = re.compile(r"[\r\n]")
_SMALL_NUMBER = re.compile(r"[0-9]{1,7}")


def screen(kind: Kind, text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    """Why a text of a kind may not stand in a plan. References in it were replaced by placeholders."""
    if len(text) > _MAX_CHARS.get(kind, len(text)):
        message = f"{len(text):,} characters in a {kind}; the limit is {_MAX_CHARS[kind]:,}"
        yield Reason(Code.FIELD_TOO_LONG, message)
        return
    if kind is Kind.DATA and is_prose(text):
        kind = Kind.TEXT
    yield from _judge_hidden(kind, text)
    yield from _judge_encoded(kind, text, policy)
    if kind in _PROSE:
        for check in _CHECKS[kind]:
            yield from check(fold(text), policy)
        return
    views = unfold(text)
    if len(views) > ROUNDS + 1:
        yield Reason(Code.TEXT_ENCODED, f"encoded more than {ROUNDS} times")
    for view in views:
        for check in _CHECKS[kind]:
            yield from check(view, policy)
    if kind is Kind.COMMAND:  # decoding would undo the quoting that the shell sees
        yield from judge_command(fold(text))


def _judge_hidden(kind: Kind, text: str) -> Iterator[Reason]:
    if is_smuggling(text):
        yield Reason(Code.TEXT_HIDDEN, "Unicode tags: text for machines that people cannot see")
    elif kind in STRUCTURED and (mark := hidden(text)):
        yield Reason(Code.TEXT_HIDDEN, f"the invisible character {mark} in a {kind}")


def _judge_encoded(kind: Kind, text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    """A text that is nothing but base64 or hexadecimal is judged by what it decodes to."""
    yield from judge_serialized_text(text)
    data = from_base64(text)
    if data is None:
        return
    yield from judge_serialized(data)
    try:
        inner = data.decode()
    except UnicodeDecodeError:
        return
    if inner.isprintable() or "\n" in inner:
        for check in _CHECKS[Kind.CODE if kind is Kind.CODE else Kind.DATA]:
            yield from check(inner, policy)


def _url(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    yield from judge_url(text, policy, strict=True)
    if _LINE_BREAK.search(text.strip()):
        yield Reason(Code.HEADER_INJECTION, "a line break inside a URL")


def _host(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    text = text.strip()
    if has_scheme(text):
        yield from _url(text, policy)
        return
    parts = text.split(",", maxsplit=_MAX_HOSTS)
    if len(parts) > _MAX_HOSTS:
        yield Reason(Code.HOST_MALFORMED, f"more than {_MAX_HOSTS} hosts in one text")
    for part in parts[:_MAX_HOSTS]:
        host = without_port(part.strip().partition("/")[0])
        if not _SMALL_NUMBER.fullmatch(host):
            yield from judge_host(host, policy, needs_dot=False)
    yield from judge_argument(text)
    if _LINE_BREAK.search(text):
        yield Reason(Code.HEADER_INJECTION, "a line break inside a host")


def _path(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    if "://" in text or text.lower().lstrip().startswith(("file:", "jar:", "data:", "php:")):
        yield from judge_url(text, policy, strict=True)
        yield from (reason for reason in judge_path(text.partition(":")[2], policy) if climbs(text))
    else:
        yield from judge_path(text, policy)
    yield from judge_argument(text)


def _route(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    if has_scheme(text):
        yield from judge_url(text, policy, strict=True)
    if climbs(text):
        yield Reason(Code.PATH_TRAVERSAL, f"{shown(text)} leads upwards")


def _header(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    if _LINE_BREAK.search(text.strip()):
        yield Reason(Code.HEADER_INJECTION, "a line break inside a header")
    yield from judge_bare_url(text, policy)


def _sql_if_it_reads_so(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    yield from judge_sql(text) if reads_as_sql(text) else judge_sql_payload(text)


def _fetches(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    for url in fetched_urls(text):
        yield from filter(is_internal, judge_url(url, policy, strict=False))


def _instruction(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    yield from judge_instruction(text)
    if not text.isascii():
        yield from judge_instruction(latin(text))


def _mention(code: Code, text: str, found: str, *, words: int) -> Reason:
    is_mentioned = is_mention(text, found, words=words)
    message = (
        f"{shown(found)} {'stands in prose' if is_mentioned else 'is active where it is read'}"
    )
    return Reason(code, message, "warning" if is_mentioned else "error")


def _payload_in_text(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    """Payloads outside Markdown code; most of them are only mentioned where enough prose stands around them."""
    text = outside_code(text)
    if found := find_payload(text, is_text=True):
        reason = _mention(Code.SHELL_INJECTION, text, found, words=5)
        yield Reason(reason.code, reason.message) if is_certain(found) else reason
    if found := find_embedded_code(text):
        yield _mention(Code.CODE_INJECTION, text, found, words=3)
    if reads_as_sql(text) and not is_mention(text, "", words=12):
        yield from judge_sql(text)
    elif found := find_sql_payload(text):
        yield _mention(Code.SQL_INJECTION, text, found, words=5)


def _prompt_in_text(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    yield from judge_prompt_in_text(latin(outside_code(text)))


def _template_in_text(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    yield from judge_template(outside_code(text))


def _plain(check: Callable[[str], Iterator[Reason]]) -> Check:
    """A check that does not depend on the policy."""
    return lambda text, policy: check(text)


_PAYLOADS: tuple[Check, ...] = (
    _plain(judge_payload),
    _plain(judge_embedded_code),
    _plain(judge_sql_payload),
)
_PROSE_PAYLOADS: tuple[Check, ...] = (_payload_in_text, _template_in_text)

_CHECKS: dict[Kind, tuple[Check, ...]] = {
    Kind.URL: (_url, *_PAYLOADS, _plain(judge_any_template)),
    Kind.HOST: (_host, *_PAYLOADS, _plain(judge_any_template)),
    Kind.PATH: (_path, *_PAYLOADS, _plain(judge_any_template)),
    Kind.ROUTE: (_route, *_PAYLOADS, _plain(judge_any_template)),
    Kind.HEADER: (_header, *_PAYLOADS, _plain(judge_template)),
    Kind.COMMAND: (judge_tokens, *_PAYLOADS, _plain(judge_destructive), _plain(judge_any_template)),
    Kind.ARGUMENT: (
        judge_tokens,
        *_PAYLOADS,
        _plain(judge_argument),
        _plain(judge_destructive),
        _plain(judge_any_template),
    ),
    Kind.CODE: (judge_tokens, _plain(judge_code), _plain(judge_payload)),
    Kind.SQL: (_plain(judge_sql), _plain(judge_any_template)),
    Kind.TARGET: (
        partial(judge_shape, is_target=True),
        *_PAYLOADS,
        _plain(judge_template),
        _prompt_in_text,
    ),
    Kind.DATA: (
        partial(judge_shape, is_target=False),
        _plain(judge_payload),
        _plain(judge_embedded_code),
        _sql_if_it_reads_so,
        _plain(judge_template),
        _prompt_in_text,
    ),
    Kind.TEMPLATE: _PROSE_PAYLOADS,
    Kind.INSTRUCTION: (
        _instruction,
        _fetches,
        *_PROSE_PAYLOADS,
    ),
    Kind.TEXT: (judge_bare_url, *_PROSE_PAYLOADS, _prompt_in_text),
}
