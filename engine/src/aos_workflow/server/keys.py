"""Keys of the API: who may do what, for which tenant. Only digests are kept.

A file of keys has one a line: ``ID SCOPE TENANT SHA256``; ``#`` begins a comment. A key is 32 random bytes, so its
plain SHA-256 cannot be turned back, and takes no time to compare. A tenant ``*`` is every tenant.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aos_workflow.determinism import Entropy, SystemEntropy
from aos_workflow.errors import UsageError
from aos_workflow.golden.atomic import write_atomic

__all__ = [
    "ANY_TENANT",
    "ApiKey",
    "ApiKeys",
    "Caller",
    "Scope",
    "new_key",
    "read_keys",
    "write_keys",
]

ANY_TENANT = "*"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHORTEST = 16
_MAX_FILE_BYTES = 1024 * 1024
_MAX_TOKEN = 512


class Scope(enum.IntEnum):
    """What a key is good for; each includes the ones before it."""

    READ = 1
    """Look at runs, goldens and the fleet."""
    OPERATE = 2
    """Start, resume, cancel and decide."""
    ADMIN = 3
    """Stop the fleet, switch skills."""

    @classmethod
    def of(cls, word: str) -> Scope:
        """Raises UsageError."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise UsageError(f"scope {word!r}: expected read, operate or admin") from None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``tenant_id`` is ``None`` for every tenant."""

    key_id: str
    scope: Scope
    tenant_id: str | None

    @property
    def name(self) -> str:
        """For the audit."""
        return f"api:{self.key_id}"

    def sees(self, tenant_id: str) -> bool:
        return self.tenant_id in (None, tenant_id)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept."""

    key_id: str
    scope: Scope
    tenant: str
    digest: str

    @property
    def line(self) -> str:
        return f"{self.key_id} {self.scope.name.lower()} {self.tenant} {self.digest}"

    @property
    def caller(self) -> Caller:
        return Caller(self.key_id, self.scope, None if self.tenant == ANY_TENANT else self.tenant)


class ApiKeys:
    """The keys that a server knows."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self.keys = tuple(keys)
        self._known = [(key.digest.encode(), key.caller) for key in self.keys]

    def __bool__(self) -> bool:
        return bool(self.keys)

    def caller(self, token: str) -> Caller | None:
        """Whose key that is. Takes as long for a wrong key as for a right one."""
        given = hashlib.sha256(token[:_MAX_TOKEN].encode("utf-8", "replace")).hexdigest().encode()
        found = None
        for digest, caller in self._known:
            if hmac.compare_digest(digest, given):
                found = caller
        return found

    @classmethod
    def of(cls, single: str | None, file: Path | None) -> ApiKeys:
        """Those of the environment: a key that may do everything, and those of a file.

        Raises:
            UsageError: the key is too short, or the file cannot be read or is not valid.
        """
        keys = [] if file is None else list(read_keys(file))
        if single is not None:
            if len(single) < _SHORTEST:
                raise UsageError(
                    f"AOS_API_KEY has {len(single)} characters; expected {_SHORTEST} or more",
                    hint="export AOS_API_KEY=$(openssl rand -hex 32)",
                )
            keys.append(ApiKey("environment", Scope.ADMIN, ANY_TENANT, _digest(single)))
        return cls(keys)


def new_key(
    key_id: str, scope: Scope, tenant: str, entropy: Entropy | None = None
) -> tuple[str, ApiKey]:
    """A key, to be shown once, and what is kept of it. Raises UsageError."""
    for word, what in ((key_id, "id"), ("x" if tenant == ANY_TENANT else tenant, "tenant")):
        if not _ID.fullmatch(word):
            raise UsageError(
                f"{what} {word!r} of a key: expected letters, digits, '.', '_' and '-', at most 64"
            )
    token = f"aos_{(entropy or SystemEntropy()).token_hex(32)}"
    return token, ApiKey(key_id, scope, tenant, _digest(token))


def read_keys(file: Path) -> tuple[ApiKey, ...]:
    """The keys of a file. Raises UsageError."""
    try:
        with file.open("rb") as source:
            text = source.read(_MAX_FILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the key file {file} cannot be read: {error}") from None
    keys: dict[str, ApiKey] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 4 or not _ID.fullmatch(words[0]) or not _DIGEST.fullmatch(words[3]):
            raise UsageError(
                f"line {number} of the key file {file}: expected ID SCOPE TENANT SHA256",
                hint="aos-workflow api-keys add ID --scope read --tenant default",
            )
        if words[0] in keys:
            raise UsageError(f"line {number} of the key file {file}: a second key {words[0]!r}")
        keys[words[0]] = ApiKey(words[0], Scope.of(words[1]), words[2], words[3])
    return tuple(keys.values())


def write_keys(file: Path, keys: Iterable[ApiKey]) -> None:
    """Replace the keys of a file, which only its owner may read if it is new. Raises OSError."""
    lines = ["# Keys of the HTTP API: ID SCOPE TENANT SHA256", *(key.line for key in keys)]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, "".join(f"{line}\n" for line in lines).encode(), new_mode=0o600)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
