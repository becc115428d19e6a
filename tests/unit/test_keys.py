"""Secrets: read from everywhere they may lie, named by an id, never shown."""

from __future__ import annotations

import hashlib
import hmac
import os
import pickle
import stat
import traceback
from pathlib import Path

import pytest

from aos_workflow.determinism import SeededEntropy
from aos_workflow.errors import KeyRingError
from aos_workflow.golden import GoldenRecorder, Key, KeyRing
from aos_workflow.golden.keys import append_new_key

SECRET = "9c1f5c4bb0a0d4de0f2f8a4d7ce3be3c6f3f4f5ad54e3ce0c3a2bd0f3f1be111"


def secrets_of(ring: KeyRing | None) -> list[str]:
    return [key.secret for key in ring.keys] if ring else []


def key_file(folder: Path, text: str) -> Path:
    path = folder / "keys"
    path.write_bytes(text.encode())
    return path


# keys


def test_the_text_of_the_secret_is_the_key_byte_for_byte() -> None:
    expected = hmac.new(SECRET.encode(), b"message", hashlib.sha256).hexdigest()
    assert Key(SECRET).mac(b"message") == expected


def test_the_id_depends_on_the_secret_alone_and_does_not_show_it() -> None:
    assert Key(SECRET).id == Key(SECRET).id
    assert Key(SECRET).id != Key(SECRET + " ").id
    assert len(Key(SECRET).id) == 12
    assert Key(SECRET).id not in SECRET


@pytest.mark.parametrize("secret", ["", " ", "\n\t"])
def test_an_empty_secret_is_refused(secret: str) -> None:
    with pytest.raises(KeyRingError, match="empty"):
        Key(secret)


def test_a_secret_that_is_no_utf8_is_used_as_the_bytes_it_is() -> None:
    secret = os.fsdecode(b"caf\xe9\xff")
    expected = hmac.new(b"caf\xe9\xff", b"m", hashlib.sha256).hexdigest()
    assert Key(secret).mac(b"m") == expected


def test_no_repr_shows_a_secret() -> None:
    ring = KeyRing.of(SECRET)
    for thing in (ring, ring.signing, GoldenRecorder(".", secret=SECRET)):
        assert SECRET not in repr(thing)
        assert SECRET not in str(thing)
    assert ring.signing.id in repr(GoldenRecorder(".", secret=SECRET))


def test_no_traceback_shows_a_secret() -> None:
    with pytest.raises(KeyRingError) as caught:
        KeyRing.from_environment({"GOLDEN_SECRET": SECRET, "GOLDEN_HMAC_SECRET": "x"})
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert SECRET not in repr(caught.value.__dict__)


# the ring


def test_the_last_key_signs_and_all_are_found() -> None:
    ring = KeyRing.of("first-secret", "second-secret")
    assert ring.signing == Key("second-secret")
    assert [ring.find(key.id) for key in ring.keys] == list(ring.keys)
    assert ring.find("000000000000") is None


def test_a_ring_without_keys_is_refused() -> None:
    with pytest.raises(KeyRingError, match="no key"):
        KeyRing(())


def test_a_ring_survives_pickling() -> None:
    ring = KeyRing.of(SECRET)
    assert pickle.loads(pickle.dumps(ring)) == ring


# the environment


def test_no_variable_no_ring() -> None:
    assert KeyRing.from_environment({"PATH": "/bin", "GOLDEN_KEY_FILE": ""}) is None


@pytest.mark.parametrize("name", ["GOLDEN_SECRET", "GOLDEN_HMAC_SECRET"])
def test_either_variable_gives_the_secret(name: str) -> None:
    assert secrets_of(KeyRing.from_environment({name: SECRET})) == [SECRET]


def test_both_variables_may_say_the_same_but_not_differ() -> None:
    same = {"GOLDEN_SECRET": SECRET, "GOLDEN_HMAC_SECRET": SECRET}
    assert secrets_of(KeyRing.from_environment(same)) == [SECRET]
    with pytest.raises(KeyRingError, match="GOLDEN_SECRET and GOLDEN_HMAC_SECRET"):
        KeyRing.from_environment({**same, "GOLDEN_HMAC_SECRET": "other"})


