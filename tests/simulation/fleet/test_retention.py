"""What is kept of cycles that matched, and that it stays within its bounds."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests.simulation.fleet.simulate import settings, simulate

from aos_workflow.shadow.measure import folder_bytes
from aos_workflow.shadow.reports import Segments, spread
from aos_workflow.shadow.schedule import batches, shadow_hash_seed
from aos_workflow.shadow.shelf import Shelf

LINE = b"x" * 99 + b"\n"


def test_segments_stay_within_their_bound(tmp_path: Path) -> None:
    segments = Segments(tmp_path, {}, segment_bytes=1000, newest=4)
    for _ in range(2000):
        segments.append(LINE)
        assert len(list(tmp_path.iterdir())) <= 9
    segments.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[-4:] == [f"cycle_matched_{n:06}.jsonl" for n in range(197, 201)]
    assert names[0] < "cycle_matched_000100"  # some of the first half of the run


def test_segments_go_on_where_counting_ended(tmp_path: Path) -> None:
    segments = Segments(tmp_path, {}, segment_bytes=1000)
    for _ in range(25):
        segments.append(LINE)
    name, size = segments.size
    for _ in range(15):
        segments.append(LINE)  # not counted
    segments.close()
    again = Segments(tmp_path, {name: size}, segment_bytes=1000)
    assert again.size == ("cycle_matched_000003.jsonl", 500)
    assert len(list(tmp_path.iterdir())) == 3
    again.close()


def test_what_is_spread_thins_evenly() -> None:
    kept: list[int] = []
    for number in range(10_000):
        kept = sorted(spread([*kept, number], newest=5, others=20))
        assert len(kept) <= 25
    assert kept[-5:] == list(range(9995, 10_000))
    gaps = {b - a for a, b in itertools.pairwise(kept[:-5])}
    assert len(gaps) == 1


def test_the_shelf(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, newest=3, others=8)
    for number in range(0, 6400, 64):
        shelf.put(number, b"golden")
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) <= 11
    assert {"cycle_6336.steps.jsonl", "cycle_6272.steps.jsonl", "cycle_0.steps.jsonl"} <= names
    again = Shelf(tmp_path, newest=3, others=8)
    again.put(6400, b"golden")
    assert len(list(tmp_path.iterdir())) <= 11


def test_a_folder_grows_no_more_than_its_bound(tmp_path: Path) -> None:
    """Ten thousand cycles with goldens of 2 KB: reports and a few of the goldens, no more."""
    simulate(tmp_path, settings("big", cycles=10_000), workers=2)
    assert len(list((tmp_path / "golden").iterdir())) <= 220
    assert folder_bytes(tmp_path) < 10_000 * 500


def test_batches_are_functions_of_the_number() -> None:
    whole = list(batches(1, 0, 10_000))
    assert [n for batch in whole for n in batch.numbers] == list(range(10_000))
    assert list(batches(1, whole[50].first, 10_000)) == whole[50:]
    seeds = [batch.hash_seed for batch in whole]
    assert len(set(seeds)) == 5
    assert all(0 < seed < 2**32 for seed in seeds)
    assert seeds != [batch.hash_seed for batch in batches(2, 0, 10_000)]
    for batch in whole:
        assert {shadow_hash_seed(1, n) for n in batch.numbers} == {batch.hash_seed}


def test_batches_of_one_size() -> None:
    assert [(b.first, b.end) for b in batches(1, 0, 10, size=4)] == [(0, 4), (4, 8), (8, 10)]
