"""The plugin's part in a run: opens and closes tests, keeps the ledger, and settles everything at the end."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aos_golden.fixture import Golden
from pytest_aos_golden.hooks import NULL
from pytest_aos_golden.ledger import Ledger, Refusal
from pytest_aos_golden.seeding import SeededGenerators, frozen_clock
from pytest_aos_golden.settings import Mode, Settings
from pytest_aos_golden.summary import Committed, Summary
from pytest_aos_golden.test_run import GoldenUsageError, TestRun

if TYPE_CHECKING:
    from pytest_aos_golden.compare import Comparer
    from pytest_aos_golden.inventory import Collection
    from pytest_aos_golden.staging import Staging

__all__ = ["FIXTURE_NAMES", "GoldenSession"]

FIXTURE_NAMES = ("golden", "aos_golden")


class GoldenSession:
    """One object for each process of a run: the only one, the controller, or a worker."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config = config
        self.settings = settings
        self.is_worker = hasattr(config, "workerinput")
        self.ledger = Ledger()
        self.summary = Summary(settings.mode.value)
        self.golden = Golden(self)
        self._item: pytest.Item | None = None
        self._run: TestRun | None = None
        self._generators = SeededGenerators()

    # what the fixture asks for

    @property
    def seed(self) -> int:
        return self._current().seed

    def evaluate(
        self, asked_by: object, name: str | None, value: Any, rules: Any, hash_only: bool | None
    ) -> bool:
        __tracebackhide__ = True
        return self._current().evaluate(asked_by, name, value, rules, hash_only)

    def explanation(self, asked_by: object) -> list[str] | None:
        return self._run.explanation(asked_by) if self._run is not None else None

    def _current(self) -> TestRun:
        __tracebackhide__ = True
        if self._run is None:
            if self._item is None:
                raise GoldenUsageError(
                    "golden was used outside a test; a golden belongs to the test that runs"
                )
            self._begin(self._item)
        assert self._run is not None
        return self._run

    def _begin(self, item: pytest.Item) -> None:
        self._run = TestRun(item, lambda: self.comparer, self.settings.seed)
        self._generators.seed(self._run.seed)

    @cached_property
    def comparer(self) -> Comparer:
        """Made at the first comparison: it brings the kernel with it."""
        from pytest_aos_golden.compare import Comparer

        hook = self.config.pluginmanager.hook.pytest_golden_canonicalize
        adapter = self._adapt if hook.get_hookimpls() else None
        return Comparer(
            self.settings, self.staging if self.settings.mode.records else None, adapter
        )

    def _adapt(self, value: Any) -> Any:
        spelled = self.config.hook.pytest_golden_canonicalize(value=value)
        if spelled is NULL:
            return None
        return NotImplemented if spelled is None else spelled

    @cached_property
    def staging(self) -> Staging:
        """Where this run stages: workers in the controller's folder, a repeat in that of the process that asked."""
        from pytest_aos_golden.staging import Staging

        if self.is_worker:
            return Staging(Path(self.config.workerinput["golden_staging"]))  # type: ignore[attr-defined]
        return Staging(self.settings.observe_to)

    # one test

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._item, self._run = item, None
        try:
            return (yield)
        finally:
            self._generators.restore()
            self._item = self._run = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self._run is not None:
            self._run.start_attempt()
            self._generators.seed(self._run.seed)
        elif _uses_golden(item):
            try:
                self._begin(item)
            except pytest.UsageError as error:
                pytest.fail(str(error), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        run = self._run
        if run is None:
            return (yield)
        self._generators.seed(run.seed)
        if run.marked.freeze is None:
            return (yield)
        try:
            clock = frozen_clock(run.marked.freeze)
        except pytest.UsageError as error:
            pytest.fail(str(error), pytrace=False)
        with clock:
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        report: Any = yield
        run = self._run
        if run is not None and run.item is item and (run.pending or run.key != item.nodeid):
            report.golden = {"key": run.key, "evaluations": [e.to_json() for e in run.pending]}
            for evaluation in run.pending:
                report.user_properties.append(
                    (f"golden:{evaluation.key}", f"{evaluation.status} {evaluation.hash}")
                )
                if (
                    evaluation.failed
                    and report.failed
                    and evaluation.message[0] not in report.longreprtext
                ):
                    report.sections.append(("golden", "\n".join(evaluation.message)))
            run.pending = []
        return report

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        for side in (right, left):
            explain = getattr(type(side), "explanation", None)
            if op == "==" and explain is not None and type(side).__module__ == Golden.__module__:
                lines: list[str] | None = explain(side)
                if lines:
                    return [f"value == {side!r}: {lines[0]}", *lines[1:]]
        return None

    # the whole run

    @cached_property
    def collection(self) -> Collection:
        from pytest_aos_golden.inventory import Collection

        return Collection()

    @property
    def _judges_folder(self) -> bool:
        """Whether this run says anything about goldens that no test used."""
        return self.settings.mode in (Mode.VERIFY, Mode.RECORD) or self.settings.prune

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        if self._judges_folder:
            self.collection.deselected += len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if self._judges_folder and report.failed:
            self.collection.errors += 1

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.settings.mode is Mode.OBSERVE:
            from pytest_aos_golden.repeating import read_wanted

            assert self.settings.observe_to is not None
            wanted, reverse = read_wanted(self.settings.observe_to)
            items[:] = [item for item in items if item.nodeid in wanted]
            if reverse:
                items.reverse()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if self._judges_folder and (self.is_worker or session.items):
            from pytest_aos_golden.naming import base_key

            for item in session.items:
                self.collection.add(item.ihook.pytest_golden_key(item=item) or base_key(item))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not self.is_worker:
            self.ledger.note_report(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        from aos_workflow.determinism import SystemClock

        clock = SystemClock()
        started = clock.monotonic()
        try:
            result = yield
        except session.Failed:
            self._settle(session, clock.monotonic() - started)
            raise
        self._settle(session, clock.monotonic() - started)
        return result

    def _settle(self, session: pytest.Session, elapsed_s: float) -> None:
        """Commit, prune and judge, now that every test has been reported."""
        if self.is_worker or self.config.option.collectonly:
            return
        if self.settings.mode is Mode.OBSERVE:
            from pytest_aos_golden.repeating import write_observations

            assert self.settings.observe_to is not None
            write_observations(self.settings.observe_to, self.ledger)
            return
        if self.settings.mode is Mode.RECORD:
            self._record(elapsed_s)
        if self._judges_folder:
            self._judge(session)
        self.summary.fill(self.ledger)

    def _record(self, elapsed_s: float) -> None:
        from pytest_aos_golden.repeating import repeat

        candidates = list(self.ledger.candidates())
        refused = self.ledger.disagreements()
        number = 2
        while candidates and number <= self.settings.repeat:
            candidates = _without(candidates, refused)
            if candidates:
                refused += repeat(
                    self.config, candidates, self.staging, number=number, elapsed_s=elapsed_s
                )
            number += 1
        for entry, evaluation in _without(candidates, refused):
            try:
                self.staging.commit(evaluation.staged or "", self.settings.folder / evaluation.file)
            except OSError as error:
                message = (
                    f"cannot write {evaluation.file} in {self.settings.folder.name}: {error.strerror}",
                    "  the golden that was there is untouched",
                )
                refused.append(Refusal(entry.nodeid, evaluation.key, message, cause="write"))
            else:
                self.summary.committed.append(Committed.of(evaluation))
        self.summary.refused = refused
        for nodeid in dict.fromkeys(refusal.nodeid for refusal in refused):
            self._fail(nodeid, [refusal for refusal in refused if refusal.nodeid == nodeid])

    def _fail(self, nodeid: str, refused: list[Refusal]) -> None:
        """Report a test as failed whose goldens were refused after it had passed."""
        entry = self.ledger.tests[nodeid]
        text = [
            line
            for refusal in refused
            for line in (
                f"golden refused: {refusal.message[0]}",
                f"  {refusal.key}",
                *refusal.message[1:],
            )
        ]
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            passed = reporter.stats.get("passed", [])
            passed[:] = [report for report in passed if report.nodeid != nodeid]
        report = pytest.TestReport(
            nodeid=nodeid,
            location=entry.location,
            keywords={},
            outcome="failed",
            longrepr="\n".join(text),
            when="call",
        )
        self.config.hook.pytest_runtest_logreport(report=report)

    def _judge(self, session: pytest.Session) -> None:
        from pytest_aos_golden.inventory import find_unused

        settings, collection = self.settings, self.collection
        collection.note_arguments(self.config)
        stopped = bool(session.shouldstop or session.shouldfail)
        complete = collection.whole and not stopped
        self.summary.dead_rules = self.ledger.dead_rules(
            settings.rule_texts, complete=complete and not collection.partial_files
        )
        if stopped:
            return
        unused = list(
            find_unused(
                settings.folder,
                settings.root,
                self.ledger.used_files,
                self.ledger.passed_keys,
                collection,
            )
        )
        renamed_from: dict[str | None, Any] = {item.hash: item for item in unused}
        for committed in self.summary.committed:
            old = renamed_from.get(committed.hash)
            if committed.kind == "new" and old is not None:
                committed.renamed_from = old.key
        green = not session.testsfailed and complete
        if settings.prune and not green:
            self.summary.notes.append("nothing was pruned: the run was not complete and green")
        for item in unused:
            if settings.prune and green:
                item.path.unlink()
                self.summary.pruned.append(item)
            else:
                self.summary.unused.append(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.is_worker:
            self._report_to_controller()
            return
        bad = self.settings.mode is Mode.VERIFY and (self.summary.unused or self.summary.dead_rules)
        harmless = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if bad and session.exitstatus in harmless:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.is_worker or self.settings.mode is Mode.OBSERVE:
            return
        from pytest_aos_golden.summary import print_summary

        print_summary(terminalreporter, self.summary, strict=self.settings.mode is Mode.VERIFY)
        if self.settings.annotate:
            for line in self.summary.annotations():
                terminalreporter.write_line(line)
        if self.settings.reports:
            from pytest_aos_golden.report_files import write_report

            for path in self.settings.reports:
                write_report(path, self.summary)
                terminalreporter.write_line(f"golden report: {path}")

    def pytest_unconfigure(self) -> None:
        if not self.is_worker and "staging" in vars(self) and self.settings.mode is Mode.RECORD:
            self.staging.remove()

    # with xdist

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        if self.settings.mode.records:
            node.workerinput["golden_staging"] = str(self.staging.folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        found = getattr(node, "workeroutput", {}).get("golden")
        if found:
            for key in found["keys"]:
                self.collection.add(key)
            self.collection.deselected += found["deselected"]
            self.collection.errors += found["errors"]

    def _report_to_controller(self) -> None:
        if self._judges_folder:
            self.config.workeroutput["golden"] = {  # type: ignore[attr-defined]
                "keys": sorted(self.collection.keys),
                "deselected": self.collection.deselected,
                "errors": self.collection.errors,
            }


def _uses_golden(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return (
        any(name in names for name in FIXTURE_NAMES)
        or item.get_closest_marker("golden") is not None
    )


def _without(candidates: list[Any], refused: list[Refusal]) -> list[Any]:
    keys = {refusal.key for refusal in refused}
    return [pair for pair in candidates if pair[1].key not in keys]
