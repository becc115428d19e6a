"""A simulation on a Ray cluster: a real one, of this machine."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest
from tests.simulation.fleet.command import ROOT, children, cycles, kill, run, start, wait_for
from tests.simulation.fleet.simulate import numbers

pytest.importorskip("ray")

# Workers of Ray look for our tests where the command was started.
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
SCRIPT = ("leak", "mismatch=7,30,222,299", "exit=41")


def result(folder: Path) -> object:
    return json.loads((folder / "summary.json").read_bytes())["result"]


def test_ray_finds_what_one_process_finds(tmp_path: Path) -> None:
    local = run("run", "--cycles", 300, "--workers", 1, "--out", tmp_path / "1", script=SCRIPT)
    assert local.returncode == 1
    found = run(
        *("run", "--cycles", 300, "--workers", 2, "--out", tmp_path / "ray", "--fleet", "ray"),
        script=SCRIPT,
        env=ENVIRONMENT,
    )
    assert found.returncode == 1, found.stderr
    assert result(tmp_path / "ray") == result(tmp_path / "1")
    assert numbers(tmp_path / "ray") == numbers(tmp_path / "1")
    assert "300 cycles, 4 mismatches, 1 errors" in found.stdout


def test_no_cluster_there(tmp_path: Path) -> None:
    found = run(
        "run", "--quick", "--out", tmp_path, "--fleet", "ray://127.0.0.1:9", env=ENVIRONMENT
    )
    assert found.returncode == 2
    assert "no Ray cluster at ray://127.0.0.1:9" in found.stderr


@pytest.mark.slow
def test_workflows_that_ray_cannot_load(tmp_path: Path) -> None:
    found = run(
        *("run", "--quick", "--out", tmp_path, "--fleet", "ray", "--workers", 1),
        script=("unloadable",),
        env=ENVIRONMENT,
    )
    assert found.returncode == 2
    assert "no module 'unloadable'" in found.stderr


@pytest.mark.slow
def test_workers_that_are_lost(tmp_path: Path) -> None:
    """Actors and what runs below them are killed while it runs; nothing is lost or counted twice."""
    process = start(
        *("run", "--cycles", 3000, "--workers", 2, "--out", tmp_path, "--fleet", "ray"),
        script=("slow=0.001", "mismatch=7,2999"),
        env={**os.environ, **ENVIRONMENT},
    )
    try:
        for counted in (200, 800, 1400):
            wait_for(partial(_counts, tmp_path, counted), 60)
            actors = [pid for pid in children(process.pid) if _is_actor(pid)]
            assert actors
            kill(actors[0])
        assert process.wait(120) == 1
    finally:
        process.terminate()
        process.wait(60)
    found = numbers(tmp_path)
    assert found["mismatch"] == [7, 2999]
    assert found["match"] == [n for n in range(3000) if n not in (7, 2999)]


@pytest.mark.slow
def test_a_node_that_is_lost(tmp_path: Path) -> None:
    """A cluster of two machines becomes one of one; what the lost one ran is run again on the other."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    process = start(
        *("run", "--cycles", 3000, "--workers", 2, "--out", tmp_path, "--fleet", "ray"),
        script=("slow=0.001", "mismatch=2999"),
        env={**os.environ, **ENVIRONMENT, "RAY_ADDRESS": cluster.address},
    )
    try:
        wait_for(partial(_counts, tmp_path, 500), 60)
        cluster.remove_node(second, allow_graceful=False)
        assert process.wait(120) == 1
    finally:
        process.terminate()
        process.wait(60)
        cluster.shutdown()
    found = numbers(tmp_path)
    assert found["mismatch"] == [2999]
    assert found["match"] == list(range(2999))


def _counts(folder: Path, more: int) -> bool:
    return cycles(folder) > more


def _is_actor(pid: int) -> bool:
    try:
        return b"ray::_Worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
