"""``${step.path}``: what parses, where it does not, and what it becomes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aos_workflow.errors import ReferenceSyntaxError, UnresolvedReferenceError
from aos_workflow.golden.paths import format_path
from aos_workflow.golden.selectors import parse_selector
from aos_workflow.spec import (
    Reference,
    StepSpec,
    WorkflowSpec,
    escape,
    is_wanted,
    parse_template,
    references_in,
    resolve,
    resolve_idempotency_key,
    resolve_inputs,
    resolve_outputs,
)
from aos_workflow.spec.limits import MAX_REFERENCES

# The machine may be busy.
at_any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

OUTPUTS: dict[str, Any] = {
    "a": {
        "count": 3,
        "ratio": 0.5,
        "whole": 2.0,
        "ok": True,
        "none": None,
        "text": "x ${b.y} $${",
        "list": [10, {"k": "v"}],
        "content-type": "json",
        "": "empty",
        'q"]': 1,
    },
    "scalar": 7,
    "big": 2**80,
    "huge": 10**5000,
    "nan": float("nan"),
}
INPUTS = {"target": "web", "none": None}

# parsing


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain", ("plain",)),
        ("$", ("$",)),
        ("$a {b} $$ }", ("$a {b} $$ }",)),
        ("${a}", (Reference("a"),)),
        ("${a.b}", (Reference("a", ("b",)),)),
        ("${a-1_x.$b-c}", (Reference("a-1_x", ("$b-c",)),)),
        ('${a["any key"][0][ -1 ]}', (Reference("a", ("any key", 0, -1)),)),
        ('${a["\\u00e9\\"]}"]}', (Reference("a", ('é"]}',)),)),
        ("${inputs.x?}", (Reference("inputs", ("x",), True),)),
        (
            "x${a}${b.c}y",
            ("x", Reference("a", column=2), Reference("b", ("c",), column=6), "y"),
        ),
        ("$${a}", ("${a}",)),
        ("$$${a}", ("$${a}",)),
        ("$${${a}", ("${", Reference("a", column=4))),
        ("é😀${a}", ("é😀", Reference("a", column=3))),
    ],
)
def test_template(text: str, parts: tuple[Any, ...]) -> None:
    assert parse_template(text) == parts


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("${", 3, "id of a step"),
        ("${}", 3, "id of a step"),
        ("x ${ a}", 5, "id of a step"),
        ("${a", 4, "the text ends"),
        ("${a b}", 4, 'found " "'),
        ("${a }", 4, 'found " "'),
        ("${a.}", 5, "a key"),
        ("${a.1}", 5, "a key"),
        ("${a..b}", 5, "a key"),
        ("${a[}", 5, "an index"),
        ("${a[x]}", 5, "an index"),
        ("${a[1}", 5, "an index"),
        ("${a[*]}", 5, "an index"),
        ("${a[1:2]}", 5, "an index"),
        ("${a['k']}", 5, "an index"),
        ('${a["\\x"]}', 4, "JSON string"),
        ("${a.*}", 5, "a key"),
        ("${a??}", 5, "found"),
        ("${a?.b}", 5, "found"),
        ("${a + 1}", 4, "found"),
        ("${a}${__import__('os')}", 17, "found"),
        ("${" + "a" * 65 + "}", 67, "found"),
    ],
)
def test_syntax_error_names_the_column(text: str, column: int, said: str) -> None:
    with pytest.raises(ReferenceSyntaxError) as caught:
        parse_template(text)
    assert caught.value.column == column
    assert said in caught.value.reason
    assert f"column {column}" in str(caught.value)


@pytest.mark.parametrize("count", [MAX_REFERENCES - 1, MAX_REFERENCES])
def test_references_in_one_text_are_limited(count: int) -> None:
    assert len(parse_template("${a}" * count)) == count
    with pytest.raises(ReferenceSyntaxError, match="more than"):
        parse_template("${a}" * (MAX_REFERENCES + 1))


paths = st.lists(
    st.text(max_size=5) | st.integers(min_value=-(10**11), max_value=10**11), max_size=4
).map(tuple)


@at_any_speed
@given(paths, st.booleans())
def test_a_reference_is_written_as_it_is_read(path: tuple[str | int, ...], optional: bool) -> None:
    reference = Reference("a", path, optional)
    assert parse_template(str(reference)) == (reference,)


@at_any_speed
@given(paths.filter(bool))
def test_a_path_of_a_reference_is_a_selector(path: tuple[str | int, ...]) -> None:
    text = format_path(path)
    assert parse_selector(text)[1] == len(text)


@at_any_speed
@given(st.text(alphabet='$ {}a.b[]0?"') | st.text())
def test_every_text_parses_or_says_where_not_and_its_escape_is_literal(text: str) -> None:
    columns = []
    try:
        parse_template(text)
    except ReferenceSyntaxError as error:
        columns.append(error.column)
    assert all(1 <= column <= len(text) + 1 for column in columns)
    assert "".join(map(str, parse_template(escape(text)))) == text


def test_many_escapes_are_linear() -> None:
    assert parse_template("$${" * 300_000) == ("${" * 300_000,)


def test_references_in_finds_all_in_the_order_of_the_document() -> None:
    value = {"x": ["${a.b}", {"y": "${c} and ${inputs.d?}"}], "z": "$${e}", "n": 1}
    assert [(format_path(path), str(found)) for path, found in references_in(value)] == [
        (".x[0]", "${a.b}"),
        (".x[1].y", "${c}"),
        (".x[1].y", "${inputs.d?}"),
    ]
    assert references_in({}) == ()


def test_a_key_holds_no_reference() -> None:
    with pytest.raises(ReferenceSyntaxError, match="key"):
        references_in({"${a.b}": 1})
    assert resolve({"$${a}": 1}, {}, {}) == {"${a}": 1}


# resolving


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${a.count}", 3),
        ("${a.ratio}", 0.5),
        ("${a.whole}", 2.0),
        ("${a.ok}", True),
        ("${a.none}", None),
        ("${a.list}", [10, {"k": "v"}]),
        ("${a.list[0]}", 10),
        ("${a.list[-1].k}", "v"),
        ('${a["content-type"]}', "json"),
        ("${a.content-type}", "json"),
        ('${a[""]}', "empty"),
        ('${a["q\\"]"]}', 1),
        ("${scalar}", 7),
        ("${inputs}", INPUTS),
        ("${inputs.target}", "web"),
        ("${inputs.none}", None),
        ("${inputs.gone?}", None),
        ("${inputs.gone.deeper?}", None),
        ("${skipped.x?}", None),
        ("n=${a.count} r=${a.ratio} w=${a.whole}", "n=3 r=0.5 w=2"),
        ("${a.ok}/${a.none}/${inputs.target}", "true/null/web"),
        ("${big}!", f"{2**80}!"),
        ("${skipped?}!", "null!"),
        ("$${a.count}", "${a.count}"),
        ("a${a.text}", "ax ${b.y} $${"),
        ("${a.text}", "x ${b.y} $${"),
    ],
)
def test_resolved_with_its_type(text: str, expected: Any) -> None:
    found = resolve(text, OUTPUTS, INPUTS, skipped={"skipped"})
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("text", "said", "available"),
    [
        ("${b.x}", "step 'b' has no output", tuple(OUTPUTS)),
        ("${scalr}", 'did you mean "scalar"?', tuple(OUTPUTS)),
        ("${skipped.x}", "step 'skipped' was skipped", ()),
        ("${a.cuont}", 'no key "cuont"; did you mean "count"?', tuple(OUTPUTS["a"])),
        ("${a.gone?}", 'no key "gone"', tuple(OUTPUTS["a"])),
        ("${a.list[2]}", "${a.list} has 2 items, so no index 2", ()),
        ("${a.list[-3]}", "no index -3", ()),
        ("${a.list.k}", 'is a list, so has no key "k"', ()),
        ("${a.count.x}", 'is an integer, so has no key "x"', ()),
        ("${a.text[0]}", "is text, so has no index 0", ()),
        ("${a[0]}", "is an object, so has no index 0", ()),
        ("${inputs.gone}", 'no key "gone"', tuple(INPUTS)),
        ("${inputs.target.x?}", "is text", ()),
        ("${inputs[0]?}", "is an object, so has no index 0", ()),
        ("x ${a.list}", "is a list; inside text", ()),
        ("x ${a}", "is an object; inside text", ()),
        ("x ${huge}", "thousands of digits", ()),
        ("x ${nan}", "JSON text cannot hold", ()),
    ],
)
def test_unresolved_says_what_was_there(text: str, said: str, available: tuple[str, ...]) -> None:
    with pytest.raises(UnresolvedReferenceError) as caught:
        resolve({"k": [text]}, OUTPUTS, INPUTS, skipped={"skipped"}, step_id="s", place=("inputs",))
    error = caught.value
    assert said in str(error)
    assert "step 's', .inputs.k[0]: ${" in str(error)
    assert (error.step_id, error.place) == ("s", ".inputs.k[0]")
    assert error.reference in text
    assert error.available == available
    assert error.code == "REFERENCE_UNRESOLVED"


def test_what_was_there_is_listed_up_to_a_limit() -> None:
    outputs = {"a": {f"key{number}": 0 for number in range(1000)}}
    with pytest.raises(UnresolvedReferenceError, match="and 980 more"):
        resolve("${a.gone}", outputs, {})


def test_the_result_shares_no_container() -> None:
    outputs = {"a": {"list": [{"k": 1}]}}
    value = {"x": "${a}", "y": [{}]}
    found = resolve(value, outputs, {})
    found["x"]["list"][0]["k"] = 2
    found["y"][0]["new"] = 1
    assert outputs == {"a": {"list": [{"k": 1}]}}
    assert value == {"x": "${a}", "y": [{}]}


def test_an_output_is_not_looked_at_for_references() -> None:
    assert resolve("${a}", {"a": "${b}", "b": 1}, {}) == "${b}"
    assert resolve(["x${a}"], {"a": "${b}", "b": 1}, {}) == ["x${b}"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=6)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    found = [(path, value)]
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for part, item in items:
        found += places(item, (*path, part))
    return found


@at_any_speed
@given(json_values)
def test_every_place_of_every_output_is_reached_with_its_type(output: Any) -> None:
    for path, expected in places(output):
        found = resolve(str(Reference("a", path)), {"a": output}, {})
        assert repr(found) == repr(expected)


@at_any_speed
@given(json_values, json_values)
def test_a_scalar_inside_text_is_spelled_as_json_and_text_as_it_is(one: Any, two: Any) -> None:
    def spelled(value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    try:
        found = resolve("<${a}|${b}>", {"a": one, "b": two}, {})
    except UnresolvedReferenceError:
        assert isinstance(one, (dict, list)) or isinstance(two, (dict, list))
        return
    if not isinstance(one, float) and not isinstance(two, float):
        assert found == f"<{spelled(one)}|{spelled(two)}>"


templates = st.lists(
    st.sampled_from(["${a}", "${a.k}", "${a.l[1]}", "${inputs.i}", "${gone.x?}"])
    | st.text(max_size=5).map(escape),
    max_size=5,
).map("".join)


@at_any_speed
@given(
    st.recursive(
        templates | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=4).map(escape), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_no_reference_of_the_spec_is_left(value: Any) -> None:
    """With outputs that hold no ``${``, the only ones in the result are those that the spec escaped."""
    outputs = {"a": {"k": 1, "l": [0, "z"]}}
    with suppress(UnresolvedReferenceError):  # an object inside text
        found = resolve(value, outputs, {"i": True}, skipped={"gone"})
        assert str(found).count("${") <= str(value).count("$${")


# steps


def step(**fields: Any) -> StepSpec:
    return StepSpec(step_id="s", skill="skill", **fields)


def test_inputs_of_a_step() -> None:
    found = resolve_inputs(
        step(inputs={"n": "${a.count}", "t": "for ${inputs.target}"}), OUTPUTS, INPUTS
    )
    assert found == {"n": 3, "t": "for web"}
    with pytest.raises(UnresolvedReferenceError, match=r"step 's', \.inputs\.x"):
        resolve_inputs(step(inputs={"x": "${b}"}), OUTPUTS, INPUTS)


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        (None, True),
        ("${yes}", True),
        ("${no}", False),
        ("${gone?}", False),
        ("${inputs.x?}", False),
    ],
)
def test_when(when: str | None, wanted: bool) -> None:
    outputs = {"yes": True, "no": False}
    assert is_wanted(step(when=when), outputs, {}, skipped={"gone"}) is wanted


@pytest.mark.parametrize("value", [1, 0, "true", "", None, [], {}])
def test_when_guesses_nothing(value: Any) -> None:
    with pytest.raises(UnresolvedReferenceError, match="expected true or false"):
        is_wanted(step(when="${a}"), {"a": value}, {})


def test_idempotency_key_is_text() -> None:
    assert resolve_idempotency_key(step(), {}, {}) is None
    assert resolve_idempotency_key(step(idempotency_key="${a}"), {"a": 5}, {}) == "5"
    assert resolve_idempotency_key(step(idempotency_key="r-${a}-$${"), {"a": 5}, {}) == "r-5-${"
    with pytest.raises(UnresolvedReferenceError, match="a list"):
        resolve_idempotency_key(step(idempotency_key="${a}"), {"a": []}, {})


def test_outputs_of_a_workflow() -> None:
    spec = WorkflowSpec(
        workflow_id="w",
        steps=(step(), StepSpec(step_id="t", skill="k", when="${s.ok}")),
        outputs={"n": "${s.n}", "t": "${t.x?}"},
    )
    assert resolve_outputs(spec, {"s": {"n": 1}}, {}, skipped={"t"}) == {"n": 1, "t": None}
