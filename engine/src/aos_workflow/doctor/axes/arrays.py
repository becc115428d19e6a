"""numpy: the shared generator of ``numpy.random``, and generators that seed themselves."""

from __future__ import annotations

from typing import Any

from aos_workflow.doctor.child.instruments import Instruments

__all__ = ["control"]

BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def control(instruments: Instruments) -> None:
    """Hold numpy still."""
    import numpy as np

    module: Any = np.random
    shared = module.mtrand._rand
    new = module.RandomState
    names = [
        name
        for name in module.__all__
        if getattr(getattr(module, name), "__self__", None) is shared
        and name not in ("seed", "get_state", "set_state")
    ]
    instruments.keeps_state(
        "the global random generator of numpy", shared.get_state, shared.set_state
    )
    instruments.shared_generator(module, names, "seed", new)
    for name in ("default_rng", "RandomState", *BIT_GENERATORS):
        instruments.seeds_itself(module, name)
    instruments.seeds_itself(module, "SeedSequence", "entropy")
