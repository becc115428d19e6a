"""Which cycles are run together, and under which hash seed: functions of the number alone.

A batch is run from a process that is fresh but for the imports, so what one cycle leaves behind can only reach the
later ones of its batch. Who runs it, and how many others run meanwhile, makes no difference to what it finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from aos_workflow.determinism import derive_seed

__all__ = ["PRIMARY_HASH_SEED", "Batch", "batch_from", "batches", "shadow_hash_seed"]

PRIMARY_HASH_SEED = 0
"""``PYTHONHASHSEED`` of every primary: one order of sets and of nothing else, for all of them."""

_SIZES = ((256, 16), (4096, 64))
"""Below this number, batches of this size: small at first, so that several workers have work at once."""
_SIZE = 256
_EPOCHS = (0, 64, 256, 1024, 4096, 16_384)
"""Where the shadow gets another hash seed: often at first, for what one night cannot show in two seeds."""
_EPOCH = 32_768
_HASH_SEEDS = 2**32


@dataclass(frozen=True, slots=True)
class Batch:
    """Cycles ``first`` to ``end`` (excluded). ``given_up`` are those that end their process, with what happens."""

    first: int
    end: int
    hash_seed: int
    given_up: Mapping[int, str] = field(default_factory=dict)

    @property
    def numbers(self) -> range:
        return range(self.first, self.end)


def batches(seed: int, first: int, end: int | None, size: int | None = None) -> Iterator[Batch]:
    """The batches of a campaign from ``first`` on; without ``end`` for ever. With ``size``, each is of that size."""
    while end is None or first < end:
        batch = batch_from(seed, first, end, size)
        yield batch
        first = batch.end


def batch_from(seed: int, number: int, end: int | None = None, size: int | None = None) -> Batch:
    """The batch with this number, from it on."""
    size = size or next((size for below, size in _SIZES if number < below), _SIZE)
    edge = (number // size + 1) * size
    return Batch(number, edge if end is None else min(edge, end), shadow_hash_seed(seed, number))


def shadow_hash_seed(seed: int, number: int) -> int:
    """``PYTHONHASHSEED`` of the shadow's process in this cycle; never the primary's."""
    epoch = number // _EPOCH * _EPOCH
    if number < _EPOCH:
        epoch = max(start for start in _EPOCHS if start <= number)
    return 1 + derive_seed(seed, "hash seed", str(epoch)) % (_HASH_SEEDS - 1)
