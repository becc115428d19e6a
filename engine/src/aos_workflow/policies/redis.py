"""Budgets shared by many processes, in Redis or Valkey (extra ``redis``). One script decides, atomically."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import redis.asyncio as driver
from redis.exceptions import RedisError

from aos_workflow.errors import PolicyStoreLostError
from aos_workflow.policies.values import Account, Rate, Reservation, Verdict

__all__ = ["RedisBudgets"]

_KEPT_S = 30 * 86_400
"""How long what a run has spent is remembered after its last charge."""

_SCRIPT = """
local op, entry, units = ARGV[1], ARGV[2], tonumber(ARGV[3])
local kept = tonumber(ARGV[4])

local function spend(accounts, units, held)
    for _, key in ipairs(accounts) do
        redis.call('HINCRBY', key, 'held', -held)
        redis.call('HINCRBY', key, 'spent', units)
        redis.call('EXPIRE', key, kept)
    end
end

local function split(text)
    local found = {}
    for key in string.gmatch(text or '', '[^\\n]+') do found[#found + 1] = key end
    return found
end

local entry_key = 'budget:entry:' .. entry
local known = redis.call('HMGET', entry_key, 'units', 'settled', 'accounts')

if op == 'settle' then
    if known[2] == '1' then return {1} end
    spend(known[3] and split(known[3]) or split(ARGV[5]), units, tonumber(known[1] or 0))
    redis.call('HSET', entry_key, 'units', units, 'settled', '1', 'accounts', known[3] or ARGV[5])
    redis.call('EXPIRE', entry_key, kept)
    redis.call('SREM', 'budget:held:' .. ARGV[6], entry)
    redis.call('HSET', 'budget:settled:' .. ARGV[6], entry, units)
    redis.call('EXPIRE', 'budget:settled:' .. ARGV[6], kept)
    return {1}
end

if op == 'release' then
    if not known[1] or known[2] == '1' then return {1} end
    spend(split(known[3]), 0, tonumber(known[1]))
    redis.call('DEL', entry_key)
    redis.call('SREM', 'budget:held:' .. ARGV[6], entry)
    return {1}
end

-- reserve: KEYS are accounts, then rates
if known[1] then return {1} end
local accounts = tonumber(ARGV[5])
for index = 1, accounts do
    local found = redis.call('HMGET', KEYS[index], 'spent', 'held')
    local used = tonumber(found[1] or 0) + tonumber(found[2] or 0)
    local ceiling = tonumber(ARGV[6 + index])
    if used + units > ceiling then return {0, 'account', index - 1, tostring(ceiling - used)} end
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local tokens, wait, slowest = {}, 0, 0
for index = 1, #KEYS - accounts do
    local per_s = tonumber(ARGV[6 + accounts + 2 * index - 1])
    local burst = tonumber(ARGV[6 + accounts + 2 * index])
    local found = redis.call('HMGET', KEYS[accounts + index], 'tokens', 'at')
    local have = burst
    if found[1] then
        have = math.min(burst, tonumber(found[1]) + math.max(0, now - tonumber(found[2])) * per_s)
    end
    tokens[index] = have
    local need = math.max(0, (1 - have) / per_s)
    if need > wait then wait, slowest = need, index - 1 end
end
if wait > 0 then return {0, 'rate', slowest, string.format('%.9f', wait)} end
for index = 1, #KEYS - accounts do
    local per_s = tonumber(ARGV[6 + accounts + 2 * index - 1])
    local burst = tonumber(ARGV[6 + accounts + 2 * index])
    local key = KEYS[accounts + index]
    redis.call('HSET', key, 'tokens', string.format('%.9f', tokens[index] - 1), 'at', string.format('%.6f', now))
    redis.call('EXPIRE', key, math.ceil(burst / per_s) + 60)
end
local keys = {}
for index = 1, accounts do
    redis.call('HINCRBY', KEYS[index], 'held', units)
    redis.call('EXPIRE', KEYS[index], kept)
    keys[index] = KEYS[index]
end
redis.call('HSET', entry_key, 'units', units, 'settled', '0', 'accounts', table.concat(keys, '\\n'))
redis.call('EXPIRE', entry_key, kept)
redis.call('SADD', 'budget:held:' .. ARGV[6], entry)
redis.call('EXPIRE', 'budget:held:' .. ARGV[6], kept)
return {1}
"""


class RedisBudgets:
    """See :class:`~aos_workflow.policies.port.BudgetStore`. Keys: ``budget:*`` and ``rate:*``; the server's clock."""

    def __init__(self, url: str, *, timeout_s: float = 2.0, connections: int = 8) -> None:
        pool = driver.BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            decode_responses=True,
        )
        self._client = driver.Redis(connection_pool=pool)
        self._script = self._client.register_script(_SCRIPT)

    async def reserve(
        self, entry_key: str, units: int, accounts: Sequence[Account], rates: Sequence[Rate]
    ) -> Verdict:
        keys = [*(account.key for account in accounts), *(rate.key for rate in rates)]
        arguments: list[Any] = ["reserve", entry_key, units, _KEPT_S, len(accounts)]
        arguments += [_run_of(entry_key), *(account.ceiling_units for account in accounts)]
        for rate in rates:
            arguments += [rate.per_s, rate.burst]
        answer = await self._guarded(self._script(keys, arguments))
        if answer[0]:
            return Verdict(True)
        _, kind, index, amount = answer
        if kind == "account":
            return Verdict(False, account=int(index), left_units=int(float(amount)))
        return Verdict(False, rate=int(index), wait_s=float(amount))

    async def settle(self, reservation: Reservation, units: int) -> None:
        await self._finish("settle", reservation.entry_key, units, reservation.accounts)

    async def release(self, reservation: Reservation) -> None:
        await self._finish("release", reservation.entry_key, 0, reservation.accounts)

    async def reconcile(
        self, run_id: str, accounts: Sequence[Account], spent: Mapping[str, int]
    ) -> None:
        keys = tuple(account.key for account in accounts)
        for entry in sorted(await self._guarded(self._client.smembers(f"budget:held:{run_id}"))):
            if entry not in spent:
                await self.release(Reservation(entry, 0, keys))
        for entry in sorted(spent):
            await self.settle(Reservation(entry, 0, keys), spent[entry])

    async def settled(self, run_id: str) -> Mapping[str, int]:
        found = await self._guarded(self._client.hgetall(f"budget:settled:{run_id}"))
        return {entry: int(units) for entry, units in found.items()}

    async def balance(self, key: str) -> tuple[int, int]:
        spent, held = await self._guarded(self._client.hmget(key, ["spent", "held"]))
        return int(spent or 0), int(held or 0)

    async def close(self) -> None:
        await self._client.aclose(close_connection_pool=True)

    async def _finish(self, what: str, entry: str, units: int, accounts: tuple[str, ...]) -> None:
        arguments: list[Any] = [what, entry, units, _KEPT_S, "\n".join(accounts), _run_of(entry)]
        await self._guarded(self._script([], arguments))

    async def _guarded(self, asked: Awaitable[Any]) -> Any:
        try:
            return await asked
        except (RedisError, OSError, TimeoutError) as error:
            raise PolicyStoreLostError(
                f"the budgets in Redis cannot be reached: {type(error).__name__}",
                hint="redis-cli ping; aos-workflow stack status redis",
            ) from error


def _run_of(entry_key: str) -> str:
    return entry_key.partition(":")[0]
