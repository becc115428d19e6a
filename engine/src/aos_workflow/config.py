"""What the environment says. The only module that reads it.

============================  ========================================================================================
``GOLDEN_SECRET``             the secret that signs goldens; ``GOLDEN_HMAC_SECRET`` is an alias
``GOLDEN_DIR``                where runs are recorded; default: nowhere
``GOLDEN_KEY_FILE``           a file of older and newer secrets, one ``GOLDEN_SECRET=...`` a line
``XDG_CONFIG_HOME``           where a key file is made if no place is given; default ``~/.config``
``DATABASE_URL``              the database of runs; default: the embedded PostgreSQL
``REDIS_URL``                 shared budgets and rates; default: each process has its own
``AOS_POLICY_FILE``           limits as YAML or JSON
``DEFAULT_WORKFLOW_CEILING_CENTS``  what one run may cost; before the policy file
``POLICY_ON_STORE_LOSS``      ``closed`` (default) or ``open``: whether steps go on when budgets cannot be reached;
                              ``BUDGET_ON_STORE_LOSS`` is an alias
``WORKFLOW_EMERGENCY_STOP``   ``true``: nothing begins any more, at the next step
``WORKFLOW_ENGINE_ENABLED``   ``false``: no new runs
``WORKFLOW_STOP_FILE``        stops while it exists; default ``$AOS_HOME/emergency.stop``
``AOS_HOME``                  where the embedded servers keep their files; default: your data folder
``AOS_STACK_PASSWORD``        password of the embedded PostgreSQL; default novapass
``AOS_STACK_REDIS_PASSWORD``  password of the embedded Valkey; default none
``XDG_DATA_HOME``             your data folder; default ``~/.local/share``, or that of macOS
``AOS_API_KEY``               a key of the HTTP API that may do everything, for every tenant
``AOS_API_KEYS_FILE``         further keys, hashed, one a line; see ``aos-workflow api-keys``
``AOS_LOG_FILE``              where ``worker`` and ``serve`` write their log, besides standard output
``SHADOW_HOOK``               a simulation tells this address of its first mismatch, a stall and its end
``SHADOW_HOOK_SECRET``        signs what it is told
``SHADOW_HOOK_DETAIL``        ``1``: it may be told values out of steps
``AOS_WORKER_ENV``            the variables that services read; default ``/etc/nova/worker.env``
``AOS_TRACEBACK``             ``1`` shows the traceback of an internal error
============================  ========================================================================================
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aos_workflow.errors import UsageError

if TYPE_CHECKING:
    from aos_workflow.golden.keys import KeyRing
    from aos_workflow.shadow.hook import HookSettings

__all__ = [
    "api_key",
    "api_keys_file",
    "database_url",
    "default_workflow_ceiling_cents",
    "environment",
    "golden_dir",
    "key_file",
    "key_ring",
    "log_file",
    "names",
    "new_key_file",
    "policy_file",
    "policy_on_store_loss",
    "redis_url",
    "secrets",
    "shadow_hook",
    "stack_home",
    "stack_password",
    "stack_redis_password",
    "stop_file",
    "wants_traceback",
    "worker_env",
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


def golden_dir(environment: Mapping[str, str] | None = None) -> Path | None:
    """Where runs are recorded, if anywhere."""
    path = _or_ours(environment).get("GOLDEN_DIR")
    return Path(path).expanduser() if path else None


def new_key_file(environment: Mapping[str, str] | None = None) -> Path:
    """Where a new key goes: the key file that is set, else one outside of every repository."""
    folder = _or_ours(environment).get("XDG_CONFIG_HOME") or "~/.config"
    return key_file(environment) or Path(folder).expanduser() / "aos-workflow" / "golden.keys"


def database_url(environment: Mapping[str, str] | None = None) -> str | None:
    """The database of runs, if one is named. Holds a password, perhaps."""
    return _or_ours(environment).get("DATABASE_URL") or None


def redis_url(environment: Mapping[str, str] | None = None) -> str | None:
    """Where shared budgets are, if anywhere. Holds a password, perhaps."""
    return _or_ours(environment).get("REDIS_URL") or None


def policy_file(environment: Mapping[str, str] | None = None) -> Path | None:
    """The file with the limits, if one is named."""
    path = _or_ours(environment).get("AOS_POLICY_FILE")
    return Path(path).expanduser() if path else None


def policy_on_store_loss(
    environment: Mapping[str, str] | None = None,
) -> Literal["closed", "open"]:
    """What happens to steps when budgets cannot be reached.

    Raises:
        UsageError: neither of the two words.
    """
    ours = _or_ours(environment)
    word = ours.get("POLICY_ON_STORE_LOSS") or ours.get("BUDGET_ON_STORE_LOSS") or "closed"
    if word == "open":
        return "open"
    if word != "closed":
        raise UsageError(f"POLICY_ON_STORE_LOSS is {word!r}; expected closed or open")
    return "closed"


def default_workflow_ceiling_cents(environment: Mapping[str, str] | None = None) -> float | None:
    """What one run may cost, if the environment says so.

    Raises:
        UsageError: no number of 0 or more.
    """
    text = _or_ours(environment).get("DEFAULT_WORKFLOW_CEILING_CENTS")
    if not text:
        return None
    try:
        cents = float(text)
    except ValueError:
        cents = -1.0
    if not 0 <= cents < float("inf"):
        raise UsageError(
            f"DEFAULT_WORKFLOW_CEILING_CENTS is {text!r}; expected a number of cents, 0 or more"
        )
    return cents


def stop_file(environment: Mapping[str, str] | None = None) -> Path:
    """The file that stops everything while it exists."""
    path = _or_ours(environment).get("WORKFLOW_STOP_FILE")
    return Path(path).expanduser() if path else stack_home(environment) / "emergency.stop"


def environment() -> Mapping[str, str]:
    """The environment as it is now, for switches that may change while a process runs."""
    return os.environ


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


def api_key(environment: Mapping[str, str] | None = None) -> str | None:
    """The key of the HTTP API that may do everything, if one is set."""
    return _or_ours(environment).get("AOS_API_KEY") or None


def api_keys_file(environment: Mapping[str, str] | None = None) -> Path | None:
    """The file with hashed keys of the HTTP API, if one is named."""
    path = _or_ours(environment).get("AOS_API_KEYS_FILE")
    return Path(path).expanduser() if path else None


def log_file(environment: Mapping[str, str] | None = None) -> Path | None:
    """Where a long-running process writes its log besides standard output, if anywhere."""
    path = _or_ours(environment).get("AOS_LOG_FILE")
    return Path(path).expanduser() if path else None


def secrets(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Every secret that the environment holds, so that logs and output can leave it out.

    Ours, and what has the name of a secret and at least 8 characters, as ``MY_API_KEY``.
    """
    from aos_workflow.golden.secret_scan import MIN_LENGTH
    from aos_workflow.golden.secret_text import is_secret_name

    ours = _or_ours(environment)
    named = [
        value
        for name, value in ours.items()
        if (name in _SECRETS and value) or (len(value) >= MIN_LENGTH and is_secret_name(name))
    ]
    passwords = [_password(ours[name]) for name in _SECRET_URLS if ours.get(name)]
    return (*named, *(password for password in passwords if password))


