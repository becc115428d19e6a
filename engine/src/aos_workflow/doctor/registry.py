"""Hooks for libraries with generators, clocks or state of their own: ours, those of packages, those of this process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from aos_workflow.errors import UsageError

__all__ = ["GROUP", "hooks", "register"]

GROUP = "aos_workflow.doctor"
"""The group of entry points: the name is the library, the value the hook."""
_OURS = {
    "numpy": "aos_workflow.doctor.axes.arrays:control",
    "pandas": "aos_workflow.doctor.axes.frames:control",
    "torch": "aos_workflow.doctor.axes.tensors:control",
}
_registered: dict[str, str] = {}


def register(library: str, hook: str | Callable[[Any], None]) -> None:
    """Let a hook hold a library still in every examination from now on.

    ``library`` is the name of its module; ``hook``, a function or ``package.module:function``, is called with
    :class:`~aos_workflow.doctor.child.instruments.Instruments` in each examined process that has loaded the library.

    Raises:
        UsageError: another process cannot find the hook.
    """
    path = hook if isinstance(hook, str) else f"{hook.__module__}:{hook.__qualname__}"
    module, _, name = path.partition(":")
    if not name.isidentifier() or module in ("", "__main__"):
        raise UsageError(
            f"{path} cannot be found again in another process",
            hint="give a function that is defined at the top of a module",
        )
    _registered[library] = path


def hooks() -> dict[str, str]:
    """The hook of each library; a later one of the same library replaces an earlier."""
    return {**_OURS, **_of_packages(), **_registered}


@cache
def _of_packages() -> dict[str, str]:
    return {found.name: found.value for found in entry_points(group=GROUP)}
