"""A skill: a function, sync or async, whose inputs and output are checked against its annotations."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, get_type_hints

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from aos_workflow.errors import SkillInputError, SkillOutputError, UsageError

__all__ = ["SideEffects", "Skill", "skill"]


class SideEffects(StrEnum):
    """What a skill does to the world outside the run."""

    NONE = "none"
    """Nothing: the output follows from the inputs and the step's seed."""
    READS = "reads"
    """It looks at the outside world; another call may see something else."""
    WRITES = "writes"
    """It changes the outside world. Never executed in a dry run."""


@dataclass(frozen=True, eq=False)
class Skill:
    """One version of a skill. Calling it calls the function, unchecked; :meth:`bind` and :meth:`checked` check.

    ``cost_cents`` is what one call is expected to cost, reserved before the step and settled after it. ``probe`` says
    whether what the skill needs can be reached; it raises, or returns false, if not.
    """

    id: str
    version: str
    function: Callable[..., Any]
    side_effects: SideEffects = SideEffects.READS
    cost_cents: float = 0.0
    description: str = ""
    probe: Callable[[], Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        names = ("__name__", "__qualname__", "__module__", "__doc__")
        vars(self).update({name: getattr(self.function, name, None) for name in names})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @cached_property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            return get_type_hints(self.function, include_extras=True)
        except NameError as error:
            raise UsageError(
                f"skill {self.id!r}: an annotation cannot be resolved: {error}",
                hint="annotate with types that can be imported from the skill's module",
            ) from None

    @cached_property
    def positional(self) -> tuple[str, ...]:
        """The parameters that may be given without their name, in order."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return tuple(name for name, p in self.signature.parameters.items() if p.kind is kind)

    @cached_property
    def input_model(self) -> type[BaseModel]:
        """A pydantic model with one field for each parameter; unknown inputs are refused."""
        fields: dict[str, Any] = {}
        for name, parameter in self.signature.parameters.items():
            if parameter.kind in (
                parameter.VAR_POSITIONAL,
                parameter.VAR_KEYWORD,
                parameter.POSITIONAL_ONLY,
            ):
                raise UsageError(
                    f"skill {self.id!r}: parameter {name!r} has no name that a spec could give a value",
                    hint="use named parameters only",
                )
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (self._hints.get(name, Any), default)
        return create_model(
            f"{self.id}_inputs",
            __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True),
            **fields,
        )

    @cached_property
    def _output_type(self) -> TypeAdapter[Any] | None:
        return TypeAdapter(self._hints["return"]) if "return" in self._hints else None

    def bind(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments for a call, made from plain inputs: checked, converted, defaults filled in.

        Raises:
            SkillInputError: every input that is missing, unknown or of the wrong type, with its place.
        """
        try:
            model = self.input_model.model_validate(dict(inputs))
        except ValidationError as error:
            raise SkillInputError(self.id, self.version, _problems(error)) from None
        return {name: getattr(model, name) for name in self.signature.parameters}

    def checked(self, output: Any) -> Any:
        """The output of a call as the annotation has it; without one, as it is.

        Raises:
            SkillOutputError: the output is not of the annotated type.
        """
        if self._output_type is None:
            return output
        try:
            return self._output_type.validate_python(output)
        except ValidationError as error:
            raise SkillOutputError(self.id, self.version, _problems(error)) from None

    def schema(self) -> dict[str, Any]:
        """JSON Schemas of inputs and output, for the registry table and for planners."""
        output = self._output_type.json_schema() if self._output_type is not None else {}
        return {"inputs": self.input_model.model_json_schema(), "output": output}

    @cached_property
    def schema_json(self) -> tuple[bytes | None, bytes | None]:
        """The schemas of inputs and output as texts; ``None`` where the annotations have none."""
        try:
            found = self.schema()
            return orjson.dumps(found["inputs"]), orjson.dumps(found["output"])
        except Exception:  # noqa: BLE001 - annotations of any class; such a skill runs all the same
            return None, None


SkillFunction = Callable[..., Any] | Callable[..., Awaitable[Any]]


def skill(
    id: str,  # noqa: A002 - the word users know
    version: str = "1",
    *,
    side_effects: SideEffects | str = SideEffects.READS,
    cost_cents: float = 0.0,
    probe: Callable[[], Any] | None = None,
) -> Callable[[SkillFunction], Skill]:
    """Make a function a skill::

        @skill("search", version="2", side_effects="reads", cost_cents=0.4)
        async def search(query: str, limit: int = 10) -> list[str]: ...

    Raises:
        UsageError: an id or version that cannot be one, unknown side effects, a negative cost.
    """
    effects = [e.value for e in SideEffects]
    if side_effects not in effects:
        raise UsageError(
            f"skill {id!r}: side_effects is {side_effects!r}, expected one of {', '.join(effects)}"
        )
    if not id or id != id.strip() or not version or version != version.strip():
        raise UsageError(
            f"skill id {id!r} and version {version!r} must be texts without space around them"
        )
    if not cost_cents >= 0:
        raise UsageError(f"skill {id!r}: cost_cents is {cost_cents!r}, expected 0 or more")

    def decorate(function: SkillFunction) -> Skill:
        doc = inspect.getdoc(function) or ""
        return Skill(
            id,
            version,
            function,
            SideEffects(side_effects),
            cost_cents,
            doc.partition("\n")[0],
            probe,
        )

    return decorate


def _problems(error: ValidationError) -> tuple[str, ...]:
    """What is wrong and where, without the values: an input may be a secret."""
    return tuple(
        f"{'.'.join(map(str, problem['loc'])) or 'the value itself'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    )
