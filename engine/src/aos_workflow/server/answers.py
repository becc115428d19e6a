"""JSON answers, written once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

__all__ = ["Json", "dumped"]


def dumped(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)


class Json(Response):
    """An answer that is written already; ``bytes`` within it are JSON texts as they are kept."""

    media_type = "application/json"

    def __init__(
        self, data: Any, status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(dumped(data), status_code, dict(headers) if headers else None)
