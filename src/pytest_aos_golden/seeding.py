"""One test under one seed: the global generators are seeded before it and put back after it; the clock on request."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

import pytest

__all__ = ["SeededGenerators", "frozen_clock"]

_NUMPY_SEED_BITS = 32


class SeededGenerators:
    """The process-wide generators of ``random`` and, if it is loaded, numpy."""

    def __init__(self) -> None:
        self._restore: dict[str, Callable[[], None]] = {}

    def seed(self, seed: int) -> None:
        """Seed them; the first call that finds a generator remembers its state."""
        if "random" not in self._restore:
            state = random.getstate()
            self._restore["random"] = lambda: random.setstate(state)
        random.seed(seed)
        numpy: Any = sys.modules.get("numpy.random")
        if numpy is not None:
            if "numpy" not in self._restore:
                numpy_state = numpy.get_state()
                self._restore["numpy"] = lambda: numpy.set_state(numpy_state)
            numpy.seed(seed % 2**_NUMPY_SEED_BITS)

    def restore(self) -> None:
        """Put back the remembered states."""
        while self._restore:
            self._restore.popitem()[1]()


def frozen_clock(at: str | date) -> AbstractContextManager[Any]:
    """A clock that stands at ``at`` (any text freezegun reads). Event loops keep real time, or they would hang.

    Raises:
        pytest.UsageError: freezegun is not installed, or the text is no time.
    """
    try:
        from freezegun import freeze_time
    except ImportError:
        raise pytest.UsageError(
            f"@pytest.mark.golden(freeze={at!r}) needs freezegun: pip install 'pytest-aos-golden[freeze]'"
        ) from None
    try:
        frozen: AbstractContextManager[Any] = freeze_time(at, real_asyncio=True)
    except Exception as error:  # noqa: BLE001 - whatever its date parser raises
        raise pytest.UsageError(
            f"@pytest.mark.golden(freeze={at!r}): not a time ({error})"
        ) from None
    return frozen
