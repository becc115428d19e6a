"""The sandbox as its callers see it: copies, limits, policies, warnings, and that nothing is ever run."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import OrderedDict
from typing import Any

import pytest

from aos_workflow.errors import PlanRejectedError, UsageError
from aos_workflow.planner_sandbox import (
    Code,
    Finding,
    Kind,
    PlannerSandbox,
    SandboxPolicy,
    SkillRule,
)

SKILLS = {"work": SkillRule(cost_cents=1), "other": SkillRule(cost_cents=1)}


def sandbox(**policy: Any) -> PlannerSandbox:
    return PlannerSandbox(SandboxPolicy(**{"skills": SKILLS, **policy}))


def plan(**inputs: Any) -> dict[str, Any]:
    return {"steps": [{"step_id": "a", "skill": "work", "inputs": inputs}]}


def codes(given: Any, **policy: Any) -> set[str]:
    return set(sandbox(**policy).validate(given).codes)


# What comes out


def test_without_a_policy_every_plan_is_refused() -> None:
    assert PlannerSandbox().validate(plan()).codes == {Code.SKILL_NOT_FOUND}


def test_the_plan_in_the_verdict_is_a_copy_in_canonical_form() -> None:
    given = plan(b=2.0, a=[1, {"z": "x"}])
    verdict = sandbox().validate(given)
    assert verdict.plan == given
    assert list(verdict.plan["steps"][0]["inputs"]) == ["a", "b"]
    assert type(verdict.plan["steps"][0]["inputs"]["b"]) is int
    given["steps"][0]["inputs"]["a"][1]["z"] = "; rm -rf /"
    assert verdict.plan["steps"][0]["inputs"]["a"][1]["z"] == "x"


@pytest.mark.parametrize("spell", [json.dumps, lambda data: json.dumps(data, indent=2).encode()])
def test_a_plan_may_be_text(spell: Any) -> None:
    assert sandbox().require(spell(plan(x=1))) == plan(x=1)


def test_a_tuple_is_a_list() -> None:
    assert sandbox().require(plan(x=(1, 2))) == plan(x=[1, 2])


def test_a_finding_tells_code_place_and_message() -> None:
    (finding,) = sandbox().validate(plan(urls=["https://a.example", "http://10.0.0.1/"])).findings
    assert finding == Finding(
        Code.ADDRESS_INTERNAL,
        ".steps[0].inputs.urls[1]",
        "'10.0.0.1' is 10.0.0.1, inside 10.0.0.0/8",
    )
    assert finding.to_dict()["code"] == "ADDRESS_INTERNAL"
    assert str(finding).startswith(".steps[0].inputs.urls[1]: ADDRESS_INTERNAL ")


def test_findings_stand_in_the_order_of_the_plan() -> None:
    steps = [
        {"step_id": f"s{index}", "skill": "work", "inputs": {"path": "../x"}} for index in range(12)
    ]
    paths = [finding.path for finding in sandbox().validate({"steps": steps}).findings]
    assert paths == [f".steps[{index}].inputs.path" for index in range(12)]


def test_a_rejection_survives_pickling_and_is_json_data() -> None:
    with pytest.raises(PlanRejectedError) as refused:
        sandbox().require(plan(url="http://127.0.0.1/", path="../x"))
    error = pickle.loads(pickle.dumps(refused.value))
    assert error.codes == {"ADDRESS_INTERNAL", "PATH_TRAVERSAL"}
    assert "2 reasons" in str(error)
    assert json.loads(json.dumps(error.to_dict()))["code"] == "PLAN_REJECTED"


def test_a_message_holds_no_credential_and_nothing_unprintable() -> None:
    token = "ghp_" + "a1B2c3D4e5" * 4
    found = sandbox().validate(
        plan(command=f"curl -H 'x: {token}' ; echo \x1b[2J\u202e", path=f"../{token}")
    )
    assert found.findings
    for finding in found.findings:
        assert token not in finding.message
        assert token[:12] not in finding.message
        assert finding.message.isascii()
        assert finding.message.isprintable()
        assert len(finding.message) < 400


# Nothing runs


def test_nothing_is_executed_imported_resolved_or_opened() -> None:
    """Seen from outside the interpreter's code: by the audit events of a process of its own."""
    program = """
import sys
from tests.plans.corpus import POLICY, cases, plan_of
from aos_workflow.planner_sandbox import PlannerSandbox
sandbox = PlannerSandbox(POLICY)
plans = [plan_of(case) for kind in ("hostile", "good") for case in cases(kind)]
for plan in plans:  # once before, so that what is loaded and compiled once is there
    sandbox.validate(plan)
seen = set()
quiet = ("object.", "marshal.", "sys._getframe", "builtins.id", "code.", "gc.", "sys.unraisable")
sys.addaudithook(lambda event, args: None if event.startswith(quiet) else seen.add((event, repr(args)[:80])))
for plan in plans:
    sandbox.validate(plan)
print(sorted(seen))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"


class Trap(dict[str, Any]):
    """A value that does something when it is looked at."""

    sprung = False

    def _spring(self, *args: Any, **kwargs: Any) -> Any:
        type(self).sprung = True
        raise AssertionError

    __getitem__ = __iter__ = __len__ = get = keys = items = values = _spring
    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = _spring


def test_a_value_with_code_of_its_own_is_refused_untouched() -> None:
    assert Code.PLAN_TYPE in codes(plan(x=Trap()))
    assert Code.PLAN_TYPE in codes(Trap())
    assert not Trap.sprung


@pytest.mark.parametrize(
    "value",
    [OrderedDict(a=1), {1, 2}, b"bytes", 1j, object(), Kind.URL, print],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_data_is_refused(value: Any) -> None:
    assert codes(plan(x=value)) == {Code.PLAN_TYPE}


def test_a_key_that_is_no_text_is_refused() -> None:
    assert codes(plan(x={1: 2})) == {Code.PLAN_TYPE}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused(value: float) -> None:
    assert codes(plan(x=value)) == {Code.PLAN_NUMBER}
    costly = {"steps": [{"step_id": "a", "skill": "work", "cost_cents": value}]}
    assert codes(costly) == {Code.PLAN_NUMBER, Code.COST_INVALID}


def test_a_list_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert codes(plan(x=loop)) == {Code.PLAN_TOO_DEEP}


def test_shared_values_count_each_time() -> None:
    bomb: list[Any] = ["x"]
    for _ in range(20):
        bomb = [bomb] * 10
    assert codes(plan(x=bomb)) == {Code.PLAN_TOO_MANY_VALUES}


# Limits, each at limit - 1, limit and limit + 1


@pytest.mark.parametrize(("over", "found"), [(-1, set()), (0, set()), (1, {Code.PLAN_TOO_LARGE})])
def test_bytes_of_a_text(over: int, found: set[str]) -> None:
    text = json.dumps(plan())
    text += " " * (2000 + over - len(text))
    assert codes(text, max_bytes=2000) == found
    assert codes(text.encode(), max_bytes=2000) == found


def test_bytes_of_data_are_counted_as_utf_8() -> None:
    assert codes(plan(x="é" * 400), max_bytes=1000) == set()
    assert codes(plan(x="é" * 500), max_bytes=1000) == {Code.PLAN_TOO_LARGE}
    assert codes(plan(**{"é" * 250: 1, "ü" * 250: 1}), max_bytes=1000) == {Code.PLAN_TOO_LARGE}


@pytest.mark.parametrize(("over", "found"), [(-1, set()), (0, set()), (1, {Code.PLAN_TOO_LARGE})])
def test_characters_of_one_text(over: int, found: set[str]) -> None:
    assert codes(plan(body="a " * (50 + over)), max_text_chars=100) == found


@pytest.mark.parametrize(("over", "found"), [(-1, set()), (0, set()), (1, {Code.PLAN_TOO_DEEP})])
def test_depth(over: int, found: set[str]) -> None:
    value: Any = []
    for _ in range(5 + over):  # the plan, its steps, the step, its inputs; each list is one more
        value = [value]
    assert codes(plan(x=value), max_depth=10) == found
    assert codes(json.dumps(plan(x=value)), max_depth=10) == found


@pytest.mark.parametrize(
    ("over", "found"), [(-1, set()), (0, set()), (1, {Code.PLAN_TOO_MANY_VALUES})]
)
def test_values(over: int, found: set[str]) -> None:
    others = 7  # plan, steps, step, id, skill, inputs, x
    assert codes(plan(x=[0] * (100 - others + over)), max_values=100) == found


@pytest.mark.parametrize(
    ("over", "found"), [(-1, set()), (0, set()), (1, {Code.PLAN_TOO_MANY_STEPS})]
)
def test_steps(over: int, found: set[str]) -> None:
    steps = [{"step_id": f"s{index}", "skill": "work"} for index in range(5 + over)]
    assert codes({"steps": steps}, max_steps=5) == found


@pytest.mark.parametrize(("over", "found"), [(-1, set()), (0, set()), (1, {Code.STEP_RETRY})])
def test_tries(over: int, found: set[str]) -> None:
    step = {"step_id": "a", "skill": "work", "retry": {"max_attempts": 4 + over}}
    assert codes({"steps": [step]}, max_attempts=4) == found


@pytest.mark.parametrize(
    ("over", "found"), [(-0.01, set()), (0, set()), (0.01, {Code.COST_CEILING})]
)
def test_cost_ceiling(over: float, found: set[str]) -> None:
    steps = [{"step_id": f"s{n}", "skill": "work", "cost_cents": 10} for n in range(9)]
    steps.append({"step_id": "last", "skill": "work", "cost_cents": 10 + over})
    assert codes({"steps": steps}, cost_ceiling_cents=100) == found


@pytest.mark.parametrize(
    ("over", "found"), [(-0.01, set()), (0, set()), (0.01, {Code.COST_STEP_CEILING})]
)
def test_step_ceiling(over: float, found: set[str]) -> None:
    step = {"step_id": "a", "skill": "work", "cost_cents": 10 + over}
    assert codes({"steps": [step]}, step_ceiling_cents=10) == found


def test_without_a_ceiling_a_cost_may_be_unknown() -> None:
    free = {"free": SkillRule()}
    step = {"steps": [{"step_id": "a", "skill": "free"}]}
    assert codes(step, skills=free) == set()
    assert codes(step, skills=free, cost_ceiling_cents=1) == {Code.COST_UNKNOWN}
    assert codes(step, skills=free, step_ceiling_cents=1) == {Code.COST_UNKNOWN}


def test_findings_are_limited_and_the_last_one_says_so() -> None:
    verdict = sandbox(max_findings=10).validate(plan(paths=["../x"] * 100))
    assert len(verdict.findings) == 11
    assert verdict.findings[-1].code == Code.TOO_MANY_FINDINGS


@pytest.mark.parametrize(
    "policy",
    [
        {"max_steps": 0},
        {"max_findings": 0},
        {"max_depth": 101},
        {"cost_ceiling_cents": -1},
        {"step_ceiling_cents": float("nan")},
        {"skills": {"x": SkillRule(cost_cents=-1)}},
        {"blocked_networks": ("10.0.0.1/8",)},
        {"blocked_networks": ("here",)},
    ],
    ids=repr,
)
def test_a_policy_that_cannot_mean_anything_is_a_usage_error(policy: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        SandboxPolicy(**policy)


def test_a_policy_survives_pickling_and_later_changes_of_its_source() -> None:
    skills = dict(SKILLS)
    policy = SandboxPolicy(skills=skills)
    skills["late"] = SkillRule()
    assert "late" not in policy.skills
    assert pickle.loads(pickle.dumps(policy)) == policy


# Policies


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://api.example.com/x", set()),
        ("https://API.EXAMPLE.COM./x", set()),
        ("https://a.b.wild.example/", set()),
        ("https://wild.example/", {Code.HOST_NOT_ALLOWED}),
        ("https://evil.example/", {Code.HOST_NOT_ALLOWED}),
        ("https://api.example.com.evil.example/", {Code.HOST_NOT_ALLOWED}),
        ("https://api.example.com@evil.example/", {Code.HOST_NOT_ALLOWED, Code.URL_USERINFO}),
        ("https://8.8.8.8/", {Code.HOST_NOT_ALLOWED}),
        ("http://vault.internal/", set()),
        ("http://10.0.0.5/", set()),
        ("http://10.0.0.6/", {Code.ADDRESS_INTERNAL}),
        ("http://0x0a000005/", {Code.ADDRESS_INTERNAL, Code.ADDRESS_DISGUISED}),
    ],
)
def test_allowed_hosts(url: str, found: set[str]) -> None:
    hosts = frozenset({"api.example.com", "*.wild.example", "vault.internal", "10.0.0.5"})
    assert codes(plan(url=url), allowed_hosts=hosts) == found


def test_no_allowed_hosts_means_none() -> None:
    assert codes(plan(url="https://a.example/"), allowed_hosts=frozenset()) == {
        Code.HOST_NOT_ALLOWED
    }


def test_blocked_networks_are_the_policy_s() -> None:
    networks = ("8.8.8.0/24", "2606:4700::/32")
    assert codes(plan(url="http://8.8.8.8/"), blocked_networks=networks) == {Code.ADDRESS_INTERNAL}
    assert Code.ADDRESS_INTERNAL in codes(
        plan(url="http://[2606:4700::1]/"), blocked_networks=networks
    )
    assert codes(plan(url="http://10.0.0.1/"), blocked_networks=networks) == set()


def test_allowed_schemes_are_the_policy_s() -> None:
    assert codes(plan(url="s3://bucket/x")) == {Code.URL_SCHEME}
    assert codes(plan(url="s3://bucket/x"), allowed_schemes=frozenset({"s3"})) == set()
    assert codes(plan(url="https://a.example/"), allowed_schemes=frozenset({"s3"})) == {
        Code.URL_SCHEME
    }


def test_allowed_paths_are_roots() -> None:
    roots = ("/srv/data/", "C:\\data")
    for path in ("/srv/data", "/srv/data/x", "C:/data/x", "c.txt"):
        assert codes(plan(path=path), allowed_paths=roots) == set(), path
    for path in ("/srv/database", "/srv", "/", "C:/other", "D:/data"):
        assert codes(plan(path=path), allowed_paths=roots) == {Code.PATH_OUTSIDE}, path
    assert codes(plan(path="/srv/data/../x"), allowed_paths=roots) == {Code.PATH_TRAVERSAL}
    assert codes(plan(path="/etc/passwd"), allowed_paths=("/etc",)) == {Code.PATH_SENSITIVE}


def test_a_declared_input_is_what_the_skill_says() -> None:
    skills = {"work": SkillRule(inputs={"q": Kind.URL, "seed": Kind.DATA, "script": Kind.TEXT})}
    assert codes(plan(q="127.1"), skills=skills) == {Code.ADDRESS_DISGUISED, Code.ADDRESS_INTERNAL}
    assert codes(plan(seed=4), skills=skills) == set()
    assert codes(plan(script="Ann enters; she waits & listens."), skills=skills) == set()
    assert codes(plan(script="Ann enters; she waits & listens.")) == {Code.SHELL_INJECTION}
    assert codes(plan(x={"seed": 4}), skills=skills) == {Code.FIELD_PROTECTED}


def test_protected_fields_are_the_policy_s() -> None:
    mine = frozenset({"customer_tier"})
    assert codes(plan(customerTier=1), protected_fields=mine) == {Code.FIELD_PROTECTED}
    assert codes(plan(budget=1), protected_fields=mine) == set()


def test_a_forbidden_skill_is_forbidden_even_if_it_is_allowed() -> None:
    assert codes(plan(), forbidden_skills=frozenset({"work"})) == {Code.SKILL_FORBIDDEN}
    assert codes(plan(), forbidden_skills=frozenset({"wo*"})) == {Code.SKILL_FORBIDDEN}
    assert codes(plan(), forbidden_skills=frozenset({"other*"})) == set()


def test_reference_roots_are_the_policy_s() -> None:
    assert codes(plan(x="${inputs.day}")) == set()
    assert codes(plan(x="${env.day}")) == {Code.REFERENCE_MISSING}
    assert codes(plan(x="${env.day}"), reference_roots=frozenset({"env"})) == set()


# Warnings


def test_a_warning_refuses_nothing() -> None:
    verdict = sandbox().validate({**plan(url="${inputs.url}"), "note": "mine"})
    assert verdict.ok
    assert verdict.errors == ()
    assert [(finding.code, finding.path) for finding in verdict.warnings] == [
        (Code.FIELD_UNKNOWN, ".note"),
        (Code.VALUE_DYNAMIC, ".steps[0].inputs.url"),
    ]
    assert sandbox().require(plan(url="${inputs.url}")) == plan(url="${inputs.url}")


def test_a_rejection_tells_warnings_from_reasons() -> None:
    with pytest.raises(PlanRejectedError) as refused:
        sandbox().require({**plan(path="../x"), "note": "mine"})
    assert [each["severity"] for each in refused.value.findings] == ["warning", "error"]
    assert refused.value.codes == {"PATH_TRAVERSAL"}
    assert "FIELD_UNKNOWN" not in str(refused.value)


# Inputs at run time


def test_resolved_inputs_are_judged_like_a_plan_s() -> None:
    found = sandbox().validate_inputs("work", {"url": "http://127.0.0.1/", "path": "../x"})
    assert [(each.code, each.path) for each in found] == [
        (Code.PATH_TRAVERSAL, ".inputs.path"),
        (Code.ADDRESS_INTERNAL, ".inputs.url"),
    ]
    assert sandbox().validate_inputs("work", {"url": "https://a.example/", "n": [1]}) == ()


def test_resolved_inputs_hold_no_references() -> None:
    found = sandbox().validate_inputs(
        "work", {"message": "costs ${a.b}", "command": "echo ${HOME}"}
    )
    assert [each.code for each in found] == [Code.SHELL_INJECTION]


@pytest.mark.parametrize("inputs", [None, [], "x", {"x": object()}, {"x": "a" * 300_000}])
def test_resolved_inputs_that_are_none(inputs: Any) -> None:
    assert sandbox().validate_inputs("work", inputs)
