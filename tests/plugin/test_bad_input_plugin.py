"""Damaged, foreign and unusable goldens: each error names file and line, and nothing is overwritten."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.plugin.conftest import Inner, text_of

TEST = "def test_it(golden):\n    assert {'a': 'text', 'b': [1, 2], 'c': {'d': 1.5}} == golden\n"
SECRET = "my-very-own-signing-secret"

Damage = Callable[[bytes], bytes]


def _newer(data: bytes) -> bytes:
    return data.replace(b"aos-golden/1", b"aos-golden/2")


def _other_key(data: bytes) -> bytes:
    document = json.loads(data)
    document["golden"]["key"] = "test_a.py::test_other"
    return json.dumps(document, indent=2, sort_keys=True).encode()


DAMAGES: dict[str, tuple[Damage, str]] = {
    "empty": (lambda data: b"", "GOLDEN_EMPTY"),
    "blank": (lambda data: b"\n\n", "GOLDEN_EMPTY"),
    "truncated": (lambda data: data[: len(data) // 2], "GOLDEN_TRUNCATED"),
    "one byte short": (lambda data: data.rstrip()[:-1], "GOLDEN_TRUNCATED"),
    "conflicted": (
        lambda data: data.replace(b'    "a"', b'<<<<<<< HEAD\n    "a"', 1),
        "GOLDEN_CONFLICT",
    ),
    "binary": (lambda data: b"\x00\x01\x02" * 50, "GOLDEN_BINARY"),
    "not UTF-8": (lambda data: data.replace(b"text", b"te\xff\xfet"), "GOLDEN_ENCODING"),
    "UTF-16": (lambda data: data.decode().encode("utf-16"), "GOLDEN_"),
    "not JSON": (lambda data: data.replace(b'"text"', b"text"), "GOLDEN_SYNTAX"),
    "trailing text": (lambda data: data + b"x", "GOLDEN_SYNTAX"),
    "duplicate key": (
        lambda data: data.replace(b'"a": "text"', b'"a": "text",\n    "a": "text"'),
        "GOLDEN_DUPLICATE_KEY",
    ),
    "deep": (lambda data: b"[" * 10_000 + b"]" * 10_000, "GOLDEN_TOO_DEEP"),
    "lone surrogate": (lambda data: data.replace(b"text", b"te\\ud800xt"), "GOLDEN_"),
    "foreign object": (lambda data: b'{"a": 1}', "GOLDEN_FOREIGN"),
    "foreign list": (lambda data: b"[1, 2]", "GOLDEN_FOREIGN"),
    "newer format": (_newer, "GOLDEN_VERSION"),
    "edited value": (lambda data: data.replace(b'"text"', b'"test"'), "TAMPER_DETECTED"),
    "edited hash": (
        lambda data: re.sub(rb'"hash": "[0-9a-f]{2}', b'"hash": "zz', data, count=1),
        "TAMPER_DETECTED",
    ),
    "edited seed": (lambda data: data.replace(b'"seed": 0', b'"seed": 1'), "TAMPER_DETECTED"),
    "edited key": (_other_key, "TAMPER_DETECTED"),
    "no seal": (lambda data: data.replace(b'"seal"', b'"sael"'), "TAMPER_DETECTED"),
}


@pytest.fixture
def golden_file(inner: Inner) -> Path:
    """One recorded golden."""
    inner.ini("markers = x")
    inner.file("test_a.py", TEST)
    inner.recorded()
    (path,) = inner.goldens
    return path


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_golden_is_named_and_left_alone(
    inner: Inner, golden_file: Path, what: str
) -> None:
    damage, code = DAMAGES[what]
    good = golden_file.read_bytes()
    bad = damage(good)
    assert bad != good
    golden_file.write_bytes(bad)
    shown = golden_file.relative_to(inner.root).as_posix()
    for flags in (
        ("-l", "-vv", "--golden-report=r.json"),
        ("--golden-record", "--golden-repeat=1"),
    ):
        result = inner.run(*flags, GOLDEN_SECRET=SECRET)
        output = text_of(result)
        assert result.ret == 1
        assert re.search(rf"GoldenFailure: {re.escape(shown)}:\d+: ", output), output
        assert "next: " in output
        assert "INTERNALERROR" not in output
        assert "/aos_workflow/" not in output
        assert "/pytest_aos_golden/" not in output
        assert SECRET not in output
        assert golden_file.read_bytes() == bad
    report = json.loads((inner.root / "r.json").read_text())
    assert report["failures"][0]["status"] == "invalid"
    assert report["failures"][0]["cause"].startswith(code)
    assert "--golden-force" in output
    result = inner.record("--golden-force")
    assert result.ret == 0
    assert "replaced test_a.py::test_it" in text_of(result)
    assert inner.verify().ret == 0


def test_every_damage_has_words_of_its_own(inner: Inner, golden_file: Path) -> None:
    """One run over all of them: the messages differ, so a person knows what happened."""
    good = golden_file.read_bytes()
    tests = []
    names = list(DAMAGES)
    for number, _ in enumerate(names):
        tests.append(
            f"def test_{number}(golden):\n    assert {{'a': 'text', 'b': [1, 2], 'c': {{'d': 1.5}}}} == golden\n"
        )
    inner.file("test_a.py", "".join(tests))
    inner.recorded()
    for number, name in enumerate(names):
        (path,) = inner.golden_dir.glob(f"test_a/test_{number}-*")
        path.write_bytes(DAMAGES[name][0](path.read_bytes()))
    assert good
    result = inner.run("--golden-report=r.json")
    assert result.ret == 1
    failures = json.loads((inner.root / "r.json").read_text())["failures"]
    assert len(failures) == len(names)
    assert len({failure["cause"] for failure in failures}) >= 9


@pytest.mark.parametrize("kind", ["folder", "unreadable link", "pipe"])
def test_a_golden_that_is_no_file(inner: Inner, golden_file: Path, kind: str) -> None:
    import os

    golden_file.unlink()
    if kind == "folder":
        golden_file.mkdir()
    elif kind == "pipe":
        os.mkfifo(golden_file)
        os.close(os.open(golden_file, os.O_RDWR | os.O_NONBLOCK))
        golden_file.unlink()
        golden_file.symlink_to("/dev/null")
    else:
        golden_file.symlink_to(golden_file.name)
    for flags in ((), ("--golden-record", "--golden-repeat=1")):
        result = inner.run(*flags)
        assert result.ret == 1, text_of(result)
        assert golden_file.relative_to(inner.root).as_posix() in text_of(result)
        assert "/aos_workflow/" not in text_of(result)
    if kind == "folder":
        result = inner.record("--golden-force")
        assert result.ret == 1
        assert "cannot write fixtures/golden/test_a/test_it-" in text_of(result)


def test_a_key_ring_that_cannot_be_used(inner: Inner, golden_file: Path) -> None:
    for env in (
        {"GOLDEN_SECRET": SECRET, "GOLDEN_HMAC_SECRET": "another"},
        {"GOLDEN_KEY_FILE": "/nowhere/keys"},
    ):
        result = inner.run(**env)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "ERROR: " in text_of(result)
        assert SECRET not in text_of(result)


def test_no_secret_is_shown_even_with_every_frame(inner: Inner, golden_file: Path) -> None:
    inner.file("test_a.py", TEST.replace("text", "other"))
    inner.recorded(GOLDEN_SECRET=SECRET)
    inner.file("test_a.py", TEST)
    for flags in (
        ("-vv", "-l", "--full-trace"),
        ("--golden-signature=require", "-l", "--full-trace", "--golden-report=r.json"),
        ("--golden-record", "-l", "--full-trace", "-vv"),
    ):
        result = inner.run(*flags, GOLDEN_SECRET=SECRET)
        assert SECRET not in text_of(result)
    for path in (*inner.goldens, inner.root / "r.json"):
        assert SECRET not in path.read_text()


def test_values_without_a_canonical_form_are_no_tracebacks_of_ours(inner: Inner) -> None:
    inner.file(
        "test_a.py",
        "import pytest\n"
        "loop = []\nloop.append(loop)\ndeep = []\nfor _ in range(2000): deep = [deep]\n"
        "VALUES = [float('nan'), float('inf'), object(), {1: 2}, '\\ud800', loop, deep, {'$aos.set': []}]\n"
        "@pytest.mark.parametrize('n', range(len(VALUES)))\n"
        "def test_it(golden, n):\n    assert VALUES[n] == golden\n",
    )
    for flags in ((), ("--golden-record", "--golden-repeat=1")):
        result = inner.run(*flags)
        assert result.ret == 1
        output = text_of(result)
        assert "8 failed" in output
        assert output.count("GoldenFailure: ") >= 8
        assert "/aos_workflow/" not in output
        assert "/pytest_aos_golden/" not in output
    assert not inner.goldens
