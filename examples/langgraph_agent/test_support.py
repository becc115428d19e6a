"""Goldens of the graph as it is. ``id`` and ``at`` of the log differ in every run: their form is still checked."""

import pytest
from support import build

RULES = [".log[*].id: mask uuid", ".log[*].at: mask timestamp"]


@pytest.mark.parametrize("text", ["I want a refund", "Where is my parcel?"])
def test_a_ticket(golden, text):
    assert build().invoke({"text": text}) == golden("state", rules=RULES)


def test_the_way_through_the_graph(golden):
    steps = list(build().stream({"text": "my login fails"}, stream_mode="updates"))
    assert steps == golden(
        "steps", rules=["[*].*.log[*].id: mask uuid", "[*].*.log[*].at: mask timestamp"]
    )
