"""What is examined: from what a user names to a file, a module and a name in it."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.errors import UsageError

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A function: the file it is in, the module that file is, and the function's name in it.

    ``root`` is the folder whose modules count as the user's own; ``path`` what must be on ``sys.path``. With
    ``entry``, ``package.module:function``, that function is called in place of the one that is named: it knows how to
    reach it. It takes ``collect_only=True`` to load the user's modules and no more.
    """

    file: Path
    module: str
    name: str
    root: Path
    path: tuple[str, ...]
    dotted: bool
    entry: str = ""
    also: tuple[str, ...] = ()
    """More of the user's files that are loaded without being imported from ``file``."""
    preload: tuple[str, ...] = ()
    """Modules of others that every run imports."""
    cwd: str = ""
    """Where to run; a folder of its own if empty."""
    asynchronous: bool = False
    """Whether an event loop may run although no file of the user says so."""
    commands: tuple[str, str] | None = None
    """What to type to examine it again, and what to show one cause again: before its perturbation."""

    @classmethod
    def of(cls, wanted: str | Callable[..., Any] | Target) -> Target:
        """From ``FILE.py:function``, ``package.module:function`` or a function.

        Raises:
            UsageError: there is no such file, module or function, or it is not one that another process can find.
        """
        if isinstance(wanted, Target):
            return wanted
        if callable(wanted):
            return cls._of_function(wanted)
        where, colon, name = wanted.rpartition(":")
        if not colon or not name.replace(".", "").isidentifier():
            raise UsageError(
                f"{wanted!r} does not name a function",
                hint="aos-workflow doctor FILE.py:function, or package.module:function",
            )
        return (
            cls._of_file(Path(where), name)
            if where.endswith(".py")
            else cls._of_module(where, name)
        )

    @classmethod
    def _of_file(cls, file: Path, name: str) -> Target:
        if not file.is_file():
            raise UsageError(f"there is no file {file}")
        file = file.resolve()
        top = file.parent
        while (top / "__init__.py").exists():
            top = top.parent
        dotted = top != file.parent
        module = ".".join(file.relative_to(top).with_suffix("").parts) if dotted else file.stem
        root = top / file.relative_to(top).parts[0] if dotted else file.parent
        return cls(file, module, name, root, (str(top),), dotted)

    @classmethod
    def _of_module(cls, module: str, name: str) -> Target:
        here = str(Path.cwd())
        sys.path.insert(0, here)
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{module} cannot be imported: {error}") from None
        finally:
            sys.path.remove(here)
        if spec is None or not spec.origin or not spec.origin.endswith(".py"):
            raise UsageError(f"there is no Python module {module}")
        file = Path(spec.origin).resolve()
        depth = module.count(".") + (file.name == "__init__.py")
        top = file.parents[depth]
        root = top / module.partition(".")[0] if depth else file.parent
        return cls(file, module, name, root, (str(top), here), True)

    @classmethod
    def _of_function(cls, function: Callable[..., Any]) -> Target:
        function = inspect.unwrap(function)
        name = getattr(function, "__qualname__", "")
        file = inspect.getsourcefile(function) if inspect.isroutine(function) else None
        if file is None or "<" in name:
            raise UsageError(
                f"{name or function!r} cannot be found again in another process",
                hint="give a function that is defined at the top of a module",
            )
        return cls._of_file(Path(file), name)

    def to_child(self) -> dict[str, Any]:
        """As the child reads it."""
        return {
            "file": str(self.file), "module": self.module, "name": self.name, "root": str(self.root),
            "dotted": self.dotted, "entry": self.entry, "also": list(self.also), "preload": list(self.preload),
        }  # fmt: skip