def shadow_hook(environment: Mapping[str, str] | None = None) -> HookSettings | None:
    """Whom a simulation tells what happens, if anybody.

    Raises:
        UsageError: it is no address.
    """
    from aos_workflow.shadow.hook import HookSettings

    ours = _or_ours(environment)
    url = ours.get("SHADOW_HOOK")
    detail = ours.get("SHADOW_HOOK_DETAIL", "") not in ("", "0")
    return HookSettings(url, ours.get("SHADOW_HOOK_SECRET") or None, detail) if url else None


def wants_traceback(environment: Mapping[str, str] | None = None) -> bool:
    """Whether an internal error is shown in full."""
    return _or_ours(environment).get("AOS_TRACEBACK", "") not in ("", "0")


_SECRETS = (
    "AOS_API_KEY",
    "AOS_STACK_PASSWORD",
    "AOS_STACK_REDIS_PASSWORD",
    "GOLDEN_HMAC_SECRET",
    "GOLDEN_SECRET",
    "SHADOW_HOOK_SECRET",
)
_SECRET_URLS = ("DATABASE_URL", "REDIS_URL")


def _password(url: str) -> str | None:
    """The password in an address; the whole of one that cannot be taken apart."""
    from urllib.parse import unquote, urlsplit

    try:
        found = urlsplit(url).password
    except ValueError:
        return url
    return None if found is None else unquote(found)


def worker_env(environment: Mapping[str, str] | None = None) -> Path:
    """The file of variables that services read when they start."""
    return Path(_or_ours(environment).get("AOS_WORKER_ENV") or "/etc/nova/worker.env").expanduser()


def names() -> frozenset[str]:
    """Every variable that is read: those of the table above."""
    return frozenset(re.findall(r"^``([A-Z_]+)``", __doc__ or "", re.MULTILINE))


def _or_ours(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environment is None else environment
