"""Libraries with generators, clocks and state of their own: ours by name, others by hooks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aos_workflow.doctor import examine, register, registry
from aos_workflow.errors import UsageError

LIBRARY = """
import time
_state = 7
def lucky(): return time.time_ns() % 1000
def clock(): return time.time()
def count():
    global _state
    _state += 1
    return _state
class Dice:
    def __init__(self, seed=None): self.value = time.time_ns() if seed is None else seed
"""
HOOK = """
import thirdparty
def control(instruments):
    instruments.draws(thirdparty, "lucky", lambda rng: rng.randrange(1000))
    instruments.reads_clock(thirdparty, "clock", lambda seconds: seconds)
    instruments.seeds_itself(thirdparty, "Dice")
    instruments.keeps_state("the count of thirdparty", lambda: thirdparty._state, write)
def write(value):
    thirdparty._state = value
def broken(instruments):
    raise RuntimeError("no such version")
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library whose innards the doctor does not know, and a hook for it."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "thirdparty.py").write_text(LIBRARY)
    (site / "thirdparty_hook.py").write_text(HOOK)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setattr(registry, "_registered", {})

    def written(body: str) -> str:
        (tmp_path / "subject.py").write_text(f"import thirdparty\ndef run(seed):\n    {body}\n")
        return f"{tmp_path}/subject.py:run"

    return written


@pytest.mark.parametrize(
    ("body", "label"),
    [
        ("return thirdparty.lucky()", "unseeded-random"),
        ("return thirdparty.Dice().value", "unseeded-random"),
        ("return thirdparty.clock()", "wall-clock"),
        ("return thirdparty.count()", "shared-state"),
    ],
)
def test_a_hook_makes_a_library_known(library, body, label):
    register("thirdparty", "thirdparty_hook:control")
    found = examine(library(body), budget="quick")
    assert [(cause.label, cause.line) for cause in found.causes] == [(label, 3)]
    assert found.causes[0].proven


def test_what_is_seeded_is_left_alone(library):
    register("thirdparty", "thirdparty_hook:control")
    assert examine(library("return thirdparty.Dice(seed).value"), budget="quick").deterministic


def test_a_hook_that_fails_is_said(library):
    register("thirdparty", "thirdparty_hook:broken")
    found = examine(library("return seed"), budget="quick")
    assert any("hook for thirdparty failed" in limit for limit in found.limits)


def test_a_hook_must_be_found_by_other_processes():
    with pytest.raises(UsageError, match="cannot be found again"):
        register("thirdparty", lambda instruments: None)


NUMPY = [
    ("np.random.normal()", "unseeded-random"),
    ("np.random.default_rng().integers(10**6)", "unseeded-random"),
    ("np.random.RandomState().rand()", "unseeded-random"),
    ("np.random.Generator(np.random.PCG64()).random()", "unseeded-random"),
    ("np.random.default_rng(seed).random()", None),
    ("np.random.RandomState(seed).rand()", None),
    ("(np.random.seed(seed), np.random.rand())[1]", None),
    ("np.random.rand() < 0.02", "unseeded-random"),
]


@pytest.mark.parametrize(("expression", "label"), NUMPY)
def test_numpy(tmp_path, expression, label):
    pytest.importorskip("numpy")
    path = tmp_path / "subject.py"
    path.write_text(f"import numpy as np\ndef run(seed):\n    return float({expression})\n")
    found = examine(f"{path}:run", budget="default" if "<" in expression else "quick")
    assert [(cause.label, cause.line) for cause in found.causes] == ([(label, 3)] if label else [])


def test_pandas(tmp_path):
    pytest.importorskip("pandas")
    path = tmp_path / "subject.py"
    path.write_text(
        "import pandas as pd\ndef run(seed):\n    rows = pd.DataFrame({'a': range(30)})\n"
        "    first = int(rows.sample(1)['a'].iloc[0])\n    return [first, str(pd.Timestamp.now())]\n"
    )
    found = examine(f"{path}:run", budget="quick")
    assert [(c.label, c.line) for c in found.causes] == [("unseeded-random", 4), ("wall-clock", 5)]


TORCH = """
_seed = [5]
def manual_seed(value): _seed[0] = value
def seed(): raise AssertionError("real entropy")
def rand():
    _seed[0] = (_seed[0] * 48271) % (2**31 - 1)
    return _seed[0] / 2**31
def get_rng_state(): return list(_seed)
def set_rng_state(state): _seed[:] = state
"""


def test_torch_by_a_stand_in(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "torch.py").write_text(TORCH)
    monkeypatch.setenv("PYTHONPATH", str(site))
    path = tmp_path / "subject.py"
    path.write_text("import torch\ndef run(seed):\n    torch.seed()\n    return torch.rand()\n")
    (cause,) = examine(f"{path}:run", budget="quick").causes
    assert (cause.label, cause.line) == ("unseeded-random", 3)
    path.write_text("import torch\ndef run(seed):\n    return torch.rand()\n")
    (cause,) = examine(f"{path}:run", budget="quick").causes
    assert (cause.label, cause.line) == ("shared-state", 3)


def test_a_generator_that_a_library_keeps_is_one_that_nobody_seeds(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "fakery.py").write_text(
        "import random\n_rng = random.Random()\ndef name(): return _rng.choice('abcdefgh') * 3\n"
        "def seed(n): _rng.seed(n)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    path = tmp_path / "subject.py"
    path.write_text("import fakery\ndef run(seed):\n    return [fakery.name() for _ in 'abcd']\n")
    (cause,) = examine(f"{path}:run", budget="quick").causes
    assert (cause.label, cause.line) == ("unseeded-random", 3)
    path.write_text(
        "import fakery\ndef run(seed):\n    fakery.seed(seed)\n    return fakery.name()\n"
    )
    assert examine(f"{path}:run", budget="quick").deterministic


def test_the_library_alone_is_not_needed():
    code = "import aos_workflow.doctor.registry, sys; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
