"""Addresses: ``id``, the default ``repr``, and the order of sets of plain objects."""

from __future__ import annotations

import builtins
import gc
import re
import weakref
from typing import Any

from aos_workflow.doctor.child import bases, sets
from aos_workflow.doctor.child.run import Reading, Run, draw

NAME = "identity"
LABEL = "object-identity"
LIFETIME = "lifetime"
"""Not let go line by line: sites where it is read whether an object still lives."""
_id = builtins.id
_AT = re.compile(r"(?<= at )0x[0-9a-fA-F]{6,}")
_BASE = 0x7F0000000000


def provoke(budget: str) -> list[Any]:
    """Other addresses: as many keys, each with the reverse order of its sets."""
    return ["a", "-a"] if budget == "quick" else ["a", "-a", "b", "-b"]


class Address(int):
    """A number that stands for an object: compared with another, they are equal if the objects are the same one.

    So a line whose numbers are let go still agrees with the lines that are held; only orders and texts change.
    """

    real_id: int

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Address):
            return self.real_id == other.real_id
        return int.__eq__(self, other) if isinstance(other, int) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.real_id)


class Addresses:
    """Frozen numbers for objects; the objects live as long as the call, so none is given twice."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.numbers: dict[tuple[int, str], int] = {}
        self.names: dict[int, str] = {}
        """Which object an address is: the how manyth that its lane showed, at whatever line."""
        self.shown: dict[str, int] = {}
        self.kept: list[Any] = []
        run.resets.append(self.reset)

    def reset(self) -> None:
        """Forget every number."""
        self.numbers.clear()
        self.names.clear()
        self.shown.clear()
        self.kept.clear()

    def raw(self, text: str) -> bool:
        """Whether a text holds an address for which no number stands yet."""
        return any(found not in self.run.given for found in _AT.findall(text))

    def given(self, address: str, reading: Reading) -> str:
        """The text in place of the text of an address; numbers stay."""
        return address if address in self.run.given else hex(self.number(int(address, 16), reading))

    def number(self, real: int, reading: Reading, keep: Any = None) -> int:
        """The number in place of an address."""
        key = "" if reading.thaw is None else str(reading.variant)
        found = self.numbers.get((real, key))
        if found is None:
            found = _BASE + draw(f"{key}|{self._name(real, reading.lane)}").getrandbits(32) * 16
            self.numbers[real, key] = found
            self.kept.append(keep)
            self.run.given.add(hex(found))
        reading.note(hex(found))
        return found

    def _name(self, real: int, lane: str) -> str:
        if real not in self.names:
            self.shown[lane] = count = self.shown.get(lane, 0) + 1
            self.names[real] = f"{lane}/{count}"
        return self.names[real]


def control(run: Run) -> dict[str, Any]:
    """``id`` and the texts that hold addresses, as user modules shall see them."""
    _lifetimes(run)
    addresses = Addresses(run)

    def id(value: Any) -> int:  # noqa: A001
        real = _id(value)
        reading = run.visit(NAME, "id()")
        if reading is None:
            return real
        found = Address(addresses.number(real, reading, value))
        found.real_id = real
        return found

    def text(value: Any) -> Any:
        if isinstance(value, str) and " at 0x" in value and run.active and addresses.raw(value):
            reading = run.visit(NAME, "address in a text")
            if reading is not None:
                return _AT.sub(lambda m: addresses.given(m[0], reading), value)
        return value

    def repr(value: Any) -> str:  # noqa: A001
        return text(builtins.repr(value))  # type: ignore[no-any-return]

    id.__module__ = repr.__module__ = "builtins"
    builtins.__aos_text__ = text  # type: ignore[attr-defined]
    bases.control(sets.Set, sets.FrozenSet)
    builtins.__aos_iter__ = sets.controlled  # type: ignore[attr-defined]
    builtins.__aos_set__ = sets.controlled  # type: ignore[attr-defined]
    builtins.__aos_pop__ = _pop  # type: ignore[attr-defined]
    return {"id": id, "repr": repr, "set": sets.Set, "frozenset": sets.FrozenSet}


WEAK = {
    weakref.WeakSet: "__len__ __iter__ __contains__",
    weakref.WeakValueDictionary: "__len__ __iter__ __contains__ __getitem__ get items keys values",
    weakref.WeakKeyDictionary: "__len__ __iter__ __contains__ __getitem__ get items keys values",
}


def _lifetimes(run: Run) -> None:
    """Where the lifetime of objects is read. Nothing is changed: letting go of it is collecting garbage."""

    def noticed(original: Any, name: str) -> Any:
        def function(*args: Any, **kwargs: Any) -> Any:
            run.visit(LIFETIME, name, count=False)
            return original(*args, **kwargs)

        return function

    for kind, names in WEAK.items():
        for name in names.split():
            setattr(kind, name, noticed(getattr(kind, name), f"{kind.__name__}.{name}"))
    for name in ("get_objects", "get_count", "collect", "get_referrers"):
        setattr(gc, name, noticed(getattr(gc, name), f"gc.{name}"))

    class ref(weakref.ref):  # type: ignore[type-arg] # noqa: N801
        """``weakref.ref``."""

        def __call__(self) -> Any:
            run.visit(LIFETIME, "weakref.ref", count=False)
            return super().__call__()

    weakref.ref = ref


def _pop(values: Any) -> Any:
    if type(values) is set:
        for value in sets.Set(values):
            values.remove(value)
            return value
    return values.pop()
