"""Agent runs as our users record them, of any size, the same for the same seed.

A run is a header and a list of steps: the planner's and the summariser's LLM calls (system prompt, user request, the
last tool results as messages, an answer, tool calls with their arguments as JSON text), and tool calls with nested
outputs (log records, search hits, a metric's points, a table of pods, an HTTP answer, a policy decision). Texts have
natural lengths: a system prompt of 900 characters, an answer of 80 to 700, a log message of 30 to 110.

Every step has ids, two timestamps, a duration, usage and a cost, so the shipped rules have as much to do as in a real
run. Bytes per leaf are printed by ``python -m bench canonical``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

__all__ = ["document", "large", "medium", "small"]

Json = dict[str, Any]

_PROSE = """
the service a deployment of checkout latency rose after this release and error budget is burning
faster than expected so we should compare p99 with last week before rolling back because two
replicas restart while queue depth grows on shard seven database connections are saturated
retries amplify load region traffic was shifted cache hit ratio fell below threshold alert fired
at noon owner team runbook suggests draining node then verifying health checks pass no customer
data affected index rebuild finished timeout upstream payment gateway returned unexpected
payload memory limit reached garbage collection pause exceeded budget config change reviewed
approved by on-call engineer please confirm plan step one collect logs step two query metrics
"""
_WORDS = _PROSE.split()
_SERVICES = ["checkout", "payments", "search", "catalog", "ledger", "gateway", "session-store"]
_REGIONS = ["eu-west-1", "us-east-1", "ap-south-1"]
_MODELS = ["planner-large-2026-01", "planner-small-2026-01"]


def small() -> Json:
    """About 1 KB: a run of one short tool call."""
    return document(1_000)


def medium() -> Json:
    """About 100 KB."""
    return document(100_000)


def large() -> Json:
    """About 10 MB."""
    return document(10_000_000)


def document(size_bytes: int, seed: int = 7) -> Json:
    """A run with as many steps as come closest to ``size_bytes`` of compact JSON."""
    writer = _Writer(seed)
    run = writer.header()
    size = _size(run)
    while True:
        step = writer.step(len(run["steps"]), small=size_bytes < 10_000)
        grown = size + _size(step) + 1
        if run["steps"] and grown - size_bytes > size_bytes - size:
            return run
        run["steps"].append(step)
        size = grown


def _size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


class _Writer:
    """Draws everything from one seeded generator and one clock."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._now_ms = 1_767_225_600_000
        self._trace_id = self._uuid()
        self._system_prompt = self._text(900)
        self._tools: list[tuple[str, Callable[[], tuple[Json, Any]]]] = [
            ("read_logs", self._read_logs),
            ("search_docs", self._search_docs),
            ("query_metrics", self._query_metrics),
            ("list_pods", self._list_pods),
            ("http_get", self._http_get),
            ("check_policy", self._check_policy),
        ]

    def header(self) -> Json:
        return {
            "run_id": self._uuid(),
            "spec_id": "incident-triage",
            "spec_version": "3.2.0",
            "seed": 42,
            "status": "completed",
            "created_at": self._timestamp(),
            "budget": {"limit_cents": 500.0, "spent_cents": self._cents(300), "currency": "EUR"},
            "steps": [],
        }

    def step(self, index: int, *, small: bool) -> Json:
        if small:
            return self._tool_step(index, "check_policy", self._check_policy)
        if index % 4 == 0:
            return self._llm_step(index)
        return self._tool_step(index, *self._random.choice(self._tools))

    # steps

    def _frame(self, index: int, skill: str, inputs: Json, output: Any) -> Json:
        started_at = self._timestamp()
        duration_ms = round(self._random.lognormvariate(5, 1), 3)
        self._now_ms += int(duration_ms)
        return {
            "step_id": f"{skill}-{index}",
            "index": index,
            "skill": skill,
            "skill_version": "1.4.0",
            "status": "ok",
            "inputs": inputs,
            "output": output,
            "error": None,
            "started_at": started_at,
            "finished_at": self._timestamp(),
            "duration_ms": duration_ms,
            "trace_id": self._trace_id,
            "span_id": self._hex(16),
        }

    def _tool_step(self, index: int, skill: str, tool: Callable[[], tuple[Json, Any]]) -> Json:
        inputs, output = tool()
        return {
            **self._frame(index, skill, inputs, output),
            "attempt": 1,
            "cost_cents": 0.0,
            "tool_call_id": f"call_{self._hex(24)}",
        }

    def _llm_step(self, index: int) -> Json:
        prompt_tokens = self._random.randint(600, 4000)
        completion_tokens = self._random.randint(40, 400)
        messages = [
            {"role": "system", "content": self._system_prompt},
            {"role": "user", "content": self._text(self._random.randint(80, 400))},
        ]
        for _ in range(self._random.randint(0, 3)):
            text = self._text(self._random.randint(120, 600))
            messages.append({"role": "tool", "content": text, "tool_call_id": self._hex(24)})
        output = {
            "message": {
                "role": "assistant",
                "content": self._text(self._random.randint(80, 700)),
                "tool_calls": [self._tool_call() for _ in range(self._random.randint(0, 3))],
            },
            "finish_reason": self._random.choice(["stop", "tool_calls"]),
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
                "cached_tokens": 0,
            },
        }
        inputs = {
            "model": self._random.choice(_MODELS),
            "messages": messages,
            "parameters": {"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "stop": None},
        }
        return {
            **self._frame(index, "plan", inputs, output),
            "attempt": 1,
            "cost_cents": round(prompt_tokens * 0.0003 + completion_tokens * 0.0012, 4),
            "reasoning": self._text(self._random.randint(100, 500)),
        }

    def _tool_call(self) -> Json:
        arguments = {"service": self._service(), "window_s": self._random.choice([300, 900, 3600])}
        return {
            "id": f"call_{self._hex(24)}",
            "type": "function",
            "function": {"name": self._tool_name(), "arguments": json.dumps(arguments)},
        }

    # tools: inputs and output

    def _read_logs(self) -> tuple[Json, Any]:
        records = [
            {
                "timestamp": self._timestamp(),
                "level": self._random.choice(["INFO", "INFO", "WARN", "ERROR"]),
                "service": self._service(),
                "message": self._text(self._random.randint(30, 110)),
            }
            for _ in range(self._random.randint(5, 40))
        ]
        inputs = {"service": self._service(), "since": "-15m", "limit": 50, "follow": False}
        return inputs, {"records": records, "truncated": False, "next_cursor": None}

    def _search_docs(self) -> tuple[Json, Any]:
        hits = [
            {
                "id": f"doc-{self._random.randint(1, 99999)}",
                "title": self._text(self._random.randint(20, 60)),
                "url": f"https://wiki.example.com/runbooks/{self._service()}/{self._hex(6)}",
                "snippet": self._text(self._random.randint(120, 260)),
                "score": round(self._random.random(), 4),
                "tags": [self._service() for _ in range(self._random.randint(0, 3))],
            }
            for _ in range(self._random.randint(3, 10))
        ]
        inputs = {"query": self._text(self._random.randint(20, 70)), "top_k": 10, "filters": {}}
        return inputs, {"hits": hits, "total": len(hits), "took_ms": self._random.randint(2, 90)}

    def _query_metrics(self) -> tuple[Json, Any]:
        start = self._now_ms // 1000
        series = [
            {
                "labels": {"service": self._service(), "region": region, "quantile": "0.99"},
                "points": [
                    [start + 60 * i, round(self._random.lognormvariate(4, 0.5), 2)]
                    for i in range(self._random.randint(10, 30))
                ],
            }
            for region in _REGIONS[: self._random.randint(1, 3)]
        ]
        inputs = {"metric": "http_request_duration_ms", "step_s": 60, "group_by": ["region"]}
        return inputs, {"series": series, "unit": "ms"}

    def _list_pods(self) -> tuple[Json, Any]:
        service = self._service()
        pods = [
            {
                "name": f"{service}-{self._hex(10)}-{self._hex(5)}",
                "namespace": "production",
                "phase": self._random.choice(["Running", "Running", "Pending"]),
                "ready": self._random.random() < 0.9,
                "restarts": self._random.randint(0, 5),
                "cpu": round(self._random.random() * 2, 3),
                "memory_mb": self._random.randint(120, 2000),
                "host_ip": f"10.0.{self._random.randint(0, 20)}.{self._random.randint(2, 250)}",
                "labels": {"app": service, "version": "2026.1", "tier": "backend"},
            }
            for _ in range(self._random.randint(3, 14))
        ]
        return {"service": service, "region": self._random.choice(_REGIONS)}, {"pods": pods}

    def _http_get(self) -> tuple[Json, Any]:
        output = {
            "status_code": self._random.choice([200, 200, 200, 503]),
            "headers": {
                "content-type": "application/json",
                "cache-control": "no-store",
                "x-request-id": self._uuid(),
            },
            "body": self._text(self._random.randint(100, 900)),
        }
        return {
            "url": f"https://status.example.com/api/{self._service()}",
            "timeout_s": 5.0,
        }, output

    def _check_policy(self) -> tuple[Json, Any]:
        output = {
            "allowed": True,
            "rules": [
                {"rule": "max_cost_cents", "ok": True},
                {"rule": "business_hours", "ok": True},
            ],
            "reason": self._text(self._random.randint(60, 120)),
        }
        inputs = {
            "action": "restart",
            "target": self._service(),
            "region": self._random.choice(_REGIONS),
        }
        return inputs, output

    # values

    def _service(self) -> str:
        return self._random.choice(_SERVICES)

    def _tool_name(self) -> str:
        return self._random.choice(self._tools)[0]

    def _text(self, length: int) -> str:
        """Sentences of about ``length`` characters, with the quotes, dashes and line ends that answers have."""
        words: list[str] = []
        size = 0
        while size < length:
            word = self._random.choice(_WORDS)
            ending = self._random.random()
            if ending < 0.08:
                word += "."
            elif ending < 0.11:
                word += ","
            elif ending < 0.12:
                word = f'"{word}"'
            elif ending < 0.125:
                word += " \u2014"
            elif ending < 0.14:
                word += ".\n"
            words.append(word)
            size += len(word) + 1
        return " ".join(words)

    def _timestamp(self) -> str:
        self._now_ms += self._random.randint(1, 900)
        seconds, ms = divmod(self._now_ms // 1, 1000)
        minutes, second = divmod(seconds % 86_400, 60)
        hour, minute = divmod(minutes, 60)
        return f"2026-01-01T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"

    def _uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    def _cents(self, limit: int) -> float:
        return round(self._random.random() * limit, 4)
