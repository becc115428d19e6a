"""Programs in disguise: escapes from an expression, imports, serialised objects that run when they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.findings import Code, Reason, shown

__all__ = [
    "find_embedded_code",
    "judge_code",
    "judge_embedded_code",
    "judge_serialized",
    "judge_serialized_text",
]

_MODULES = (
    r"(?:os|sys|subprocess|socket|shutil|ctypes|pickle|marshal|importlib|builtins|pty|code|codeop|runpy|"
    r"multiprocessing|threading|signal|http|urllib|requests|httpx|asyncio|pathlib|tempfile|inspect|gc|posix|nt)"
)
_DOT = r" ?\. ?"
_OPEN = r"\s{0,4}\("
_QUOTE = r"\s{0,4}[rbuf]{0,2}['\"]"
_DUNDER = re.compile(
    r"__(?:import|class|subclasses|bases?|mro|globals|builtins?|dict|code|getattribute|reduce|reduce_ex|"
    r"loader|init|self|closure|module|spec)__"
)


def _words(*patterns: str) -> str:
    """Patterns that start with a word. One ``\\b`` for all: the engine then rules out a place by its first letter."""
    return rf"\b(?:{'|'.join(patterns)})"


_REACHING = re.compile(
    _words(
        *(
            rf"{name}{_OPEN}"
            for name in ("eval", "exec", "compile", "execfile", "globals", "locals", "vars")
        ),
        *(
            rf"{name}{_OPEN}"
            for name in ("getattr", "setattr", "delattr", "breakpoint", "input", "open")
        ),
        *(rf"{name}{_OPEN}" for name in ("exit", "quit", "memoryview")),
        rf"os{_DOT}(?:\w{{0,8}}system|popen|exec\w{{0,4}}|spawn\w{{0,4}}|fork|kill|remove|unlink|environ|getenv|"
        r"rmdir|rename|chmod|startfile)\b",
        r"subprocess\b",
        r"importlib\b",
        r"builtins\b",
        r"ctypes\b",
        *(
            rf"{name}{_DOT}(?:loads?|unsafe_load)\b"
            for name in ("pickle", "marshal", "shelve", "dill", "yaml")
        ),
        rf"socket{_DOT}socket\b",
        rf"pty{_DOT}spawn\b",
        rf"import\s{{1,8}}{_MODULES}\b",
        rf"from\s{{1,8}}{_MODULES}(?:\.\w{{1,40}}){{0,4}}\s{{1,8}}import\b",
        rf"shutil{_DOT}rmtree\b",
        rf"sys{_DOT}(?:modules|exit|path)\b",
        r"exec\b",
        r"eval\b",
        r"breakpoint\b",
        rf"mro{_OPEN}",
        rf"help{_OPEN}",
        r"f_(?:globals|locals|back|builtins)\b",
        r"[gct][irb]_frame\b",
        r"while\s{1,8}(?:True|1)\b",
        r"[0-9]{1,9} ?\*\* ?[0-9]{1,9} ?\*\*",
        r"[0-9]{1,9} ?\*\* ?[0-9]{4}",
    )
)
_OTHER_LANGUAGES = re.compile(
    _words(
        r"require\s{0,4}\(\s{0,4}['\"`](?:node:)?(?:child_process|fs|net|vm|http|https|os|dns|cluster|worker_threads)"
        r"['\"`]",
        r"child_process\b",
        rf"process{_DOT}(?:env|mainModule|binding|exit|kill)\b",
        rf"new\s{{1,4}}Function{_OPEN}",
        r"globalThis\b",
        rf"import{_OPEN}",
        rf"Runtime{_DOT}getRuntime\b",
        r"ProcessBuilder\b",
        r"java\.lang\.",
        rf"System{_DOT}exit\b",
        rf"Process{_DOT}Start\b",
        r"shell_exec\b",
        rf"passthru{_OPEN}",
        r"proc_open\b",
        rf"Kernel{_DOT}(?:system|exec|open)",
        r"io\.popen\b",
        r"os\.execute\b",
        r"Invoke-Expression\b",
        rf"IEX{_OPEN}",
        rf"Function{_OPEN}\s{{0,4}}['\"`]",
        r"process\[",
        r"Deno\.",
        r"window\.location",
        r"document\.cookie",
        r"XMLHttpRequest\b",
        rf"fetch{_OPEN}\s{{0,4}}['\"`]",
        rf"system{_OPEN}",
        r"popen\b",
    )
    + r"|\.constructor\s{0,4}(?:\.constructor|\()|\[\s{0,4}['\"]constructor['\"]|<\?(?:php|=)|%x\("
)
_UNMISTAKABLE = re.compile(
    r"__(?:import__\s{0,4}\(|(?:class|base|bases|mro|subclasses|globals|builtins)__\s{0,4}[.(\[])|!!python/(?:object|name|"
    r"module)|\.constructor\.constructor\s{0,4}\(|"
    + _words(
        rf"os{_DOT}(?:system|popen|execv\w{{0,4}}|spawn\w{{0,4}}){_OPEN}(?:{_QUOTE}|\s{{0,4}}\()",
        rf"subprocess{_DOT}(?:run|Popen|call|check_call|check_output|getoutput|getstatusoutput){_OPEN}"
        rf"(?:{_QUOTE}|\s{{0,4}}[(\[])",
        *(
            rf"{name}{_OPEN}\s{{0,4}}(?:compile|__|base64|atob|input\s{{0,4}}\(|open\s{{0,4}}\(|requests?\.|bytes|"
            r"chr\s{0,4}\(|codecs|zlib|[rbuf]{0,2}['\"][^'\"\n(=]{0,80}(?:\(|=|import))"
            for name in ("eval", "exec")
        ),
        *(rf"{name}{_DOT}loads?{_OPEN}" for name in ("pickle", "marshal", "dill")),
        r"require\s{0,4}\(\s{0,4}['\"`](?:node:)?child_process['\"`]",
        r"process\.mainModule\b",
        r"Runtime\.getRuntime\s{0,4}\(\s{0,4}\)\s{0,4}\.exec",
        rf"new\s{{1,4}}(?:java\.lang\.)?ProcessBuilder{_OPEN}",
        r"import\s{1,4}(?:os|subprocess|pty|socket)\s{0,4}[;,]",
        rf"getattr{_OPEN}\s{{0,4}}__",
        rf"IEX{_OPEN}New-Object",
        rf"pty\.spawn{_OPEN}",
    )
    + r"|(?:^|[;|&@])\s{0,4}(?:eval|exec|system|passthru|shell_exec|assert|popen)\s{0,4}\(\s{0,4}['\"$]"
    r"|[;|&]\s{0,4}phpinfo\(|\$_(?:GET|POST|REQUEST|SERVER|COOKIE)\[|<\?php\s{1,8}\w{1,40}\s{0,4}\("
)
_ACTIVE_MARKUP = re.compile(
    r"<script\b[^>]{0,200}>[^<]{0,20}\S|<(?:img|svg|body|iframe|input|details|video|audio|a)\b[^>]{0,200}\s"
    r"on[a-z]{3,20}\s{0,4}=|<iframe\b[^>]{0,200}\bsrc\s{0,4}=\s{0,4}['\"]?\s{0,4}(?:javascript|data):|"
    r"<!ENTITY\s{1,8}[^>]{0,80}\b(?:SYSTEM|PUBLIC)\b|<xsl:|<!--#(?:exec|include)",
    re.IGNORECASE,
)
_HEADERS = (
    (b"\xac\xed\x00\x05", "a serialised Java object"),
    (b"\x00\x01\x00\x00\x00\xff\xff\xff\xff", "a serialised .NET object"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05](?:\x95.{8}|[\s\S])", re.DOTALL)
_PICKLE_TEXT = re.compile(
    r"\A\s{0,8}\x80[\x02-\x05]|(?:\A|[\n(.])c(?:os|posix|nt|subprocess|__?builtins?__?|builtins|sys|pty|socket|"
    r"commands|importlib|runpy|operator|functools|timeit|pickle)\n[\w.]{1,80}\n|"
    r"\A[OC]:[0-9]{1,4}:\"[\w\\]{1,200}\":[0-9]{1,4}:\{"
)


def judge_code(text: str) -> Iterator[Reason]:
    """Anything in an expression that reaches beyond computing with its inputs."""
    for pattern in (_DUNDER, _REACHING, _OTHER_LANGUAGES):
        found = pattern.search(text)
        if found:
            yield Reason(Code.CODE_INJECTION, f"{shown(found[0])} reaches outside an expression")
            return
    yield from judge_embedded_code(text)


def find_embedded_code(text: str) -> str | None:
    """Code that reads as an attack wherever it stands, or None."""
    found = None
    if (
        "(" in text
        or "$_" in text
        or "__" in text
        or "!!" in text
        or "import" in text
        or "process" in text
    ):
        found = _UNMISTAKABLE.search(text)
    if not found and "<" in text:
        found = _ACTIVE_MARKUP.search(text)
    return found[0] if found else None


def judge_embedded_code(text: str) -> Iterator[Reason]:
    """Code that reads as an attack wherever it stands."""
    found = find_embedded_code(text)
    if found:
        yield Reason(Code.CODE_INJECTION, f"{shown(found)} is code that runs where it is read")


def judge_serialized_text(text: str) -> Iterator[Reason]:
    """A serialised object spelled as text."""
    if _PICKLE_TEXT.search(text):
        yield Reason(Code.CODE_PICKLE, "a serialised object, which runs code when it is read")


def judge_serialized(data: bytes) -> Iterator[Reason]:
    """Bytes that run when a careless reader loads them."""
    if _PICKLE.match(data) and data.rstrip().endswith(b"."):
        yield Reason(Code.CODE_PICKLE, "an encoded pickle, which runs code when it is read")
    for header, name in _HEADERS:
        if data.startswith(header):
            yield Reason(Code.CODE_PICKLE, f"{name}, encoded")
