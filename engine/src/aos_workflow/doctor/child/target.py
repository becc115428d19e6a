"""The examined function: found, its modules instrumented, loaded anew in each process."""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

from aos_workflow.doctor.child.rewrite import field_factories, instrument, text_constants
from aos_workflow.doctor.child.run import Run

__all__ = ["Sources", "Target"]

MAX_FILES = 400
OURS = os.path.join(os.path.realpath(__file__).rpartition(f"{os.sep}doctor{os.sep}")[0], "")  # noqa: PTH118
"""The folder of ``aos_workflow``: not the user's own, unless it is what is examined."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the function is: a file or a dotted module, and its name in there."""

    module: str
    name: str
    file: str
    root: str
    """The folder whose modules are the user's own."""
    dotted: bool
    entry: str = ""
    also: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: dict[str, Any]) -> Target:
        """From its JSON form."""
        more = {"also": tuple(data["also"]), "preload": tuple(data["preload"])}
        return cls(**{**data, **more})


class Sources(importlib.abc.MetaPathFinder):
    """The user's modules: which they are, and their instrumented code."""

    def __init__(
        self, target: Target, run: Run, names: dict[str, Any], *, exact: bool = False
    ) -> None:
        self.target = target
        self.run = run
        self.names = names
        self.exact = exact
        self.code: dict[str, CodeType] = {}
        self.constants: list[str] = []
        self.imports: set[str] = set()
        self.hooks: Any = None
        stdlib = sysconfig.get_paths()
        self.foreign = tuple(
            os.path.realpath(stdlib[k]) + os.sep for k in ("stdlib", "purelib", "platlib")
        )
        self.root = os.path.realpath(target.root)
        if not f"{self.root}{os.sep}".startswith(OURS):
            self.foreign += (OURS,)
        self.installed = f"{self.root}{os.sep}".startswith(self.foreign)

    def is_user(self, file: str) -> bool:
        """Whether a file is the user's own."""
        if not file.endswith(".py"):
            return False
        if file == self.target.file:
            return True
        real = os.path.realpath(file)
        if self.installed:
            return self.target.dotted and real.startswith(self.root + os.sep)
        if real.startswith(self.foreign) or f"{os.sep}site-packages{os.sep}" in real:
            return False
        return real.startswith(self.root + os.sep)

    def is_library(self, module: ModuleType) -> bool:
        """Whether a module is one of the standard library."""
        return module.__name__.partition(".")[0] in sys.stdlib_module_names

    def prepare(self) -> None:
        """Compile the target and what it imports of the user's own; preload everything else."""
        todo = [self.target.file, *self.target.also]
        self.imports.update(self.target.preload)
        seen: set[str] = set()
        while todo and len(seen) < MAX_FILES:
            file = todo.pop()
            if file in seen:
                continue
            seen.add(file)
            for name in _imported(self.compile(file)):
                found = _locate(name)
                if found is not None and self.is_user(found):
                    todo.append(found)
                else:
                    self.imports.add(name)

    def compile(self, file: str) -> ast.AST:
        """The original tree of a file whose instrumented code is now at hand."""
        with open(file, "rb") as stream:
            source = stream.read()
        tree = ast.parse(source, file)
        if file not in self.code:
            self.code[file] = compile(
                instrument(source, file, exact=self.exact), file, "exec", dont_inherit=True
            )
            self.run.files.add(file)
            self.constants.extend(text_constants(tree))
            for owner, lines in field_factories(tree).items():
                self.run.field_lines[file, owner] = lines
        return tree

    def preload(self) -> None:
        """Import what is not the user's own, once for all children."""
        for name in sorted(self.imports):
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001 - the user's own import will say it
                continue
        self._forget()

    def _forget(self) -> None:
        """Unload what of the user's own came along, a package above a module: each process executes it anew."""
        if self.root.startswith(OURS):
            return
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name != "__main__" and file and self.is_user(file):
                del sys.modules[name]

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The spec of a user module, with our loader."""
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or not spec.origin or not self.is_user(spec.origin):
            return None
        spec.loader = _Loader(fullname, spec.origin, self)
        return spec

    def load(self) -> Any:
        """The function, its module executed now.

        Raises:
            Exception: whatever importing the module raises; AttributeError if the name is not in it.
        """
        sys.meta_path.insert(0, self)
        home, _, name = self.target.entry.partition(":")
        self.run.importing += 1
        try:
            module = importlib.import_module(home) if home else self._module()
        finally:
            self.run.importing -= 1
        if self.hooks is not None:
            self.hooks.apply()
        found: Any = module
        for part in (name or self.target.name).split("."):
            found = getattr(found, part)
        return found

    def load_more(self, function: Any, call: dict[str, Any]) -> None:
        """Load the user's modules where it is the entry that does: state is looked for in what is loaded."""
        if self.target.entry:
            function(*call["args"], **call["kwargs"], collect_only=True)

    def _module(self) -> ModuleType:
        target = self.target
        if _locate(target.module) == target.file:
            return importlib.import_module(target.module)
        loader = _Loader(target.module, target.file, self)
        spec = importlib.util.spec_from_file_location(target.module, target.file, loader=loader)
        assert spec is not None, "a file with a loader has a spec"
        module = importlib.util.module_from_spec(spec)
        sys.modules[target.module] = module
        loader.exec_module(module)
        return module


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, sources: Sources) -> None:
        super().__init__(name, path)
        self.sources = sources

    def get_code(self, fullname: str) -> CodeType:
        if self.path not in self.sources.code:
            self.sources.compile(self.path)
        return self.sources.code[self.path]

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__.update(self.sources.names)
        run = self.sources.run
        run.importing += 1
        try:
            exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102
        finally:
            run.importing -= 1


def _locate(name: str) -> str | None:
    try:
        spec = importlib.util.find_spec(name)
    except Exception:  # noqa: BLE001 - a parent that cannot be imported
        return None
    return None if spec is None else spec.origin


def _imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found
