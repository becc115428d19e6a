"""Sets whose iteration order is controlled.

User modules see these in place of ``set`` and ``frozenset``. Everything but the order is the builtin's own: only
iteration, ``pop``, texts and pickles ask which order is wanted at the line of the user that asks. Under control that is
the builtin's own order (the hash seed is fixed), and an order by content where addresses decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from aos_workflow.doctor.child.elements import HashKind, kind_of_all, order_key, stable_text
from aos_workflow.doctor.child.run import current

__all__ = ["AXIS_OF", "FrozenSet", "Set", "controlled", "hash_probe", "ordered"]

AXIS_OF: dict[HashKind, str] = {"seeded": "hash", "address": "identity"}
_set: Any = set
_frozenset: Any = frozenset
_plain = (set, frozenset)
_PEEK = 4
OF_TASKS, OF_FUTURES = " of tasks", " of futures"
_EASY = (int, float, bool)

hash_probe: list[HashKind] | None = None
"""Where :func:`probe` collects what a hash written in Python hashes."""


def probe(value: Any) -> list[HashKind]:
    """What the value's own ``__hash__`` hashes."""
    global hash_probe
    before, hash_probe = hash_probe, []
    try:
        type(value).__hash__(value)  # type: ignore[call-arg]
        return hash_probe
    finally:
        hash_probe = before


def ordered(values: Any, raw: Callable[[Any], Iterator[Any]], name: str) -> list[Any]:
    """The elements in the order that is wanted where they are asked for."""
    run = current()
    found = list(raw(values))
    if len(found) < 2 or not run.active:
        return found
    kind = kind_of_all(found, probe)
    if kind == "stable":
        return found
    reading = run.visit(AXIS_OF[kind], name + _members(found[0]), depth=3, count=False)
    if reading is None or (reading.thaw is None and kind == "seeded"):
        return found
    if reading.thaw is None:
        return sorted(found, key=stable_text)
    return arranged(found, reading.variant, kind)


def _members(value: Any) -> str:
    if hasattr(value, "get_coro"):
        return OF_TASKS
    return OF_FUTURES if hasattr(value, "add_done_callback") else ""


def arranged(found: list[Any], variant: Any, kind: HashKind) -> list[Any]:
    """Elements in the order that a variant such as ``"a"`` or ``"-a"`` (its reverse) names."""
    key = str(variant)
    if kind == "address":
        found = sorted(found, key=stable_text)
    return sorted(found, key=lambda x: order_key(key.lstrip("-"), x), reverse=key.startswith("-"))


def _wanted(values: Any, raw: Callable[[Any], Iterator[Any]], name: str) -> Iterator[Any]:
    for position, value in enumerate(raw(values)):
        if type(value) not in _EASY:
            return iter(ordered(values, raw, name))
        if position >= _PEEK:
            break
    return raw(values)


class _Meta(type):
    """``isinstance`` also accepts the builtin's own, which code outside our reach makes."""

    def __instancecheck__(cls, instance: object) -> bool:
        base = _BASE_OF.get(cls)
        return type.__instancecheck__(cls, instance) if base is None else isinstance(instance, base)

    def __subclasscheck__(cls, subclass: type) -> bool:
        base = _BASE_OF.get(cls)
        return type.__subclasscheck__(cls, subclass) if base is None else issubclass(subclass, base)


_BASE_OF: dict[type, type] = {}


def _algebra(cls: Any, base: Any, name: str) -> Any:
    operation = getattr(base, name)

    def method(self: Any, *others: Any) -> Any:
        result = operation(self, *others)
        return cls(result) if type(result) is base else result

    method.__name__ = name
    return method


class Set(_set, metaclass=_Meta):  # type: ignore[misc]
    """A ``set``."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return _wanted(self, _set.__iter__, "iteration over a set")

    def pop(self) -> Any:
        """The first element of the wanted order."""
        for value in _wanted(self, _set.__iter__, "set.pop"):
            self.remove(value)
            return value
        return _set.pop(self)

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self))
        return f"{{{inner}}}" if inner else "set()"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_set, (list(self),))


class FrozenSet(_frozenset, metaclass=_Meta):  # type: ignore[misc]
    """A ``frozenset``."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return _wanted(self, _frozenset.__iter__, "iteration over a frozenset")

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self))
        return f"frozenset({{{inner}}})" if inner else "frozenset()"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_frozenset, (list(self),))


for _class, _base in ((Set, _set), (FrozenSet, _frozenset)):
    _BASE_OF[_class] = _base
    _class.__name__ = _class.__qualname__ = _base.__name__
    _class.__module__ = "builtins"
    for _name in [
        "__and__",
        "__rand__",
        "__or__",
        "__ror__",
        "__sub__",
        "__rsub__",
        "__xor__",
        "__rxor__",
        "union",
        "intersection",
        "difference",
        "symmetric_difference",
        "copy",
    ]:
        setattr(_class, _name, _algebra(_class, _base, _name))


def controlled(values: Any) -> Any:
    """The value; one of ours in its place if it is a plain set."""
    kind = type(values)
    if kind is _set:
        return Set(values)
    if kind is _frozenset:
        return FrozenSet(values)
    return values
