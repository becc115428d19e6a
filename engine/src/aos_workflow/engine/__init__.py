"""The engine that workflows run on. So far: who a step is."""

from __future__ import annotations

from aos_workflow.engine.lineage import Scope, current_scope, lineage_loop, scope

__all__ = ["Scope", "current_scope", "lineage_loop", "scope"]
