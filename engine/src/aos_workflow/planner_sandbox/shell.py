"""Shell syntax where a plan has no business to write any."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.patterns import flat, one_of

__all__ = [
    "find_payload",
    "is_certain",
    "judge_argument",
    "judge_command",
    "judge_destructive",
    "judge_payload",
]

_TOKEN = re.compile(
    r"""(?P<single>'[^']*+')|(?P<double>"(?:[^"\\]|\\.)*+")|(?P<escape>\\.)"""
    r"""|(?P<active>[;&|<>\r\n`]|\$[({A-Za-z_@*]|%[A-Za-z_]{2,32}%|(?<=\w)\^(?=\w))|(?P<stray>['"])""",
    re.DOTALL,
)
_IN_DOUBLE = re.compile(r"`|\$[({A-Za-z_]")
_SEPARATOR = re.compile(r"[;&|\n`]|\$\(")
_MAX_ACTIVE = 20
"""Active characters looked at in one command; the first already refuses it."""

# From here on patterns are for flat texts: lower case, single spaces.
_PREFIX = r"(?:sudo )?(?:/(?:usr/)?(?:local/)?s?bin/)?(?:env )?"
_SHELLS = r"(?:ba|z|da|k|tc|c)?sh"
_NAMES = (
    rf"(?:rm|curl|wget|nc|ncat|netcat|socat|{_SHELLS}|powershell|pwsh|cmd|python[0-9.]*|perl|ruby|node|php|"
    r"cat|tac|head|tail|less|more|id|whoami|uname|ls|dir|env|printenv|ps|kill|pkill|killall|chmod|chown|"
    r"dd|mkfs|mount|crontab|ssh|scp|ftp|tftp|telnet|nslookup|dig|host|ping|sleep|touch|cp|mv|tee|xargs|awk|"
    r"sed|find|base64|eval|exec|source|export|shutdown|reboot|halt|poweroff|useradd|passwd|su|net|ipconfig|"
    r"ifconfig|netstat|netsh|reg|route|pwd|who|systeminfo|tasklist|wmic|busybox|grep|hostname|echo|printf|type|del|copy|certutil|bitsadmin|mshta|regsvr32|rundll32|iex|openssl|"
    r"gcc|make|git|tar|docker|kubectl|systemctl|service|apt|apt-get|yum|pip|npm)(?:\.exe)?(?![\w=-])"
)
_COMMAND = _PREFIX + _NAMES
"""Any command, by its name alone: prose is full of them."""

_MEANT = _PREFIX + "(?:" + "|".join(
    [
        r"rm (?:-|/|\*)",
        r"(?:curl|wget) (?:-|[^\s./:]{0,200}[./:])",
        r"(?:nc|ncat|netcat|socat) \S",
        rf"{_SHELLS} (?:-|/|<)",
        r"(?:cat|less|head|tail|more|type|tac) (?:-\w{1,8} )?(?:[~/.]|c:)",
        r"(?:chmod|chown) [-+0-7a-z]",
        r"dd if=",
        r"mkfs",
        r"(?:python[0-9.]*|perl|ruby|php|node) -[cer]",
        r"(?:id|whoami|uname(?: -a)?|ifconfig|ipconfig|printenv|env)\s?(?:$|[;&|#)`'\"])",
        r"ls [-/~]",
        r"ping -",
        r"sleep [0-9]",
        r"(?:nslookup|dig) \S",
        r"eval [\"$`']",
        r"touch /",
        r"echo [^\s>]{1,80} ?>",
        r"powershell(?:\.exe)? -",
        r"cmd(?:\.exe)? /c",
        r"(?:shutdown|reboot|halt|poweroff)\s?(?:$|-|[;&|#])",
        r"useradd ",
        r"net user ",
        r"del /",
        r"certutil -",
        r"crontab -",
        r"ssh [^\s@]{1,80}@",
        r"scp ",
        r"kill(?:all)? -9",
    ]
) + ")"  # fmt: skip
"""Commands with arguments that only a command has."""

_BEFORE_COMMAND = re.compile(rf"(?:;|&&?|\|\|?|\n)\s?{_COMMAND}")
_REDIRECTION = re.compile(r"(?:>>?|<) ?(?:[/~&]|\w{1,64}\.\w)|\| ?&")
_SUBSTITUTION = re.compile(r"\$\(|`[^`]{1,200}`|\$\{|\$ifs")

