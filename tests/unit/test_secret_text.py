"""Secrets in messages: behind their names, whatever the way of writing, and prose left as it is."""

from __future__ import annotations

import pytest

from aos_workflow.golden.secret_text import is_secret_name, redact_text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key password=hunter2hunter2", "key password=***"),
        ("password = hunter2, host=db", "password = *** host=db"),
        ("PGPASSWORD=x psql", "PGPASSWORD=*** psql"),
        ("https://h/?refresh_token=abc&x=1", "https://h/?refresh_token=***"),
        ("aws_secret_access_key=a/b+", "aws_secret_access_key=***"),
        ("api_key: 'two words' and more", "api_key: '***' and more"),
        ("token:abc", "token:***"),
        ("token: expired", "token: ***"),
        ("{'password': 'it\\'s', 'user': 'bob'}", "{'password': '***', 'user': 'bob'}"),
        ('{"clientSecret":"a","n":1}', '{"clientSecret":"***","n":1}'),
        (r"{\"password\": \"x\", \"n\": 1}", r"{\"password\": \"***\", \"n\": 1}"),
        ("Authorization: Bearer a.b end", "Authorization: *** end"),
        ("Cookie: sid=1; csrf=2 end", "Cookie: *** end"),
        ("password='unterminated", "password='***"),
    ],
)
def test_what_stands_behind_the_name_of_a_secret_is_masked(text: str, masked: str) -> None:
    assert redact_text(text) == masked
    assert redact_text(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "token: Field required",
        "authorization: denied for bob",
        "password_policy: strict",
        "token_type: bearer",
        "max_tokens=5",
        "monkey: banana",
        "password=",
        "tenant_id: expected 'a', got 'b'",
    ],
)
def test_prose_and_other_names_stay(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MY_API_KEY", True),
        ("DB_PASSWORD", True),
        ("PGPASSWORD", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("SENTRY_DSN", True),
        ("clientSecret", True),
        ("PWD", False),
        ("SSH_AUTH_SOCK", False),
        ("AOS_API_KEYS_FILE", False),
        ("tokens", False),
    ],
)
def test_names_of_secrets(name: str, expected: bool) -> None:
    assert is_secret_name(name) is expected
