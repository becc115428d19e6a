"""Finding credentials: every known shape and place, nothing that is obviously made up, never the value.

Tokens are put together from pieces, so that scanners of this repository find none.
"""

from __future__ import annotations

import json
import random
import string
from base64 import b64encode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_workflow.golden.canonical import canonical_bytes
from aos_workflow.golden.secret_scan import (
    MAX_VALUE,
    MIN_LENGTH,
    Finding,
    is_clean,
    redact,
    scan,
)

_RANDOM = random.Random(20240102)
ALNUM = string.ascii_letters + string.digits


def draw(length: int, alphabet: str = ALNUM) -> str:
    """Characters of which no two neighbours are the same, so that no run looks made up."""
    while True:
        text = "".join(_RANDOM.choices(alphabet, k=length))
        if all(a != b for a, b in pairwise(text)):
            return text


def jwt() -> str:
    head, body = (
        b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": draw(12)})
    )
    return f"{head}.{body}.{draw(43)}"


def pem(kind: str = "RSA ") -> str:
    body = "\n".join(draw(64) for _ in range(4))
    return f"-----BEGIN {kind}PRIVATE" + f" KEY-----\n{body}\n-----END {kind}PRIVATE" + " KEY-----"


UPPER32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"
SHAPES = [
    ("aws_access_key", "AK" + "IA" + draw(16, UPPER32)),
    ("aws_access_key", "AS" + "IA" + draw(16, UPPER32)),
    ("github_token", "gh" + "p_" + draw(36)),
    ("github_token", "gh" + "o_" + draw(36)),
    ("github_token", "gh" + "s_" + draw(36)),
    ("github_token", "github" + "_pat_" + draw(22) + "_" + draw(59)),
    ("gitlab_token", "glp" + "at-" + draw(20)),
    *(("slack_token", f"xox{kind}-" + f"{draw(12, string.digits)}-{draw(24)}") for kind in "abprs"),
    ("slack_webhook", "https://hooks.slack" + f".com/services/T{draw(8)}/B{draw(8)}/{draw(24)}"),
    ("openai_key", "sk" + "-" + draw(48)),
    ("openai_key", "sk" + "-proj-" + draw(30) + "_" + draw(30)),
    ("anthropic_key", "sk" + "-ant-api03-" + draw(40) + "-" + draw(40)),
    ("google_api_key", "AI" + "za" + draw(35)),
    ("stripe_key", "sk" + "_live_" + draw(24)),
    ("stripe_key", "rk" + "_live_" + draw(24)),
    ("npm_token", "np" + "m_" + draw(36)),
    ("pypi_token", "py" + "pi-AgEIcHlwaS5vcmc" + draw(80)),
    ("huggingface_token", "h" + "f_" + draw(34, string.ascii_letters)),
    ("sendgrid_key", "S" + "G." + draw(22) + "." + draw(43)),
    ("twilio_key", "S" + "K" + draw(32, HEX)),
    ("jwt", jwt()),
    ("private_key", pem()),
    ("private_key", pem("")),
    ("private_key", pem("OPENSSH ")),
    ("private_key", pem("EC ").replace("\n", "\\n")),
    ("authorization_header", "Bearer " + draw(32)),
    ("authorization_header", "bearer " + draw(16)),
    ("authorization_header", "BEARER  " + draw(64)),
    ("basic_authorization", "Basic " + b64encode(b"alice:h8Fk2" + b"pQz").decode()),
    ("url_password", "postgresql://alice:" + "s3cr3tPw@db.internal:5432/app"),
    ("url_password", "redis://:" + "h8Fk2pQz@cache"),
    ("url_password", "amqp://alice:" + "%40b%2Fc9@broker"),
]
IDS = [f"{kind}-{number}" for number, (kind, _) in enumerate(SHAPES)]


