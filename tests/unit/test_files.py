"""Golden files of any form: found, told apart, verified, signed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from tests.golden_samples import (
    OTHER_RING,
    OTHER_SECRET,
    RING,
    SECRET,
    legacy_golden,
    record_run,
    run_golden,
    value_golden,
)

from aos_workflow.errors import GoldenFileError, KeyRingError
from aos_workflow.golden import KeyRing, Policy, files
from aos_workflow.golden.files import form_in, golden_files

BOTH = KeyRing.of(OTHER_SECRET, SECRET)
SAMPLES = {
    "v.golden.json": value_golden,
    "r.steps.jsonl": run_golden,
}


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_goldens_are_found_in_order_and_side_files_are_not(tmp_path: Path) -> None:
    names = ["b.json", "a/x.golden.json", "a/b/r.steps.jsonl", "a.golden.json"]
    others = [".a.json.0123.aos-tmp", ".git/x.json", "r.steps.jsonl.part", "notes.txt", ".x.json"]
    for name in names + others:
        put(tmp_path, name, b"")
    found = [str(path.relative_to(tmp_path)) for path in golden_files(tmp_path)]
    assert found == ["a.golden.json", "b.json", "a/x.golden.json", "a/b/r.steps.jsonl"]
    assert list(golden_files(tmp_path / "b.json")) == [tmp_path / "b.json"]
    assert list(golden_files(tmp_path / "none")) == [tmp_path / "none"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes of POSIX")
def test_a_pipe_in_a_folder_is_passed_over_and_a_dangling_link_is_not(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "nowhere")
    assert [path.name for path in golden_files(tmp_path)] == ["link.json"]
    assert files.verify(tmp_path / "link.json").code == "GOLDEN_MISSING"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(GoldenFileError, match="cannot be listed"):
        list(golden_files(tmp_path))


def test_a_folder_that_cannot_be_listed_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(GoldenFileError, match=f"{tmp_path}: cannot be listed: Permission denied"):
        list(golden_files(tmp_path))


@pytest.mark.parametrize(
    ("name", "data", "form"),
    [
        ("a.golden.json", b"rubbish", "value"),
        ("a.steps.jsonl", b"rubbish", "run"),
        ("a.jsonl", b"rubbish", "run"),
        ("a.json", b"rubbish", "legacy"),
        ("a.json", value_golden(), "value"),
        ("a.json", value_golden(key="a{b}"), "value"),
        ("a.json", legacy_golden(), "legacy"),
        ("a.json", b'{"golden": {"retriever": 1}, "signature": "x"}', "legacy"),
        ("a.json", b'{"golden": "x"}', "legacy"),
        (None, run_golden(), "run"),
        (None, b"\n" + run_golden(), "run"),
        (None, value_golden(), "value"),
        (None, legacy_golden(), "legacy"),
        (None, b"", "legacy"),
        (None, b"[1]", "legacy"),
    ],
)
def test_the_form_is_told_by_the_name_and_else_by_the_content(
    name: str | None, data: bytes, form: str
) -> None:
    assert form_in(data, Path(name) if name else None) == form


def test_a_value_golden_may_be_called_json(tmp_path: Path) -> None:
    verdict = files.verify(put(tmp_path, "a.json", value_golden(ring=RING)), ring=RING)
    assert (verdict.form, verdict.signature, verdict.key_id) == ("value", "valid", RING.signing.id)


def test_a_verdict_is_true_or_says_why_not(tmp_path: Path) -> None:
    good = files.verify(record_run(tmp_path), ring=RING)
    assert good
    assert good.to_json() == {
        "file": str(tmp_path / "run-1.steps.jsonl"),
        "form": "run",
        "ok": True,
        "code": "OK",
        "signature": "valid",
        "key_id": RING.signing.id,
        "hash": good.hash,
    }
    bad = files.verify(put(tmp_path, "x.steps.jsonl", b"{"))
    assert not bad
    assert bad.to_json()["code"] == "GOLDEN_TRUNCATED"
    assert bad.to_json()["line"] == 1
    assert pickle.loads(pickle.dumps(bad)).to_json() == bad.to_json()


# signing


@pytest.mark.parametrize("name", SAMPLES)
def test_signing_with_a_new_key_and_taking_the_signature_away(name: str, tmp_path: Path) -> None:
    path = put(tmp_path, name, SAMPLES[name](ring=RING))
    os.utime(path, (1_600_000_000, 1_600_000_000))
    files.sign(path, OTHER_RING)
    assert path.read_bytes() == SAMPLES[name](ring=OTHER_RING)
    files.sign(path, None)
    assert path.read_bytes() == SAMPLES[name](ring=None)
    assert path.stat().st_mtime == 1_600_000_000


@pytest.mark.parametrize("name", SAMPLES)
def test_signing_again_writes_nothing(name: str, tmp_path: Path) -> None:
    path = put(tmp_path, name, SAMPLES[name](ring=RING))
    inode = path.stat().st_ino
    files.sign(path, RING)
    assert path.stat().st_ino == inode


@pytest.mark.parametrize("name", SAMPLES)
def test_a_signature_that_can_be_checked_is_checked_before_it_is_replaced(
    name: str, tmp_path: Path
) -> None:
    """Whoever edits a golden and renews its digests must not get it signed."""
    golden = SAMPLES[name](ring=RING)
    forged = SAMPLES[name](ring=None)
    old, new = (part(golden) for part in (signature_of, signature_of))
    assert old == new
    data = with_signature(SAMPLES[name](ring=KeyRing.of("forger")), signature_of(golden))
    path = put(tmp_path, name, data)
    for ring in (RING, BOTH):
        with pytest.raises(GoldenFileError) as caught:
            files.sign(path, ring)
        assert caught.value.code == "TAMPER_DETECTED"
    assert path.read_bytes() == data
    assert forged != data


def signature_of(data: bytes) -> bytes:
    at = data.index(b'"key_id":') + len(b'"key_id":')
    return data[at:].strip()[1:13]


def with_signature(data: bytes, key_id: bytes) -> bytes:
    return data.replace(signature_of(data), key_id)


@pytest.mark.parametrize("name", SAMPLES)
def test_with_a_check_the_old_signature_must_be_valid(name: str, tmp_path: Path) -> None:
    for ring, code in (
        (None, "GOLDEN_UNSIGNED"),
        (KeyRing.of("third-secret"), "GOLDEN_UNKNOWN_KEY"),
    ):
        path = put(tmp_path, name, SAMPLES[name](ring=ring))
        with pytest.raises(GoldenFileError) as caught:
            files.sign(path, OTHER_RING, check=RING)
        assert caught.value.code == code
        assert path.read_bytes() == SAMPLES[name](ring=ring)


def test_the_older_form_is_signed_as_the_runbook_does(tmp_path: Path) -> None:
    path = put(tmp_path, "a.json", legacy_golden({"a": "é", "b": 1.0}))
    files.sign(path, OTHER_RING, check=RING)
    assert path.read_bytes() == legacy_golden({"a": "é", "b": 1.0}, OTHER_SECRET)
    with pytest.raises(GoldenFileError, match="no key in the ring made this signature"):
        files.sign(path, RING, check=RING)
    with pytest.raises(KeyRingError, match="cannot be sealed without a key"):
        files.sign(path, None)
    path.write_bytes(b'{"a": 1}')
    files.sign(path, RING)
    assert files.verify(path, ring=RING, policy=Policy.REQUIRE)
