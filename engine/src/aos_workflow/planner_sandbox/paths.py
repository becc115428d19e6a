"""Paths of files: where a plan may reach."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.policy import SandboxPolicy

__all__ = ["climbs", "climbs_out", "judge_path", "judge_sensitive"]

_UP = re.compile(r"(?:^|[\\/])\s{0,8}\.{2,}\s{0,8}(?:;[^\\/]*)?(?=[\\/]|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_STREAM = re.compile(r":\$?[A-Za-z_]*:?\$DATA", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:(?:/|$|[^/:])")
_VARIABLE = re.compile(r"\$[A-Za-z_{(]|%[A-Za-z_]{2,32}%")
_SYSTEM = re.compile(
    r"/+(?:private/+)?(?:etc|proc|sys|dev|root|boot)(?:/(?!null$)|$)|/+(?:var/+)?run/+(?:secrets|docker\.sock)|"
    r"/+var/+(?:lib/+(?:kubelet|docker)|log/+(?:auth|secure)|spool/+cron)|"
    r"[a-z]:/+(?:windows|winnt|boot\.ini|users/+[^/]+/+appdata)|/+windows/+system32",
    re.IGNORECASE,
)
_HERE = re.compile(r"/(?:\./)+")
_SECRET_PART = re.compile(
    r"\.(?:ssh|aws|kube|gnupg|docker|git|env(?:\.[\w-]+)?|netrc|npmrc|pypirc|pgpass|vault-token|my\.cnf|"
    r"bash_history|bashrc|profile|htpasswd|git-credentials|htaccess)|web-inf|wp-config\.php|id_(?:rsa|dsa|ecdsa|ed25519)|authorized_keys",
    re.IGNORECASE,
)
_NOT_SECRET = frozenset([".env.example", ".env.sample", ".env.template", ".env.dist"])


def climbs(text: str) -> bool:
    """Whether a path has a component that leads upwards; also ``....`` and ``..;x``, which filters make of it."""
    return ".." in text and _UP.search(text) is not None


def climbs_out(path: str) -> bool:
    """Whether a path leads above where it starts."""
    if not climbs(path):
        return False
    depth = 0
    for part in re.split(r"[\\/]+", path):
        name = part.partition(";")[0].strip()
        if len(name) >= 2 and not name.strip("."):
            depth -= 1
            if depth < 0 or len(name) > 2 or ";" in part:
                return True
        elif name and name != ".":
            depth += 1
    return False


def judge_path(text: str, policy: SandboxPolicy) -> Iterator[Reason]:
    """Why a plan may not use a path. Relative paths are taken to start in the skill's own folder."""
    if _CONTROL.search(text) or _STREAM.search(text):
        yield Reason(Code.PATH_MALFORMED, "a control character or an alternate data stream")
    path = text.strip().replace("\\", "/")
    if climbs(path):
        yield Reason(Code.PATH_TRAVERSAL, f"{shown(path)} leads upwards")
    if path.startswith("~") or _VARIABLE.match(path):
        yield Reason(Code.PATH_OUTSIDE, f"{shown(path)} starts where the environment says")
    elif path.startswith("//"):
        yield Reason(Code.PATH_OUTSIDE, f"{shown(path)} is on another machine")
    elif (path.startswith("/") or _DRIVE.match(path)) and not _is_under(path, policy.allowed_paths):
        roots = ", ".join(policy.allowed_paths) or "none"
        yield Reason(Code.PATH_OUTSIDE, f"{shown(path)} is absolute; allowed roots: {roots}")
    yield from judge_sensitive(path)


def judge_sensitive(text: str) -> Iterator[Reason]:
    """Whether a path leads to credentials or into the operating system."""
    path = _HERE.sub("/", text.strip().replace("\\", "/"))
    parts = path.split("/")
    if _SYSTEM.match(path) or any(
        _SECRET_PART.fullmatch(part) and part not in _NOT_SECRET for part in parts[:64]
    ):
        yield Reason(Code.PATH_SENSITIVE, f"{shown(path)} holds credentials or system data")


def _is_under(path: str, roots: tuple[str, ...]) -> bool:
    for root in roots:
        root = root.replace("\\", "/").rstrip("/")
        if path == root or path.startswith(root + "/"):
            return True
    return False
