"""Specs from YAML and JSON text: what they mean, where they are wrong, and one hash for all spellings."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aos_workflow.errors import SpecError, UsageError
from aos_workflow.golden import content_hash
from aos_workflow.spec import (
    RetrySpec,
    WorkflowSpec,
    escape,
    load_spec_file,
    parse_spec,
    spec_from_data,
)
from aos_workflow.spec.limits import MAX_BYTES, MAX_DEPTH, MAX_VALUES

# The machine may be busy.
at_any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

HEAD = "workflow_id: w\nsteps:\n- step_id: a\n  skill: k\n"
FULL = """\
# what on-call runs
workflow_id: remediate
version: 3
name: Remediate
description: |
  Reads, plans, restarts.
inputs:
  target: string
  limits: {type: object, properties: {cpu: number}, required: false}
budget_cents: 500
timeout_s: 3600
max_parallel: 4
steps:
- step_id: logs
  skill: ops.read_logs
  inputs: {target: "${inputs.target}", lines: 100}
  retry: &patient {max_attempts: 3, backoff_s: 0.5}
- step_id: search
  skill: search
  inputs:
    query: "why: ${logs.summary}"
  retry: *patient
  max_cents: 20
  cost_cents: 5
- step_id: restart
  skill: restart
  skill_version: "2"
  when: ${search.sure}
  depends_on: [logs]
  idempotency_key: restart-${inputs.target}
outputs:
  restarted: ${restart.ok?}
