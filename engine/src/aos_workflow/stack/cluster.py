"""A PostgreSQL cluster on disk: made whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from aos_workflow.determinism import SystemEntropy
from aos_workflow.errors import ServerStartError
from aos_workflow.stack.accounts import Account, private_folder, run_as
from aos_workflow.stack.binaries import VERSION
from aos_workflow.stack.launch import ENVIRONMENT
from aos_workflow.stack.settings import PostgresSettings

__all__ = ["SYNC_METHOD", "Cluster"]

SYNC_METHOD = "syncfs" if sys.platform == "linux" else "fsync"
"""How a whole cluster gets to disk: a thousand files one by one take seconds on some disks, the file system 15 ms."""

_LIMIT_S = 60.0
_UNFINISHED = "data.partial-"


class Cluster:
    """The data folder below a service's folder, and the programs that work on it while no server runs."""

    def __init__(self, folder: Path, programs: Path, account: Account | None) -> None:
        self.data = folder / "data"
        self._folder = folder
        self._programs = programs
        self._account = account

    def make(self, settings: PostgresSettings, *, sync: bool = True) -> bool:
        """Make the cluster with its user and database, unless it is there; whether it was made.

        Everything is on disk (with ``sync``) before the folder gets its name, so that a crash leaves only what the next
        call removes.

        Raises:
            ServerStartError: it cannot be made, or is another major version's.
        """
        for unfinished in self._folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        if self.data.exists():
            self._check_version()
            return False
        data = self._folder / f"{_UNFINISHED}{SystemEntropy().token_hex(4)}"
        private_folder(data, self._account)
        self._initialise(data, settings)
        if settings.database not in (None, "postgres"):
            # Without fsync: everything is synced together afterwards.
            self._sql(data, f"CREATE DATABASE {_name(settings.database)}", "-F")
        if sync:
            self._sync(data)
        data.rename(self.data)
        return True

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password.

        Raises:
            ServerStartError: a server runs, or there is no such user.
        """
        self._sql(self.data, f"ALTER ROLE {_name(user)} PASSWORD {_text(password)}")

    def _initialise(self, data: Path, settings: PostgresSettings) -> None:
        password = data.with_name(f"{data.name}.password")
        handle = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if self._account is not None:
                os.fchown(handle, self._account.uid, self._account.gid)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{settings.password}\n")
            self._run(
                "initdb",
                f"--pgdata={data}",
                f"--username={settings.user}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--locale=C",
                "--encoding=UTF8",
                "--data-checksums",
                "--no-instructions",
                "--no-sync",  # once, at the end
            )
        finally:
            password.unlink(missing_ok=True)

    def _sync(self, data: Path) -> None:
        self._run("initdb", f"--pgdata={data}", "--sync-only", f"--sync-method={SYNC_METHOD}")

    def _sql(self, data: Path, statement: str, *options: str) -> None:
        """Run a statement without a server."""
        arguments = ["--single", *options, "-D", str(data), "postgres"]
        said = self._run("postgres", *arguments, statement=f"{statement};\n")
        if "ERROR:" in said or "FATAL:" in said:
            raise ServerStartError(f"db: {_last_line(said)}", service="db")

    def _run(self, program: str, *arguments: str, statement: str = "") -> str:
        """What a program says.

        Raises:
            ServerStartError: it fails or takes too long.
        """
        try:
            done = subprocess.run(
                [str(self._programs / program), *arguments],
                input=statement,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                cwd=self._folder,
                env=ENVIRONMENT,
                timeout=_LIMIT_S,
                check=False,
                **run_as(self._account),
            )
        except subprocess.TimeoutExpired:
            raise ServerStartError(
                f"db: {program} has not ended after {_LIMIT_S:.0f} s", service="db"
            ) from None
        if done.returncode != 0:
            raise ServerStartError(f"db: {program}: {_last_line(done.stdout)}", service="db")
        return done.stdout

    def _check_version(self) -> None:
        try:
            found = (self.data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise ServerStartError(
                f"db: {self.data} is not a PostgreSQL cluster that we can use: {error.strerror}",
                service="db",
                hint="move it away, or choose another home: AOS_HOME",
            ) from None
        if found != str(VERSION):
            raise ServerStartError(
                f"db: {self.data} was made by PostgreSQL {found}; this is {VERSION}",
                service="db",
                hint="pg_dump it with the old version and restore it into a new home",
            )


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return " E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _last_line(text: str) -> str:
    # A statement may hold a password.
    lines = [line for line in text.splitlines() if line.strip() and "STATEMENT:" not in line]
    errors = [line for line in lines if "error:" in line.lower() or "FATAL:" in line]
    return (errors or lines or ["no reason given"])[-1].strip()
