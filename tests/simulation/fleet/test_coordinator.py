"""What a simulation counts, whatever its processes do."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.simulation.fleet.simulate import QUICK, Watcher, numbers, settings, simulate

from aos_workflow.errors import ShadowChangedError, ShadowFolderError, ShadowWorkerError, UsageError
from aos_workflow.shadow.coordinator import Coordinator
from aos_workflow.shadow.fleet import LocalFleet
from aos_workflow.shadow.folder import Folder, is_held
from aos_workflow.shadow.schedule import shadow_hash_seed
from aos_workflow.shadow.side import SideSetup
from aos_workflow.shadow.status import State, read_status


def test_cycles_that_match(tmp_path: Path) -> None:
    watcher = Watcher()
    summary = simulate(tmp_path, settings(cycles=100), workers=2, watcher=watcher)
    assert summary["verdict"] == "PASS"
    assert summary["result"]["cycles"] == summary["result"]["matches"] == 100
    assert numbers(tmp_path)["match"] == list(range(100))
    assert sorted(report.number for report in watcher.reports) == list(range(100))
    status = read_status(tmp_path / "status.json")
    assert status.state is State.DONE
    assert status.cycles == 100
    assert json.loads((tmp_path / "summary.json").read_bytes()) == summary


def test_a_mismatch_is_kept_with_all_that_shows_it_again(tmp_path: Path) -> None:
    summary = simulate(tmp_path, settings("mismatch=7,19", cycles=30))
    assert summary["verdict"] == "FAIL"
    (group,) = summary["result"]["groups"]
    assert (group["workflow"], group["cause"], group["place"]) == ("io", "scripted", "step")
    assert (group["first_cycle"], group["count"]) == (7, 2)
    assert numbers(tmp_path)["mismatch"] == [7, 19]
    folder = tmp_path / "mismatches" / "cycle_7"
    assert {path.name for path in folder.iterdir()} == {
        "report.json",
        "primary.steps.jsonl",
        "shadow.steps.jsonl",
        "reproduce.sh",
    }
    assert os.access(folder / "reproduce.sh", os.X_OK)
    assert summary["run"]["commands"]["7"] == f"aos-workflow shadow reproduce {folder}"


@pytest.mark.parametrize("script", ["leak", "hashes"])
def test_as_many_workers_as_you_like_find_the_same(tmp_path: Path, script: str) -> None:
    asked = settings(script, "mismatch=3,70,300", cycles=400)
    found = [simulate(tmp_path / str(n), asked, workers=n)["result"] for n in (1, 4)]
    assert found[0] == found[1]
    assert numbers(tmp_path / "1") == numbers(tmp_path / "4")


def test_a_difference_by_hash_seed_is_found(tmp_path: Path) -> None:
    simulate(tmp_path, settings("hashes", cycles=500))
    found = numbers(tmp_path)["mismatch"]
    assert found
    assert all(number % 50 == 49 for number in found)


def test_a_cycle_that_kills_its_process_is_given_up_and_the_others_count(tmp_path: Path) -> None:
    watcher = Watcher()
    script = ("kill=5", "exit=20", "fail=21")
    simulate(tmp_path, settings(*script, cycles=40), workers=2, watcher=watcher)
    assert numbers(tmp_path) == {
        "match": [n for n in range(40) if n not in (5, 20, 21)],
        "mismatch": [],
        "error": [5, 20, 21],
    }
    reasons = {report.number: report.message for report in watcher.reports if report.message}
    assert reasons[5] == "primary process: killed by SIGKILL"
    assert "exit code 3" in str(reasons[20])
    assert reasons[21] == "primary: ValueError: scripted"


def test_a_worker_killed_from_outside_costs_nothing(tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()
    watcher = Watcher()
    summary = simulate(tmp_path / "out", settings(f"kill_once={once}", cycles=50), watcher=watcher)
    assert summary["verdict"] == "PASS"
    assert numbers(tmp_path / "out")["match"] == list(range(50))
    assert summary["run"]["lost_batches"] == len(watcher.warnings) == 1


def test_a_cycle_that_hangs_is_given_up(tmp_path: Path) -> None:
    simulate(tmp_path, settings("hang=2", cycles=4), cycle_limit_s=0.5)
    assert numbers(tmp_path) == {"match": [0, 1, 3], "mismatch": [], "error": [2]}


def test_workflows_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no module 'unloadable'"):
        simulate(tmp_path, settings("unloadable", cycles=4))
    assert not (tmp_path / "simulation.json").exists()


def test_code_that_changes_meanwhile_ends_it(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_text("scripted")
    once = tmp_path / "once"  # a lost process is started anew, and reads the code again
    asked = settings(f"code={code}", f"kill_once={once}", cycles=100_000)

    def change() -> None:
        code.write_text("changed")
        once.touch()

    with pytest.raises(ShadowChangedError):
        simulate(tmp_path / "out", asked, watcher=Watcher(change))
    assert read_status(tmp_path / "out" / "status.json").state is State.FAILED


def test_no_such_runner() -> None:
    fleet = LocalFleet(SideSetup(settings().campaign, "no.such:runner"), 1)
    with pytest.raises(UsageError, match="no runner"):
        fleet.start(1)
    fleet.close()


def test_stop_drains(tmp_path: Path) -> None:
    """What runs comes to its end and counts; nothing more begins."""
    asked = settings("slow=0.001")
    folder = Folder(tmp_path)
    folder.take()
    folder.begin(asked)
    fleet = LocalFleet(SideSetup(asked.campaign, asked.runner), 2)
    fleet.start(shadow_hash_seed(1, 0))
    stopped: list[str] = []

    def stop_once() -> None:
        if not stopped:
            stopped.append("SIGTERM")
            coordinator.stop("SIGTERM")

    watcher = Watcher(stop_once)
    coordinator = Coordinator(asked, folder, fleet, observer=watcher, limits=QUICK)
    summary = coordinator.run()
    fleet.close()
    folder.release()
    assert summary.run["ended_by"] == "SIGTERM"
    assert summary.run["state"] == "done"
    found = numbers(tmp_path)["match"]
    assert found == list(range(len(found)))
    assert len(found) == summary.result["cycles"] > 0


def test_hours_end_it(tmp_path: Path) -> None:
    begun = time.monotonic()
    summary = simulate(tmp_path, settings(hours=1 / 3600))
    assert summary["result"]["cycles"] > 0
    assert summary["run"]["elapsed_s"] >= 1.0
    assert time.monotonic() - begun < 10


def test_rounds_begin_at_their_interval(tmp_path: Path) -> None:
    summary = simulate(tmp_path, settings(cycles=6, together=2, interval_s=0.4))
    assert summary["run"]["elapsed_s"] >= 0.8
    assert numbers(tmp_path)["match"] == list(range(6))


def test_resuming_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = simulate(tmp_path / "whole", settings("mismatch=7,77", cycles=100))
    part = simulate(tmp_path / "part", settings("mismatch=7,77", cycles=50))
    assert part["result"]["mismatches"] == 1
    resumed = simulate(tmp_path / "part", settings("mismatch=7,77", cycles=100), resume=True)
    assert resumed["result"] == whole["result"]
    assert numbers(tmp_path / "part") == numbers(tmp_path / "whole")
    assert resumed["run"]["elapsed_s"] > part["run"]["elapsed_s"]


def test_a_folder_that_holds_a_simulation_is_not_begun_again(tmp_path: Path) -> None:
    simulate(tmp_path, settings(cycles=1))
    with pytest.raises(ShadowFolderError, match="already holds"):
        simulate(tmp_path, settings(cycles=1))


def test_no_process_is_left(tmp_path: Path) -> None:
    asked = settings("slow=0.001")
    fleet = LocalFleet(SideSetup(asked.campaign, asked.runner), 2)
    fleet.start(1)
    pids = fleet.pids()
    assert len(pids) == 2
    fleet.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_processes_that_are_killed_again_and_again(tmp_path: Path) -> None:
    """Somebody kills every process as soon as it starts: that is an end, not an endless loop."""
    asked = settings("slow=0.001")
    fleet = LocalFleet(SideSetup(asked.campaign, asked.runner), 1)
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.01):
            for pid in fleet.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    killer = threading.Thread(target=kill)
    folder = Folder(tmp_path)
    folder.take()
    folder.begin(asked)
    fleet.start(shadow_hash_seed(1, 0))
    coordinator = Coordinator(asked, folder, fleet, observer=Watcher(), limits=QUICK)
    killer.start()
    try:
        with pytest.raises(ShadowWorkerError, match="in a row"):
            coordinator.run()
    finally:
        stop.set()
        killer.join()
        fleet.close()
        folder.release()
    assert not is_held(tmp_path)
