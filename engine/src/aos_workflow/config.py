"""What the environment says. The only module that reads it.

============================  ========================================================================================
``GOLDEN_SECRET``             the secret that signs goldens; ``GOLDEN_HMAC_SECRET`` is an alias
``GOLDEN_KEY_FILE``           a file of older and newer secrets, one ``GOLDEN_SECRET=...`` a line
``XDG_CONFIG_HOME``           where a key file is made if no place is given; default ``~/.config``
``AOS_HOME``                  where the embedded servers keep their files; default: your data folder
``AOS_STACK_PASSWORD``        password of the embedded PostgreSQL; default novapass
``AOS_STACK_REDIS_PASSWORD``  password of the embedded Valkey; default none
``XDG_DATA_HOME``             your data folder; default ``~/.local/share``, or that of macOS
``AOS_TRACEBACK``             ``1`` shows the traceback of an internal error
============================  ========================================================================================
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aos_workflow.golden.keys import KeyRing

__all__ = [
    "key_file",
    "key_ring",
    "new_key_file",
    "stack_home",
    "stack_password",
    "stack_redis_password",
    "wants_traceback",
]


def key_ring(environment: Mapping[str, str] | None = None) -> KeyRing | None:
    """The secrets that sign and verify goldens, or ``None`` if there are none.

    Raises:
        KeyRingError: they contradict each other, are empty or cannot be read.
    """
    from aos_workflow.golden.keys import KeyRing

    return KeyRing.from_environment(_or_ours(environment))


def key_file(environment: Mapping[str, str] | None = None) -> Path | None:
    """The key file that is set, if one is."""
    path = _or_ours(environment).get("GOLDEN_KEY_FILE")
    return Path(path) if path else None


def new_key_file(environment: Mapping[str, str] | None = None) -> Path:
    """Where a new key goes: the key file that is set, else one outside of every repository."""
    folder = _or_ours(environment).get("XDG_CONFIG_HOME") or "~/.config"
    return key_file(environment) or Path(folder).expanduser() / "aos-workflow" / "golden.keys"


def stack_home(environment: Mapping[str, str] | None = None) -> Path:
    """Where the embedded servers keep their files: ``AOS_HOME``, else below the user's data folder."""
    ours = _or_ours(environment)
    if home := ours.get("AOS_HOME"):
        return Path(home).expanduser()
    usual = "~/Library/Application Support" if sys.platform == "darwin" else "~/.local/share"
    return Path(ours.get("XDG_DATA_HOME") or usual).expanduser() / "aos-workflow"


def stack_password(environment: Mapping[str, str] | None = None) -> str | None:
    """The password of the embedded PostgreSQL, if one is set."""
    return _or_ours(environment).get("AOS_STACK_PASSWORD") or None


def stack_redis_password(environment: Mapping[str, str] | None = None) -> str | None:
    """The password of the embedded Valkey; empty for none, ``None`` if nothing is set."""
    return _or_ours(environment).get("AOS_STACK_REDIS_PASSWORD")


def wants_traceback(environment: Mapping[str, str] | None = None) -> bool:
    """Whether an internal error is shown in full."""
    return _or_ours(environment).get("AOS_TRACEBACK", "") not in ("", "0")


def _or_ours(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environment is None else environment
