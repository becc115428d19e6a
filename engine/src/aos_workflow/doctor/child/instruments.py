"""What a hook for somebody's library is given: ways to hold its generators, clocks and state still.

A hook is ``def control(instruments: Instruments) -> None``, see :func:`aos_workflow.doctor.register`. It runs in the
examined process, before the user's modules are loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from aos_workflow.doctor.axes import clock, randomness
from aos_workflow.doctor.child.root import Root
from aos_workflow.doctor.child.run import Run

__all__ = ["Hooks", "Instruments"]

SEED_BITS = 32


class Instruments:
    """Replaces functions and classes of a library by ones that are held still, and let go line by line."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._clock = clock.Clock(run)

    def draws(self, owner: Any, name: str, draw: Callable[..., Any]) -> None:
        """``owner.name`` draws from entropy of its own: answer ``draw(rng, *args, **kwargs)`` instead."""
        original = getattr(owner, name)

        def function(*args: Any, **kwargs: Any) -> Any:
            reading = self._run.visit(randomness.NAME, _spelled(owner, name))
            if reading is None:
                return original(*args, **kwargs)
            found = draw(randomness.generator(reading), *args, **kwargs)
            reading.note(found)
            return found

        _put(owner, name, function)

    def seeds_itself(self, owner: Any, name: str, argument: str = "seed") -> None:
        """The function or class ``owner.name`` takes a seed first, or as ``argument``, and without one is random."""
        original = getattr(owner, name)

        def seeded(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
            if args[:1] not in ((), (None,)) or kwargs.get(argument) is not None:
                self._run.note_seed((args or (kwargs.get(argument),))[0])
                return args
            reading = self._run.visit(randomness.NAME, f"{_spelled(owner, name)}()", depth=3)
            kwargs.pop(argument, None)
            seed = None if reading is None else reading.stream().getrandbits(SEED_BITS)
            return (seed, *args[1:])

        if isinstance(original, type):

            def init(this: Any, *args: Any, **kwargs: Any) -> None:
                given = seeded(args, kwargs)
                with self._run.unseen():
                    super(kind, this).__init__(*given, **kwargs)

            kind: Any = type(
                name, (original,), {"__init__": init, "__module__": original.__module__}
            )
            setattr(owner, name, kind)
            return

        def function(*args: Any, **kwargs: Any) -> Any:
            given = seeded(args, kwargs)
            with self._run.unseen():
                return original(*given, **kwargs)

        _put(owner, name, function)

    def shared_generator(
        self, owner: Any, draws: Iterable[str], seed: str, new: Callable[[int], Any]
    ) -> None:
        """Functions of ``owner`` draw from one generator, which the function ``seed`` seeds.

        ``new(seed)`` makes a generator that has the functions as methods.
        """
        shared = _Shared(getattr(owner, seed))
        self._run.resets.append(shared.reset)

        def seeding(*args: Any, **kwargs: Any) -> Any:
            value = (*args, *kwargs.values(), None)[0]
            shared.seeded = value is not None
            self._run.note_seed(value)
            return shared.seed(*args, **kwargs) if shared.seeded else shared.seed(0)

        _put(owner, seed, seeding)
        for name in draws:
            self._drawn(owner, name, shared, new)

    def _drawn(self, owner: Any, name: str, shared: _Shared, new: Callable[[int], Any]) -> None:
        original = getattr(owner, name)

        def function(*args: Any, **kwargs: Any) -> Any:
            reading = None
            if not shared.seeded:
                reading = self._run.visit(randomness.NAME, _spelled(owner, name))
            if reading is None:
                return original(*args, **kwargs)
            with self._run.unseen():
                generator = new(reading.stream().getrandbits(SEED_BITS))
                found = getattr(generator, name)(*args, **kwargs)
            step = randomness.quantile(reading.variant)
            if step is not None and type(found) is float and 0 <= found < 1:
                found = step
            reading.note(found)
            return found

        _put(owner, name, function)

    def reads_clock(self, owner: Any, name: str, answer: Callable[..., Any]) -> None:
        """``owner.name`` tells the time: answer ``answer(seconds since 1970, *args, **kwargs)`` instead."""
        original = getattr(owner, name)

        def function(*args: Any, **kwargs: Any) -> Any:
            found = self._clock.read(_spelled(owner, name))
            return original(*args, **kwargs) if found is None else answer(found, *args, **kwargs)

        _put(owner, name, staticmethod(function) if isinstance(owner, type) else function)

    def keeps_state(self, name: str, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        """A place where the library keeps what one call leaves for the next."""
        self._run.roots.append(Root(name, read, write))


class _Shared:
    """A generator of a library that all share."""

    def __init__(self, seed: Callable[..., Any]) -> None:
        self.seed = seed
        self.seeded = False

    def reset(self) -> None:
        """One that nobody has seeded begins each call alike."""
        if not self.seeded:
            self.seed(0)


def _spelled(owner: Any, name: str) -> str:
    return f"{getattr(owner, '__name__', type(owner).__name__)}.{name}"


def _put(owner: Any, name: str, function: Any) -> None:
    if not isinstance(function, staticmethod):
        function.__name__ = function.__qualname__ = name
    setattr(owner, name, function)


class Hooks:
    """The hooks of this process: each runs once, when the library that it is for has been loaded."""

    def __init__(self, run: Run, wanted: Mapping[str, str]) -> None:
        self._instruments = Instruments(run)
        self._run = run
        self._waiting = dict(wanted)

    def apply(self) -> None:
        """Run the hooks of the libraries that have been loaded since."""
        for library in [name for name in self._waiting if name in sys.modules]:
            module, _, function = self._waiting.pop(library).partition(":")
            try:
                getattr(import_module(module), function)(self._instruments)
            except Exception as error:  # noqa: BLE001 - somebody's hook, for some version of a library
                said = f"{type(error).__name__}: {error}"
                self._run.limits.add(f"the hook for {library} failed, it is not held still: {said}")
