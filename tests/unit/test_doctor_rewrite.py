"""Instrumented code does what the original does, on the same lines."""

from __future__ import annotations

import ast
import builtins
import traceback

import pytest

from aos_workflow.doctor.child.rewrite import field_factories, instrument, text_constants

WRAPPERS = {
    "__aos_iter__": lambda x: x, "__aos_set__": lambda x: x, "__aos_text__": lambda x: x, "__aos_file__": lambda x: x,
    "__aos_pop__": lambda x: x.pop(), "__aos_attribute__": lambda x, name: x, "__aos_add__": lambda a, b, s: a + s * b,
}  # fmt: skip


@pytest.fixture(autouse=True)
def wrappers(monkeypatch):
    for name, function in WRAPPERS.items():
        monkeypatch.setattr(builtins, name, function, raising=False)


def run(source: str, *, exact: bool = False):
    space: dict[str, object] = {"__file__": "here"}
    exec(compile(instrument(source, "subject.py", exact=exact), "subject.py", "exec"), space)
    return space


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("x = [a for a in {1: 2}]", [1]),
        ("x = sorted({3, 1, 2})", [1, 2, 3]),
        ("x = 2 in {1, 2}", True),
        ("x = f'{1 + 1:>{3}}|{[1]!r}'", "  2|[1]"),
        ("def f(*a, **k): return a, k\nx = f(*[1], **{'b': 2})", ((1,), {"b": 2})),
        ("y = [1, 2]\nx = y.pop() + y.pop()", 3),
        ("a, *b = {1: 0, 2: 0}.keys() | {3}\nx = len(b)", 2),
        ("class A:\n    s = {1}\n    def f(self): return [v for v in self.s]\nx = A().f()", [1]),
        ("def g():\n    yield from (1, 2)\nx = list(g())", [1, 2]),
        ("x = '%s-%d' % ('a', 1)", "a-1"),
        ("x = __file__", "here"),
    ],
)
def test_values_stay(source, value):
    assert run(source)["x"] == value


def test_exact_additions_keep_targets():
    space = run("d = {'a': [1]}\nd['a'][0] += 2\nx = d['a'][0] - 1", exact=True)
    assert space["x"] == 2


def test_lines_stay_in_tracebacks():
    source = "def f(s):\n    return ', '.join(\n        x.upper()\n        for x in s\n    )\n"
    with pytest.raises(AttributeError) as caught:
        run(source)["f"]([1])
    lines = [
        f.lineno
        for f in traceback.extract_tb(caught.value.__traceback__)
        if f.filename == "subject.py"
    ]
    assert lines[-1] == 3


def test_every_new_node_is_on_the_line_of_what_it_wraps():
    tree = instrument("x = [\n    str(v)\n    for v in s\n]\n", "subject.py")
    calls = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "__aos_iter__"
    ]
    assert sorted(call.lineno for call in calls) == [2, 3]


def test_what_settings_may_say_comes_from_the_code():
    assert text_constants(ast.parse("if mode == 'strict': pass\nx = 'a long sentence'")) == [
        "strict"
    ]


def test_factories_of_fields_are_known_by_line():
    tree = ast.parse("class E:\n    n: int\n    i: str = field(default_factory=uuid4)\n")
    assert field_factories(tree) == {"E": {"uuid4": 3}}
