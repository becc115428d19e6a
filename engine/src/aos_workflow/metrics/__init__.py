"""What operators measure: one catalogue of metrics, and counting that costs next to nothing.

The engine tells a :class:`Meter`, which does nothing unless it is an :class:`EngineMeter`, which counts into a
:class:`Registry`; :func:`exposition` is what Prometheus reads. Knows nothing of the engine.
"""

from __future__ import annotations

from aos_workflow.metrics.catalogue import CATALOGUE, Metric
from aos_workflow.metrics.engine_meter import EngineMeter
from aos_workflow.metrics.exposition import CONTENT_TYPE, exposition
from aos_workflow.metrics.meter import NO_METER, Meter
from aos_workflow.metrics.registry import Registry

__all__ = [
    "CATALOGUE",
    "CONTENT_TYPE",
    "NO_METER",
    "EngineMeter",
    "Meter",
    "Metric",
    "Registry",
    "exposition",
]
