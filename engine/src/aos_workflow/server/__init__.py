"""The HTTP API, for operators and for programs that start runs. Extra ``server``.

Importing this package is cheap: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.server.app import Server
    from aos_workflow.server.backend import Backend
    from aos_workflow.server.keys import ApiKey, ApiKeys, Scope
    from aos_workflow.server.settings import ServerSettings

__all__ = ["ApiKey", "ApiKeys", "Backend", "Scope", "Server", "ServerSettings"]

_HOMES = {
    "app": "Server",
    "backend": "Backend",
    "keys": "ApiKey ApiKeys Scope",
    "settings": "ServerSettings",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