_PAYLOAD = re.compile(rf"(?:;|&&?|\|\|?|%0a)\s?{_MEANT}")
_PAYLOAD_ON_LINE = re.compile(rf"\n{_MEANT}")
_MEANT_SUBSTITUTION = re.compile(
    rf"(?:\$\(|`|<\()\s?{_MEANT}|\$\(\s?{_COMMAND}\s[-/~.\w]|^\s?`\s?{_COMMAND}[^`]{{0,200}}`\s?$"
)
_INTO_SHELL = rf"(?:sudo )?(?:/(?:usr/)?bin/)?(?:env )?{_SHELLS}\b ?"
_PIPED = re.compile(
    r"(?:curl|wget|fetch|base64|echo|printf|cat)\b[^\n|]{0,120}+\| ?"
    + _INTO_SHELL
    + r"(?:$|-|[;&|)\"'\n])"
)
_COMMAND_AT_START = re.compile(rf"^\s?(?:;|&&?|\|\|?)\s?{_COMMAND}")
_PIPE_AT_END = re.compile(rf"\| ?{_INTO_SHELL}(?:$|-|[;&|])")
_UNMISTAKABLE = one_of(
    r"\$(?:\{ifs\b|ifs\b)",
    r"\(\) ?\{ ?:(?: ?\||; ?\};)",
    r"%(?:comspec|systemroot|windir)%",
    r"<\s?/etc/(?:passwd|shadow)",
    r"/dev/(?:tcp|udp)/[\w.$]{1,80}/[0-9]",
    r"sh -i ?[<>&]",
    r"\{(?:cat|curl|wget|rm|nc|ls|ping),[^}\s]{1,80}\}",
)
_CERTAIN = one_of(
    *(r"\brm -", r"[~/.]etc/", r"\bcurl ", r"\bwget ", r"/dev/", r"\bnc ", r":\(\)", r"ifs", r"sh -"),
    *(r"mkfs", r"\bdd ", r"\$\(", r"`", r"-[ce]\b", r"powershell"),
)  # fmt: skip
_DESTRUCTIVE_WORDS = [
    r"rm (?:-[\w-]{1,20} ){0,4}-(?:[a-z]{0,4}r[a-z]{0,4}|-recursive) (?:-[\w-]{1,20} ){0,4}"
    r"[\"']?(?:/|~|\*|\$|\.{1,2}(?:\s|$))",
    r"mkfs(?:\.\w{1,8})? ",
    r"dd (?:\S{1,80} ){0,4}of=/dev/",
    r"chmod (?:-\w{1,4} )?(?:[0-7]?777|a\+rwx|[ugoa]{0,4}\+s)\b",
    r"n(?:c|cat|etcat) (?:\S{1,80} ){0,6}-[a-z]{0,4}[ec]\b",
    r"python[0-9.]{0,8} -c\b",
    r"perl -e\b",
    r"ruby -e\b",
    r"node -e\b",
    r"php -r\b",
    r"powershell(?:\.exe)? .{0,40}-e(?:nc|c|ncodedcommand)?\b",
    r"cmd(?:\.exe)? /[ck]\b",
    r"del /[sfq]\b",
    r"kill(?:all)? -9 -?1\b",
    r"crontab -r\b",
    r"iptables -f\b",
    r"history -c\b",
    r"userdel\b",
    r"visudo\b",
    r"nsenter\b",
    r"docker .{0,80}--privileged",
    r"find .{0,200}-(?:exec|execdir|ok|okdir|delete|fprint0?|fprintf|fls)\b",
    r"tar .{0,200}--(?:checkpoint-a|to-c|use-c|rsh-c|rmt-c|info-s|new-volume-s)",
    r"git .{0,200}(?:-c|--config|--config-env)[ =]?[\"']?"
    r"(?:core\.(?:sshcommand|pager|editor|fsmonitor|hookspath|gitproxy|askpass)|alias\.|pager\.|diff\.external|credential\.helper|protocol\.ext|sequence\.editor|uploadpack\.pack|"
    r"gpg\.(?:\w{1,20}\.)?program|(?:filter|diff|merge|difftool|mergetool)\.\S{1,40}\.(?:clean|smudge|process|command|"
    r"textconv|driver|cmd)\b)",
    r"git .{0,200}(?:--(?:upload|receive)-pack|ext::)",
    r"(?:ssh|scp|sftp|rsync|git) .{0,200}-o ?[\"']?(?:proxycommand|localcommand|permitlocalcommand|knownhostscommand|"
    r"pkcs11provider|securitykeyprovider)",
    r"rsync .{0,200}(?:-[a-z]{0,8}e|--rsh)[ =][\"']?(?!ssh(?:\s|$|[\"']))\w",
    r"[gmn]?awk .{0,400}(?:system ?\(|\| ?getline|\| ?[\"'])",
    r"(?:ld_preload|ld_audit|ld_library_path|dyld_insert_libraries|bash_env|node_options|prompt_command|pythonstartup|"
    r"perl5opt|rubyopt|git_ssh|git_ssh_command|git_external_diff|git_proxy_command|java_tool_options|lessopen)=",
    r"(?:env|xargs|nohup|busybox|timeout|nice|setsid|stdbuf|watch|flock|chroot|script|unshare) (?:\S{1,40} ){0,4}"
    r"(?:/(?:usr/)?bin/)?(?:ba|z|da|k|tc|c)?sh(?:$| -)",
    r"(?:n?vim?|ex|view) .{0,80}(?:-c|--cmd|\+) ?[\"']?:?!",
    r"(?:less|more|ed|man) (?:.{0,80}[+ ]|\+)?[\"']?!",
    r"man (?:\S{1,40} ){0,3}(?:-p|--pager)",
    r"gdb .{0,80}-(?:ex|eval-command|x)\b",
    r"(?:perl|ruby|lua|node) (?:-\w{1,8} )?(?:-\w{0,4}e|--eval)\b",
    r"docker .{0,120}(?:-v|--volume)[ =]/:",
    *(
        rf"{shell} -[a-z]{{0,3}}c\b"
        for shell in ("sh", "bash", "zsh", "dash", "ksh", "tcsh", "csh")
    ),
]
_DESTRUCTIVE = one_of(
    # One \b for all, then first letters: the engine rules out a position in one look.
    rf"\b(?:{'|'.join(_DESTRUCTIVE_WORDS)})",
    r"--no-preserve-root",
    r"> ?/dev/(?:sd|nvme|hd|vd|mem)",
    r"^\s?(?:sudo )?(?:shutdown|reboot|halt|poweroff|eval)\b",
    r"^\s?format [a-z]:",
)


