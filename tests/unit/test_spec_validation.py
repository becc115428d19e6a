"""Every problem of a document, all at once, each with its code and place."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aos_workflow.errors import RunInputsError, SpecError, SpecProblem
from aos_workflow.spec import (
    StepSpec,
    WorkflowSpec,
    check_inputs,
    find_problems,
    parse_spec,
    spec_from_data,
)
from aos_workflow.spec.limits import (
    MAX_ATTEMPTS,
    MAX_BYTES,
    MAX_CENTS,
    MAX_DEPTH,
    MAX_DESCRIPTION,
    MAX_DURATION_S,
    MAX_PARALLEL,
    MAX_PROBLEMS,
    MAX_STEPS,
    MAX_VALUES,
)

# The machine may be busy.
at_any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SKILLS = {"read_logs": ["1", "2"], "search": []}


def step(step_id: str = "a", **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "skill": "read_logs", **fields}


def workflow(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"workflow_id": "w", "steps": list(steps) or [step()], **fields}


def found(document: Any) -> list[tuple[str, str]]:
    return [(item.place, item.code) for item in find_problems(document, known_skills=SKILLS)]


def nested(depth: int) -> Any:
    """A value of so many levels."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


# good specs


@pytest.mark.parametrize(
    "document",
    [
        workflow(),
        workflow(version=3),
        workflow(version="1.10.0-rc.1+build"),
        workflow(step(depends_on=[]), step("b", depends_on=["a"]), step("c-1_X", depends_on=["b", "a"])),
        workflow(step("b", inputs={"x": "${a.x}"}), step()),
        workflow(step(skill="search", skill_version="99")),
        workflow(step(skill_version=2)),
        workflow(step(timeout_s=0.5, cost_cents=0.25, max_cents=0.25), budget_cents=0.25),
        workflow(step(retry={"max_attempts": 3, "backoff_s": 0, "jitter": 0})),
        workflow(step(when="${inputs.go}"), outputs={"x": "${a?}"}),
        workflow(step(inputs={"t": "${inputs.t.host}"}), inputs={"t": {"type": "object"}}),
        workflow(inputs={}),
        workflow(inputs={"a": "string", "b": {"type": "array", "items": "integer"}}),
        workflow(inputs={"a": {"enum": [1, "x", None], "default": "x"}}),
        workflow(inputs={"a": str, "b": dict, "c": Any}),
        workflow(step(inputs={"literal": "$${a}", "$aos.key": 1})),
        workflow(step(inputs={"deep": nested(MAX_DEPTH - 5)})),
        workflow(*[step(f"s{n}") for n in range(MAX_STEPS)]),
    ],
)  # fmt: skip
def test_good(document: dict[str, Any]) -> None:
    if "str" not in str(document.get("inputs")):
        assert found(document) == []
    spec = spec_from_data(document) if found(document) == [] else WorkflowSpec(**document)
    assert find_problems(spec, known_skills=SKILLS) == ()


# bad specs: every code


