"""Which line is not deterministic: freeze everything, let one axis go at a time, find the line, prove it.

>>> from aos_workflow.doctor import examine
>>> found = examine("plan.py:make_plan")  # doctest: +SKIP
>>> [(cause.label, cause.line) for cause in found.causes]  # doctest: +SKIP
[('hash-order', 21)]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.doctor.difference import Difference
    from aos_workflow.doctor.examination import examine
    from aos_workflow.doctor.registry import register
    from aos_workflow.doctor.replaying import replay
    from aos_workflow.doctor.report import html, text
    from aos_workflow.doctor.result import AXES, LABELS, Axis, Cause, Examination
    from aos_workflow.doctor.target import Target

__all__ = [
    "AXES", "LABELS", "Axis", "Cause", "Difference", "Examination", "Target", "examine", "html", "register",
    "replay", "text",
]  # fmt: skip


_HOMES = {
    "examine": "examination", "replay": "replaying", "html": "report", "text": "report", "Target": "target",
    "Difference": "difference", "register": "registry",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load on first use: examined processes import this package, too, and need none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'result')}"), name)
