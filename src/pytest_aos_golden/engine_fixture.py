"""``golden_engine``: whole runs of workflows as goldens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_aos_golden.fixture import Golden

if TYPE_CHECKING:
    from aos_workflow.testing import RunResult

__all__ = ["GoldenEngine"]


class GoldenEngine:
    """Runs workflows in memory under the seed of the running test, and compares each run with its golden.

    A run's golden has its start, every step with input, output and hashes, and its end. One object for the session,
    as the fixture ``golden``.
    """

    def __init__(self, golden: Golden) -> None:
        self._golden = golden

    async def run(
        self,
        workflow: Any,
        *,
        name: str = "run",
        inputs: Mapping[str, Any] | None = None,
        registry: Any = None,
        sandbox: Any = None,
        policy: Any = None,
        rules: str | Iterable[str] | Mapping[str, str] | None = None,
    ) -> RunResult:
        """Run a workflow (code or spec), record or verify it, and give its result.

        ``name`` tells several runs of one test apart; ``rules`` are volatile rules for this golden.

        Raises:
            AssertionError: the run is another one than was recorded; says where.
            As ``WorkflowEngine.run``.
        """
        from aos_workflow.testing import run_recorded

        recorded = await run_recorded(
            workflow,
            seed=self._golden.seed,
            registry=registry,
            inputs=inputs,
            sandbox=sandbox,
            policy=policy,
        )
        __tracebackhide__ = True
        golden = self._golden(name, rules=rules)
        if not recorded.events == golden:  # noqa: SIM201 - a golden has no !=
            lines = golden.explanation() or ["the run is another one than was recorded"]
            raise AssertionError("\n".join(lines))
        return recorded.result

    def __repr__(self) -> str:
        return "golden_engine"