@pytest.mark.parametrize(
    ("document", "place", "code"),
    [
        # shape
        (None, ".", "wrong-type"),
        ([], ".", "wrong-type"),
        ({"steps": [step()]}, ".", "missing-field"),
        (workflow({"skill": "search"}), ".steps[0]", "missing-field"),
        (workflow(stepz=1), ".stepz", "unknown-field"),
        (workflow(step(retry={"max_atempts": 2})), ".steps[0].retry.max_atempts", "unknown-field"),
        (workflow(inputs={"a": {"typ": "string"}}), ".inputs.a.typ", "unknown-field"),
        (workflow(steps={}), ".steps", "wrong-type"),
        (workflow(steps=[]), ".steps", "too-few"),
        (workflow(7), ".steps[0]", "wrong-type"),
        (workflow(step(inputs=[])), ".steps[0].inputs", "wrong-type"),
        (workflow(step(inputs="${a}")), ".steps[0].inputs", "wrong-type"),
        (workflow(step(depends_on="b")), ".steps[0].depends_on", "wrong-type"),
        (workflow(step(when=True)), ".steps[0].when", "wrong-type"),
        (workflow(step(retry=3)), ".steps[0].retry", "wrong-type"),
        (workflow(step(retry=None)), ".steps[0].retry", "wrong-type"),
        (workflow(step(skill_version=1.10)), ".steps[0].skill_version", "wrong-type"),
        (workflow(version=True), ".version", "wrong-type"),
        (workflow(version=""), ".version", "bad-version"),
        (workflow(version=-1), ".version", "bad-version"),
        # numbers
        (workflow(step(cost_cents=-1)), ".steps[0].cost_cents", "negative-cost"),
        (workflow(step(max_cents=-0.01)), ".steps[0].max_cents", "negative-cost"),
        (workflow(budget_cents=-5), ".budget_cents", "negative-cost"),
        (workflow(step(cost_cents=True)), ".steps[0].cost_cents", "wrong-type"),
        (workflow(step(cost_cents="5")), ".steps[0].cost_cents", "wrong-type"),
        (workflow(step(cost_cents=0.00001)), ".steps[0].cost_cents", "out-of-range"),
        (workflow(step(cost_cents=MAX_CENTS + 1)), ".steps[0].cost_cents", "out-of-range"),
        (workflow(step(cost_cents=10**5000)), ".steps[0].cost_cents", "wrong-type"),
        (workflow(step(cost_cents=float("nan"))), ".steps[0].cost_cents", "not-json"),
        (workflow(step(timeout_s=float("inf"))), ".steps[0].timeout_s", "not-json"),
        (workflow(step(timeout_s=0)), ".steps[0].timeout_s", "out-of-range"),
        (workflow(step(timeout_s=MAX_DURATION_S + 1)), ".steps[0].timeout_s", "out-of-range"),
        (workflow(timeout_s=-1), ".timeout_s", "out-of-range"),
        (workflow(max_parallel=0), ".max_parallel", "out-of-range"),
        (workflow(max_parallel=MAX_PARALLEL + 1), ".max_parallel", "out-of-range"),
        (workflow(max_parallel=True), ".max_parallel", "wrong-type"),
        (workflow(max_parallel=2.0), ".max_parallel", "wrong-type"),
        (workflow(step(retry={"max_attempts": 0})), ".steps[0].retry.max_attempts", "out-of-range"),
        (workflow(step(retry={"max_attempts": MAX_ATTEMPTS + 1})), ".steps[0].retry.max_attempts", "out-of-range"),
        (workflow(step(retry={"jitter": 1.01})), ".steps[0].retry.jitter", "out-of-range"),
        (workflow(step(retry={"multiplier": 0.5})), ".steps[0].retry.multiplier", "out-of-range"),
        (workflow(step(retry={"backoff_s": 61})), ".steps[0].retry", "out-of-range"),
        # texts and ids
        ({**workflow(), "workflow_id": "a b"}, ".workflow_id", "bad-id"),
        (workflow(step("1a")), ".steps[0].step_id", "bad-id"),
        (workflow(step("a.b")), ".steps[0].step_id", "bad-id"),
        (workflow(step("a\n")), ".steps[0].step_id", "bad-id"),
        (workflow(step("é")), ".steps[0].step_id", "bad-id"),
        (workflow(step("")), ".steps[0].step_id", "bad-id"),
        (workflow(step("a" * 65)), ".steps[0].step_id", "bad-id"),
        (workflow(inputs={"a b": "string"}), '.inputs["a b"]', "bad-id"),
        (workflow(name="x" * 201), ".name", "too-long"),
        (workflow(description="x" * (MAX_DESCRIPTION + 1)), ".description", "too-long"),
        (workflow(step(idempotency_key="")), ".steps[0].idempotency_key", "too-short"),
        (workflow(*[step(f"s{n}") for n in range(MAX_STEPS + 1)]), ".steps", "too-many"),
        # declared inputs
        (workflow(inputs={"a": "strin"}), ".inputs.a", "bad-value"),
        (workflow(inputs={"a": {"type": "text"}}), ".inputs.a.type", "bad-value"),
        (workflow(inputs={"a": {"type": "string", "default": 1}}), ".inputs.a", "bad-value"),
        (workflow(inputs={"a": {"type": "integer", "enum": [1, True]}}), ".inputs.a", "bad-value"),
        (workflow(inputs={"a": {"enum": [1], "default": True}}), ".inputs.a", "bad-value"),
        (workflow(inputs={"a": {"type": "string", "items": "any"}}), ".inputs.a", "bad-value"),
        (workflow(inputs={"a": 5}), ".inputs.a", "wrong-type"),
        # no JSON data
        (workflow(step(inputs={"x": object()})), ".steps[0].inputs.x", "not-json"),
        (workflow(step(inputs={"x": b""})), ".steps[0].inputs.x", "not-json"),
        (workflow(step(inputs={"x": (1, 2)})), ".steps[0].inputs.x", "not-json"),
        (workflow(step(inputs={"x": {1: 2}})), ".steps[0].inputs.x", "not-json"),
        (workflow(step(inputs={"x": [float("-inf")]})), ".steps[0].inputs.x[0]", "not-json"),
        (workflow(step(inputs={"x": "a\ud800"})), ".steps[0].inputs.x", "not-json"),
        (workflow(step(inputs={"\ud800": 1})), '.steps[0].inputs["\\ud800"]', "not-json"),
        # ids, skills, dependencies
        (workflow(step(), step()), ".steps[1].step_id", "duplicate-id"),
        (workflow(step("inputs")), ".steps[0].step_id", "reserved-id"),
        (workflow(step(skill="serch")), ".steps[0].skill", "unknown-skill"),
        (workflow(step(skill_version="3")), ".steps[0].skill_version", "unknown-skill-version"),
        (workflow(step(depends_on=["b"])), ".steps[0].depends_on[0]", "unknown-dependency"),
        (workflow(step(depends_on=["a"])), ".steps[0].depends_on[0]", "self-dependency"),
        (workflow(step(), step("b", depends_on=["a", "a"])), ".steps[1].depends_on[1]", "duplicate-dependency"),
        # references
        (workflow(step(inputs={"x": ["${b.x}"]})), ".steps[0].inputs.x[0]", "unknown-step"),
        (workflow(step(inputs={"x": "a ${a.x}"})), ".steps[0].inputs.x", "self-reference"),
        (workflow(step(inputs={"x": "${a"})), ".steps[0].inputs.x", "reference-syntax"),
        (workflow(step(inputs={"${b}": 1})), '.steps[0].inputs["${b}"]', "reference-syntax"),
        (workflow(step(when="${b")), ".steps[0].when", "reference-syntax"),
        (workflow(step(when="${b.ok}")), ".steps[0].when", "unknown-step"),
        (workflow(step(when="true")), ".steps[0].when", "bad-when"),
        (workflow(step(when="!${inputs.x}")), ".steps[0].when", "bad-when"),
        (workflow(step(idempotency_key="${b}")), ".steps[0].idempotency_key", "unknown-step"),
        (workflow(outputs={"x": "${b}"}), ".outputs.x", "unknown-step"),
        (workflow(outputs={"x": "${b"}), ".outputs.x", "reference-syntax"),
        (workflow(step(inputs={"x": "${inputs.b}"}), inputs={"a": "any"}), ".steps[0].inputs.x", "unknown-input"),
        (workflow(step(inputs={"x": "${inputs[0]}"}), inputs={}), ".steps[0].inputs.x", "unknown-input"),
        (
            workflow(
                step(inputs={"x": "${inputs.a.z}"}),
                inputs={"a": {"type": "object", "properties": {"y": "any"}}},
            ),
            ".steps[0].inputs.x", "unknown-input",
        ),
        (workflow(step(when="${inputs.x}"), outputs={"x": "${a}"}), ".outputs.x", "may-be-skipped"),
        (
            workflow(step(when="${inputs.x}"), step("b", inputs={"x": "${a}"}), outputs={"x": "${b}"}),
            ".outputs.x", "may-be-skipped",
        ),
        # cycles
        (workflow(step(depends_on=["b"]), step("b", depends_on=["a"])), ".steps[0].depends_on[0]", "cycle"),
        (workflow(step(inputs={"x": "${b}"}), step("b", when="${a}")), ".steps[0].inputs.x", "cycle"),
        # money
        (workflow(step(cost_cents=2, max_cents=1)), ".steps[0].cost_cents", "cost-above-max"),
    ],
)  # fmt: skip
def test_bad(document: Any, place: str, code: str) -> None:
    assert found(document) == [(place, code)]
    with pytest.raises(SpecError) as caught:
        spec_from_data(document, known_skills=SKILLS)
    assert f"{place}: {code}: " in str(caught.value)
    assert caught.value.code == "SPEC_INVALID"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (workflow(step(skil="x")), 'there is no field "skil"; did you mean "skill"?'),
        (workflow(step(needs=[])), 'did you mean "depends_on"?'),
        (workflow(step(**{"if": "x"})), 'did you mean "when"?'),
        (workflow(step(skill="serch")), 'there is no skill "serch"; did you mean "search"?'),
        (workflow(step("logs"), step(depends_on=["log"])), 'did you mean "logs"?'),
        (workflow(step("logs"), step(inputs={"x": "${lgs.x}"})), 'did you mean "logs"?'),
        (workflow(step(skill_version=1.10)), "put it in quotes (1.10 would become 1.1)"),
        (workflow(step(cost_cents=-1)), "expected 0 or more, got -1"),
        (workflow(max_parallel=5000), "expected 1,000 or less, got 5000"),
        (workflow(step(timeout_s=0)), "expected above 0, got 0"),
        (workflow(name=None, workflow_id=None), "got null; give a value, or leave the field out"),
        (
            workflow(step("x", depends_on=["z"]), step("y", depends_on=["x"]), step("z", inputs={"i": "${y}"})),
            "x -> z -> y -> x (each waits for the next)",
        ),
        (workflow(step(inputs={"x": "a ${b"})), "column 6 of the text: expected"),
    ],
)  # fmt: skip
def test_the_message_says_what_to_do(document: Any, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_from_data(document, known_skills=SKILLS)
    assert said in str(caught.value)


def test_a_secret_in_the_wrong_field_is_not_shown() -> None:
    secret = "sk-ant-api03-" + "x8Kq2Lw9" * 8
    problems = find_problems(workflow(step(secret, skill=secret, timeout_s=secret), version=secret))
    assert len(problems) == 4
    assert "x8Kq2Lw9" not in str(problems)


# several at once


def test_all_problems_are_found_together_in_the_order_of_their_places() -> None:
    document = workflow(
        step("a", cost_cents=-1, depends_on=["b"], inputs={"x": "${gone}"}, typo=1),
        step("b", depends_on=["a"], skill="nope"),
        step("b"),
        *[step(f"s{n}") for n in range(7)],
        step("s10", timeout_s="soon"),
        budget_cents=True,
        outputs={"x": "${also_gone}"},
    )
    assert found(document) == [
        (".budget_cents", "wrong-type"),
        (".outputs.x", "unknown-step"),
        (".steps[0].cost_cents", "negative-cost"),
        (".steps[0].depends_on[0]", "cycle"),
        (".steps[0].inputs.x", "unknown-step"),
        (".steps[0].typo", "unknown-field"),
        (".steps[1].skill", "unknown-skill"),
        (".steps[2].step_id", "duplicate-id"),
        (".steps[10].timeout_s", "wrong-type"),
    ]
    with pytest.raises(SpecError) as caught:
        spec_from_data(document, known_skills=SKILLS, file="w.py")
    text = str(caught.value)
    assert text.startswith("w.py: 9 problems\n  w.py:.budget_cents: wrong-type: ")
    assert len(text.splitlines()) == 10


def test_every_cycle_is_reported() -> None:
    problems = find_problems(
        workflow(
            step("a", depends_on=["b"]), step("b", depends_on=["a"]),
            step("c", depends_on=["d"]), step("d", depends_on=["e"]), step("e", depends_on=["c"]),
        )
    )  # fmt: skip
    assert [problem.place for problem in problems] == [
        ".steps[0].depends_on[0]",
        ".steps[2].depends_on[0]",
    ]


def test_the_number_of_listed_problems_is_limited() -> None:
    document = workflow(*[step(cost_cents=-1, depends_on=["gone"]) for _ in range(MAX_STEPS)])
    problems = find_problems(document)
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].code == "too-many-problems"


