"""A registry as text that Prometheus reads: exposition format 0.0.4."""

from __future__ import annotations

import math
from collections.abc import Iterator

from aos_workflow.metrics.registry import Family, Histogram, Registry

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(registry: Registry) -> bytes:
    """Every series of the registry, families in order of their names."""
    lines = [line for family in registry.families() for line in _family(family)]
    return ("\n".join(lines) + "\n").encode()


def _family(family: Family) -> Iterator[str]:
    metric = family.metric
    yield f"# HELP {metric.name} {_escaped_help(metric.help)}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for values, child in family.series():
        labels = [
            f'{name}="{_escaped(value)}"' for name, value in zip(metric.labels, values, strict=True)
        ]
        if isinstance(child, Histogram):
            yield from _histogram(metric.name, labels, child)
        else:
            yield f"{metric.name}{_braced(labels)} {_number(child.value)}"


def _histogram(name: str, labels: list[str], found: Histogram) -> Iterator[str]:
    total = 0
    for edge, count in zip((*found.edges, math.inf), found.counts, strict=True):
        total += count
        le = f'le="{_number(edge)}"'
        yield f"{name}_bucket{_braced([*labels, le])} {total}"
    yield f"{name}_sum{_braced(labels)} {_number(found.sum)}"
    yield f"{name}_count{_braced(labels)} {total}"


def _braced(labels: list[str]) -> str:
    return f"{{{','.join(labels)}}}" if labels else ""


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
