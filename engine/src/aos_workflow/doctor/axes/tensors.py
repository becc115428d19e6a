"""torch: its generator has a fixed seed until somebody asks for a random one."""

from __future__ import annotations

import random
import sys
from typing import Any

from aos_workflow.doctor.child.instruments import Instruments

__all__ = ["control"]

SEED_BITS = 63


def control(instruments: Instruments) -> None:
    """Hold torch still."""
    torch: Any = sys.modules["torch"]

    def seed(rng: random.Random) -> int:
        chosen = rng.getrandbits(SEED_BITS)
        torch.manual_seed(chosen)
        return chosen

    instruments.draws(torch, "seed", seed)
    if getattr(torch, "random", None) is not None and hasattr(torch.random, "seed"):
        torch.random.seed = torch.seed
    instruments.keeps_state(
        "the random generator of torch", torch.get_rng_state, torch.set_rng_state
    )
