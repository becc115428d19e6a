"""Prices with a precision that one order changes for the next."""
from decimal import Decimal, getcontext


def price(cents, rate):
    return Decimal(cents) / Decimal(rate)


def run(seed: int):
    total = price(1000 + seed, 7)
    getcontext().prec = 6
    return {"total": str(total), "rounded": str(price(1000, 3))}
