"""The limits and switches that the environment asks for."""

from __future__ import annotations

from pathlib import Path

from aos_workflow import config
from aos_workflow.errors import UsageError
from aos_workflow.policies import (
    BudgetStore,
    EmergencyStop,
    Limits,
    MemoryBudgets,
    PolicyEnforcer,
)
from aos_workflow.policies.limits import limits_from_data

__all__ = ["budgets", "emergency", "limits", "policy"]


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
    from aos_workflow.policies import RedisBudgets

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
