"""The steps of plans that are still to be carried out, as far as they depend on what other steps give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Planned"]


class Planned:
    """What plans of a run want done with values that were not known when they were judged."""

    __slots__ = ("_inputs",)

    def __init__(self) -> None:
        self._inputs: dict[str, list[dict[str, Any]]] = {}

    def add(self, plan: Any) -> None:
        """Remember the steps of a judged plan that have references in their inputs."""
        for step in plan.get("steps", ()) if isinstance(plan, dict) else ():
            inputs = step.get("inputs")
            if isinstance(inputs, dict) and _refers(inputs):
                self._inputs.setdefault(step["skill"], []).append(inputs)

    def has(self, skill: str, inputs: Mapping[str, Any]) -> bool:
        """Whether a call carries out such a step: the same inputs, but for those with references."""
        return any(_carries_out(planned, inputs) for planned in self._inputs.get(skill, ()))


def _carries_out(planned: dict[str, Any], inputs: Mapping[str, Any]) -> bool:
    common = [key for key in planned if key in inputs]
    return any(_refers(planned[key]) for key in common) and all(
        _refers(planned[key]) or planned[key] == inputs[key] for key in common
    )


def _refers(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value.replace("$${", "")
    if isinstance(value, dict):
        return any(map(_refers, value.values()))
    return isinstance(value, list) and any(map(_refers, value))
