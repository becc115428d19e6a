"""From a test to its key, from a key to its file.

A key is the node id, then ``#name`` for a named golden. A file mirrors the test file and is called after the
test: a slug that people recognise, and ten digits of the key's hash, so that ``a/b`` and ``a_b``,
case-insensitive file systems and 300-character parameters never make two keys share a file. The key stands in
the file and is checked on reading.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

__all__ = ["base_key", "file_of", "key_of", "named_key", "test_file_of"]

_SLUG_LENGTH = 60
_FOLDER_LENGTH = 100
_HASH_LENGTH = 10
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_REPEAT_PARAMETER = "__pytest_repeat_step_number"


def key_of(item: pytest.Item) -> str:
    """The key of a test's goldens: what the hook ``pytest_golden_key`` says, else :func:`base_key`.

    Raises:
        pytest.UsageError: the hook gave something else than text.
    """
    is_named = (
        item.config.hook.pytest_golden_key.get_hookimpls()
    )  # an item's own hooks are dear to ask
    key = item.ihook.pytest_golden_key(item=item) if is_named else None
    if key is None:
        return base_key(item)
    if not isinstance(key, str) or not key.strip():
        raise pytest.UsageError(
            f"{item.nodeid}: pytest_golden_key returned {key!r}, expected a text that is not empty"
        )
    return key


def base_key(item: pytest.Item) -> str:
    """The node id, without what pytest-repeat adds to it: repeats of a test share their goldens."""
    nodeid = item.nodeid
    callspec = getattr(item, "callspec", None)
    if callspec is not None and _REPEAT_PARAMETER in callspec.params:
        nodeid = _without_repeat(nodeid, callspec)
    return _from_root(nodeid, item)


def _without_repeat(nodeid: str, callspec: Any) -> str:
    """A parameter may have an id that looks like that of a repeat: only the one at the repeat's end is taken away."""
    step = re.compile(rf"{callspec.params[_REPEAT_PARAMETER] + 1}-\d+")
    ids = list(callspec._idlist)
    places = [at for at, part in enumerate(ids) if step.fullmatch(part)]
    if places:
        del ids[places[-1 if [*callspec.params][-1] == _REPEAT_PARAMETER else 0]]
    stem = nodeid.removesuffix(f"[{callspec.id}]")
    return f"{stem}[{'-'.join(ids)}]" if ids else stem


def _from_root(nodeid: str, item: pytest.Item) -> str:
    """A test outside the root folder has its node id from the argument it was found by: two folders, one id."""
    file, separator, rest = nodeid.partition("::")
    path, root = str(item.path), str(item.config.rootpath)
    if (
        path.startswith(root if root.endswith(os.sep) else root + os.sep)
        or Path(file).is_absolute()
    ):
        return nodeid
    try:
        file = os.path.relpath(path, root)
    except ValueError:  # another drive
        file = path
    return file.replace(os.sep, "/") + separator + rest


def named_key(base: str, name: str | None) -> str:
    """The key of a named golden; the unnamed one has the test's own."""
    return base if name is None else f"{base}#{name}"


def file_of(key: str, suffix: str) -> str:
    """The file of a key, relative to the golden folder, with forward slashes."""
    path, _, rest = key.partition("::")
    slug = _safe((rest or "golden").replace("::", "."))[:_SLUG_LENGTH].strip("._-") or "golden"
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    return f"{_folder_of(path)}{slug}-{digest}{suffix}"


@lru_cache(maxsize=64)
def _folder_of(test_file: str) -> str:
    parts = [_safe(part)[:_FOLDER_LENGTH] for part in PurePosixPath(test_file).parts]
    if parts:
        parts[-1] = parts[-1].rpartition(".")[0] or parts[-1]
    return "".join(f"{part}/" for part in parts)


def test_file_of(key: str) -> str:
    """The test file that a key names, as in its node id."""
    return key.partition("::")[0]


def _safe(text: str) -> str:
    """Text that is a file name everywhere: no separators, not hidden, nothing that Windows or a shell minds."""
    return _UNSAFE.sub("-", text).replace("..", "-").strip(".") or "-"
