"""User modules as they are, but with every place marked where an unordered thing becomes ordered.

Only expressions are wrapped, each wrapper on the line of what it wraps, so line numbers, tracebacks and stepping stay.
The names of the wrappers live in ``builtins``; nothing is added to the user's source.
"""

from __future__ import annotations

import ast
from typing import Any

__all__ = ["field_factories", "instrument", "text_constants"]

ORDERED_CALLS = frozenset(
    [
        "list",
        "tuple",
        "enumerate",
        "iter",
        "zip",
        "map",
        "filter",
        "dict",
        "sum",
        "min",
        "max",
        "Counter",
        "deque",
        "OrderedDict",
        "next",
        "sorted",
        "str",
        "repr",
        "reversed",
        "print",
        "reduce",
        "cycle",
        "islice",
        "chain",
        "array",
        "bytes",
        "bytearray",
    ]
)
ORDERED_METHODS = frozenset(
    [
        "join",
        "extend",
        "fromkeys",
        "update",
        "writelines",
        "map",
        "gather",
        "chain",
        "from_iterable",
        "dumps",
        "extendleft",
        "reduce",
        "cycle",
        "islice",
        "append",
        "put",
        "put_nowait",
        "format",
    ]
)
TEXT_CALLS = frozenset(["str", "format", "ascii"])
TEXT_METHODS = frozenset(
    [
        "join",
        "format",
        "dumps",
        "pformat",
        "format_exc",
        "getvalue",
        "saferepr",
        "format_map",
        "__repr__",
        "__str__",
    ]
)
ALWAYS_ORDERED = frozenset(["range", "enumerate", "zip", "sorted", "reversed", "open"])
VIEWS = frozenset(["keys", "items", "values"])
ATTRIBUTES = {
    "sys": frozenset(["argv", "executable", "platform", "version", "prefix"]),
    "time": frozenset(["tzname", "timezone", "altzone", "daylight"]),
}
"""Values of modules that are not calls: ``sys.argv``."""
ALGEBRA = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
LITERALS = (
    ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Lambda, ast.JoinedStr, ast.ListComp, ast.GeneratorExp,
    ast.DictComp,
    ast.Starred,
)  # fmt: skip


def instrument(source: str | bytes, filename: str, *, exact: bool = False) -> ast.Module:
    """The syntax tree of a user module with its sites wrapped; ``exact``: also additions.

    Raises:
        SyntaxError: the source has one.
    """
    tree = ast.parse(source, filename)
    changed: ast.Module = _Sites(exact).visit(tree)
    return ast.fix_missing_locations(changed)


def text_constants(tree: ast.AST, limit: int = 40) -> list[str]:
    """Short texts that the code compares with or looks up: candidates for what a setting may say."""
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if 0 < len(text) <= 24 and text.isprintable() and " " not in text:
                found[text] = None
    return list(found)[:limit]


