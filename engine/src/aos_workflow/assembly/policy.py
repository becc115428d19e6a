"""The limits and switches that the environment asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow import config
from aos_workflow.errors import UsageError
from aos_workflow.policies import (
    BudgetStore,
    EmergencyStop,
    Limits,
    MemoryBudgets,
    PolicyEnforcer,
    RateLimit,
)
from aos_workflow.policies.limits import limits_from_data

__all__ = ["Explained", "budgets", "emergency", "explained", "limits", "policy"]


def policy() -> PolicyEnforcer:
    """An enforcer of the limits, with the store that is named; Redis and PostgreSQL are reached at the first use."""
    return PolicyEnforcer(limits(), budgets(), on_store_loss=config.policy_on_store_loss())


def limits() -> Limits:
    """Those of the policy file, if there is one; ``DEFAULT_WORKFLOW_CEILING_CENTS`` comes before it.

    Raises:
        UsageError: the file cannot be read, or is not valid.
    """
    found = Limits()
    path = config.policy_file()
    if path is not None:
        found = _from_file(path)
    ceiling = config.default_workflow_ceiling_cents()
    return (
        found if ceiling is None else found.model_copy(update={"workflow_ceiling_cents": ceiling})
    )


def budgets() -> BudgetStore:
    """Shared budgets in ``REDIS_URL``, if it is named; else this process's own."""
    url = config.redis_url()
    if url is None:
        return MemoryBudgets()
    try:
        from aos_workflow.policies import RedisBudgets
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise UsageError(
            "REDIS_URL is set, and the Redis client is not installed",
            hint="pip install 'aos-workflow[redis]', or unset REDIS_URL",
        ) from None
    return RedisBudgets(url)


def emergency() -> EmergencyStop:
    """The environment and the stop file."""
    return EmergencyStop(config.environment, config.stop_file())


def _from_file(path: Path) -> Limits:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"the policy file {path} cannot be read: {error}") from None
    return limits_from_data(data or {}, file=str(path))


@dataclass(frozen=True, slots=True)
class Explained:
    """A limit, and where it was set."""

    name: str
    value: Any
    source: str


def explained() -> tuple[Explained, ...]:
    """Every limit in force. Raises as :func:`limits`."""
    found, usual = limits(), Limits()
    path = config.policy_file()
    rows = []
    for name in Limits.model_fields:
        value = getattr(found, name)
        source = "default" if value == getattr(usual, name) else str(path)
        if name == "workflow_ceiling_cents" and config.default_workflow_ceiling_cents() is not None:
            source = "DEFAULT_WORKFLOW_CEILING_CENTS"
        if name == "rates":
            value = ", ".join(_rate(rate) for rate in found.rates) or None
        rows.append(Explained(name, value or None if isinstance(value, dict) else value, source))
    on_loss = config.policy_on_store_loss()
    rows.append(
        Explained("on_store_loss", on_loss, "default" if on_loss == "closed" else "environment")
    )
    shared = ("shared in Redis", "REDIS_URL")
    own = ("each process its own", "default")
    rows.append(Explained("budgets", *(own if config.redis_url() is None else shared)))
    rows.append(Explained("stop_file", str(config.stop_file()), "environment or default"))
    return tuple(rows)


def _rate(rate: RateLimit) -> str:
    of = f" of {rate.skill}" if rate.skill else ""
    each = " for each tenant" if rate.per_tenant else ""
    return f"{rate.name}: {rate.per_s:g}/s, burst {rate.burst:g}{of}{each}"
