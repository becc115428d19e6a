"""The hashes of a fixed corpus: the same on every interpreter, under every hash seed. They are written down here.

A change of one of them is a change of the format. It needs a new format version, or a new version of the shipped rules.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HASH_SEEDS = (0, 1, 2, 42, 4294967295)

CORPUS = r"""
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from uuid import UUID
from aos_workflow.golden import DEFAULT_RULES, Rules, canonicalize, step_hash, workflow_hash

class Color(Enum):
    RED = "red"

@dataclass
class Step:
    name: str
    tags: set
    cost: Decimal

corpus = {
    "plain": {"b": [1, 2.5, -0.0, 1e21, 2**70], "a": None, "t": True, "u": "\u20ac\U0001f600"},
    "sets": {"s": {"delta", "alpha", "charlie", "bravo"}, "f": frozenset({("x", 1), ("y", 2)}), "mixed": {1, "1", 2.5}},
    "types": [Step("x", {"q", "p"}, Decimal("1.50")), Color.RED, UUID(int=7), PurePosixPath("a/b"), b"bytes",
              datetime(2026, 1, 1, tzinfo=timezone.utc), timedelta(seconds=90, milliseconds=5), (1, 2)],
    "volatile": {
        "run_id": "r-1",
        "parent": {"run_id": "r-1"},
        "steps": [{"started_at": "2026-01-01T00:00:00Z", "duration_ms": 1.5, "trace_id": i % 2} for i in range(20)],
    },
}
for name, value in corpus.items():
    print(name, canonicalize(value).hash)
print("sorted", canonicalize({"ids": [{"id": "b"}, {"id": "a"}]}, Rules.of([".ids: sort", ".**.id: alias"])).hash)
print("rules", DEFAULT_RULES.hash)
print("step", step_hash(skill="s", skill_version="1", input_hash="0" * 64, output_hash=None, step_seed=7))
print("workflow", workflow_hash(spec_hash="0" * 64, seed=7, step_hashes=["1" * 64], status="completed"))
"""

EXPECTED = """\
plain 2987861c4d38f7559634634f0b7224e7545c40d446488400948cd1143b4c874a
sets c8693f6b7027557690a052a94938fda031ad46b3bf011bbd8eeac8d3cc22d093
types ba71a39e16b4a2fc5b81d943658c16fc8e8823cab04d3d7a631dc42bfc9b4f06
volatile fc1bf82467d60fec3473b75eb773b63a42df91d1e06cba6eb120435aebb167fe
sorted 798b2359a4c4c59772c6fa6f4fcd6f7354e2f922e3e8ba3320b082f94f7f6d3d
rules b42e66e21af1d3aac71de2f41b560be86cdd50eb7854537538edd0d82437a2d8
step 34728a2854166a3de023b6262db165ca76f467a523b15d42f3161b576593541c
workflow 21eb2e9a5648d1c96b94db469e6b3cda623d55e8dab35b2a90f79f607ac37ab3
"""


def _interpreters() -> list[Path]:
    """Every CPython from 3.11 on that is named in PYTHONS, on PATH, or lies beside this one."""
    named = [Path(name) for name in os.environ.get("PYTHONS", "").split()]
    on_path = [
        Path(folder, f"python3.{minor}")
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        for minor in range(11, 20)
    ]
    beside = sorted(Path(sys.base_prefix).parent.glob("3.*/bin/python3"))
    found: dict[str, Path] = {}
    for path in (Path(sys.executable), *named, *on_path, *beside):
        version = _version(path) if path.exists() else None
        if version is not None:
            found.setdefault(version, path)
    return [found[version] for version in sorted(found)]


def _version(path: Path) -> str | None:
    code = "import sys; assert sys.version_info >= (3, 11); print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _run(python: Path, hash_seed: int) -> str:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONPATH": os.pathsep.join(
            [str(ROOT / "engine" / "src"), os.environ.get("AOS_TEST_SITE", "")]
        ),
    }
    done = subprocess.run(
        [python, "-c", CORPUS], env=environment, capture_output=True, text=True, check=False
    )
    if "No module named" in done.stderr or "'orjson' has no attribute" in done.stderr:
        pytest.skip(
            f"{python.name} has no orjson of today: make test-all-pythons tests it in its own environment"
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("hash_seed", HASH_SEEDS)
def test_the_hashes_are_those_written_down(hash_seed: int) -> None:
    assert _run(Path(sys.executable), hash_seed) == EXPECTED


@pytest.mark.parametrize("python", _interpreters(), ids=lambda path: path.name)
def test_the_hashes_are_the_same_on_every_interpreter(python: Path) -> None:
    assert {_run(python, hash_seed) for hash_seed in HASH_SEEDS} == {EXPECTED}
