"""The corpora: every hostile plan is refused for exactly its reasons, every good plan passes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.plans.corpus import POLICY, cases, plan_of

from aos_workflow.errors import PlanRejectedError
from aos_workflow.golden import canonical_json
from aos_workflow.planner_sandbox import Code, PlannerSandbox

HOSTILE, GOOD = cases("hostile"), cases("good")
SANDBOX = PlannerSandbox(POLICY)


def named(found: tuple[dict[str, Any], ...]) -> Any:
    return pytest.mark.parametrize(
        "case", [pytest.param(each, id=ascii(each["name"])) for each in found]
    )


@named(HOSTILE)
def test_a_hostile_plan_is_refused_for_all_its_reasons(case: dict[str, Any]) -> None:
    verdict = SANDBOX.validate(plan_of(case))
    assert sorted(verdict.codes) == case["codes"]
    assert not verdict.ok
    assert verdict.plan is None


@named(GOOD)
def test_a_good_plan_passes(case: dict[str, Any]) -> None:
    plan = plan_of(case)
    verdict = SANDBOX.validate(plan)
    assert [str(finding) for finding in verdict.errors] == []
    data = json.loads(plan) if isinstance(plan, str) else plan
    assert canonical_json(verdict.plan).text == canonical_json(data).text


@named(tuple(case for case in HOSTILE if "text" not in case))
def test_text_and_data_are_judged_alike(case: dict[str, Any]) -> None:
    plan = plan_of(case)
    from_text = SANDBOX.validate(json.dumps(plan))
    if from_text.codes & {Code.PLAN_TOO_DEEP}:  # then nothing else is read, with a place or without
        assert Code.PLAN_TOO_DEEP in SANDBOX.validate(plan).codes
    elif Code.PLAN_TEXT not in from_text.codes:
        assert from_text == SANDBOX.validate(plan)


def test_the_corpora_are_large_and_their_names_differ() -> None:
    assert len(HOSTILE) >= 800
    assert len(GOOD) >= 300
    for found in (HOSTILE, GOOD):
        assert len({case["name"] for case in found}) == len(found)


def test_every_code_that_a_plan_alone_can_cause_occurs() -> None:
    elsewhere = {
        # in test_planner_sandbox: these need other limits, Python values, or refuse nothing
        *(Code.PLAN_TYPE, Code.PLAN_TOO_LARGE, Code.PLAN_TOO_MANY_VALUES, Code.TOO_MANY_FINDINGS),
        *(Code.FIELD_UNKNOWN, Code.HOST_NOT_ALLOWED, Code.VALUE_DYNAMIC),
    }
    occurring = {code for case in HOSTILE for code in case["codes"]}
    assert occurring | elsewhere == set(Code)


def test_a_refusal_lists_every_reason_at_once() -> None:
    (case,) = (case for case in HOSTILE if case["name"] == "combined: everything")
    with pytest.raises(PlanRejectedError) as refused:
        SANDBOX.require(plan_of(case))
    error = refused.value
    assert sorted(error.codes) == case["codes"]
    assert len(case["codes"]) >= 13
    text = str(error)
    for finding in error.findings:
        if finding["severity"] == "error":
            assert f"{finding['path']}: {finding['code']}: {finding['message']}" in text
