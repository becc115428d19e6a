"""A session id, made when the module is imported."""

import uuid

from aos_workflow.engine import Context, workflow

CAUSES = {"uuid"}
SESSION = uuid.uuid4().hex


@workflow("planted_import_time_id")
async def planted(ctx: Context, number: int) -> str:
    return f"{SESSION}/{number}"
