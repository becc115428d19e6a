"""Classes of ours as the base of a class of the user's.

What stands in for ``set`` or ``datetime`` has a metaclass, which is in conflict with any other: with ``ABC``, with
``Enum``, with a library's own. So a class statement that names one gets its twin: the same class without the metaclass.
"""

from __future__ import annotations

import builtins
from typing import Any

__all__ = ["control"]

_PER_CLASS = ("__dict__", "__weakref__")


def control(*classes: type) -> None:
    """From now on, derive from the twins of these classes instead."""
    twins = {id(cls): _twin(cls) for cls in classes}
    build = builtins.__build_class__

    def build_class(function: Any, name: str, /, *bases: Any, **keywords: Any) -> Any:
        return build(function, name, *(twins.get(id(base), base) for base in bases), **keywords)

    builtins.__build_class__ = build_class


def _twin(cls: type) -> type:
    made = type(
        cls.__name__,
        cls.__bases__,
        {name: item for name, item in vars(cls).items() if name not in _PER_CLASS},
    )
    made.__qualname__ = cls.__qualname__
    return made
