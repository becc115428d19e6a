"""A travel agent on pydantic-ai, with two tools. Its model is a script, so that it needs no network."""

from __future__ import annotations

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


class Advice(BaseModel):
    city: str
    pack: list[str]


FORECASTS = {"Oslo": "snow", "Rome": "sun"}


def script(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """What a model would say: ask for the forecast, then for the list, then give the advice."""
    city = str(messages[0].parts[-1].content).removeprefix("I go to ")
    done = [
        part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)
    ]
    if not done:
        return ModelResponse(parts=[ToolCallPart("forecast", {"city": city})])
    if len(done) == 1:
        return ModelResponse(parts=[ToolCallPart("packing_list", {"weather": done[0].content})])
    advice = Advice(city=city, pack=list(done[1].content))
    return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, advice.model_dump())])


agent = Agent(FunctionModel(script), output_type=Advice, instructions="Say what to pack.")


@agent.tool_plain
def forecast(city: str) -> str:
    """The weather in a city."""
    return FORECASTS[city]


@agent.tool_plain
def packing_list(weather: str) -> list[str]:
    """What to pack for the weather."""
    return {"snow": ["boots", "gloves"], "sun": ["hat"]}[weather]