def test_warnings_never_push_out_an_error() -> None:
    steps = [step(f"s{n}", when="${inputs.x}", cost_cents=2) for n in range(MAX_STEPS - 1)]
    document = workflow(*steps, step("z", cost_cents=2, max_cents=1), budget_cents=1)
    with pytest.raises(SpecError):
        spec_from_data(document)


# warnings


@pytest.mark.parametrize(
    ("document", "places"),
    [
        (workflow(step(cost_cents=5), step("b", cost_cents=5), budget_cents=10), []),
        (workflow(step(cost_cents=5), step("b", cost_cents=5.0001), budget_cents=10), [".budget_cents"]),
        (workflow(*[step(f"s{n}", cost_cents=0.1) for n in range(3)], budget_cents=0.3), []),
        (workflow(step(cost_cents=5), step("b", cost_cents=6, when="${a}"), budget_cents=10), []),
        (workflow(step(), step("b", cost_cents=11, when="${a}"), budget_cents=10), [".steps[1].cost_cents"]),
    ],
)  # fmt: skip
def test_costs_above_the_budget_are_a_warning(document: Any, places: list[str]) -> None:
    problems = find_problems(document)
    assert [(item.place, item.code, item.severity) for item in problems] == [
        (place, "above-budget", "warning") for place in places
    ]
    spec = spec_from_data(document)
    assert find_problems(spec) == problems


