"""A support agent as a plain LangGraph graph: sort the ticket, look things up, answer or hand over. No network."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph


class Ticket(TypedDict, total=False):
    text: str
    topic: str
    facts: list[str]
    answer: str
    log: list[dict[str, Any]]


KNOWN = {
    "refund": ["refunds take 5 days", "refunds need the order number"],
    "login": ["the reset link is valid for an hour"],
}


def _note(state: Ticket, what: str) -> list[dict[str, Any]]:
    """A line of the log, as such agents write it: with an id and a time that no two runs share."""
    entry = {"id": str(uuid.uuid4()), "at": datetime.now(UTC).isoformat(), "what": what}
    return [*state.get("log", []), entry]


def sort_out(state: Ticket) -> Ticket:
    topic = next((topic for topic in KNOWN if topic in state["text"].lower()), "other")
    return {"topic": topic, "log": _note(state, f"topic is {topic}")}


def look_up(state: Ticket) -> Ticket:
    return {"facts": KNOWN[state["topic"]], "log": _note(state, "looked up")}


def answer(state: Ticket) -> Ticket:
    facts = "; ".join(state["facts"])
    return {"answer": f"About your {state['topic']}: {facts}.", "log": _note(state, "answered")}


def hand_over(state: Ticket) -> Ticket:
    return {"answer": "A colleague will write to you.", "log": _note(state, "handed over")}


def build() -> Any:
    graph = StateGraph(Ticket)
    for node in (sort_out, look_up, answer, hand_over):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "sort_out")
    graph.add_conditional_edges(
        "sort_out", lambda state: "hand_over" if state["topic"] == "other" else "look_up"
    )
    graph.add_edge("look_up", "answer")
    graph.add_edge("answer", END)
    graph.add_edge("hand_over", END)
    return graph.compile()