@pytest.mark.parametrize(("kind", "token"), SHAPES, ids=IDS)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "key={} ",
        '"{}"',
        "curl -H 'X: {}' https://example.org",
        "é ({})",
        "task-sk-learn hf_ {}\n",
    ],
)
def test_a_known_shape_is_found_anywhere_in_a_text(kind: str, token: str, around: str) -> None:
    text = around.replace("{}", token)
    findings = scan({"a": [{"output": text}]})
    assert findings == [Finding(".a[0].output", kind)]
    assert token not in repr(findings)


@pytest.mark.parametrize(("kind", "token"), SHAPES, ids=IDS)
def test_a_found_token_is_masked_in_free_text(kind: str, token: str) -> None:
    masked = redact(f"before {token} after")
    assert masked.startswith("before ")
    assert "***" in masked
    assert not scan([masked])
    body = token.split("-----")[2] if kind == "private_key" else token[40:]
    assert not any(body[at : at + 16] in masked for at in range(len(body) - 15))
    if kind != "private_key":  # its last line stays
        assert masked.endswith(" after") or kind == "url_password"


def test_all_tokens_of_a_text_are_masked() -> None:
    tokens = [token for _, token in SHAPES if "\n" not in token]
    masked = redact(" | ".join(tokens))
    assert masked.count("***") == len(tokens)


def test_what_surrounds_a_masked_part_stays() -> None:
    url = "postgresql://alice:" + "s3cr3tPw@db:5432/app"
    assert (
        redact(f"cannot connect to {url}") == "cannot connect to postgresql://alice:***@db:5432/app"
    )
    assert redact("Authorization: Bearer " + draw(32)) == "Authorization: Bearer ***"
    cut = "-----BEGIN PRIVATE" + " KEY-----\n" + draw(64)  # its end is missing
    assert redact(cut) == "-----BEGIN PRIVATE KEY-----***"