def test_a_variable_that_is_set_but_empty_is_an_error() -> None:
    with pytest.raises(KeyRingError, match="GOLDEN_SECRET is set but empty"):
        KeyRing.from_environment({"GOLDEN_SECRET": ""})


def test_the_key_file_verifies_and_the_variable_signs(tmp_path: Path) -> None:
    path = key_file(tmp_path, "GOLDEN_SECRET=one\nGOLDEN_SECRET=two\nGOLDEN_SECRET=three\n")
    environment = {"GOLDEN_KEY_FILE": str(path)}
    assert secrets_of(KeyRing.from_environment(environment)) == ["one", "two", "three"]
    ring = KeyRing.from_environment({**environment, "GOLDEN_SECRET": "two"})
    assert secrets_of(ring) == ["one", "three", "two"]


# key files


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("GOLDEN_SECRET=abc\n", ["abc"]),
        ("GOLDEN_SECRET=abc", ["abc"]),
        ("# nova\nNOVA_MODE=prod\n\nGOLDEN_SECRET=abc\nGOLDEN_SECRET=def\n", ["abc", "def"]),
        ("GOLDEN_SECRET=abc\nGOLDEN_SECRET=def\nGOLDEN_SECRET=abc\n", ["def", "abc"]),
        ("export GOLDEN_SECRET='a b'\n", ["a b"]),
        ('  GOLDEN_HMAC_SECRET = "abc"  \n', ["abc"]),
        ("GOLDEN_SECRET=\"'abc'\"\n", ["'abc'"]),
        ("GOLDEN_SECRET='abc\n", ["'abc"]),
        ("GOLDEN_SECRET=abc=\r\nGOLDEN_SECRET=d=f\r\n", ["abc=", "d=f"]),
        ("\ufeffGOLDEN_SECRET=abc\n", ["abc"]),
        (f"{SECRET}\n", [SECRET]),
        (f"{SECRET}", [SECRET]),
        (f"{SECRET}\nGOLDEN_SECRET=abc\n", [SECRET, "abc"]),
    ],
)
def test_what_a_key_file_says(text: str, secrets: list[str], tmp_path: Path) -> None:
    assert secrets_of(KeyRing.from_file(key_file(tmp_path, text))) == secrets


@pytest.mark.parametrize(
    "text", ["", "\n", "NOVA_MODE=prod\n", "two words\n", "word\nNOVA_MODE=prod\n", "a\nb\n"]
)
def test_a_key_file_without_a_secret_is_an_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="has no line GOLDEN_SECRET"):
        KeyRing.from_file(key_file(tmp_path, text))


def test_an_empty_secret_in_a_key_file_names_the_line(tmp_path: Path) -> None:
    path = key_file(tmp_path, "GOLDEN_SECRET=abc\nGOLDEN_SECRET=\n")
    with pytest.raises(KeyRingError, match=f"{path}:2 holds an empty secret"):
        KeyRing.from_file(path)


def test_a_key_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="no such file"):
        KeyRing.from_file(tmp_path / "none")
    with pytest.raises(KeyRingError, match="Is a directory"):
        KeyRing.from_file(tmp_path)
    (tmp_path / "binary").write_bytes(b"GOLDEN_SECRET=\xff\xfe")
    with pytest.raises(KeyRingError, match="not UTF-8"):
        KeyRing.from_file(tmp_path / "binary")


# new keys


def test_a_new_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys"
    key = append_new_key(path, SeededEntropy(1))
    assert len(key.secret) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyRing.from_file(path).signing == key


@pytest.mark.parametrize("old", ["GOLDEN_SECRET=abc\n", "GOLDEN_SECRET=abc", "abc", "abc\n"])
def test_a_key_is_appended_and_the_old_one_still_verifies(old: str, tmp_path: Path) -> None:
    path = key_file(tmp_path, old)
    path.chmod(0o640)
    key = append_new_key(path)
    assert KeyRing.from_file(path).keys == (Key("abc"), key)
    assert path.read_text().startswith(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_key_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="cannot write the key file"):
        append_new_key(tmp_path)
