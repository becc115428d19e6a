"""The smallest set of sites that must be frozen."""

from __future__ import annotations

import pytest

from aos_workflow.doctor.bisect import MAX_ALONE, smallest


def trial(needed: set[int], harmless_alone: frozenset[int] = frozenset(), together: bool = False):
    """Tests in which ``needed`` must be frozen; with ``together`` they only show when all are let go."""

    def frozen(sets):
        return [bool(needed & set(s)) if together else needed <= set(s) for s in sets]

    def alone(sites):
        return [not together and (s in needed or s in harmless_alone) for s in sites]

    return frozen, alone


@pytest.mark.parametrize("size", [1, 2, MAX_ALONE - 1, MAX_ALONE, MAX_ALONE + 1, 100])
@pytest.mark.parametrize("needed", [{0}, {0, "last"}])
def test_exactly_the_needed_sites_are_found(size, needed):
    wanted = {size - 1 if n == "last" else n for n in needed}
    found = smallest(list(range(size)), *trial(wanted))
    assert set(found.sites) == wanted
    assert found.enough


def test_a_site_that_only_matters_alone_is_dropped():
    """Two reads of one set agree with each other: each differs alone, none has to be frozen."""
    found = smallest([1, 2, 3], *trial({3}, frozenset({1, 2})))
    assert found.sites == (3,)


def test_sites_that_only_matter_together_are_found_by_halving():
    found = smallest(list(range(20)), *trial({4, 11}, together=True))
    assert found.enough
    assert set(found.sites) <= {4, 11}
    assert found.alone == ()


def test_freezing_everything_may_not_be_enough():
    found = smallest(
        [1, 2], lambda sets: [False for _ in sets], lambda sites: [s == 1 for s in sites]
    )
    assert not found.enough
    assert found.sites == (1,)


def test_no_sites_need_no_test():
    assert smallest([], lambda sets: [True for _ in sets], lambda sites: []).sites == ()
