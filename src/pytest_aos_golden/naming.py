"""From a test to its key, from a key to its file.

A key is the node id, then ``#name`` for a named golden. A file mirrors the test file and is called after the
test: a slug that people recognise, and ten digits of the key's hash, so that ``a/b`` and ``a_b``,
case-insensitive file systems and 300-character parameters never make two keys share a file. The key stands in
the file and is checked on reading.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

import pytest

__all__ = ["base_key", "file_of", "named_key", "test_file_of"]

_SLUG_LENGTH = 60
_HASH_LENGTH = 10
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_REPEAT_PARAMETER = "__pytest_repeat_step_number"


def base_key(item: pytest.Item) -> str:
    """The node id, without what pytest-repeat adds to it: repeats of a test share their goldens."""
    nodeid = item.nodeid
    callspec = getattr(item, "callspec", None)
    if callspec is None or _REPEAT_PARAMETER not in callspec.params:
        return nodeid
    step = rf"{callspec.params[_REPEAT_PARAMETER] + 1}-\d+"
    left = [part for part in callspec._idlist if not re.fullmatch(step, part)]
    stem = nodeid.removesuffix(f"[{callspec.id}]")
    return f"{stem}[{'-'.join(left)}]" if left else stem


def named_key(base: str, name: str | None) -> str:
    """The key of a named golden; the unnamed one has the test's own."""
    return base if name is None else f"{base}#{name}"


def file_of(key: str, suffix: str) -> PurePosixPath:
    """The file of a key, relative to the golden folder."""
    path, _, rest = key.partition("::")
    folder = PurePosixPath(*(_safe(part) for part in PurePosixPath(path).with_suffix("").parts))
    slug = _safe((rest or "golden").replace("::", "."))[:_SLUG_LENGTH].strip("._-") or "golden"
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    return folder / f"{slug}-{digest}{suffix}"


def test_file_of(key: str) -> str:
    """The test file that a key names, as in its node id."""
    return key.partition("::")[0]


def _safe(text: str) -> str:
    """Text that is a file name everywhere: no separators, nothing that Windows or a shell minds."""
    return _UNSAFE.sub("-", text).replace("..", "-") or "-"
