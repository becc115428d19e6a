"""What a field is taken for, judged by its name.

=============  ==========================================  =================================================
kind           names that end in                           what is looked for
=============  ==========================================  =================================================
url            url, uri, href, link, webhook, callback …   scheme, host, user info, redirects, injection
host           host, hostname, ip, fqdn …                  every spelling of an internal address, injection
target         server, target, domain, address, source …   as data, and numeric addresses in odd spellings
path           path, file, filename, dir, folder, cwd …    traversal, roots, sensitive files, injection
route          ``path`` beside a method or a host          traversal
command        command, cmd, shell, script, exec …         any active shell character, destructive commands
argument       the items of a command's list               substitutions, separators before a command
code           python, expression, lambda, source_code …   escapes from an expression, imports, pickles
sql            sql, statement, where_clause …              stacked statements, tautologies, server escapes
template       template, jinja …                           expressions that compute or reach into objects
header         headers                                     line breaks, metadata headers, hosts
instruction    prompt, instruction, goal, system …         overrides, role markup, orders to fetch inside
text           text, message, body, description, title …   payloads that prose does not hold
data           every other name                            what the whole value looks like, payloads
=============  ==========================================  =================================================

Lists inherit the kind of their key. Objects pass their kind on to members whose own name says nothing, except
``text``: the members of a ``body`` are judged as data. A skill that declares its inputs
(``SkillRule.inputs``) overrules the names.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

__all__ = ["Kind", "inherited", "item_kind", "kind_of", "words_of"]


class Kind(StrEnum):
    """What a text is taken for."""

    URL = "url"
    HOST = "host"
    TARGET = "target"
    PATH = "path"
    ROUTE = "route"
    COMMAND = "command"
    ARGUMENT = "argument"
    CODE = "code"
    SQL = "sql"
    TEMPLATE = "template"
    HEADER = "header"
    INSTRUCTION = "instruction"
    TEXT = "text"
    DATA = "data"


_NAMES = {
    Kind.URL: "url uri href hyperlink link endpoint webhook callback redirect proxy feed website homepage iri",
    Kind.HOST: "host hostname fqdn ip ipaddress ipaddr ipv4 ipv6 nameserver",
    Kind.TARGET: "target server domain node address addr peer upstream location resource destination dest "
    "source src origin from to remote site registry mirror broker",
    Kind.PATH: "path file filename filepath pathname dir directory dirname folder cwd workdir logfile "
    "attachment file_name file_path",
    Kind.COMMAND: "command cmd cmdline commandline shell bash sh zsh powershell script exec execute argv "
    "entrypoint arg argument flag",
    Kind.CODE: "python javascript js lambda expression expr formula snippet eval predicate source_code "
    "python_code js_code user_code code_block code_snippet program",
    Kind.SQL: "sql statement where where_clause sql_query having sql_statement",
    Kind.TEMPLATE: "template jinja jinja2 mustache handlebars tmpl",
    Kind.HEADER: "headers",
    Kind.INSTRUCTION: "prompt instruction goal objective directive guideline persona task system "
    "system_message behavior behaviour",
    Kind.TEXT: "text message msg body content title subject comment description desc summary note markdown "
    "md html caption label question answer topic reason rationale explanation feedback review quote "
    "paragraph document doc article story transcript thought reply detail bio headline heading changelog "
    "version release tag abstract keyword term phrase sentence alt footer log stacktrace traceback diff "
    "patch query q search search_term example hint",
}
_KIND_OF = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_PATHS_INTO_DATA = frozenset(
    [
        "json",
        "x",
        "key",
        "field",
        "object",
        "attribute",
        "node",
        "tree",
        "class",
        "learning",
        "career",
        "critical",
        "module",
        "dotted",
    ]
)
"""``json_path`` and the like: a path, but not one of files."""

_NEUTRAL = frozenset(
    [
        "list",
        "value",
        "raw",
        "str",
        "string",
        "input",
        "param",
        "parameter",
        "prefix",
        "suffix",
        "pattern",
        "default",
        "primary",
        "secondary",
        "original",
        "base",
        "new",
        "old",
        "current",
        "final",
        "name",
        "first",
        "last",
    ]
)
"""Words that say nothing when they come last; the word before them decides."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W0-9A-Za-z_]+")
_NOT_PLURAL = ("ss", "us", "is", "headers")
_MAX_KEY_CHARS = 128


def kind_of(key: str) -> Kind | None:
    """What the name of a field says, or None."""
    return _kind_of(key) if len(key) <= _MAX_KEY_CHARS else None


@lru_cache(maxsize=4096)
def _kind_of(key: str) -> Kind | None:
    words = [_singular(word) for word in words_of(key)]
    while words:
        kind = _KIND_OF.get("_".join(words[-2:])) or _KIND_OF.get(words[-1])
        if words == ["code"]:
            return Kind.CODE
        if (
            kind is Kind.PATH
            and words[-1] == "path"
            and words[-2:-1]
            and words[-2] in _PATHS_INTO_DATA
        ):
            return None
        if kind is not None:
            return kind
        if words[-1] not in _NEUTRAL and not words[-1].isdigit():
            return None
        words.pop()
    return None


def words_of(key: str) -> list[str]:
    """``callbackURLs`` and ``callback-urls`` alike as ``["callback", "urls"]``."""
    key = unicodedata.normalize("NFKC", key[:_MAX_KEY_CHARS])
    return [
        word.lower() for word in _WORD.findall(key.replace("URLs", "Urls").replace("IPs", "Ips"))
    ]


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(_NOT_PLURAL):
        return "query" if word == "queries" else "directory" if word == "directories" else word[:-1]
    return word


_INHERITED = {Kind.TEXT: Kind.DATA, Kind.ARGUMENT: Kind.DATA, Kind.TARGET: Kind.DATA}


def inherited(kind: Kind) -> Kind:
    """The kind of an object's member whose own name says nothing."""
    return _INHERITED.get(kind, kind)


def item_kind(kind: Kind) -> Kind:
    """The kind of a list's items."""
    return Kind.ARGUMENT if kind is Kind.COMMAND else kind
