"""pytest's way in. Imports nothing but pytest and small modules of ours until a golden is used."""

from __future__ import annotations

from types import ModuleType
from typing import Any, cast

import pytest

from pytest_aos_golden import hooks
from pytest_aos_golden.settings import read_settings, register_options

_SESSION = "aos-golden-session"


def pytest_addoption(parser: pytest.Parser) -> None:
    register_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    if config.getoption("--golden-observe"):
        from pytest_aos_golden.repeating import enter_observing

        enter_observing(config)


def pytest_configure(config: pytest.Config) -> None:
    from pytest_aos_golden.marks import MARKER
    from pytest_aos_golden.session import GoldenSession

    config.addinivalue_line("markers", MARKER)
    session = GoldenSession(config, read_settings(config))
    config.pluginmanager.register(session, _SESSION)
    config.pluginmanager.register(_fixtures(config, session), f"{_SESSION}-fixtures")


def _fixtures(config: pytest.Config, session: Any) -> object:
    """The fixtures under the names that this project wants."""
    wanted = str(config.getini("golden_fixture"))
    if wanted not in ("golden", "aos_golden"):
        raise pytest.UsageError(f"golden_fixture is {wanted!r}, expected 'golden' or 'aos_golden'")

    @pytest.fixture(scope="session", name="aos_golden")
    def aos_golden() -> Any:
        """The golden of the running test, under a name that no other plugin takes."""
        return session.golden

    @pytest.fixture(scope="session", name="golden")
    def golden() -> Any:
        """The golden of the running test: ``assert value == golden``."""
        return session.golden

    # A module: pytest looks for fixtures in those and in classes, and warns of wide scopes on methods.
    fixtures: Any = ModuleType("pytest_aos_golden.fixtures")
    fixtures.aos_golden = aos_golden
    if wanted == "golden":
        fixtures.golden = golden
    return cast(object, fixtures)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Refuse to share the fixture name ``golden`` with another plugin: pytest would pick one of the two silently."""
    config = session.config
    if str(config.getini("golden_fixture")) != "golden":
        return
    manager = getattr(session, "_fixturemanager", None)
    for definition in getattr(manager, "_arg2fixturedefs", {}).get("golden", ()):
        module = definition.func.__module__ or ""
        code = getattr(definition.func, "__code__", None)
        in_conftest = code is not None and code.co_filename.endswith("conftest.py")
        if definition.baseid or in_conftest or module.startswith("pytest_aos_golden"):
            continue
        raise pytest.UsageError(
            f"two plugins define the fixture 'golden': pytest-aos-golden and {module}.\n"
            "  next: set golden_fixture = aos_golden in the ini file and use the fixture aos_golden for ours, "
            f"or uninstall the other (-p no:{module})"
        )
