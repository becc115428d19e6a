"""Whether a charge is granted. Pure; the Lua script and the SQL decide the same, and are tested against this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aos_workflow.policies.values import Account, Rate, Verdict

__all__ = ["Bucket", "decide", "refilled"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens at a time, in seconds."""

    tokens: float
    at_s: float


def refilled(bucket: Bucket | None, rate: Rate, now_s: float) -> Bucket:
    """What a bucket holds now; a new one is full. A clock that went back adds nothing."""
    if bucket is None:
        return Bucket(rate.burst, now_s)
    elapsed_s = max(0.0, now_s - bucket.at_s)
    return Bucket(min(rate.burst, bucket.tokens + elapsed_s * rate.per_s), max(now_s, bucket.at_s))


def decide(
    units: int,
    accounts: Sequence[tuple[Account, int]],
    rates: Sequence[tuple[Rate, float]],
) -> Verdict:
    """``accounts`` come with what is spent and held, ``rates`` with their tokens. Money is asked before room."""
    for index, (account, used) in enumerate(accounts):
        if used + units > account.ceiling_units:
            return Verdict(False, account=index, left_units=account.ceiling_units - used)
    waits = [
        (max(0.0, (1 - tokens) / rate.per_s), index) for index, (rate, tokens) in enumerate(rates)
    ]
    wait_s, index = max(waits, default=(0.0, 0))
    if wait_s > 0:
        return Verdict(False, rate=index, wait_s=wait_s)
    return Verdict(True)
