"""Environment: variables, working directory, home, user, host, processors, paths of the source.

Values are canaries: texts that nobody else writes, so that they are found again in the output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from aos_workflow.doctor.child.run import Reading, Run

NAME = "environment"
LABEL = "env-leak"
CANARY = "aos-canary"
UNTOUCHED = ("PYTHON", "LD_", "_PYTHON")
UNTOUCHED_NAMES = frozenset({"PATH", "TMPDIR", "TEMP", "TMP", "TZ", "TZDIR"})
STDLIB_NAMES = frozenset(
    {"HOME", "USERPROFILE", "USER", "LOGNAME", "USERNAME", "LNAME", "COLUMNS", "LINES"}
)
PROCESSORS = 8
OTHER: dict[str, Any] = {
    "sys.argv": [f"{CANARY}-argv", "--canary"], "sys.executable": f"/{CANARY}/python",
    "sys.platform": f"{CANARY}-os", "sys.version": f"9.9.9 ({CANARY})", "sys.prefix": f"/{CANARY}",
    "time.tzname": ("EST", "EDT"), "time.timezone": 18000, "time.altzone": 14400, "time.daylight": 1,
}  # fmt: skip


def provoke(budget: str) -> list[Any]:
    """Canaries, and what settings usually say."""
    if budget == "quick":
        return ["canary", "7", "true"]
    return ["canary", "7", "true", "0", "unset", "1", "3.5"]


def drives(budget: str, texts: list[str] = []) -> list[Any]:  # noqa: B006 - never changed
    """What the code itself compares with."""
    return [f"={text}" for text in texts]


def control(run: Run) -> dict[str, Any]:
    """Variables from the real environment; whoever reads them is known."""
    _variables(run)
    _processors(run)
    _places(run)
    _identity(run)
    import builtins

    def attribute(value: Any, name: str) -> Any:
        axis = NAME if name.startswith("sys.") else "timezone"
        reading = run.visit(axis, name, count=False)
        if reading is None or reading.variant is None:
            return value
        return OTHER[name]

    builtins.__aos_attribute__ = attribute  # type: ignore[attr-defined]

    def file(path: str) -> str:
        reading = run.visit(NAME, "__file__", count=False)
        if reading is None or reading.variant is None:
            return path
        return f"/tmp/{CANARY}/moved/{os.path.basename(path)}"  # noqa: PTH119

    builtins.__aos_file__ = file  # type: ignore[attr-defined]
    return {}


def _variables(run: Run) -> None:
    kind = type(os.environ)
    original = kind.__getitem__
    own: set[Any] = set()
    """What the function itself has set or deleted: nobody else decides it then."""
    run.resets.append(own.clear)

    def getitem(self: Any, key: Any) -> Any:
        reading = None if key in own and self is os.environ else _asked(run, key)
        if reading is None or reading.variant is None or self is not os.environ:
            return original(self, key)
        found = _changed(reading, key, dict.get(self._data, self.encodekey(key)))  # type: ignore[attr-defined]
        if found is None:
            raise KeyError(key)
        return found

    def iterate(self: Any) -> Any:
        keys = [self.decodekey(key) for key in list(self._data)]
        reading = run.visit(NAME, "os.environ")
        if reading is not None and reading.variant is not None:
            texts = run.sources.constants if run.sources is not None else []
            keys += [t for t in ("AOS_CANARY", *texts) if t.isupper() and t not in keys]
        return iter(keys)

    kind.__getitem__ = getitem  # type: ignore[method-assign]
    kind.__iter__ = iterate  # type: ignore[method-assign]
    for name in ("__setitem__", "__delitem__"):
        setattr(kind, name, _noting(getattr(kind, name), own, dict(os.environ)))


def _noting(original: Any, own: set[Any], given: Mapping[str, str]) -> Any:
    """Note which variables are changed; one that gets the value back that it was given is nobody's own."""

    def change(self: Any, key: Any, *value: Any) -> None:
        original(self, key, *value)
        if self is os.environ:
            (own.discard if value == (given.get(key),) else own.add)(key)

    return change


def _asked(run: Run, key: Any) -> Reading | None:
    """The read, if it is one that may be answered otherwise."""
    if not run.active or not isinstance(key, str):
        return None
    if key in UNTOUCHED_NAMES or key.startswith(UNTOUCHED):
        return None
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in (
        "os",
        "collections.abc",
        "_collections_abc",
    ):
        frame = frame.f_back
    direct = frame is not None and frame.f_code.co_filename in run.files
    if not direct and key not in STDLIB_NAMES and _is_set(key):
        return None
    return run.visit(NAME, f"environment variable {key}", depth=3)


