"""What a run comes to: the process that reports commits, judges, prunes and tells."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aos_golden.session import GoldenSession
from pytest_aos_golden.settings import Mode

if TYPE_CHECKING:
    from pytest_aos_golden.inventory import Collection, Unused
    from pytest_aos_golden.ledger import Ledger, Refusal
    from pytest_aos_golden.summary import Summary

__all__ = ["CollectionWatch", "Outcome"]


class CollectionWatch:
    """Counts what was collected, in every process that collects: alone, or as a worker."""

    def __init__(self, session: GoldenSession) -> None:
        self._session = session

    @cached_property
    def collection(self) -> Collection:
        from pytest_aos_golden.inventory import Collection

        return Collection()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        before = len(items)
        result = yield
        # Counted, for not every plugin that takes tests away calls pytest_deselected.
        self.collection.deselected += max(0, before - len(items))
        return result

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.collection.errors += report.failed
        self.collection.skipped_files += report.skipped

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            key = self._session.note_key(item)
            self.collection.add(key, asks_for_golden=self._session.asks_for_golden(item))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            found = self.collection
            output["golden"] = {
                "keys": {key: key in found.golden_keys for key in sorted(found.keys)},
                "deselected": found.deselected,
                "errors": found.errors,
                "skipped_files": found.skipped_files,
            }

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", {}).get("golden")
        if output:
            for key, asks in output["keys"].items():
                self.collection.add(key, asks_for_golden=asks)
            self.collection.deselected += output["deselected"]
            self.collection.errors += output["errors"]
            self.collection.skipped_files += output["skipped_files"]


class Outcome:
    """The outcome of a run, in the process that reports: the only one, or the controller of workers."""

    def __init__(self, session: GoldenSession, watch: CollectionWatch | None) -> None:
        self._session = session
        self._watch = watch
        """None if nothing is to be said about the golden folder."""
        self.config = session.config
        self.settings = session.settings

    # Made when they are needed: a run without goldens pays for neither.

    @cached_property
    def ledger(self) -> Ledger:
        from pytest_aos_golden.ledger import Ledger

        return Ledger()

    @cached_property
    def summary(self) -> Summary:
        from pytest_aos_golden.summary import Summary

        return Summary(self.settings.mode.value)

    @property
    def _idle(self) -> bool:
        return self._watch is None and "ledger" not in vars(self)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._watch is not None or hasattr(report, "golden"):
            self.ledger.note_report(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        from aos_workflow.determinism import SystemClock

        clock = SystemClock()
        began = clock.monotonic()
        try:
            result = yield
        except BaseException as error:
            if _is_early_stop(session, error):
                self._settle(session, clock.monotonic() - began, stopped=True)
            else:
                self._give_up()
            raise
        stopped = bool(session.shouldstop or session.shouldfail)
        self._settle(session, clock.monotonic() - began, stopped=stopped)
        return result

    def _give_up(self) -> None:
        """Interrupted: say what is known, write nothing."""
        if self._idle:
            return
        staged = self.ledger.counts["staged"]
        self.summary.fill(self.ledger)
        if staged and self.settings.mode is Mode.RECORD:
            self.summary.notes.append(f"interrupted: nothing was recorded of {staged} new values")

    def _settle(self, session: pytest.Session, elapsed_s: float, *, stopped: bool) -> None:
        """Commit, prune and judge, now that every test has been reported."""
        if self._idle or self.config.option.collectonly:
            return
        if self.settings.mode is Mode.OBSERVE:
            from pytest_aos_golden.repeating import write_observations

            assert self.settings.observe_to is not None
            write_observations(self.settings.observe_to, self.ledger)
            return
        if self.settings.mode is Mode.RECORD:
            self._record(elapsed_s)
        if self._watch is not None:
            try:
                self._judge(session, self._watch.collection, stopped=stopped)
            except OSError as error:
                self.summary.notes.append(f"cannot list the golden folder: {error}")
        self.summary.fill(self.ledger)

    def _record(self, elapsed_s: float) -> None:
        from pytest_aos_golden.recording import record

        done = record(self.config, self.settings, self.ledger, self._session.staging, elapsed_s)
        self.summary.committed, self.summary.refused = done.committed, done.refused
        by_test: dict[str, list[Refusal]] = {}
        for refusal in done.refused:
            by_test.setdefault(refusal.nodeid, []).append(refusal)
        self._take_back(set(by_test))
        for nodeid, refusals in by_test.items():
            self._fail(nodeid, refusals)

    def _take_back(self, nodeids: set[str]) -> None:
        """Do not count tests as passed that are about to be reported as failed."""
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and nodeids:
            passed = reporter.stats.get("passed", [])
            passed[:] = [report for report in passed if report.nodeid not in nodeids]

    def _fail(self, nodeid: str, refusals: list[Refusal]) -> None:
        """Report a test as failed whose goldens were refused after it had passed."""
        text: list[str] = []
        for refusal in refusals:
            text += [f"golden refused: {refusal.message[0]}", f"  {refusal.key}"]
            text += refusal.message[1:]
        report = pytest.TestReport(
            nodeid=nodeid,
            location=self.ledger.tests[nodeid].location,
            keywords={},
            outcome="failed",
            longrepr="\n".join(text),
            when="call",
            golden_refused=True,
        )
        self.config.hook.pytest_runtest_logreport(report=report)

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """No letter among those of the tests for a refusal: their line is complete by then."""
        return ("failed", "", "FAILED") if hasattr(report, "golden_refused") else None

    def _judge(self, session: pytest.Session, collection: Collection, *, stopped: bool) -> None:
        from pytest_aos_golden.inventory import Unused, find_dead_rules, find_unused

        settings, summary = self.settings, self.summary
        collection.note_arguments(self.config)
        complete = collection.whole and not stopped
        summary.dead_rules = find_dead_rules(
            settings.rule_texts, self.ledger, collection, complete=complete
        )
        unused: list[Unused] = []
        if complete:
            for found in find_unused(settings.folder, settings.root, self.ledger, collection):
                if isinstance(found, Unused):
                    unused.append(found)
                else:
                    summary.unreadable.append(found)
        self._find_renames(unused)
        if not settings.prune:
            summary.unused = unused
        elif complete and not session.testsfailed:
            self._prune(unused)
        else:
            summary.unused = unused
            summary.notes.append("nothing was pruned: the run was not complete and green")

    def _find_renames(self, unused: list[Unused]) -> None:
        """A new golden with the hash of an unused one is probably the same under another name."""
        left: dict[str | None, list[Unused]] = {}
        for item in unused:
            left.setdefault(item.hash, []).append(item)
        for committed in self.summary.committed:
            same = left.get(committed.hash)
            if committed.kind == "new" and same:
                committed.renamed_from = same.pop(0).key

    def _prune(self, unused: list[Unused]) -> None:
        for item in unused:
            try:
                item.path.unlink()
            except OSError as error:
                self.summary.unused.append(item)
                self.summary.notes.append(f"cannot delete {item.file}: {error.strerror}")
            else:
                self.summary.pruned.append(item)
                _remove_empty(item.path.parent, self.settings.folder)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._idle and not self.settings.reports:
            return
        harmless = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        strict = self.settings.mode is Mode.VERIFY
        if strict and self.summary.folder_is_bad and session.exitstatus in harmless:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self.settings.reports:
            self._write_reports(session)

    def _write_reports(self, session: pytest.Session) -> None:
        from pytest_aos_golden.report_files import write_report

        for path in self.settings.reports:
            try:
                write_report(path, self.summary)
            except OSError as error:
                self.summary.notes.append(f"cannot write the report {path}: {error.strerror}")
                if session.exitstatus == pytest.ExitCode.OK:
                    session.exitstatus = pytest.ExitCode.USAGE_ERROR
            else:
                self.summary.reports.append(str(path))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.settings.mode is Mode.OBSERVE or (self._idle and not self.settings.reports):
            return
        from pytest_aos_golden.summary import print_summary

        print_summary(terminalreporter, self.summary)
        if self.settings.annotate:
            root = self.settings.root
            workspace = self.settings.workspace or root
            for line in self.summary.annotations(str(root), str(workspace)):
                terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        if self.settings.mode is Mode.RECORD and "staging" in vars(self._session):
            self._session.staging.remove()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["golden_arguments"] = [*map(str, self.config.invocation_params.args)]
        if self.settings.mode.records:
            node.workerinput["golden_staging"] = str(self._session.staging.folder)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder, and those above it below ``root``, that hold nothing any more."""
    above = [each for each in (folder, *folder.parents) if root in each.parents]
    with suppress(OSError):
        for each in above:
            each.rmdir()


def _is_early_stop(session: pytest.Session, error: BaseException) -> bool:
    """Whether pytest stops because of what it found (``-x``, ``--stepwise``), not because somebody wants it to."""
    if isinstance(error, (session.Failed, session.Interrupted)):
        return True
    return isinstance(error, KeyboardInterrupt) and type(error) is not KeyboardInterrupt  # xdist