@pytest.mark.parametrize(
    "text",
    [
        "no secret here", "", "Basic understanding of bearer authentication-mechanisms",
        "task-based risk-averse sk-learn", "AKIA" + "IOSFODNN7EXAMPLE", "sk-" + "x" * 48,
        "sk-ant-" + "test-key-not-real-0000000", "sk-" + "1234567890" * 4, "ghp_" + "0" * 36,
        "Bearer <token>", "Bearer ${API_TOKEN_FOR_TESTS}", "Bearer " + "a" * 40, "Basic dGVzdA==",
        "Basic " + b64encode(b"user:password").decode(), "basic abstractions",
        "postgres://user:password@db/app", "postgres://postgres:postgres@localhost/app",
        "https://u:${PASSWORD}@h", "https://u:$PASSWORD@h", "https://u:<password>@h",
        "https://u:***@h", "https://u:{password}@h", "https://host:8080/@scope/name",
        "git@github.com:owner/repo.git", "http://localhost:3000?a=b@c",
        "https://hooks.slack.com/services/" + "T00000000/B00000000/" + "X" * 24,
        "-----BEGIN PRIVATE KEY----- marks a key", "-----BEGIN PUBLIC KEY-----\n" + "A1b2" * 30,
        "npm_config_registry", "hf_transfer", "pypi-publish-action", "eyJ and eyJ.eyJ.x",
        "3fa85f64-5717-4562-b3fc-2c963f66afa6", "f" * 64, "0123456789abcdef" * 4,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)  # fmt: skip
def test_an_innocent_text_passes(text: str) -> None:
    assert scan([text]) == []


def test_redact_leaves_innocent_text_alone() -> None:
    prose = "a basic understanding of bearer authentication-mechanisms"
    for text in ("", prose, "https://host:8080/@scope", "task-1 failed"):
        assert redact(text) == text


# places

SECRET = "hT7" + "pQ2zL9vX"
SECRET_KEYS = [
    "password", "Password", "PASSWD", "passphrase", "db_password", "dbPassword", "secret", "clientSecret",
    "client_secret", "client-secret", "token", "access_token", "accessToken", "ID_TOKEN", "github.token",
    "api_key", "apiKey", "APIKey", "apikey", "x-api-key", "OPENAI_API_KEY", "aws_secret_access_key",
    "private_key", "session_key", "signingKey", "authorization", "Authorization", "credential",
    "credentials", "cookie", "Set-Cookie", "password2", "csrf_token", "api_keys",
]  # fmt: skip
OTHER_KEYS = [
    "prompt_tokens", "max_tokens", "tokens", "total_tokens", "token_count", "tokenCount", "token_type",
    "next_page_token", "nextPageToken", "continuation_token", "cursor_token", "eos_token", "pad_token",
    "max_token", "password_policy", "secret_name", "secretary", "tokenizer", "key", "keys", "primary_key",
    "public_key", "keyboard", "monkey", "cookie_banner", "authorization_url", "id", "signature", "", "_", "7",
    "x" * 200 + "_password",
]  # fmt: skip


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_random_text_under_a_secret_key_is_found(key: str) -> None:
    value = {"outer": {key: SECRET}}
    (finding,) = scan(value)
    assert finding.kind == "secret_value"
    assert scan({key: [SECRET, "plain", [SECRET]]}) != []
    assert scan({key: {"name": SECRET}}) == []


@pytest.mark.parametrize("key", OTHER_KEYS)
def test_another_key_makes_no_secret(key: str) -> None:
    assert scan({key: SECRET}) == []


@pytest.mark.parametrize(
    "value",
    [
        SECRET, "Bearer " + SECRET, "sid=" + SECRET + "; Path=/; HttpOnly", draw(32, HEX), draw(40),
        "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYzQ7tW3pL9k", "3fa85f64-5717-4562-b3fc-2c963f66afa6",
        "$2b$12$" + draw(53), "MySecretP@ss99",
    ],
)  # fmt: skip
def test_secret_values(value: str) -> None:
    assert [finding.path for finding in scan({"token": value})] == [".token"]


@pytest.mark.parametrize(
    "value",
    [
        "", "changeme", "changeme123", "test-secret", "my-secret-key-1", "your_api_key_here", "dummy-token-42",
        "xxxx-xxxx-xxxx-1234", "<redacted>", "<token#1>", "***", "${TOKEN_1}", "$TOKEN_1", "{{ token1 }}",
        "sk-...4f2A9", "password", "aaaaaaaa1", "internationalization", "12345678901", "83719264",
        "a sentence with 1 number, and more", "vault:kv/data/app#k3y", "env:API_KEY_2", "/run/secrets/db2/x9",
        "arn:aws:secretsmanager:eu-1:12:secret:db-4fT9", "projects/p1/secrets/s2/versions/3",
        "https://example.org/oauth2/v1", "2024-01-02T03:04:05Z", "/tmp/pytest-1/key9",
    ],
)  # fmt: skip
def test_made_up_values_and_references_pass(value: str) -> None:
    assert scan({"token": value, "password": [value]}) == []


@pytest.mark.parametrize("value", [None, True, 0, 12345678, 1.5, [], {}])
def test_only_text_can_be_a_secret(value: object) -> None:
    assert scan({"password": value}) == []


def test_bounds_of_a_value_under_a_secret_key() -> None:
    for length in (MIN_LENGTH, MIN_LENGTH + 1):
        assert scan({"password": SECRET[:length]})
    assert not scan({"password": SECRET[: MIN_LENGTH - 1]})
    for length in (MAX_VALUE - 1, MAX_VALUE):
        assert scan({"password": (SECRET * MAX_VALUE)[:length]})
    assert not scan({"password": (SECRET * MAX_VALUE)[: MAX_VALUE + 1]})


# the walk


def test_paths_order_and_limit() -> None:
    token = SHAPES[2][1]
    value = {"b": [token, {"x y": token}], "a": token, "password": SECRET, "z": [[token]]}
    findings = scan(value)
    assert findings == [
        Finding(".a", "github_token"),
        Finding(".password", "secret_value"),
        Finding(".b[0]", "github_token"),
        Finding('.b[1]["x y"]', "github_token"),
        Finding(".z[0][0]", "github_token"),
    ]
    for limit in range(7):
        assert scan(value, limit=limit) == findings[:limit]
    assert len(scan([token] * 30)) == 20


def test_the_root_and_scalars() -> None:
    token = SHAPES[2][1]
    assert scan(token) == [Finding(".", "github_token")]
    assert scan(token, limit=0) == []
    assert [scan(value) for value in (None, True, 1, 1.5, "", [], {})] == [[]] * 7


def test_a_token_as_a_key_is_found_and_masked_in_the_path() -> None:
    token = SHAPES[2][1]
    findings = scan({"seen": {token: {"password": SECRET}}})
    assert findings == [
        Finding('.seen["***"]', "github_token"),
        Finding('.seen["***"].password', "secret_value"),
    ]


def test_any_depth() -> None:
    value: object = SHAPES[2][1]
    for _ in range(5000):
        value = [value]
    assert len(scan(value)) == 1


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_random_values_can_be_scanned_and_redacted(value: object) -> None:
    scan(value)
    redact(repr(value))


@given(st.text(), st.sampled_from([token for _, token in SHAPES]), st.text())
def test_nothing_is_left_to_find_after_redaction(before: str, token: str, after: str) -> None:
    text = f"{before} {token} {after}"
    assert scan(text)
    assert not scan(redact(text))
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    ["://" * 50_000, "://a:b" * 20_000, "://a@" * 20_000, "Bearer " * 20_000, "eyJ" * 50_000,
     "eyJaaaaaaaaa." * 10_000, "-----BEGIN PRIVATE" + " KEY-----" * 10_000, "sk-" * 50_000, "_" * 100_000,
     "-" * 100_000, "AKIA" * 30_000, "basic aaaaaaaa " * 10_000, "\u2028" * 50_000],
    ids=lambda text: text[:14],
)  # fmt: skip
def test_hostile_text_is_answered_at_once(text: str) -> None:
    """A pattern that backtracks would not come back from these within the time limit of the run."""
    scan({"password": text, "x": text})
    redact(text)


