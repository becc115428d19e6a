"""Goldens of the agent as it is: what it gives, and the whole conversation with its tools."""

import pytest
from weather import agent


@pytest.mark.parametrize("city", ["Oslo", "Rome"])
def test_advice(golden, city):
    assert agent.run_sync(f"I go to {city}").output == golden


def test_the_conversation(golden):
    messages = agent.run_sync("I go to Oslo").all_messages()
    parts = [
        {
            "kind": part.part_kind,
            "tool": getattr(part, "tool_name", None),
            "content": getattr(part, "content", None) or getattr(part, "args", None),
        }
        for message in messages
        for part in message.parts
    ]
    assert parts == golden("parts")