def test_a_warning_is_listed_beside_an_error() -> None:
    with pytest.raises(SpecError) as caught:
        spec_from_data(workflow(step(cost_cents=5), budget_cents=1, typo=1))
    assert [item.severity for item in caught.value.problems] == ["warning", "error"]
    assert ".budget_cents: warning above-budget: " in str(caught.value)


# limits on the document as a whole


def shared(levels: int) -> Any:
    """A dozen of small lists that stand for 2 ** levels values."""
    value: Any = 0
    for _ in range(levels):
        value = [value, value]
    return value


def circular() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (nested(MAX_DEPTH - 3), "too-deep"),
        (nested(100_000), "too-deep"),
        (circular(), "too-deep"),
        (shared(20), "too-large"),
        ([0] * MAX_VALUES, "too-large"),
        ("x" * MAX_BYTES, "too-large"),
        ({"x" * MAX_BYTES: 1}, "too-large"),
    ],
)
def test_what_is_too_large_is_not_looked_at(value: Any, code: str) -> None:
    assert [problem for _, problem in found(workflow(step("bad id", inputs={"x": value})))] == [
        code
    ]


def test_depth_at_the_limit() -> None:
    assert found(workflow(step(inputs={"x": nested(MAX_DEPTH - 4)}))) == []


# constructors


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: StepSpec(step_id="1", skill="k"), "pattern"),
        (lambda: StepSpec(step_id="a", skill="k", cost_cents=-1), "greater than or equal"),
        (lambda: WorkflowSpec(**workflow(step(depends_on=["b"]))), "unknown-dependency"),
        (lambda: WorkflowSpec(**workflow(step(), step())), "duplicate-id"),
    ],
)
def test_a_wrong_spec_cannot_be_constructed(build: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build()


def test_the_error_survives_pickling_and_is_json_data() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec('{"workflow_id": "w"}', "json", file="w.json")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.problems == (
        SpecProblem(".", 1, 1, "missing-field", 'the field "steps" is missing'),
    )
    assert str(copy) == str(caught.value)
    assert copy.to_dict()["problems"][0]["line"] == 1


# inputs of a run


def declared(**inputs: Any) -> WorkflowSpec:
    return spec_from_data(workflow(inputs=inputs))


DECLARED = declared(
    host="string",
    port={"type": "integer", "default": 80},
    tags={"type": "array", "items": "string", "required": False},
    limits={"type": "object", "properties": {"cpu": "number", "note": {"default": "-"}}, "required": False},
    mode={"enum": ["a", 1], "default": "a"},
    extra={"nullable": True, "type": "object"},
)  # fmt: skip


def test_inputs_are_filled_in_as_declared() -> None:
    given_inputs = {"host": "h", "extra": None, "limits": {"cpu": 1}}
    assert check_inputs(DECLARED, given_inputs) == {
        "host": "h", "extra": None, "limits": {"cpu": 1, "note": "-"},
        "port": 80, "tags": None, "mode": "a",
    }  # fmt: skip
    assert given_inputs["limits"] == {"cpu": 1}


def test_all_problems_of_inputs_are_found_together_and_no_value_is_shown() -> None:
    secret = "hunter2-hunter2"
    with pytest.raises(RunInputsError) as caught:
        check_inputs(
            DECLARED,
            {
                "prt": 1, "port": True, "tags": [secret, 1.5], "mode": True,
                "limits": {"cpu": secret, "gpu": 1},
            },
        )  # fmt: skip
    problems = [(item.place, item.code) for item in caught.value.problems]
    assert problems == [
        (".", "missing-input"),
        (".", "missing-input"),
        (".limits.cpu", "wrong-type"),
        (".limits.gpu", "unknown-input"),
        (".mode", "bad-value"),
        (".port", "wrong-type"),
        (".prt", "unknown-input"),
        (".tags[1]", "wrong-type"),
    ]
    assert '"prt" is not declared; did you mean "port"?' in str(caught.value)
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("any", [None, 1, "x", [], {}], []),
        ("string", ["", "x"], [None, 1, True, []]),
        ("integer", [0, -5, 2**80], [None, 1.0, True, "1"]),
        ("number", [0, 1.5], [None, True, "1", float("nan"), float("inf")]),
        ("boolean", [True, False], [None, 0, 1, "true"]),
        ("object", [{}, {"a": 1}], [None, [], "{}"]),
        ("array", [[], [1]], [None, {}, "[]", (1,)]),
    ],
)
def test_kinds(kind: str, good: list[Any], bad: list[Any]) -> None:
    spec = declared(x=kind)
    for value in good:
        assert check_inputs(spec, {"x": value}) == {"x": value}
    for value in bad:
        with pytest.raises(RunInputsError):
            check_inputs(spec, {"x": value})


