"""Skills: checked inputs and outputs, versions, and switching off at the next look-up."""

from __future__ import annotations

import asyncio
import pickle

import pytest
from pydantic import BaseModel

from aos_workflow.errors import (
    SkillDisabledError,
    SkillInputError,
    SkillNotFoundError,
    SkillOutputError,
    UsageError,
)
from aos_workflow.skills import SideEffects, Skill, SkillRegistry, skill


class Page(BaseModel):
    title: str
    rank: int = 0


@skill("search", "2", side_effects="reads", cost_cents=0.4)
def search(query: str, limit: int = 10, tags: tuple[str, ...] = ()) -> list[Page]:
    """Find pages.

    More words that a list does not show.
    """
    return [Page(title=query, rank=limit)]


def test_a_skill_can_be_called_as_the_function_it_is() -> None:
    assert search("fox", limit=3) == [Page(title="fox", rank=3)]
    assert (search.__name__, search.description) == ("search", "Find pages.")
    assert not search.is_async


def test_an_async_skill_is_known_as_one() -> None:
    @skill("wait")
    async def wait(seconds: float) -> float:
        await asyncio.sleep(0)
        return seconds

    assert wait.is_async
    assert asyncio.run(wait(1.5)) == 1.5


def test_plain_inputs_become_typed_arguments() -> None:
    assert search.bind({"query": "fox", "tags": ["a", "b"]}) == {
        "query": "fox",
        "limit": 10,
        "tags": ("a", "b"),
    }


def test_every_wrong_input_is_named_at_once_and_no_value_is_shown() -> None:
    with pytest.raises(SkillInputError) as caught:
        search.bind({"limit": "hunter2-many", "colour": "hunter2-red"})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "query",
        "limit",
        "colour",
    ]
    assert "hunter2" not in str(caught.value)
    assert caught.value.skill_id == "search"


def test_outputs_are_checked_against_the_annotation() -> None:
    assert search.checked([{"title": "fox"}]) == [Page(title="fox")]
    with pytest.raises(SkillOutputError, match=r"0\.title"):
        search.checked([{"rank": 1}])


def test_a_skill_without_annotations_takes_and_gives_anything() -> None:
    @skill("loose")
    def loose(value, other=None):  # type: ignore[no-untyped-def]
        return value

    assert loose.bind({"value": [1, {"a": None}]}) == {"value": [1, {"a": None}], "other": None}
    assert loose.checked(object) is object


def test_schemas_are_those_of_the_annotations() -> None:
    schema = search.schema()
    assert schema["inputs"]["required"] == ["query"]
    assert schema["inputs"]["additionalProperties"] is False
    assert schema["output"]["items"]["$ref"].endswith("Page")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"id": ""}, "texts without space"),
        ({"id": " a"}, "texts without space"),
        ({"id": "a", "version": ""}, "texts without space"),
        ({"id": "a", "side_effects": "some"}, "expected one of none, reads, writes"),
        ({"id": "a", "cost_cents": -0.01}, "expected 0 or more"),
        ({"id": "a", "cost_cents": float("nan")}, "expected 0 or more"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        skill(**arguments)  # type: ignore[arg-type]


def test_parameters_without_a_name_are_refused_when_they_matter() -> None:
    @skill("many")
    def many(*values: int) -> int:
        return sum(values)

    with pytest.raises(UsageError, match="'values' has no name"):
        many.bind({})


def _versions(*versions: str) -> SkillRegistry:
    def make(version: str) -> Skill:
        return Skill("s", version, lambda: version, SideEffects.NONE)

    return SkillRegistry(*map(make, versions))


def test_the_newest_version_is_taken_in_natural_order() -> None:
    registry = _versions("10", "9", "1.9", "1.10")
    assert registry.versions("s") == ["1.9", "1.10", "9", "10"]
    assert registry.get("s").version == "10"
    assert registry.get("s", "1.9").version == "1.9"
    assert registry.known() == {"s": ("1.9", "1.10", "9", "10")}


def test_an_unknown_skill_is_answered_with_what_may_have_been_meant() -> None:
    registry = SkillRegistry(search)
    with pytest.raises(SkillNotFoundError, match="did you mean 'search'") as caught:
        registry.get("serch")
    assert (caught.value.code, caught.value.skill_id) == ("SKILL_NOT_FOUND", "serch")
    with pytest.raises(SkillNotFoundError, match="has no version '7'; known: 2"):
        registry.get("search", "7")


def test_a_disabled_skill_is_refused_with_the_reason_until_it_is_enabled() -> None:
    registry = SkillRegistry(search)
    registry.disable("search", "Emergency disable due to incident INC-123")
    with pytest.raises(SkillDisabledError, match="incident INC-123") as caught:
        registry.get("search")
    assert caught.value.code == "SKILL_DISABLED"
    registry.enable("search")
    assert registry.get("search") is search


def test_disabling_one_version_falls_back_to_the_next() -> None:
    registry = _versions("1", "2")
    registry.disable("s", "bad release", version="2")
    assert registry.get("s").version == "1"
    with pytest.raises(SkillDisabledError, match="bad release"):
        registry.get("s", "2")
    registry.disable("s", "all of it")
    with pytest.raises(SkillDisabledError, match="all of it"):
        registry.get("s")


def test_a_skill_may_be_disabled_before_it_is_registered() -> None:
    registry = SkillRegistry()
    registry.disable("search", "not yet")
    registry.register(search)
    with pytest.raises(SkillDisabledError):
        registry.get("search")
    assert [state.skill_id for state in registry.states()] == ["search"]


def test_one_version_has_one_function() -> None:
    registry = SkillRegistry(search, search)
    with pytest.raises(UsageError, match="registered already"):
        registry.register(Skill("search", "2", lambda query: query))
    assert [item.id for item in registry] == ["search"]
    assert "search" in registry


def test_errors_survive_the_way_to_another_process() -> None:
    with pytest.raises(SkillInputError) as caught:
        search.bind({})
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.problems, copy.code) == (
        str(caught.value),
        caught.value.problems,
        "SKILL_INPUT",
    )
