"""The kernel: canonical form, volatile rules, hashes, chain, signatures, golden files, diff, recorder.

Importing this package is cheap: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.golden.canonical import (
        Canonical,
        canonical_bytes,
        canonical_json,
        canonicalize,
        content_hash,
    )
    from aos_workflow.golden.diff import Diff, Entry
    from aos_workflow.golden.files import Verdict, load, sign, verify
    from aos_workflow.golden.hashing import step_hash, workflow_hash
    from aos_workflow.golden.keys import Key, KeyRing
    from aos_workflow.golden.recorder import GoldenRecorder
    from aos_workflow.golden.rules import DEFAULT_RULES, NO_RULES, VOLATILE_FIELDS, Rule, Rules
    from aos_workflow.golden.run_golden import Event, RunGolden
    from aos_workflow.golden.sealing import Policy, Signature
    from aos_workflow.golden.value_golden import ValueGolden

__all__ = [
    "DEFAULT_RULES",
    "NO_RULES",
    "VOLATILE_FIELDS",
    "Canonical",
    "Diff",
    "Entry",
    "Event",
    "GoldenRecorder",
    "Key",
    "KeyRing",
    "Policy",
    "Rule",
    "Rules",
    "RunGolden",
    "Signature",
    "ValueGolden",
    "Verdict",
    "canonical_bytes",
    "canonical_json",
    "canonicalize",
    "content_hash",
    "load",
    "sign",
    "step_hash",
    "verify",
    "workflow_hash",
]

_HOMES = {
    "canonical": "Canonical canonical_bytes canonical_json canonicalize content_hash",
    "diff": "Diff Entry",
    "files": "Verdict load sign verify",
    "hashing": "step_hash workflow_hash",
    "keys": "Key KeyRing",
    "recorder": "GoldenRecorder",
    "rules": "DEFAULT_RULES NO_RULES VOLATILE_FIELDS Rule Rules",
    "run_golden": "Event RunGolden",
    "sealing": "Policy Signature",
    "value_golden": "ValueGolden",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
