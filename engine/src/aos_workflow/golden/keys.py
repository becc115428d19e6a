"""Secrets that sign goldens: several verify, one signs.

The text of a secret is the key, byte for byte, as the runbooks use ``openssl rand -hex 32``. A key is named
by its id, which is derived from it and can be shown; the secret itself is in no repr, message or file of ours
but the key file.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aos_workflow.determinism import SystemEntropy
from aos_workflow.determinism.entropy import Entropy
from aos_workflow.errors import GoldenFileError, KeyRingError
from aos_workflow.golden.atomic import write_atomic
from aos_workflow.golden.source import read_bytes

__all__ = ["SECRET_NAMES", "Key", "KeyRing", "append_new_key", "drop_older_keys"]

SECRET_NAMES = ("GOLDEN_SECRET", "GOLDEN_HMAC_SECRET")
"""Environment variables that hold a secret; the second is an alias of the first."""
KEY_FILE_NAME = "GOLDEN_KEY_FILE"

_ID_LENGTH = 12
_MAX_KEY_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Key:
    """One secret and its id."""

    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.secret.strip():
            raise KeyRingError(
                "the secret is empty",
                hint="set GOLDEN_SECRET (openssl rand -hex 32), or unset it to work without signatures",
            )

    @property
    def id(self) -> str:
        """Twelve hex digits derived from the secret, the same wherever the secret is the same."""
        return self.mac(b"aos-golden key id")[:_ID_LENGTH]

    def mac(self, message: bytes) -> str:
        """HMAC-SHA256 in hex (RFC 2104)."""
        secret = self.secret.encode("utf-8", "surrogateescape")  # the bytes of the environment
        return hmac.new(secret, message, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys that verify, oldest first. The last one signs."""

    keys: tuple[Key, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise KeyRingError("the key ring holds no key", hint="aos-workflow golden keys new")

    @classmethod
    def of(cls, *secrets: str) -> KeyRing:
        """A ring of these secrets, oldest first.

        Raises:
            KeyRingError: none, or an empty one.
        """
        return cls(tuple(map(Key, secrets)))

    @property
    def signing(self) -> Key:
        return self.keys[-1]

    def find(self, key_id: str) -> Key | None:
        """The key with this id, if it is in the ring."""
        return next((key for key in self.keys if key.id == key_id), None)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> KeyRing | None:
        """The ring that an environment describes; ``None`` if it names no secret.

        A key file (``GOLDEN_KEY_FILE``) gives the older keys, ``GOLDEN_SECRET`` the one that signs.

        Raises:
            KeyRingError: the variable and its alias differ, one is empty, or the key file is unusable.
        """
        given = {name: environment[name] for name in SECRET_NAMES if name in environment}
        if len(set(given.values())) > 1:
            raise KeyRingError(
                f"{' and '.join(given)} are both set and differ",
                hint=f"unset one of them; {SECRET_NAMES[0]} is the name",
            )
        for name, secret in given.items():
            if not secret.strip():
                raise KeyRingError(
                    f"{name} is set but empty",
                    hint=f"export {name}=$(openssl rand -hex 32), or unset it",
                )
        ring: tuple[Key, ...] = ()
        if environment.get(KEY_FILE_NAME):
            ring = cls.from_file(Path(environment[KEY_FILE_NAME])).keys
        if given:
            own = Key(next(iter(given.values())))
            ring = (*(key for key in ring if key != own), own)
        return cls(ring) if ring else None

    @classmethod
    def from_file(cls, path: Path) -> KeyRing:
        """The ring in a file of ``GOLDEN_SECRET=...`` lines; the last line signs, earlier ones verify.

        Other variables, comments and blank lines are passed over, so ``/etc/nova/secrets`` can be used as it is.
        A bare word is a secret too, if it stands alone or above such lines only.

        Raises:
            KeyRingError: unreadable, without a secret, or with an empty one.
        """
        secrets: dict[str, None] = {}
        for number, secret in _secrets_in(_lines(path)):
            if not secret:
                raise KeyRingError(
                    f"the key file {path}:{number} holds an empty secret",
                    hint="write the secret behind the '=', or remove the line",
                )
            secrets.pop(secret, None)
            secrets[secret] = None
        if not secrets:
            raise KeyRingError(
                f"the key file {path} has no line GOLDEN_SECRET=...",
                hint=f"aos-workflow golden keys new --key-file {path}",
            )
        return cls.of(*secrets)


def _lines(path: Path) -> list[str]:
    try:
        data = read_bytes(path, limit=_MAX_KEY_FILE_BYTES)
        return data.decode("utf-8-sig").split("\n")
    except GoldenFileError as error:
        raise KeyRingError(
            f"cannot read the key file {error.message}",
            hint="check the path and its permissions, or make one: aos-workflow golden keys new --key-file FILE",
        ) from None
    except UnicodeDecodeError:
        raise KeyRingError(f"cannot read the key file {path}: it is not UTF-8 text") from None


def _secrets_in(lines: list[str]) -> list[tuple[int, str]]:
    """The secrets with their line numbers, in the order of the file."""
    filled = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    found = [(number, _assigned(line)) for number, line in filled]
    if filled and _BARE.fullmatch(filled[0][1]) and all(text is not None for _, text in found[1:]):
        found[0] = filled[0]
    return [(number, secret) for number, secret in found if secret is not None]


_BARE = re.compile(r"[A-Za-z0-9+/_.~-]+")


def _assigned(line: str) -> str | None:
    """What a line assigns to one of our variables, without the quotes a shell would take away."""
    name, equals, value = line.removeprefix("export ").partition("=")
    if not equals or name.strip() not in SECRET_NAMES:
        return None
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def append_new_key(path: Path, entropy: Entropy | None = None) -> Key:
    """Append a fresh key to a key file, making the file readable for its owner alone if it is new.

    Raises:
        KeyRingError: the file cannot be written.
    """
    key = Key((entropy or SystemEntropy()).token_hex(32))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_bytes() if path.exists() else b""
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as file:
            gap = b"" if not old or old.endswith(b"\n") else b"\n"
            file.write(gap + f"{SECRET_NAMES[0]}={key.secret}\n".encode())
            file.flush()
            os.fsync(file.fileno())  # before anything is signed with it
    except OSError as error:
        raise KeyRingError(f"cannot write the key file {path}: {error.strerror}") from None
    return key


def drop_older_keys(path: Path) -> tuple[Key, ...]:
    """Take every key but the one that signs out of a key file, and return them. Other lines stay.

    Raises:
        KeyRingError: unreadable, without a key, or it cannot be written.
    """
    ring = KeyRing.from_file(path)
    lines = _lines(path)
    older = {number for number, secret in _secrets_in(lines) if Key(secret) != ring.signing}
    kept = [line for number, line in enumerate(lines, 1) if number not in older]
    try:
        write_atomic(path, "\n".join(kept).encode())
    except OSError as error:
        raise KeyRingError(f"cannot write the key file {path}: {error.strerror}") from None
    return tuple(key for key in ring.keys if key != ring.signing)
