"""SQL: what a planner's statement may do, and statements where none belong."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.patterns import flat, one_of

__all__ = ["find_sql_payload", "judge_sql", "judge_sql_payload", "reads_as_sql"]

_COMMENT = re.compile(r"/\*[^*]*+\*++(?:[^*/][^*]*+\*++)*+/")
_LITERAL = re.compile(r"'(?:[^'\\]|''|\\.)*+'|\"[^\"]*+\"", re.DOTALL)
_LINE_COMMENT = re.compile(r"--[^\n]*+")

# From here on patterns are for flat texts: lower case, single spaces.
_OBJECT = r"(?:table|database|schema|user|role|view|index|function)"
_STATEMENT = one_of(
    r"\s?select\b[\s\S]{1,2000}?\bfrom\b",
    r"\s?insert\sinto\b",
    r"\s?update\s\S{1,128}\sset\b",
    r"\s?delete\sfrom\b",
    rf"\s?(?:drop|truncate|alter|create)\s{_OBJECT}\b",
    r"\s?with\s\w{1,64}\sas\s?\(",
    r"\s?grant\s\S{1,64}\s(?:on|to)\b",
    r"\s?exec\s(?:xp_|sp_)",
)
_ENGLISH = re.compile(r"\b(?:the|an|me|my|your|our|please|then|this|that|it|you|we)\b")
"""Words that no statement needs: "select all the items from the list"."""

_STACKED = re.compile(r";\s*+(?=\S)")
_TAUTOLOGY = re.compile(
    r"(?:\bor|\|\|)\s\(?\s?(?:(?P<same>\d{1,6}|'[^']{0,20}') ?(?:=|like) ?(?P=same)"
    r"|'[^']{0,20}' ?= ?'[^']{0,20}|true\b|not\sfalse\b)"
)
_OPEN_QUOTE = re.compile(r"['\"]")
_CUT_OFF = re.compile(r"'\s?(?:--|#|/\*)")
_REFUSED_START = re.compile(
    r"\s?(?:drop|truncate|alter|grant|revoke|shutdown|copy|attach|detach|pragma|load|exec|execute|call|do|set|"
    r"reset|vacuum|reindex|lock|create\s(?:or\sreplace\s)?(?:user|role|function|extension|trigger|database|"
    r"procedure|server|rule))\b"
)
_WHOLE_TABLE = re.compile(r"\s?(?:delete\sfrom|update\s\S{1,128}\sset)\b")
_WHERE = re.compile(r"\bwhere\b")
_SERVER = "|".join(
    [
        r"\bxp_\w{1,40}",
        r"\bsp_(?:oacreate|executesql|configure)\b",
        r"\bload_(?:file|extension)\s?\(",
        r"\binto\s(?:out|dump)file\b",
        r"\b(?:to|from)\sprogram\b",
        r"\bpg_(?:read_\w{1,24}|ls_dir|sleep\w{0,8}|shadow|authid|terminate_backend|cancel_backend|reload_conf)\b",
        r"\blo_(?:import|export)\b",
        r"\bdblink\w{0,16}\s?\(",
        r"\bsys_(?:exec|eval)\s?\(",
        r"\bsleep\s?\(\s?[0-9]",
        r"\bbenchmark\s?\(",
        r"\bwaitfor\sdelay\b",
        r"\butl_(?:http|inaddr|file)\b",
        r"\bdbms_\w{1,24}",
        r"\bextractvalue\s?\(\s?\w{1,8}\s?,\s?concat",
        r"\bmysql\.user\b",
        r"\bcurrent_setting\s?\(",
    ]
)
_SERVER_ACCESS = re.compile(_SERVER)
_UNION_PROBE = re.compile(
    r"\bunion\s(?:all\s|distinct\s)?select\s(?:null|[0-9]{1,6}\s?,|@@|version\s?\(|user\s?\(|"
    r"(?:\w{1,40}\s?,\s?)?(?:password|passwd|pwd|pass)\b)"
)
_COMPARISON = r"(?:(?:['\"]\w{0,20}['\"]?|[0-9]{1,20}) ?(?:=|<|>|like\s)|(?P<word>[a-z]\w{0,20}) ?= ?(?P=word)\b)"
"""Of a literal, or of a name with itself; a column compared with something is what conditions are made of."""

_AFTER_QUOTE = "|".join(
    [
        rf"(?:or|and|\|\||&&)\s?\(?\s?(?:{_COMPARISON}|true\b|{_SERVER})",
        r";\s?(?:drop|delete|insert|update|alter|truncate|exec|shutdown|create|grant|select|declare|waitfor|copy)\s",
        r"union\s(?:all\s)?select\b",
        r";? ?-- ?(?:[-+'\"a-z]{0,3}$)",
        r"; ?#$",
    ]
)
_PAYLOAD = one_of(
    rf"['\"]\s?\)?\s?(?:{_AFTER_QUOTE})",
    r";\s?drop\s(?:table|database|schema|view|user)",
    r";\s?truncate\stable",
    r";\s?delete\sfrom",
    r";\s?exec\s(?:master|xp_)",
    r";\s?insert\sinto",
    r";\s?update\s\S{1,64}\sset",
    r";\s?alter\s(?:table|user|role)",
    r";\s?shutdown ?(?:;|--|with)",
    r"(?<![^\s])-?[0-9]{1,9}\s(?:or|and)\s(?P<number>[0-9]{1,6}) ?= ?(?P=number)",
    r"(?<![^\s])-?[0-9]{1,9}\sunion\s(?:all\s)?select\b",
    r"\bunion\s(?:all\s)?select\s(?:null\b|[0-9]\s?,|@@|version\s?\()",
    r"\bwaitfor\sdelay\s'",
    r"(?:^|[;|&+(,) ])(?:pg_sleep|sleep|benchmark|randomblob)\s?\(\s?[0-9]",
    r"\b(?:or|and)\s(?P<both>[0-9]{1,6}) ?= ?(?P=both)\b",
    r"['\"]\s?(?:#|/\*)\s?$",
    r"['\"]\)?\s(?:or|and|order\sby|group\sby|having|limit)\s[^'\"\n]{0,80}(?:--|#)[ +'\"-]{0,4}$",
    r"^[\w'\")-]{0,20}\\?'?;\s?(?:select|declare|call|desc)\b",
    r"['\"] ?\|\| ?\(",
    r"\bxp_cmdshell\b",
)
_LOOKED_AT_CHARS = 4096


def reads_as_sql(text: str) -> bool:
    """Whether a whole text is a statement."""
    text = flat(text[:_LOOKED_AT_CHARS])
    return _STATEMENT.match(text) is not None and not _ENGLISH.search(_LITERAL.sub("", text))


def judge_sql(text: str) -> Iterator[Reason]:
    """Why a plan may not run a statement. One plain SELECT, INSERT, or an UPDATE or DELETE with a WHERE is fine."""
    if text.lstrip()[:1] in ("'", '"', ")"):  # no statement starts so; what breaks out of one does
        yield from judge_sql_payload(text)
    text = flat(_COMMENT.sub(" ", text))
    plain = _LITERAL.sub("''", text)
    bare = _LINE_COMMENT.sub("", plain)
    for pattern, subject, why in (
        (_STACKED, bare, "a second statement"),
        (_TAUTOLOGY, text, "a condition that is always true"),
        (_SERVER_ACCESS, bare, "reaches the server, or waits"),
        (_UNION_PROBE, bare, "a union that probes"),
        (_CUT_OFF, plain, "a comment that cuts the statement off"),
        (_OPEN_QUOTE, bare.replace("''", ""), "a quote that is never closed"),
    ):
        if found := pattern.search(subject):
            yield Reason(Code.SQL_INJECTION, f"{shown(found[0])}: {why}")
            return
    if found := _REFUSED_START.match(bare):
        yield Reason(Code.SQL_INJECTION, f"{shown(found[0])}: changes more than rows")
    elif (found := _WHOLE_TABLE.match(bare)) and not _WHERE.search(bare):
        yield Reason(Code.SQL_INJECTION, f"{shown(found[0])} without WHERE")


def find_sql_payload(text: str) -> str | None:
    """A part of a text that breaks out of a statement which somebody else writes around it, or None."""
    text = flat(text)
    if not any(mark in text for mark in ("'", '"', ";", "=", "(", "union")):
        return None
    found = _PAYLOAD.search(flat(_COMMENT.sub(" ", text)) if "/*" in text else text)
    return found[0] if found else None


def judge_sql_payload(text: str) -> Iterator[Reason]:
    """A text that breaks out of a statement which somebody else writes around it."""
    if found := find_sql_payload(text):
        yield Reason(Code.SQL_INJECTION, f"{shown(found)} breaks out of a statement")
