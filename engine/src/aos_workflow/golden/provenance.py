"""Where a golden comes from: stored for people, in no content hash, never rewritten while the hash is unchanged."""

from __future__ import annotations

import platform
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

from aos_workflow import __version__
from aos_workflow.determinism import Clock, SystemClock, rfc3339

__all__ = ["provenance"]

_GIT_TIMEOUT_S = 2.0


def provenance(
    folder: Path, *, tool: str = "aos-workflow", clock: Clock | None = None, **more: Any
) -> dict[str, Any]:
    """Time, commit of the checkout around ``folder``, tool, Python and platform; no path, host or user name."""
    found: dict[str, Any] = {
        "platform": f"{platform.system()}-{platform.machine()}".lower(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "recorded_at": rfc3339((clock or SystemClock()).now()),
        "tool": f"{tool} {__version__}",
        **more,
    }
    commit = _commit(folder.absolute())
    return {**found, "commit": commit} if commit else found


@lru_cache(maxsize=64)
def _commit(folder: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
