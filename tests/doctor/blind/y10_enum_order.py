"""Members of an enumeration, in the order of their definition."""
from enum import Enum, Flag, auto


class Step(Enum):
    PLAN = 1
    ACT = 2


class Right(Flag):
    READ = auto()
    WRITE = auto()


def run(seed: int):
    rights = Right.READ | Right.WRITE
    return {"steps": [s.name for s in Step], "rights": rights.value, "seed": seed}