def judge_command(text: str) -> Iterator[Reason]:
    """Active shell characters in a command line, with the shell's own rules of quoting.

    A quoted part counts as harmless only if it stands as a word of its own: ``x'; id;'`` breaks out of the quotes
    that a careless skill puts around it.
    """
    seen = 0
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup
        reason = ""
        if kind == "active":
            reason = f"{shown(found[0])} is active in a shell"
        elif kind == "stray":
            reason = "a quote that is never closed"
        elif kind == "double" and _IN_DOUBLE.search(found[0]):
            reason = "a substitution inside double quotes"
        elif kind != "escape" and _holds_separator(text, found):
            reason = "quotes inside a word hold a separator"
        if reason:
            yield Reason(Code.SHELL_INJECTION, reason)
            seen += 1
        if seen > _MAX_ACTIVE:
            return


def _holds_separator(text: str, quoted: re.Match[str]) -> bool:
    """Whether a quoted part could end a command, or hides one, and is no word of its own."""
    start, end = quoted.span()
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if before.isalnum() and after.isalnum():  # w'h'o'am'i
        return True
    stands_alone = (before.isspace() or before in tuple("=:,")) and (not after or after.isspace())
    return not stands_alone and _SEPARATOR.search(quoted[0]) is not None


def judge_argument(text: str) -> Iterator[Reason]:
    """Shell syntax in one argument: a separator before a command, a redirection, a substitution."""
    text = flat(text)
    for pattern in (_BEFORE_COMMAND, _REDIRECTION, _SUBSTITUTION):
        if found := pattern.search(text):
            yield Reason(Code.SHELL_INJECTION, f"{shown(found[0])} is active in a shell")
            return


def find_payload(text: str, *, is_text: bool) -> str | None:
    """What reads as an attack wherever it stands, or None. In free text a line of a script is no attack."""
    text = flat(text)
    patterns = [_UNMISTAKABLE, _PAYLOAD, _PIPED]
    if "$(" in text or "`" in text or "<(" in text:
        patterns.append(_MEANT_SUBSTITUTION)
    if not is_text:
        patterns += [_PIPE_AT_END, _PAYLOAD_ON_LINE, _COMMAND_AT_START]
    for pattern in patterns:
        if found := pattern.search(text):
            return found[0]
    return None


def is_certain(payload: str) -> bool:
    """Whether a payload is one even in the middle of prose."""
    return payload[0] in ";&|$`<:{" and _CERTAIN.search(payload) is not None


def judge_payload(text: str) -> Iterator[Reason]:
    """What reads as an attack wherever it stands."""
    if found := find_payload(text, is_text=False):
        yield Reason(Code.SHELL_INJECTION, f"{shown(found)} is active in a shell")


def judge_destructive(text: str) -> Iterator[Reason]:
    """Commands that destroy, or that run whatever they are handed."""
    if found := _DESTRUCTIVE.search(flat(text)):
        yield Reason(Code.SHELL_DESTRUCTIVE, f"{shown(found[0])} destroys, or runs anything")
