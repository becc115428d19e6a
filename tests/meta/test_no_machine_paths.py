"""Nothing of one machine, one user or one package index is in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.meta.repository import ROOT, committed_files

_MACHINE = re.compile(
    rb"(?<![A-Za-z0-9_.~/-])/(?:work|root)/[A-Za-z.]"
    rb"|(?:https?:)?//[a-z0-9.-]*(?:pypi|pythonhosted|artifactory|nexus|devpi)[a-z0-9.-]*"
    rb"|--(?:extra-)?index-url[ =](?!$)[a-z]"
)


def _sources() -> list[Path]:
    return [path for path in committed_files() if path.suffix not in (".png", ".whl")]


@pytest.mark.parametrize("path", _sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_machine_paths(path: Path) -> None:
    if path == Path(__file__):
        return
    found = [match[0] for match in _MACHINE.finditer(path.read_bytes())]
    assert not found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"see /root/x", True),
        (b'"/work/main"', True),
        (b"a folder below ``/root``, say", False),
        (b"https://pypi.org/simple", True),
        (b"--index-url http://x", True),
        (b"/etc/nova/secrets", False),
        (b"src/work/x", False),
        (b"/rootless", False),
        (b"--no-emit-index-url", False),
        (b"the framework/rest", False),
    ],
)
def test_the_pattern(text: bytes, found: bool) -> None:
    assert bool(_MACHINE.search(text)) is found
