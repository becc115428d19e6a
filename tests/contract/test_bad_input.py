"""Every way in which a golden arrives damaged has its own error, which names file and line; nothing is overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.golden_samples import (
    OTHER_RING,
    OTHER_SECRET,
    RING,
    SECRET,
    legacy_golden,
    run_golden,
    value_golden,
)

from aos_workflow.cli import main
from aos_workflow.errors import GoldenExistsError, GoldenFileError, GoldenMissingError
from aos_workflow.golden import GoldenRecorder, Policy, files
from aos_workflow.golden.limits import MAX_FILE_BYTES
from aos_workflow.golden.source import read_bytes

FORMS = {"value": "plan.golden.json", "run": "run-1.steps.jsonl", "legacy": "plan.json"}
INTACT: dict[str, bytes] = {
    "value": value_golden(ring=RING),
    "run": run_golden(ring=RING),
    "legacy": legacy_golden(),
}
DEEP = b"[" * 10_000 + b"]" * 10_000


@dataclass(frozen=True)
class Damage:
    """One kind of damage: what it makes of an intact golden, and the error it must raise in each form."""

    name: str
    code: str
    make: Callable[[str, bytes], bytes]
    lines: dict[str, int]
    """The line that is named, by form; a form that is missing here cannot have the damage."""


def cut(form: str, data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def conflicted(form: str, data: bytes) -> bytes:
    first, second, rest = data.split(b"\n", 2)
    ours, theirs = b"<<<<<<< HEAD", b">>>>>>> other"
    return b"\n".join([first, ours, second, b"=======", second + b" ", theirs, rest])


def foreign(form: str, data: bytes) -> bytes:
    if form == "value":
        return b'{\n  "name": "some-package",\n  "version": "1.0.0"\n}\n'
    return b'{"level": "info", "message": "a log line"}\n' if form == "run" else b"[1, 2, 3]\n"


def future(form: str, data: bytes) -> bytes:
    return data.replace(b"aos-golden/1", b"aos-golden/2")


def other_key(form: str, data: bytes) -> bytes:
    return value_golden(ring=OTHER_RING) if form == "value" else run_golden(ring=OTHER_RING)


def edited_value(form: str, data: bytes) -> bytes:
    old, new = {
        "value": (b'"name": "plan"', b'"name": "plot"'),
        "run": (b'"answer":1.5', b'"answer":1.6'),
        "legacy": (b'"name": "plan"', b'"name": "plot"'),
    }[form]
    assert data.count(old) == 1
    return data.replace(old, new)


def reordered(form: str, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    return b"".join(lines)


def line_deleted(form: str, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([*lines[:2], *lines[3:]])


def deep(form: str, data: bytes) -> bytes:
    old = {"value": b'"text": "a', "run": b'"note":"gr', "legacy": b'"text": "a'}[form]
    assert old in data
    return data.replace(old, old.partition(b":")[0] + b":" + DEEP + b"," + old, 1)


def doubled_key(form: str, data: bytes) -> bytes:
    old = {"value": b'"text": ', "run": b'"index":0,', "legacy": b'"text": '}[form]
    return data.replace(old, b'"index":0,"index":0,' if form == "run" else b'"cost": 1,' + old, 1)


def not_utf8(form: str, data: bytes) -> bytes:
    return data.replace("ß".encode() if form == "run" else b"quoted", b"\xff\xfe")


def lone_surrogate(form: str, data: bytes) -> bytes:
    return data.replace(b"gr\xc3\xb6" if form == "run" else b"quoted", b"\\ud83d")


def no_signature(form: str, data: bytes) -> bytes:
    if form == "legacy":
        return json.dumps({"plan": 1}).encode()
    return value_golden() if form == "value" else run_golden()


# The line of the value begins the value of a value golden; an edit of an older golden shows at its signature.
VALUE_LINE = INTACT["value"][: INTACT["value"].index(b'"value":')].count(b"\n") + 1
SEAL_LINE = INTACT["value"][: INTACT["value"].index(b'"seal":')].count(b"\n") + 1
TEXT_LINE = INTACT["value"][: INTACT["value"].index(b'"text":')].count(b"\n") + 1
CUT_LINE = {form: cut(form, data).rstrip().count(b"\n") + 1 for form, data in INTACT.items()}
OLD_TEXT = INTACT["legacy"][: INTACT["legacy"].index(b'"text":')].count(b"\n") + 1
OLD_SIGNATURE = INTACT["legacy"].count(b"\n")

DAMAGES = [
    Damage("truncated", "GOLDEN_TRUNCATED", cut, CUT_LINE),
    Damage("conflicted", "GOLDEN_CONFLICT", conflicted, {"value": 2, "run": 2, "legacy": 2}),
    Damage("foreign", "GOLDEN_FOREIGN", foreign, {"value": 1, "run": 1, "legacy": 1}),
    Damage("future version", "GOLDEN_VERSION", future, {"value": 4, "run": 6}),
    Damage("wrong key", "GOLDEN_UNKNOWN_KEY", other_key, {"value": SEAL_LINE, "run": 6}),
    Damage(
        "edited",
        "TAMPER_DETECTED",
        edited_value,
        {"value": VALUE_LINE, "run": 3, "legacy": OLD_SIGNATURE},
    ),
    Damage("re-ordered", "TAMPER_DETECTED", reordered, {"run": 2}),
    Damage("line deleted", "TAMPER_DETECTED", line_deleted, {"run": 3}),
    Damage("empty", "GOLDEN_EMPTY", lambda *_: b"", {"value": 1, "run": 1, "legacy": 1}),
    Damage("blank", "GOLDEN_EMPTY", lambda *_: b" \n\r\n", {"value": 1, "run": 1, "legacy": 1}),
    Damage(
        "not fetched",
        "GOLDEN_FOREIGN",
        lambda *_: b"version https://git-lfs.github.com/spec/v1\noid sha256:c0ffee\nsize 9\n",
        {"value": 1, "run": 1, "legacy": 1},
    ),
    Damage(
        "binary",
        "GOLDEN_BINARY",
        lambda *_: b"\x89PNG\r\n\x1a\n\x00\x00",
        {"value": 1, "run": 1, "legacy": 1},
    ),
    Damage("deeply nested", "GOLDEN_TOO_DEEP", deep, {"value": TEXT_LINE, "run": 2, "legacy": OLD_TEXT}),
    Damage(
        "key twice",
        "GOLDEN_DUPLICATE_KEY",
        doubled_key,
        {"value": TEXT_LINE, "run": 1, "legacy": OLD_TEXT},
    ),
    Damage("not UTF-8", "GOLDEN_ENCODING", not_utf8, {"value": TEXT_LINE, "run": 2, "legacy": OLD_TEXT}),
    Damage(
        "lone surrogate",
        "GOLDEN_ENCODING",
        lone_surrogate,
        {"value": TEXT_LINE, "run": 2, "legacy": OLD_TEXT},
    ),
    Damage("unsigned", "GOLDEN_UNSIGNED", no_signature, {"value": SEAL_LINE, "run": 6, "legacy": 1}),
    Damage(
        "text behind the end",
        "GOLDEN_SYNTAX",
        lambda form, data: data.replace(b"}\n", b"} x\n") if form == "run" else data + b"x",
        {
            "value": INTACT["value"].count(b"\n") + 1,
            "run": 1,
            "legacy": INTACT["legacy"].count(b"\n") + 1,
        },
    ),
]  # fmt: skip
CASES = [
    pytest.param(damage, form, id=f"{damage.name}-{form}")
    for damage in DAMAGES
    for form in damage.lines
]
SECRETS = (SECRET, OTHER_SECRET)


def put(folder: Path, form: str, data: bytes) -> Path:
    path = folder / FORMS[form]
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("damage", "form"), CASES)
def test_the_error_names_what_where_and_what_next(
    damage: Damage, form: str, tmp_path: Path
) -> None:
    path = put(tmp_path, form, damage.make(form, INTACT[form]))
    with pytest.raises(GoldenFileError) as caught:
        files.load(path, ring=RING, policy=Policy.REQUIRE)
    error = caught.value
    assert (error.code, error.line) == (damage.code, damage.lines[form])
    assert error.message.startswith(f"{path}:{error.line}: ")
    assert error.hint
    assert len(error.message) < 600 + len(str(path))
    assert not any(secret in str(error) for secret in SECRETS)


# An unsigned golden waits for being signed.
@pytest.mark.parametrize(
    ("damage", "form"), [case for case in CASES if not str(case.id).startswith("unsigned")]
)
def test_nothing_writes_over_a_damaged_golden(damage: Damage, form: str, tmp_path: Path) -> None:
    data = damage.make(form, INTACT[form])
    path = put(tmp_path, form, data)
    key_file = tmp_path / "keys"
    key_file.write_text(f"GOLDEN_SECRET={SECRET}\n")
    new_key_file = tmp_path / "new.keys"
    new_key_file.write_text("GOLDEN_SECRET=an-entirely-new-secret\n")
    recorder = GoldenRecorder(tmp_path, secret=SECRET)
    if form == "run":
        with pytest.raises(GoldenExistsError):
            recorder.record_run_start("run-1", spec_id="s", seed=1)
    if damage.name != "wrong key" and form != "legacy":
        # An older golden has no digest: only whoever asks for the old signature can see the damage.
        with pytest.raises(GoldenFileError):
            recorder.sign_golden(path)
    for arguments in (
        ["sign", "--key-file", str(key_file), str(path)],
        ["resign", "--old-key-file", str(key_file), "--new-key-file", str(new_key_file), str(path)],
        ["migrate", "--write", "--replace", "--key-file", str(key_file), str(path)],
    ):
        code = main(["golden", *arguments])
        assert code == (0 if arguments[0] == "migrate" and form != "legacy" else 1), arguments
    assert path.read_bytes() == data
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, "keys", "new.keys"])


@pytest.mark.parametrize("form", FORMS)
def test_damage_without_a_line(form: str, tmp_path: Path) -> None:
    path = tmp_path / FORMS[form]
    with pytest.raises(GoldenMissingError, match=f"{path}: no such file"):
        files.load(path)
    path.mkdir()
    with pytest.raises(GoldenFileError, match="cannot be read: Is a directory"):
        files.load(path)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_100_megabytes_is_not_read(form: str, tmp_path: Path) -> None:
    path = tmp_path / FORMS[form]
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(GoldenFileError, match="104,857,600 bytes or more; the limit is") as caught:
        files.load(path)
    assert (caught.value.code, caught.value.line) == ("GOLDEN_TOO_LARGE", 1)


@pytest.mark.parametrize("size", [MAX_FILE_BYTES - 1, MAX_FILE_BYTES, MAX_FILE_BYTES + 1])
def test_the_limit_of_size(size: int, tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(size)
    if size > MAX_FILE_BYTES:
        with pytest.raises(GoldenFileError, match="the limit is"):
            read_bytes(path)
    else:
        assert len(read_bytes(path)) == size


def test_an_endless_file_is_given_up(tmp_path: Path) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero")
    with pytest.raises(GoldenFileError) as caught:
        read_bytes(Path("/dev/zero"), limit=1000)
    assert caught.value.code == "GOLDEN_TOO_LARGE"


@pytest.mark.parametrize("form", ["value", "run"])
@pytest.mark.parametrize("signed", [True, False])
def test_line_ends_and_the_end_of_the_file_may_change(
    form: str, signed: bool, tmp_path: Path
) -> None:
    """A CRLF checkout, an editor that ends files with a line end or takes it away."""
    ring = RING if signed else None
    data = value_golden(ring=ring) if form == "value" else run_golden(ring=ring)
    policy = Policy.REQUIRE if signed else Policy.INTEGRITY
    for changed in (
        data.replace(b"\n", b"\r\n"),
        data.rstrip(b"\n"),
        data + b"\n\n",
        data.replace(b"\n", b"\r\n").rstrip() + b"\r\n\r\n",
    ):
        verdict = files.verify(put(tmp_path, form, changed), ring=RING, policy=policy)
        assert verdict, verdict.error
        assert verdict.signature == ("valid" if signed else "unsigned")


def test_an_older_golden_survives_crlf_too(tmp_path: Path) -> None:
    path = put(tmp_path, "legacy", INTACT["legacy"].replace(b"\n", b"\r\n") + b"\r\n")
    assert files.verify(path, ring=RING, policy=Policy.REQUIRE)


def test_the_codes_are_distinct_but_for_kinds_of_editing_and_of_encoding() -> None:
    by_code: dict[str, set[str]] = {}
    for damage in DAMAGES:
        by_code.setdefault(damage.code, set()).add(damage.name)
    assert {code: names for code, names in by_code.items() if len(names) > 1} == {
        "TAMPER_DETECTED": {"edited", "re-ordered", "line deleted"},
        "GOLDEN_EMPTY": {"empty", "blank"},
        "GOLDEN_FOREIGN": {"foreign", "not fetched"},
        "GOLDEN_ENCODING": {"not UTF-8", "lone surrogate"},
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_reports_all_of_them_without_a_traceback(as_json: bool, tmp_path: Path) -> None:
    folder = tmp_path / "goldens"
    for damage in DAMAGES:
        for form in damage.lines:
            place = folder / damage.name.replace(" ", "-")
            place.mkdir(parents=True, exist_ok=True)
            put(place, form, damage.make(form, INTACT[form]))
    with (folder / "sparse.json").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    done = subprocess.run(
        [sys.executable, "-m", "aos_workflow.cli", "golden", "verify", str(folder)]
        + (["--json"] if as_json else []),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "GOLDEN_SECRET": SECRET},
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "Traceback" not in done.stdout
    assert not any(secret in done.stdout for secret in SECRETS)
    expected = sum(len(damage.lines) for damage in DAMAGES) + 1
    if as_json:
        report = json.loads(done.stdout)
        assert report["counts"] == {"ok": 0, "signature_unchecked": 0, "failed": expected}
        assert all(item["line"] >= 1 and item["message"] for item in report["goldens"])
    else:
        assert done.stdout.count("\nerror: ") == expected
        assert done.stdout.count("\nnext: ") == expected


@pytest.mark.parametrize(("damage", "form"), [c.values for c in CASES][::5])
def test_reading_commands_refuse_them_with_exit_2(
    damage: Damage, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, form, damage.make(form, INTACT[form]))
    unreadable = damage.name not in ("wrong key", "unsigned", "foreign", "edited")
    for command in ("hash", "canonical"):
        code = main(["golden", command, str(path)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        if unreadable and damage.code != "TAMPER_DETECTED":
            assert code == 2
            assert out == ""
            assert err.startswith(f"error: {path}:")