def _is_set(key: str) -> bool:
    """Whether the process really has such a variable."""
    return os.fsencode(key) in os.environ._data  # type: ignore[attr-defined]


def _changed(reading: Reading, key: str, real: Any) -> str | None:
    variant = str(reading.variant)
    before = os.fsdecode(real) if isinstance(real, bytes) else real
    if key == "HOME":
        return f"/tmp/{CANARY}/home"
    if variant == "canary":
        return f"{CANARY}-{key.lower()}"
    if variant == "unset":
        return None if before is not None else CANARY
    value = variant.removeprefix("=")
    return value if value != before else f"{value}1"


def _processors(run: Run) -> None:
    for name in ("cpu_count", "process_cpu_count"):
        if hasattr(os, name):
            setattr(os, name, _count(run, name))
    if hasattr(os, "sched_getaffinity"):
        real = os.sched_getaffinity

        def affinity(pid: int) -> Any:
            reading = run.visit(NAME, "os.sched_getaffinity")
            return real(pid) if reading is None else set(range(_processor_count(reading)))

        os.sched_getaffinity = affinity
    if "multiprocessing" in sys.modules:
        import multiprocessing

        multiprocessing.cpu_count = lambda: os.cpu_count() or 1


def _count(run: Run, name: str) -> Any:
    real = getattr(os, name)

    def count() -> Any:
        reading = run.visit(NAME, f"os.{name}")
        return real() if reading is None else _processor_count(reading)

    count.__name__ = name
    return count


def _processor_count(reading: Reading) -> int:
    if reading.variant is None:
        return PROCESSORS
    return {"canary": 3, "7": 1, "true": 64, "0": 2, "unset": 5, "1": 16}.get(
        str(reading.variant), 12
    )


def _places(run: Run) -> None:
    getcwd, terminal = os.getcwd, os.get_terminal_size

    def cwd() -> str:
        reading = run.visit(NAME, "os.getcwd", count=False)
        real = getcwd()
        if reading is None or reading.variant is None:
            return real
        other = os.path.join(os.path.dirname(real), f"{CANARY}-cwd")  # noqa: PTH118, PTH120
        os.makedirs(other, exist_ok=True)  # noqa: PTH103
        return other

    def get_terminal_size(fd: int = 1) -> os.terminal_size:
        reading = run.visit(NAME, "os.get_terminal_size")
        if reading is None:
            return terminal(fd)
        return os.terminal_size((80, 24) if reading.variant is None else (133, 41))

    os.getcwd, os.get_terminal_size = cwd, get_terminal_size
    posix = sys.modules.get("posixpath")
    assert posix is not None


def _identity(run: Run) -> None:
    """Names of user and host, versions, limits of the process."""
    import platform
    import socket

    replace(run, NAME, socket, "gethostname", "aos-host", f"{CANARY}-host")
    replace(run, NAME, socket, "getfqdn", "aos-host.test", f"{CANARY}-host.test")
    replace(run, NAME, platform, "node", "aos-host", f"{CANARY}-host")
    for name in (
        "platform",
        "release",
        "version",
        "machine",
        "processor",
        "python_version",
        "system",
    ):
        replace(run, NAME, platform, name, getattr(platform, name)(), f"{CANARY}-{name}")
    for name in ("getuid", "geteuid", "getgid", "getegid"):
        if hasattr(os, name):
            replace(run, NAME, os, name, 1000, 4321)
    replace(run, NAME, os, "getlogin", "aos-user", f"{CANARY}-user")
    if hasattr(os, "uname"):
        real = os.uname()
        replace(
            run, NAME, os, "uname", real, os.uname_result((real[0], f"{CANARY}-host", *real[2:]))
        )


def replace(
    run: Run, axis: str, module: Any, name: str, frozen: Any, other: Any, real: Any = None
) -> None:
    """A function without interesting arguments that answers ``frozen``, or ``other`` where it is let go."""
    original = getattr(module, name)

    def function(*args: Any, **kwargs: Any) -> Any:
        reading = run.visit(axis, f"{module.__name__}.{name}")
        if reading is None:
            return original(*args, **kwargs)
        found = frozen if reading.variant is None else other
        found = found(reading, *args, **kwargs) if callable(found) else found
        reading.note(found)
        return found

    function.__name__, function.__module__ = name, module.__name__
    setattr(module, name, function)
