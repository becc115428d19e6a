"""Values of metrics, in one process and one thread. Counting costs a look-up and an addition, or an append."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from aos_workflow.errors import UsageError
from aos_workflow.metrics.catalogue import MAX_VALUES, Metric

__all__ = ["FRESH", "OTHER", "Family", "Histogram", "Registry", "Value"]

OTHER = "other"
"""Stands for the values of a label that came when it had enough."""
FRESH = 512
"""Observations that a histogram keeps before it counts them."""


class Value:
    """A counter or a gauge."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1.0) -> None:
        self.value += amount

    def set(self, value: float) -> None:
        self.value = value


class Histogram:
    """How many observations fell up to each edge.

    They are kept as they come, and put in their places some hundred at a time: between the steps of an engine nothing
    of this is in the processor's cache, and each look-up costs several times what it does in a loop of its own.
    """

    __slots__ = ("_counts", "_sum", "edges", "fresh")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.fresh: list[float] = []
        """Observations that are not counted yet. At :data:`FRESH` they have to be."""
        self._counts = [0] * (len(edges) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self.fresh.append(value)
        if len(self.fresh) >= FRESH:
            self.count_fresh()

    def count_fresh(self) -> None:
        """Put the observations in their places."""
        counts, edges = self._counts, self.edges
        for value in self.fresh:
            counts[bisect_left(edges, value)] += 1
        self._sum = sum(self.fresh, self._sum)
        self.fresh.clear()

    @property
    def counts(self) -> list[int]:
        """Of each edge, not cumulative; one more, for what is beyond the last."""
        self.count_fresh()
        return self._counts

    @property
    def sum(self) -> float:
        self.count_fresh()
        return self._sum


Child = Value | Histogram


class Family:
    """All series of one metric. Those whose labels are all known beforehand are there from the start, at zero."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._children: dict[tuple[str, ...], Child] = {}
        self._seen: list[set[str]] = [set() for _ in metric.labels]
        if metric.labels and all(label in metric.known for label in metric.labels):
            for labels in itertools.product(*(metric.known[label] for label in metric.labels)):
                self._child(labels)
        elif not metric.labels:
            self._child(())

    def value(self, *labels: str) -> Value:
        """The counter or gauge with these label values, in the catalogue's order."""
        found = self._children.get(labels) or self._child(labels)
        assert isinstance(found, Value), self.metric
        return found

    def histogram(self, *labels: str) -> Histogram:
        """The histogram with these label values."""
        found = self._children.get(labels) or self._child(labels)
        assert isinstance(found, Histogram), self.metric
        return found

    def share(self, labels: tuple[str, ...], histogram: Histogram) -> None:
        """Show another metric's histogram under these labels too: what is counted once has two names."""
        self._children[labels] = histogram

    def replace(self, values: Mapping[tuple[str, ...], float]) -> None:
        """Have exactly these series, as of a gauge that is read from somewhere; at most :data:`MAX_VALUES`."""
        self._children = {}
        for labels, value in itertools.islice(values.items(), MAX_VALUES):
            made = self._children[labels] = Value()
            made.value = value

    def series(self) -> Iterator[tuple[tuple[str, ...], Child]]:
        """Label values and what is counted under them, in order of the labels."""
        return iter(sorted(self._children.items(), key=lambda item: item[0]))

    def _child(self, labels: tuple[str, ...]) -> Child:
        if len(labels) != len(self.metric.labels):
            raise UsageError(
                f"metric {self.metric.name} has the labels {self.metric.labels}: got {labels!r}"
            )
        bounded = tuple(self._bounded(place, value) for place, value in enumerate(labels))
        found = self._children.get(bounded)
        if found is None:
            is_histogram = self.metric.kind == "histogram"
            found = Histogram(self.metric.buckets) if is_histogram else Value()
            self._children[bounded] = found
        return found

    def _bounded(self, place: int, value: str) -> str:
        """The value itself while the label has room for it."""
        seen = self._seen[place]
        if value not in seen:
            if len(seen) >= MAX_VALUES:
                return OTHER
            seen.add(value)
        return value


class Registry:
    """The metrics of one process. ``refresh`` functions are called before each reading, to set what is not counted."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._families = {metric.name: Family(metric) for metric in metrics}
        self._refresh: list[Callable[[], None]] = []

    def __getitem__(self, metric: Metric) -> Family:
        return self._families[metric.name]

    def before_reading(self, refresh: Callable[[], None]) -> None:
        """Call this before each reading."""
        self._refresh.append(refresh)

    def families(self) -> Sequence[Family]:
        """Every family, as of now, by name."""
        for refresh in self._refresh:
            refresh()
        return [self._families[name] for name in sorted(self._families)]
