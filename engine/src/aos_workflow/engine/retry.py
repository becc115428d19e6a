"""How often a step is tried, written as short as it is meant: ``Retry(3)``."""

from __future__ import annotations

from typing import Any

from aos_workflow.spec.models import RetrySpec

__all__ = ["Retry"]


def Retry(max_attempts: int = 3, **options: Any) -> RetrySpec:  # noqa: N802 - reads as the value that it makes
    """All tries, the first included; ``backoff_s``, ``multiplier``, ``max_backoff_s`` and ``jitter`` as in a spec.

    Raises:
        pydantic.ValidationError: numbers out of range.
    """
    return RetrySpec(max_attempts=max_attempts, **options)
