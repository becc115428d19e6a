"""What processes write for operators: a JSON document a line, with the ids of run, step and tenant, without secrets."""

from __future__ import annotations

from aos_workflow.logs.masking import Mask
from aos_workflow.logs.setup import log_to
from aos_workflow.logs.sinks import Sinks
from aos_workflow.logs.worker_log import worker_log

__all__ = ["Mask", "Sinks", "log_to", "worker_log"]
