"""The planner's plans that must be refused, with every code, and those that must pass; and the policy for both.

A case in ``hostile/*.json`` or ``good/*.json`` is one of

* ``{"name", "inputs"}``: the inputs of a single step of the skill ``work``,
* ``{"name", "plan"}``: a whole plan,
* ``{"name", "text"}``: what the planner returned, as text.

A hostile case has ``codes``, exactly those that refuse it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from aos_workflow.planner_sandbox import Kind, SandboxPolicy, SkillRule

HERE = Path(__file__).parent

POLICY = SandboxPolicy(
    skills={
        "work": SkillRule(cost_cents=5),
        "http_get": SkillRule(cost_cents=1),
        "search_docs": SkillRule(cost_cents=2, versions=frozenset({"1", "2"})),
        "llm_complete": SkillRule(cost_cents=20),
        "run_sql": SkillRule(cost_cents=2),
        "read_file": SkillRule(cost_cents=0),
        "send_email": SkillRule(cost_cents=1),
        "restart_service": SkillRule(cost_cents=10),
        "image_generate": SkillRule(cost_cents=40, inputs={"seed": Kind.DATA, "scene": Kind.TEXT}),
        "free_form": SkillRule(),
        "legacy_export": SkillRule(cost_cents=1, disabled="replaced by export_v2"),
    },
    forbidden_skills=frozenset({"shell_exec", "python_exec", "admin.*"}),
    cost_ceiling_cents=500,
    step_ceiling_cents=200,
    max_steps=50,
    allowed_paths=("/srv/data", "/tmp/work"),
)


def plan_of(case: dict[str, Any]) -> Any:
    """What a case hands to the sandbox."""
    if "inputs" in case:
        return {"steps": [{"step_id": "a", "skill": "work", "inputs": case["inputs"]}]}
    return case["text"] if "text" in case else case["plan"]


@cache
def cases(kind: str) -> tuple[dict[str, Any], ...]:
    """Every case of ``hostile`` or ``good``, each with ``name`` prefixed by its file."""
    found = []
    for file in sorted((HERE / kind).glob("*.json")):
        for case in json.loads(file.read_text("utf-8")):
            found.append({**case, "name": f"{file.stem}: {case['name']}"})
    return tuple(found)
