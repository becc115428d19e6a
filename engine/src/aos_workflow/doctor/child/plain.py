"""The function as it is, nothing frozen and nothing instrumented: what a fresh process gives."""

from __future__ import annotations

import itertools
import json
import os
import sys
from typing import Any

MAX_YIELDED = 10_000


def main() -> None:
    """Read a job on standard input, write its outputs on standard output."""
    job = json.loads(sys.stdin.buffer.readline())
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    target = job["target"]
    sys.argv = [target["file"]]
    for entry in reversed(job["path"]):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    outputs = [_called(target, call) for call in job["calls"]]
    with os.fdopen(out, "wb") as stream_:
        stream_.write(json.dumps(outputs).encode())
        stream_.flush()
    os._exit(0)


def _called(target: dict[str, str], call: dict[str, Any]) -> str:
    import importlib
    import importlib.util
    import inspect

    home, _, entry = target["entry"].partition(":")
    name = home or target["module"]
    if home:
        importlib.import_module(home)
    elif name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, target["file"])
        assert spec is not None
        assert spec.loader is not None
        if target["dotted"]:
            importlib.import_module(name)
        else:
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
    found: Any = sys.modules[name]
    for part in (entry or target["name"]).split("."):
        found = getattr(found, part)
    try:
        value = found(*call["args"], **call["kwargs"])
        if inspect.isawaitable(value):
            import asyncio

            async def main() -> Any:
                return await value

            value = asyncio.run(main())
        if inspect.isgenerator(value):
            value = list(itertools.islice(value, MAX_YIELDED))
        return json.dumps(value, sort_keys=True, default=repr)
    except Exception as error:  # noqa: BLE001 - the user's function may raise anything
        return json.dumps({"error": type(error).__name__})


if __name__ == "__main__":
    main()
