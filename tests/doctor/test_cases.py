"""Labelled programs: what the doctor names is what is wrong with them.

``determinism-cases`` is a public sample; ``fixtures`` holds, for each mechanism, programs that have it and programs
that only look so; ``blind`` holds programs that were written before the doctor saw any of them; ``cases`` are harder
ones. A sample runs always, everything with ``-m slow``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.doctor.table import Score, accepted, judge, table

from aos_workflow.doctor import examine

HERE = Path(__file__).parent
SAMPLE = [
    "r_rare_randint", "r_seed_or_none", "r_ok_jitter", "c_minute_zero", "c_ok_elapsed", "u_factory", "e_urandom_rare",
    "h_custom_hash", "h_ok_correlated", "i_exc", "i_ok_identity", "t_append", "t_ok_lock", "a_budget", "a_ok_fifo",
    "f_glob", "v_env_mode", "v_cpu_float", "l_encoding", "x_git", "s_file", "s_ok_cache", "fl_reduce", "vo_dur",
    "two_rand_state", "l_log_record", "l_wrapper", "c_sched", "c_ok_sched", "a_loop_time", "a_ok_loop_time",
    "t_result_limit", "t_get_limit", "t_ok_limit", "s_abc", "s_warned", "s_timer", "l_number",
]  # fmt: skip
PUBLIC = ["904_delivery_slots", "914_dividend_report", "916_toolbox_profile", "919_timed_solver"]


def cases(folder: str, names: list[str]) -> list[object]:
    labels = json.loads((HERE / folder / "labels.json").read_text(encoding="utf-8"))
    return [pytest.param(HERE / folder / f"{n}.py", labels[f"{n}.py"], id=n) for n in names]


@pytest.mark.parametrize(
    ("path", "truth"), [*cases("fixtures", SAMPLE), *cases("determinism-cases", PUBLIC)]
)
def test_what_is_named_is_what_is_wrong(path, truth):
    found = examine(f"{path}:run")
    said = [(cause.label, cause.line) for cause in found.causes]
    assert found.deterministic == truth["deterministic"], said
    for cause in truth["causes"]:
        lines = {cause["line"], *cause.get("alt_lines", ())}
        assert any(label in accepted(cause) and line in lines for label, line in said), said
    assert len(said) <= len(truth["causes"]), said


def figures(score: Score) -> dict[str, float]:
    broken = score.broken or 1
    return {
        "recall": score.detected / broken, "first": score.lenient / broken, "any": score.named / broken,
        "line": score.line / broken, "near": score.near / broken, "precision": score.right / (score.said or 1),
    }  # fmt: skip


BOUNDS = {"recall": 0.97, "first": 0.90, "any": 0.95, "line": 0.88, "near": 0.92, "precision": 0.85}


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["determinism-cases", "fixtures", "blind", "cases"])
def test_the_figures_over_all_cases(folder):
    if not (HERE / folder / "labels.json").exists():
        pytest.skip("there are no such cases")
    score = table(HERE / folder, "default", "", verbose=False)
    assert score.alarms == 0
    found = figures(score)
    assert {name: value for name, value in found.items() if value < BOUNDS[name]} == {}
    assert score.both * 6 >= score.pairs * 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["r_rare", "r_rare_randint", "u_rare", "c_minute_zero", "c_second", "c_leap", "a_budget"],
)
def test_rare_branches_are_found_in_twenty_of_twenty(name):
    verdicts = {
        tuple((c.label, c.line) for c in examine(f"{HERE}/fixtures/{name}.py:run").causes)
        for _ in range(20)
    }
    assert len(verdicts) == 1
    assert verdicts != {()}


def test_a_control_that_names_something_is_an_alarm():
    truth = {"deterministic": True, "causes": []}
    assert judge(truth, None).alarms == 1
