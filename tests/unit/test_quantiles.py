"""Quantiles are those of PostgreSQL's percentile_cont; tests/contract/test_stores.py holds the two together."""

from __future__ import annotations

import statistics

import pytest

from aos_workflow.checkpoint.quantiles import quantile


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([], 0.5, None),
        ([7.0], 0.99, 7.0),
        ([1.0, 3.0], 0.5, 2.0),
        ([1.0, 2.0, 4.0], 0.5, 2.0),
        ([0.0, 10.0], 0.95, 9.5),
        ([0.0, 10.0], 1.0, 10.0),
    ],
)
def test_interpolated(values: list[float], share: float, found: float | None) -> None:
    assert quantile(values, share) == (None if found is None else pytest.approx(found))


def test_as_the_standard_library_has_them() -> None:
    values = sorted((n * 7919) % 1000 / 7 for n in range(500))
    expected = statistics.quantiles(values, n=100, method="inclusive")
    for percent in (50, 95, 99):
        assert quantile(values, percent / 100) == pytest.approx(expected[percent - 1])