"""


def problems(text: str | bytes, written_in: Any = "yaml") -> list[tuple[Any, ...]]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, written_in)
    return [(item.line, item.column, item.place, item.code) for item in caught.value.problems]


def test_a_whole_spec() -> None:
    spec = parse_spec(FULL)
    assert (spec.workflow_id, spec.version, spec.max_parallel) == ("remediate", "3", 4)
    assert spec.step("logs").inputs == {"target": "${inputs.target}", "lines": 100}
    assert spec.step("search").retry == RetrySpec(max_attempts=3, backoff_s=0.5)
    assert spec.step("restart").when == "${search.sure}"
    with pytest.raises(KeyError):
        spec.step("gone")


# what YAML means


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-0", 0), ("+5", 5), ("012", 12), ("0o17", 15), ("0xfF", 255), ("1_000", "1_000"),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-1.5E-3", -0.0015),
        ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("n", "n"),
        ("null", None), ("~", None), ("", None), ("Null", None), ("nil", "nil"),
        ("2026-01-01", "2026-01-01"), ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("12:30:45", "12:30:45"), ("1.2.3", "1.2.3"), ("=", "="), ("'1'", "1"), ('"true"', "true"),
        ("!!str 1", "1"), ("! 1", "1"), ("|\n    a\n    b", "a\nb\n"), (">-\n    a\n    b", "a b"),
        ("[1, [a, {b: ~}]]", [1, ["a", {"b": None}]]), ("é😀", "é😀"), ('"\\u00e9"', "é"),
    ],
)  # fmt: skip
def test_yaml_means_what_its_core_schema_says(text: str, value: Any) -> None:
    found = parse_spec(f"{HEAD}  inputs:\n   x: {text}\n").steps[0].inputs["x"]
    assert (type(found), found) == (type(value), value)


def test_an_alias_is_a_copy() -> None:
    spec = parse_spec(HEAD + "  inputs: {x: &x [1, {y: 2}], z: *x, n: &n k, *n : 3}\n")
    assert spec.steps[0].inputs == {"x": [1, {"y": 2}], "z": [1, {"y": 2}], "n": "k", "k": 3}
    assert spec.steps[0].inputs["x"] is not spec.steps[0].inputs["z"]


# where a text is wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, 1, ".", "empty")),
        ("# nothing\n", (1, 1, ".", "empty")),
        ("\ufeff" + HEAD, (1, 1, ".", "encoding")),
        (HEAD.encode() + b"# caf\xe9", (5, 6, ".", "encoding")),
        (HEAD.encode("utf-16"), (1, 1, ".", "encoding")),
        (HEAD + "  inputs: {x: '\x07'}", (5, 16, ".", "encoding")),
        (HEAD + "  inputs: {x: '\ud800'}", (5, 16, ".", "encoding")),
        (HEAD + "  inputs: [1,\n", (6, 1, ".", "syntax")),
        (HEAD + "\tinputs: 1", (5, 1, ".", "syntax")),
        (HEAD + "  inputs: a: b", (5, 12, ".", "syntax")),
        (HEAD + "---\nworkflow_id: w2\n", (5, 1, ".", "syntax")),
        (HEAD + "  inputs: {x: *gone}", (5, 15, ".", "yaml-alias")),
        (HEAD + "  inputs: &x {y: *x}", (5, 18, ".", "yaml-alias")),
        (HEAD + "  inputs: {x: !!python/object:os.system 1}", (5, 15, ".steps[0].inputs.x", "yaml-tag")),
        (HEAD + "  inputs: {x: !!binary aGk=}", (5, 15, ".steps[0].inputs.x", "yaml-tag")),
        (HEAD + "  inputs: !custom {x: 1}", (5, 11, ".steps[0].inputs", "yaml-tag")),
        (HEAD + "  inputs: {<<: {x: 1}}", (5, 12, ".steps[0].inputs", "yaml-merge")),
        (HEAD + "  inputs: {1: x}", (5, 12, ".steps[0].inputs", "not-json")),
        (HEAD + "  inputs: {[a]: x}", (5, 12, ".steps[0].inputs", "not-json")),
        (HEAD + "  inputs: {x: .nan}", (5, 15, ".steps[0].inputs.x", "not-json")),
        (HEAD + "  inputs: {x: [-.INF]}", (5, 16, ".steps[0].inputs.x[0]", "not-json")),
        (HEAD + "  inputs: {x: 1e999}", (5, 15, ".steps[0].inputs.x", "not-json")),
        (HEAD + f"  inputs: {{x: {'9' * 5000}}}", (5, 15, ".steps[0].inputs.x", "not-json")),
        (HEAD + "  inputs: {x: 1, x: 2}", (5, 18, ".steps[0].inputs.x", "duplicate-key")),
        (HEAD + "  skill: k\n", (5, 3, ".steps[0].skill", "duplicate-key")),
        (HEAD + f"  inputs: {{x: {'[' * MAX_DEPTH}", (5, 11 + MAX_DEPTH, ".", "too-deep")),
        (HEAD + "  skil: x\n", (5, 3, ".steps[0].skil", "unknown-field")),
        (HEAD + "  timeout_s: -3\n", (5, 14, ".steps[0].timeout_s", "out-of-range")),
        (HEAD + "  inputs:\n    x:\n    - ${b.y}\n", (7, 7, ".steps[0].inputs.x[0]", "unknown-step")),
        (HEAD + "- skill: k\n", (5, 3, ".steps[1]", "missing-field")),
        ("- a\n- b", (1, 1, ".", "wrong-type")),
    ],
)  # fmt: skip
def test_yaml_problems_have_line_and_column(text: str | bytes, expected: tuple[Any, ...]) -> None:
    assert problems(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, 1, ".", "empty")),
        ('\ufeff{"a": 1}', (1, 1, ".", "encoding")),
        (b'{"a":\n "\xe9"}', (2, 1, ".", "encoding")),
        ('{"a": 1,\n  b: 2}', (2, 3, ".", "syntax")),
        ('{"a": 1', (1, 8, ".", "syntax")),
        ('{"a": NaN}', (1, 1, ".", "syntax")),
        ('{\n<<<<<<< HEAD\n"a": 1}', (2, 1, ".", "merge-conflict")),
        ("[" * (MAX_DEPTH + 1), (1, 1, ".", "too-deep")),
        ('{"a": 1, "a": 2, }', (1, 18, ".", "duplicate-key")),
        ("[]", (1, 1, ".", "wrong-type")),
    ],
)
def test_json_problems_have_line_and_column(text: str | bytes, expected: tuple[Any, ...]) -> None:
    (found,) = problems(text, "json")
    assert (found[0], *found[2:]) == (expected[0], *expected[2:])
    if expected[3] != "too-deep":
        assert found[1] == expected[1]


def test_all_problems_of_a_json_text_have_their_positions() -> None:
    text = """{
  "workflow_id": "w", "workflow_id": "w x",
  "steps": [
    {"step_id": "a", "skill": "k", "cost_cents": -1, "inputs": {"q": ["é😀", "${b}"]}},
    {"step_id": "a", "sk\\u0069l": "k"}
  ]
}"""
    assert problems(text, "json") == [
        (2, 23, ".workflow_id", "duplicate-key"),
        (2, 38, ".workflow_id", "bad-id"),
        (4, 50, ".steps[0].cost_cents", "negative-cost"),
        (4, 77, ".steps[0].inputs.q[1]", "unknown-step"),
        (5, 5, ".steps[1]", "missing-field"),
        (5, 17, ".steps[1].step_id", "duplicate-id"),
        (5, 22, ".steps[1].skil", "unknown-field"),
    ]


def test_a_text_with_its_own_problems_is_checked_to_the_end() -> None:
    text = HEAD + "  inputs: {x: 1, x: 2, 3: 4, y: !t 5, <<: {}}\n  timeout_s: 0\n- step_id: a\n"
    assert [code for *_, code in problems(text)] == [
        "duplicate-key", "not-json", "yaml-tag", "yaml-merge", "out-of-range",
        "missing-field", "duplicate-id",
    ]  # fmt: skip


# limits


def test_aliases_cannot_explode() -> None:
    bomb = "x0: &x0 [0, 0]\n" + "".join(
        f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]\n" for n in range(1, 60)
    )
    ((line, _, place, code),) = problems(bomb)
    assert (place, code) == (".", "too-large")
    assert line == 15  # each line stands for twice as many values as the one before


@pytest.mark.parametrize("text", ["[" * 500_000, "- " * 500_000, "{a: " * 250_000, "? " * 500_000])
def test_a_deep_text_is_refused(text: str) -> None:
    assert problems(text)[0][3] in ("too-deep", "syntax")


def test_size_limits_hold_at_the_byte() -> None:
    padding = "#" * (MAX_BYTES - len(HEAD))
    parse_spec(HEAD + padding)
    assert problems(HEAD + padding + "#") == [(None, None, ".", "too-large")]
    wide = "#" + "é" * ((MAX_BYTES - len(HEAD)) // 2)
    assert problems(HEAD + wide)[0][3] == "too-large"


def test_the_number_of_values_is_limited() -> None:
    assert problems("[" + "0," * MAX_VALUES + "0]", "json")[0][3] == "too-large"
    assert problems("[" + "0," * MAX_VALUES + "0]", "yaml")[0][3] == "too-large"


# files


def test_files(tmp_path: Path) -> None:
    spec = parse_spec(FULL)
    for name, text in (("w.yaml", FULL), ("w.YML", FULL), ("w.json", spec.to_json())):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert load_spec_file(tmp_path / name) == spec
    assert load_spec_file(str(tmp_path / "w.json")).spec_hash == spec.spec_hash


def test_a_problem_in_a_file_names_file_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(HEAD + "  skil: x\n")
    with pytest.raises(SpecError) as caught:
        load_spec_file(file)
    assert caught.value.file == str(file)
    assert f"\n  {file}:5:3: .steps[0].skil: unknown-field: " in str(caught.value)


def test_known_skills_are_checked_wherever_a_spec_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(HEAD)
    load_spec_file(file, known_skills={"k": ["1"]})
    with pytest.raises(SpecError, match="unknown-skill"):
        load_spec_file(file, known_skills={"j": ["1"]})
    with pytest.raises(SpecError, match=r"4:10: \.steps\[0\]\.skill: unknown-skill"):
        parse_spec(HEAD, known_skills={})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="unreadable: no such file"):
        load_spec_file(tmp_path / "gone.yaml")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(SpecError, match="unreadable"):
        load_spec_file(tmp_path / "folder.json")
    (tmp_path / "large.json").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match="too-large"):
        load_spec_file(tmp_path / "large.json")


def test_other_formats_are_refused() -> None:
    with pytest.raises(UsageError, match="'toml'"):
        parse_spec("", "toml")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"\.yaml, \.yml, \.json"):
        load_spec_file("w.toml")


# one hash

MINIMAL = {"workflow_id": "w", "steps": [{"step_id": "a", "skill": "k"}]}


def changed(**fields: Any) -> str:
    return spec_from_data({**MINIMAL, **fields}).spec_hash


def changed_step(**fields: Any) -> str:
    return changed(steps=[{"step_id": "a", "skill": "k", **fields}, {"step_id": "b", "skill": "k"}])


def test_the_hash_is_pinned() -> None:
    """A change of this value is a new format: every recorded run refers to it."""
    assert changed() == content_hash(["aos-spec/1", MINIMAL])
    assert parse_spec(FULL).spec_hash == (
        "dcd3f1313ad7c98204151501454d1a875fd578a2d23168ca891dc5befe0cd206"
    )


def test_defaults_spelled_out_change_nothing() -> None:
    spelled = json.loads(spec_from_data(MINIMAL).to_json())
    assert spelled["max_parallel"] == 10
    assert spelled["steps"][0]["retry"]["max_attempts"] == 1
    assert spec_from_data(spelled).spec_hash == changed()


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 1}, {"name": "x"}, {"description": "y"}, {"outputs": {}}, {"timeout_s": None},
        {"steps": [{"step_id": "a", "skill": "k", "retry": {}, "inputs": {}, "cost_cents": 0.0, "description": "z"}]},
    ],
)  # fmt: skip
def test_what_does_not_change_the_hash(fields: dict[str, Any]) -> None:
    assert changed(**fields) == changed()


def test_spellings_of_one_thing_have_one_hash() -> None:
    assert changed(inputs={"x": "string"}) == changed(
        inputs={"x": {"type": "string", "required": True, "description": "d"}}
    )
    assert changed(timeout_s=30) == changed(timeout_s=30.0)
    assert changed_step(inputs={"x": 1}) == changed_step(inputs={"x": 1.0})
    two = [{"step_id": "b", "skill": "k"}, {"step_id": "c", "skill": "k"}]
    assert changed(
        steps=[{"step_id": "a", "skill": "k", "depends_on": ["b", "c"]}, *two]
    ) == changed(steps=[{"step_id": "a", "skill": "k", "depends_on": ["c", "b"]}, *two])


def test_everything_that_matters_changes_the_hash() -> None:
    hashes = [
        changed(), changed(version="2"), changed(workflow_id="v"), changed(inputs={}),
        changed(inputs={"x": "any"}), changed(inputs={"x": {"default": 0}}),
        changed(inputs={"x": {"default": False}}), changed(budget_cents=1), changed(budget_cents=0),
        changed(timeout_s=1), changed(max_parallel=1), changed(outputs={"x": 1}),
        changed(outputs={"x": "1"}), changed(outputs={"x": True}), changed(outputs={"x": None}),
        changed_step(), changed_step(skill="j"), changed_step(skill_version=1),
        changed_step(inputs={"$aos.x": 1}), changed_step(depends_on=["b"]),
        changed_step(when="${b.ok}"), changed_step(when="${b.ok?}"),
        changed_step(retry={"max_attempts": 2}), changed_step(retry={"jitter": 0}),
        changed_step(timeout_s=1), changed_step(cost_cents=1), changed_step(max_cents=1),
        changed_step(idempotency_key="x"),
    ]  # fmt: skip
    assert len(set(hashes)) == len(hashes)


names = st.sampled_from(
    ["a", "b", "c", "A1", "_x", "fetch-logs", "null", "true", "no", "y", "e" * 64]
)
literals = st.text(max_size=6).map(escape)
scalars = (
    st.none() | st.booleans() | st.integers() | literals | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
json_values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(
    literals, scalars | st.lists(st.dictionaries(literals, scalars, max_size=1), max_size=2), max_size=2
)  # fmt: skip
inputs = st.dictionaries(names, json_values, max_size=2)
options = st.fixed_dictionaries(
    {},
    optional={
        "timeout_s": st.integers(1, 99) | st.floats(0.5, 99),
        "cost_cents": st.integers(0, 5),
        "retry": st.sampled_from([{}, {"max_attempts": 3}, {"backoff_s": 0.5}]),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    ids = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    steps = []
    for number, step_id in enumerate(ids):
        below = ids[: draw(st.integers(0, number))]
        given_inputs = draw(inputs) | ({"ref": f"${{{below[0]}.x[0]}}"} if below else {})
        step = {"step_id": step_id, "skill": "k", "inputs": given_inputs, "depends_on": below}
        steps.insert(draw(st.integers(0, number)), step | draw(options))
    return {"workflow_id": "w", "steps": steps, "outputs": draw(inputs)}


def reordered(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: reordered(value[key], chance) for key in keys}
    return [reordered(item, chance) for item in value] if isinstance(value, list) else value


@at_any_speed
@given(documents(), st.integers(0, 2**16))
def test_one_hash_in_every_order_and_format(document: dict[str, Any], seed: int) -> None:
    chance = random.Random(seed)
    spec = spec_from_data(document)
    shuffled = reordered(document, chance)
    assert spec_from_data(shuffled).spec_hash == spec.spec_hash
    text = json.dumps(shuffled, indent=chance.choice([None, 2]))
    assert parse_spec(text, "json").spec_hash == spec.spec_hash
    again = parse_spec(spec.to_json(), "json")
    assert again == spec
    assert again.to_json() == spec.to_json()
    assert WorkflowSpec.model_validate(spec.model_dump()) == spec


@at_any_speed
@given(documents())
def test_yaml_means_the_same_as_json(document: dict[str, Any]) -> None:
    """Scalars are written as JSON, which YAML 1.2 contains; structure as YAML."""
    assert parse_spec(as_yaml(document), "yaml") == spec_from_data(document)


def as_yaml(value: Any, indent: str = "") -> str:
    below = indent + "  "
    if isinstance(value, dict) and value:
        return "".join(
            f"\n{indent}{quoted(key)}: {as_yaml(item, below)}" for key, item in value.items()
        )
    if isinstance(value, list) and value:
        return "".join(f"\n{indent}- {as_yaml(item, below)}" for item in value)
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(text: str) -> str:
    """As JSON, but without surrogate pairs, which YAML does not have."""
    return '"' + "".join(c if ord(c) > 0xFFFF else json.dumps(c)[1:-1] for c in text) + '"'


@at_any_speed
@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,?\n \t<1.~") | st.text())
def test_any_text_is_a_spec_or_has_problems(text: str) -> None:
    for written_in in ("yaml", "json"):
        with pytest.raises(SpecError) as caught:
            parse_spec(text, written_in)  # type: ignore[arg-type]
        assert all(problem.line for problem in caught.value.problems)


@at_any_speed
@given(st.text(alphabet="abn:-[]{}&*'\"#,?\n 10.~"))
def test_what_pyyaml_reads_as_plain_data_is_read_alike(text: str) -> None:
    """But for what YAML 1.2 reads otherwise: the two agree on the shape."""
    from aos_workflow.spec.plain import NotReadableError
    from aos_workflow.spec.yaml_text import read_yaml

    try:
        ours = read_yaml(text)
        theirs = yaml.safe_load(text)
    except (NotReadableError, yaml.YAMLError, ValueError, TypeError):
        return
    if not ours.findings:
        assert shape(ours.value) == shape(theirs)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return [shape(item) for item in value.values()]
    return [shape(item) for item in value] if isinstance(value, list) else 0