@pytest.mark.parametrize(("kind", "token"), SHAPES)
@pytest.mark.parametrize("around", ["{}", "say {} now", "line\n{}\n", '"{}"', "é{}", "\\{}"])
def test_no_text_with_a_credential_is_clean(kind: str, token: str, around: str) -> None:
    for value in (
        {"note": around.format(token)},
        [around.format(token)],
        {around.format(token): 1},
    ):
        assert not is_clean(canonical_bytes(value)) or not scan(value), kind


KEYS = st.text(
    alphabet=st.sampled_from('abkeypswordtn_-.:" \\\x01é9KEYPSWORDT'), min_size=1, max_size=12
) | st.sampled_from(
    ["password", "db_password2", "clientSecret", "apiKey", "x-api-key", "pass\x01word", 'a"secret']
)


@given(st.dictionaries(KEYS, st.just("Zk3" + "9vQx7LmT2" + "pRw8"), max_size=4))
def test_what_is_clean_holds_nothing_that_a_scan_finds(value: dict[str, str]) -> None:
    assert not (is_clean(canonical_bytes({"a": [value]})) and scan({"a": [value]}))


@pytest.mark.parametrize(
    "value",
    [{"0": "b", ":password": "Zk3" + "9vQx7LmT2"}, [{"a": "v"}, {":password": "Zk3" + "9vQx7LmT2"}],
     {"x": "ba\u017fic dXNlcjpxN3gkMTJQcQ=="}],
    ids=["a key after a text", "a key in the next object", "letters that fold to ASCII"],
)  # fmt: skip
def test_clean_and_scan_agree_on_odd_spellings(value: object) -> None:
    assert not (is_clean(canonical_bytes(value)) and scan(value))


def test_ordinary_records_are_clean_without_a_scan() -> None:
    record = {
        "key": "sort",
        "input": {"n": 1},
        "prompt_tokens": 17,
        "url_path": "/x",
        "hash": "c0ffee" * 8,
    }
    assert is_clean(canonical_bytes(record))
