"""A precision of its own, in a local context."""
from decimal import Decimal, localcontext


def run(seed: int):
    with localcontext() as context:
        context.prec = 8
        return str(Decimal(seed + 1) / Decimal(7))
