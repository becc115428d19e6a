"""pytest's way in. Imports nothing but pytest and small modules of ours until a golden is used."""

from __future__ import annotations

from types import ModuleType
from typing import Any, cast

import pytest

from pytest_aos_golden import hooks
from pytest_aos_golden.settings import read_settings, register_options
from pytest_aos_golden.shadow_marks import MARKER as SHADOW_MARKER
from pytest_aos_golden.shadow_marks import add_option as add_shadow_option

_NAME = "aos-golden"
_MARKER = (
    "golden(seed=0, freeze=None, rules=None, hash_only=False, doctor=False): seed, frozen time, volatile rules and "
    "form of this test's goldens, and whether the doctor examines it"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    register_options(parser)
    add_shadow_option(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    if config.getoption("--golden-observe"):
        from pytest_aos_golden.repeating import enter_observing

        enter_observing(config)


def pytest_configure(config: pytest.Config) -> None:
    from pytest_aos_golden.outcome import CollectionWatch, Outcome
    from pytest_aos_golden.session import GoldenSession
    from pytest_aos_golden.shadow_tests import ShadowTests

    config.addinivalue_line("markers", _MARKER)
    config.addinivalue_line("markers", SHADOW_MARKER)
    settings = read_settings(config)
    settings.check()
    names = _fixture_names(config)
    session = GoldenSession(config, settings, names)
    register = config.pluginmanager.register
    register(session, f"{_NAME}-session")
    register(ShadowTests(), f"{_NAME}-shadow")
    register(_fixtures(session, names), f"{_NAME}-fixtures")
    watch = CollectionWatch(session) if settings.judges_folder else None
    if watch is not None:
        register(watch, f"{_NAME}-collection")
    if not hasattr(config, "workerinput"):
        register(Outcome(session, watch), f"{_NAME}-outcome")


def _fixture_names(config: pytest.Config) -> tuple[str, ...]:
    wanted = str(config.getini("golden_fixture"))
    if wanted not in ("golden", "aos_golden"):
        raise pytest.UsageError(f"golden_fixture is {wanted!r}, expected 'golden' or 'aos_golden'")
    return ("golden", "aos_golden") if wanted == "golden" else ("aos_golden",)


def _fixtures(session: Any, names: tuple[str, ...]) -> object:
    """The fixtures under the names that this project wants."""

    @pytest.fixture(scope="session", name="aos_golden")
    def aos_golden() -> Any:
        """The golden of the running test, under a name that no other plugin takes."""
        return session.golden

    @pytest.fixture(scope="session", name="golden")
    def golden() -> Any:
        """The golden of the running test: ``assert value == golden``."""
        return session.golden

    @pytest.fixture(scope="session", name="golden_engine")
    def golden_engine() -> Any:
        """Runs workflows and compares whole runs: ``await golden_engine.run(workflow)``."""
        from pytest_aos_golden.engine_fixture import GoldenEngine

        return GoldenEngine(session.golden)

    # A module: pytest looks for fixtures in those and in classes, and warns of wide scopes on methods.
    fixtures: Any = ModuleType("pytest_aos_golden.fixtures")
    fixtures.aos_golden = aos_golden
    fixtures.golden_engine = golden_engine
    if "golden" in names:
        fixtures.golden = golden
    return cast(object, fixtures)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Refuse to share the fixture name ``golden`` with another plugin: pytest would pick one of the two silently."""
    config = session.config
    if str(config.getini("golden_fixture")) != "golden":
        return
    manager: Any = session._fixturemanager
    for definition in manager.getfixturedefs("golden", session) or ():
        module = definition.func.__module__ or ""
        if module == __name__ or _is_conftest(config, definition.func):
            continue
        raise pytest.UsageError(
            f"two plugins define the fixture 'golden': pytest-aos-golden and {module}.\n"
            "  next: set golden_fixture = aos_golden in the ini file and use the fixture aos_golden for ours, "
            f"or uninstall the other (-p no:{module})"
        )


def _is_conftest(config: pytest.Config, function: Any) -> bool:
    """Whether a fixture stands in a conftest: a project may override ours there."""
    if function.__code__.co_filename.endswith("conftest.py"):
        return True
    plugins = config.pluginmanager.list_name_plugin()
    return any(name.endswith("conftest.py") and hasattr(it, "golden") for name, it in plugins)
