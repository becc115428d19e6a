"""A crash after any step, in any file, loses no finding and counts nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from tests.simulation.fleet.simulate import numbers, settings

from aos_workflow.errors import ShadowFolderError
from aos_workflow.shadow import findings, ledger
from aos_workflow.shadow.folder import Folder
from aos_workflow.shadow.journal import Journal
from aos_workflow.shadow.ledger import Ledger
from aos_workflow.shadow.pair import Done
from aos_workflow.shadow.records import CycleReport, Verdict
from aos_workflow.shadow.schedule import Batch
from aos_workflow.shadow.tally import Tally, entry_of

CASE = {"report.json": "{}", "reproduce.sh": "exit 1\n"}


def folder_at(path: Path) -> Folder:
    folder = Folder(path)
    folder.take()
    folder.begin(settings())
    folder.release()
    return folder


def report(number: int, verdict: Verdict = Verdict.MATCH) -> CycleReport:
    return CycleReport(
        number, number * 7, "w", verdict, f"p{number}", "s", 1, cause="c", message="m" * 50
    )


def done(first: int, end: int, *mismatches: int) -> Done:
    answers = []
    for number in range(first, end):
        found = Verdict.MISMATCH if number in mismatches else Verdict.MATCH
        answer: dict[str, object] = {"report": report(number, found)}
        if number in mismatches:
            answer["case"] = CASE
        elif number % 4 == 0:
            answer["golden"] = "{}\n"
        answers.append(orjson.dumps(answer))
    return Done(Batch(first, end, 1), tuple(answers), "code")


BATCHES = (done(0, 8, 3), done(8, 16), done(16, 24, 17, 18))


def count(opened: Ledger, *batches: Done) -> None:
    _, steps = opened.prepare(batches, 1.0)
    for step in steps:
        step()


def test_what_was_counted_is_there_again(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    opened = Ledger(folder)
    count(opened, BATCHES[0])
    count(opened, *BATCHES[1:])
    before = opened.tally.to_json()
    opened.close()
    again = Ledger(folder)
    assert again.tally.to_json() == before
    assert again.tally.done_below == 24
    again.close()


@pytest.mark.parametrize("crash_after", range(10))
def test_a_crash_after_any_step(tmp_path: Path, crash_after: int) -> None:
    folder = folder_at(tmp_path)
    opened = Ledger(folder)
    count(opened, BATCHES[0])
    _, steps = opened.prepare(BATCHES[1:], 2.0)
    assert len(steps) == 9  # two findings, four goldens, reports, journal, compaction
    for step in steps[:crash_after]:
        step()
    # no close: the process is gone
    again = Ledger(folder)
    counted = again.tally.done_below
    assert counted == (24 if crash_after >= len(steps) - 1 else 8)
    if counted == 8:
        count(again, *BATCHES[1:])
    again.close()
    assert again.tally.to_json() | {"elapsed_s": 0} == _clean(tmp_path / "clean") | {"elapsed_s": 0}
    assert numbers(tmp_path) == {
        "match": [n for n in range(24) if n not in (3, 17, 18)],
        "mismatch": [3, 17, 18],
        "error": [],
    }
    assert sorted(p.name for p in folder.mismatches.iterdir()) == [
        "cycle_17",
        "cycle_18",
        "cycle_3",
    ]


def _clean(path: Path) -> dict[str, object]:
    opened = Ledger(folder_at(path))
    count(opened, BATCHES[0])
    count(opened, *BATCHES[1:])
    opened.close()
    return opened.tally.to_json()


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_was_cut_short_is_not_there(tmp_path: Path, cut: int) -> None:
    folder = folder_at(tmp_path)
    opened = Ledger(folder)
    count(opened, BATCHES[0])
    count(opened, BATCHES[1])
    opened.close()
    data = folder.journal.read_bytes()
    folder.journal.write_bytes(data[:-cut])
    again = Ledger(folder)
    assert again.tally.done_below == 8
    count(again, BATCHES[1])
    assert again.tally.cycles == 16
    again.close()
    assert numbers(tmp_path)["match"] == [n for n in range(16) if n != 3]


def test_a_journal_that_is_damaged_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    opened = Ledger(folder)
    for batch in BATCHES:
        count(opened, batch)
    opened.close()
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    folder.journal.write_bytes(lines[0] + b"{broken\n" + lines[2])
    with pytest.raises(ShadowFolderError, match=r"journal\.jsonl:2: damaged"):
        Ledger(folder)


def test_a_mismatch_in_the_middle_of_being_written(tmp_path: Path) -> None:
    """The process was killed with half of the folder written."""
    folder = folder_at(tmp_path)
    half = folder.mismatches / ".cycle_3.aos-tmp"
    half.mkdir()
    (half / "report.json").write_text('{"half')
    opened = Ledger(folder)
    assert not half.exists()
    count(opened, BATCHES[0])
    opened.close()
    assert (folder.mismatches / "cycle_3" / "report.json").read_text() == "{}"


def test_what_a_killed_process_was_writing_is_removed_by_the_next(tmp_path: Path) -> None:
    """Killed between the file and its name: the file is whole, and what is in it is not counted."""
    folder = folder_at(tmp_path)
    places = [folder.path, folder.reports, folder.mismatches, folder.golden]
    left = [place / ".cycle_3.json.0123456789ab.aos-tmp" for place in places]
    for path in left:
        path.write_text("{}")
    folder.take()
    try:
        assert not any(path.exists() for path in left)
    finally:
        folder.release()


def test_many_of_the_same_are_a_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "KEPT_WHOLE", 5)
    folder = folder_at(tmp_path)
    opened = Ledger(folder)
    count(opened, done(8, 16, *range(8, 16)))
    count(opened, done(0, 8, *range(8)))  # came later, and holds the first of all
    opened.close()
    kept = sorted(int(p.name.split("_")[1]) for p in folder.mismatches.iterdir())
    assert kept == [0, 8, 9, 10, 11, 12]
    assert numbers(tmp_path)["mismatch"] == list(range(16))
    lines = (folder.reports / findings.MORE).read_text().splitlines()
    assert len(lines) + len(kept) == 16
    (group,) = opened.tally.groups()
    assert (group.count, group.number) == (16, 0)


def test_the_journal_stays_short(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", max_lines=10)
    for number in range(0, 1000, 10):
        reports = [report(n, Verdict.MISMATCH if n == 500 else Verdict.MATCH) for n in range(10)]
        journal.append([entry_of(number, number + 10, reports)], 1.0)
        journal.compact()
        assert (tmp_path / "journal").read_bytes().count(b"\n") <= 11
    journal.close()
    again = Journal(tmp_path / "journal")
    assert again.tally.to_json() == journal.tally.to_json()
    assert again.tally.cycles == 1000
    again.close()


def test_the_order_of_batches_makes_no_difference() -> None:
    entries = [
        entry_of(
            n,
            n + 8,
            [report(m, Verdict.MISMATCH if m % 5 == 0 else Verdict.MATCH) for m in range(n, n + 8)],
        )
        for n in range(0, 64, 8)
    ]
    one, other = Tally(), Tally()
    for entry in entries:
        one.add(entry)
    for entry in reversed(entries):
        other.add(entry)
    assert one.to_json() == other.to_json()
    assert one.done_below == 64
    assert json.loads(json.dumps(one.to_json())) == Tally.from_json(one.to_json()).to_json() | {
        "done_beyond": []
    }