def field_factories(tree: ast.AST) -> dict[str, dict[str, int]]:
    """Per class, the lines of fields whose ``default_factory`` is a plain function: ``{"Order": {"uuid4": 12}}``."""
    found: dict[str, dict[str, int]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for child in ast.walk(node):
            if isinstance(child, ast.keyword) and child.arg in ("default_factory", "factory"):
                found.setdefault(node.name, {})[ast.unparse(child.value)] = child.value.lineno
    return found


class _Sites(ast.NodeTransformer):
    def __init__(self, exact: bool) -> None:
        self.exact = exact

    def _call(self, name: str, node: ast.expr, *more: ast.expr) -> ast.Call:
        call = ast.Call(ast.Name(f"__aos_{name}__", ast.Load()), [node, *more], [])
        return ast.copy_location(call, node)

    def _ordered(self, node: ast.expr) -> ast.expr:
        """The iterable, replaced by a controlled one if it is a plain set when it gets there."""
        if isinstance(node, LITERALS):
            return node
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id.startswith("__aos_"):
                return node
            if isinstance(called, ast.Name) and called.id in ALWAYS_ORDERED:
                return node
            if isinstance(called, ast.Attribute) and called.attr in VIEWS:
                return node
        return self._call("iter", node)

    def visit_For(self, node: ast.For) -> Any:
        self.generic_visit(node)
        node.iter = self._ordered(node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        self.generic_visit(node)
        if not node.is_async:
            node.iter = self._ordered(node.iter)
        return node

    def visit_Starred(self, node: ast.Starred) -> Any:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.value = self._ordered(node.value)
        return node

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Any:
        self.generic_visit(node)
        node.value = self._ordered(node.value)
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        self.generic_visit(node)
        if any(isinstance(target, ast.Tuple | ast.List) for target in node.targets):
            node.value = self._ordered(node.value)
        elif self.exact and isinstance(node.value, ast.BinOp):
            node.value = self._addition(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        if self.exact and isinstance(node.op, ast.Add | ast.Sub):
            left = _loaded(node.target)
            sign = ast.Constant(1 if isinstance(node.op, ast.Add) else -1)
            value = self._call("add", left, self.visit(node.value), sign)
            return ast.copy_location(ast.Assign([node.target], value), node)
        self.generic_visit(node)
        return node

    def visit_Return(self, node: ast.Return) -> Any:
        self.generic_visit(node)
        if self.exact and isinstance(node.value, ast.BinOp):
            node.value = self._addition(node.value)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        self.generic_visit(node)
        if self.exact and isinstance(node.body, ast.BinOp):
            node.body = self._addition(node.body)
        return node

    def _addition(self, node: ast.BinOp) -> ast.expr:
        if not isinstance(node.op, ast.Add | ast.Sub):
            return node
        sign = ast.Constant(1 if isinstance(node.op, ast.Add) else -1)
        return ast.copy_location(self._call("add", node.left, node.right, sign), node)

    def visit_Set(self, node: ast.Set) -> Any:
        self.generic_visit(node)
        return self._call("set", node)

    def visit_SetComp(self, node: ast.SetComp) -> Any:
        self.generic_visit(node)
        return self._call("set", node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        """A membership test in a display needs no order."""
        sides = [node.left, *node.comparators]
        kept = [isinstance(side, ast.Set) for side in sides]
        visited: list[Any] = [
            self.generic_visit(side) if keep else self.visit(side)
            for side, keep in zip(sides, kept, strict=True)
        ]
        node.left, node.comparators = visited[0], visited[1:]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        if isinstance(node.op, ALGEBRA) and (_is_view(node.left) or _is_view(node.right)):
            return self._call("set", node)
        if isinstance(node.op, ast.Mod) and _is_text(node.left):
            return self._call("text", node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        self.generic_visit(node)
        if any(isinstance(part, ast.FormattedValue) for part in node.values):
            return self._call("text", node)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> Any:
        node.value = self.visit(node.value)
        if node.format_spec is not None:
            spec = node.format_spec
            if isinstance(spec, ast.JoinedStr):
                self.generic_visit(spec)
                if _is_local(spec) and node.conversion == -1:
                    node.value = self._call("number", node.value, spec)
                    node.format_spec = None
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id == "__file__" and isinstance(node.ctx, ast.Load):
            return self._call("file", node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        owner = node.value
        if (
            isinstance(node.ctx, ast.Load)
            and isinstance(owner, ast.Name)
            and node.attr in ATTRIBUTES.get(owner.id, ())
        ):
            return self._call("attribute", node, ast.Constant(f"{owner.id}.{node.attr}"))
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        called = node.func
        name = called.id if isinstance(called, ast.Name) else None
        method = called.attr if isinstance(called, ast.Attribute) else None
        if name in ORDERED_CALLS or method in ORDERED_METHODS:
            node.args = [self._ordered(arg) for arg in node.args]
        if method == "pop" and not node.args and not node.keywords:
            assert isinstance(called, ast.Attribute)
            return ast.copy_location(self._call("pop", called.value), node)
        if name in TEXT_CALLS or method in TEXT_METHODS:
            return ast.copy_location(self._call("text", node), node)
        return node


def _loaded(target: ast.expr) -> ast.expr:
    """The target of an assignment as an expression that reads it."""
    text = ast.unparse(target)
    loaded = ast.parse(text, mode="eval").body
    for node in ast.walk(loaded):
        ast.copy_location(node, target)
    return loaded


def _is_view(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in VIEWS
    return isinstance(node, ast.BinOp) and (_is_view(node.left) or _is_view(node.right))


def _is_local(spec: ast.JoinedStr) -> bool:
    """Whether a format says that a number is written as the locale has it."""
    last = spec.values[-1] if spec.values else None
    return isinstance(last, ast.Constant) and str(last.value).endswith("n")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
