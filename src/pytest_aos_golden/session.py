"""The plugin's part in a run: opens and closes tests, keeps the ledger, and settles everything at the end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aos_golden.fixture import Golden, GoldenUsageError, NamedGolden
from pytest_aos_golden.hooks import NULL
from pytest_aos_golden.naming import key_of
from pytest_aos_golden.seeding import SeededGenerators, frozen_clock
from pytest_aos_golden.settings import Mode, Settings

if TYPE_CHECKING:
    from pytest_aos_golden.compare import Comparer
    from pytest_aos_golden.staging import Staging
    from pytest_aos_golden.test_run import TestRun

__all__ = ["GoldenSession"]

_KEY = pytest.StashKey[str]()


class GoldenSession:
    """What runs tests: the only process of a run, or a worker. Also the object behind the fixture."""

    def __init__(self, config: pytest.Config, settings: Settings, names: tuple[str, ...]) -> None:
        self.config = config
        self.settings = settings
        self.names = names
        """The names under which tests can ask for the fixture."""
        self.golden = Golden(self)
        self._item: pytest.Item | None = None
        self._run: TestRun | None = None
        self._wide_fixture: str | None = None
        """The fixture of more than one test that is being set up."""
        self._generators = SeededGenerators()
        self.quiet: Callable[[], AbstractContextManager[Any]] = nullcontext
        """Around our own work, where somebody watches what the test does."""

    # what the fixture asks for

    @property
    def seed(self) -> int:
        if self._wide_fixture is not None or self._item is None:
            return self.settings.seed
        return self._current().seed

    def evaluate(
        self, asked_by: object, name: str | None, value: Any, rules: Any, hash_only: bool | None
    ) -> bool:
        if self._wide_fixture is not None:
            raise GoldenUsageError(
                f"golden was compared in the fixture {self._wide_fixture}, which serves several tests: whose golden "
                "it is would depend on the order of the tests.\n"
                "  next: compare in the test, or make it a fixture of one test"
            )
        with self.quiet():
            return self._current().evaluate(asked_by, name, value, rules, hash_only)

    def explanation(self, asked_by: object) -> list[str] | None:
        return self._run.explanation(asked_by) if self._run is not None else None

    def _current(self) -> TestRun:
        if self._run is None:
            if self._item is None:
                raise GoldenUsageError(
                    "golden was used outside a test; a golden belongs to the test that runs"
                )
            self._begin(self._item)
        assert self._run is not None
        return self._run

    def _begin(self, item: pytest.Item) -> None:
        import pytest_aos_golden.compare  # noqa: F401 - the kernel: now, for a test may have a time limit
        from pytest_aos_golden.test_run import TestRun

        run = TestRun(item, lambda: self.comparer, self.settings.seed)
        if self.settings.mode.records:
            _ = self.comparer  # before a test can stop the clock
        self._run = run
        self._generators.seed(run.seed)

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

        if hasattr(self.config, "workerinput"):
            return Staging(Path(self.config.workerinput["golden_staging"]))
        return Staging(self.settings.observe_to)

    # one test

    def asks_for_golden(self, item: pytest.Item) -> bool:
        """Whether a test names our fixture or carries our marker."""
        asked = getattr(item, "fixturenames", ())
        for name in self.names:
            if name in asked:
                return True
        return item.get_closest_marker("golden") is not None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Iterator[None]:
        self._item, self._run = item, None
        try:
            return (yield)
        finally:
            self._item = self._run = None
            # The next test of ours seeds them anyway, and putting back is dear: 20 us.
            if nextitem is None or not self.asks_for_golden(nextitem):
                self._generators.restore()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self._run is not None:
            self._run.start_attempt()
            self._generators.seed(self._run.seed)
        elif self.asks_for_golden(item):
            try:
                self._begin(item)
            except pytest.UsageError as error:
                pytest.fail(str(error), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        if fixturedef.scope == "function":
            return (yield)
        self._wide_fixture, outer = (
            f"{fixturedef.argname!r} (scope {fixturedef.scope})",
            (self._wide_fixture),
        )
        try:
            return (yield)
        finally:
            self._wide_fixture = outer

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        run = self._run
        if run is None:
            return (yield)
        self._generators.seed(run.seed)
        try:
            with self._clock(run):
                result = yield
        except Exception:
            self._examine(run)  # beside the failure that there is
            raise
        self._examine(run)
        if run.diagnosis is not None and not run.diagnosis.healthy:
            pytest.fail("\n".join(run.diagnosis.lines), pytrace=False)
        return result

    @staticmethod
    def _clock(run: TestRun) -> AbstractContextManager[Any]:
        if run.marked.freeze is None:
            return nullcontext()
        try:
            return frozen_clock(run.marked.freeze)
        except pytest.UsageError as error:
            pytest.fail(str(error), pytrace=False)

    def _examine(self, run: TestRun) -> None:
        """Ask the doctor, if somebody wants that of this test."""
        settings = self.settings
        if not (settings.doctor or run.marked.doctor) or settings.mode is Mode.OBSERVE:
            return
        if not run.compared:
            return
        from pytest_aos_golden.doctor import diagnose

        item = run.item
        run.diagnosis = diagnose(
            self.config, settings, item.nodeid, item.path, settings.doctor_budget
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        report: Any = yield
        run = self._run
        if run is not None and run.item is item:
            self._attach(report, run)
        elif _KEY in item.stash:
            report.golden = {"key": item.stash[_KEY], "evaluations": []}
        return report

    def _attach(self, report: Any, run: TestRun) -> None:
        """Send the comparisons of a phase along with its report, and see that none that failed goes unnoticed."""
        evaluations = run.take_pending()
        report.golden = {"key": run.key, "evaluations": [e.to_json() for e in evaluations]}
        found = run.diagnosis
        if found is not None:
            report.golden["doctor"] = {"healthy": found.healthy, **found.data}
            run.diagnosis = None
            if found.lines[0] not in report.longreprtext:
                report.sections.append(("golden doctor", "\n".join(found.lines)))
        if not evaluations:
            return
        if self.settings.junit:
            told = [(f"golden:{e.key}", f"{e.status} {e.hash or ''}".strip()) for e in evaluations]
            report.user_properties += told
            run.item.user_properties += told  # JUnit takes those of the last report
        failed = [each for each in evaluations if each.failed]
        if not failed:
            return
        if report.passed and not hasattr(report, "wasxfail"):
            report.outcome = "failed"
            report.longrepr = "\n".join(
                [
                    "the test passed although a golden did not match: write assert value == golden",
                    *(f"  {line}" for each in failed for line in each.message),
                ]
            )
        elif report.failed:
            said = report.longreprtext
            for each in failed:
                if each.message[0] not in said:
                    report.sections.append(("golden", "\n".join(each.message)))

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        if op != "==":
            return None
        for side in (right, left):
            for found in _goldens_in(side):
                lines = found.explanation()
                if lines:
                    return [f"value == {found!r}: {lines[0]}", *lines[1:]]
        return None

    # what runs

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.settings.mode is Mode.OBSERVE:
            from pytest_aos_golden.repeating import read_wanted

            assert self.settings.observe_to is not None
            wanted, reverse = read_wanted(self.settings.observe_to)
            items[:] = [item for item in items if item.nodeid in wanted]
            if reverse:
                items.reverse()

    def note_key(self, item: pytest.Item) -> str:
        """The key of a test; remembered where it is not its node id."""
        key = key_of(item)
        if key != item.nodeid:
            item.stash[_KEY] = key
        return key

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        self._generators.restore()


def _goldens_in(side: object) -> Iterator[Golden | NamedGolden]:
    """A golden, or those in a container that was compared: ``{"id": 7, "plan": plan} == {"id": 7, "plan": golden}``."""
    if isinstance(side, (Golden, NamedGolden)):
        yield side
    elif isinstance(side, (dict, list, tuple)):
        for item in side.values() if isinstance(side, dict) else side:
            if isinstance(item, (Golden, NamedGolden)):
                yield item