def test_without_a_declaration_anything_goes_and_with_an_empty_one_nothing() -> None:
    assert check_inputs(spec_from_data(workflow()), {"a": object}) == {"a": object}
    with pytest.raises(RunInputsError):
        check_inputs(declared(), {"a": 1})


# any document


loose = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["a", "b", "${a}", "${b.x}", "${inputs.x}", "${"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.text(max_size=4)
        | st.sampled_from(["workflow_id", "steps", "step_id", "skill", "inputs", "depends_on",
                           "retry", "when", "cost_cents", "outputs", "type", "properties"]),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@at_any_speed
@given(loose)
def test_any_document_is_a_spec_or_has_problems_with_places(document: Any) -> None:
    problems = find_problems(document)
    assert all(problem.place and problem.code and problem.message for problem in problems)
    if any(problem.severity == "error" for problem in problems):
        with pytest.raises(SpecError) as caught:
            spec_from_data(document)
        assert caught.value.problems == problems
    else:
        assert find_problems(spec_from_data(document)) == problems


@at_any_speed
@given(st.dictionaries(st.sampled_from(["step_id", "skill", "inputs", "depends_on", "when", "retry",
                                        "timeout_s", "cost_cents", "max_cents"]), loose))  # fmt: skip
def test_any_step_is_good_or_has_problems_below_it(fields: dict[str, Any]) -> None:
    for problem in find_problems(workflow(step() | fields)):
        assert problem.place.startswith((".steps[0]", ".budget"))
