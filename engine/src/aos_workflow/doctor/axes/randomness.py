"""Random generators that nothing seeds: the module's own, and ``Random()``.

Variants ``"a"``, ``"b"`` are other streams. Variants ``"drive:i"`` make the first draw of every call the ``i``-th of
``DRIVEN`` evenly spread values, so that a branch taken once in twenty is taken in some of them for certain.
"""

from __future__ import annotations

import random
from typing import Any

from aos_workflow.doctor.child.run import Reading, Run, current

NAME = "random"
LABEL = "unseeded-random"
DRIVEN = 64
_Random = random.Random
_run = current()
_GOLDEN = 0.6180339887498949
METHODS = [
    "betavariate",
    "choice",
    "choices",
    "expovariate",
    "gammavariate",
    "gauss",
    "getrandbits",
    "lognormvariate",
    "normalvariate",
    "paretovariate",
    "randbytes",
    "randint",
    "random",
    "randrange",
    "sample",
    "shuffle",
    "triangular",
    "uniform",
    "vonmisesvariate",
    "weibullvariate",
    "binomialvariate",
]


def provoke(budget: str) -> list[Any]:
    """Other streams first, then driven draws."""
    return ["a", "b"] if budget == "quick" else ["a", "b", "c"]


def drives(budget: str) -> list[Any]:
    """Driven draws, for when other streams change nothing."""
    return [f"drive:{i}" for i in range(16 if budget == "quick" else DRIVEN)]


def quantile(variant: Any) -> float | None:
    """The value in [0, 1) that a driving variant asks for."""
    text = str(variant)
    if not text.startswith("drive:"):
        return None
    step = int(text[6:])
    return {0: 0.0, 1: 1.0 - 2**-53}.get(step, (step * _GOLDEN) % 1.0)


class Driven(_Random):
    """A generator whose first draw is given; the rest comes from a stream, so that rejection loops end."""

    first: float | None = None

    def random(self) -> float:
        """The next draw."""
        first, self.first = self.first, None
        return super().random() if first is None else first

    def getrandbits(self, k: int) -> int:
        """The next bits; the first draw decides the leading ones."""
        first, self.first = self.first, None
        return super().getrandbits(k) if first is None or not k else int(first * 2**53) << k >> 53

    def _randbelow(self, n: int) -> int:
        first, self.first = self.first, None
        if first is not None:
            return min(int(first * n), n - 1)
        return super()._randbelow(n)  # type: ignore[misc, no-any-return]


def generator(reading: Reading) -> _Random:
    """A generator for what is drawn at this reading."""
    found = Driven(reading.stream().getrandbits(64))
    found.first = quantile(reading.variant)
    return found


def control(run: Run) -> dict[str, Any]:
    """Put the controlled ``Random`` and module functions in place."""
    state = _Global()
    run.resets.append(state.reset)

    Controlled.__module__, Controlled.__qualname__, Controlled.__name__ = (
        "random",
        "Random",
        "Random",
    )
    random.Random = Controlled  # type: ignore[misc]
    for name in METHODS:
        if hasattr(random, name):
            setattr(random, name, _module_function(run, state, name))
    random.seed = state.seeding(run)
    random.setstate = state.setting()
    return {}


class Controlled(_Random):
    """``random.Random`` that takes its own seed from a stream when it is given none."""

    _aos_drive: Any = None
    _aos_foreign = False

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Seed; without a value from the stream of the line that asks."""
        self._aos_drive = None
        self._aos_foreign = False
        if a is None:
            reading = _run.visit(NAME, f"{type(self).__name__}()")
            if reading is not None:
                a = reading.stream().getrandbits(64)
                self._aos_drive = quantile(reading.variant)
            else:
                self._aos_foreign = True
        elif _run.active and not _run.importing:
            _run.seedings.append(str(a)[:80])
        super().seed(a, version)

    def _foreign(self) -> _Random | None:
        """What to draw from, if this is an unseeded generator of a library and the user is behind the draw."""
        reading = _run.visit(NAME, "a library's unseeded generator", depth=3)
        return None if reading is None else generator(reading)

    def random(self) -> float:
        """The next draw."""
        if self._aos_foreign and (found := self._foreign()) is not None:
            return found.random()
        drawn = super().random()
        if self._aos_drive is None:
            return drawn
        self._aos_drive = (self._aos_drive + 0.31) % 1.0
        return (self._aos_drive - 0.31) % 1.0  # type: ignore[no-any-return]

    def getrandbits(self, k: int) -> int:
        """The next bits."""
        if self._aos_foreign and (found := self._foreign()) is not None:
            return found.getrandbits(k)
        return super().getrandbits(k)

    def _randbelow(self, n: int) -> int:
        if self._aos_foreign and (found := self._foreign()) is not None:
            return found._randbelow(n)  # type: ignore[attr-defined, no-any-return]
        if self._aos_drive is None:
            return super()._randbelow(n)  # type: ignore[misc, no-any-return]
        return min(int(self.random() * n), n - 1)


class _Global:
    """Whether the module's own generator has been seeded since the process began."""

    def __init__(self) -> None:
        self.seeded = False
        self.original = random.seed
        self.original_setstate = random.setstate
        self.original(0)

    def reset(self) -> None:
        """Unseeded generators begin each call alike; a seeded one is state that the user left."""
        if not self.seeded:
            self.original(0)

    def seeding(self, run: Run) -> Any:
        """``random.seed``."""

        def seed(a: Any = None, version: int = 2) -> None:
            self.seeded = a is not None
            if self.seeded and run.active and run.user_frame() is not None:
                run.seedings.append(str(a)[:80])
            self.original(0 if a is None else a, version)

        return seed

    def setting(self) -> Any:
        """``random.setstate``."""

        def setstate(state: Any) -> None:
            self.original_setstate(state)

        return setstate


def _module_function(run: Run, state: _Global, name: str) -> Any:
    original = getattr(random, name)

    def function(*args: Any, **kwargs: Any) -> Any:
        if state.seeded:
            return original(*args, **kwargs)
        reading = run.visit(NAME, f"random.{name}")
        if reading is None:
            return original(*args, **kwargs)
        drawn = getattr(generator(reading), name)(*args, **kwargs)
        reading.note(drawn)
        return drawn

    function.__name__ = function.__qualname__ = name
    function.__module__ = "random"
    return function
