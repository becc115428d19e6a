"""``aos-workflow serve``: the HTTP API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aos_workflow.cli.options import GoldenDir, LogFile, Modules

if TYPE_CHECKING:
    from aos_workflow.server import ApiKeys, ServerSettings

__all__ = ["serve"]


def serve(
    host: Annotated[
        str,
        typer.Option("--host", metavar="HOST", help="Elsewhere than on this machine: needs a key."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any.")] = 8000,
    workflows: Modules = None,
    golden: GoldenDir = None,
    keys_file: Annotated[
        Path | None,
        typer.Option("--keys-file", metavar="FILE", help="Default: AOS_API_KEYS_FILE."),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", metavar="N", min=1, help="Requests a second for each key.")
    ] = 500.0,
    max_body: Annotated[
        int, typer.Option("--max-body", metavar="BYTES", min=1024, max=64 * 1024 * 1024)
    ] = 1024 * 1024,
    open_operations: Annotated[
        bool | None,
        typer.Option(
            "--open-operations/--closed-operations",
            help="/metrics and /workers/status without a key. Default: on this machine only.",
        ),
    ] = None,
    shadow: Annotated[
        list[Path] | None,
        typer.Option("--shadow", metavar="FOLDER", help="A simulation to show in the metrics."),
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", metavar="FILE", help="PEM; serves HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE")] = None,
    log_file: LogFile = None,
) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C. It starts runs and shows them; workers execute them.

    Keys: AOS_API_KEY may do everything; 'aos-workflow api-keys add' makes others. Without any key the server answers
    only to this machine.
    """
    from aos_workflow import config
    from aos_workflow.errors import UsageError

    _need_extra()
    from aos_workflow.server import ApiKeys, ServerSettings
    from aos_workflow.server.running import refuse_open_doors

    if (tls_certificate is None) != (tls_key is None):
        raise UsageError("HTTPS needs both --tls-certificate and --tls-key")
    settings = ServerSettings(
        host=host,
        port=port,
        rate_per_s=rate,
        burst=2 * rate,
        max_body_bytes=max_body,
        open_operations=open_operations,
        shadow_folders=tuple(shadow or ()),
    )
    keys = ApiKeys.of(config.api_key(), keys_file or config.api_keys_file())
    refuse_open_doors(settings, keys)
    tls = (tls_certificate, tls_key)
    _run(settings, keys, tuple(workflows or ()), golden, log_file or config.log_file(), tls)


def _run(
    settings: ServerSettings,
    keys: ApiKeys,
    modules: tuple[str, ...],
    golden: Path | None,
    log_file: Path | None,
    tls: tuple[Path | None, Path | None],
) -> None:
    import asyncio

    from aos_workflow import config
    from aos_workflow.assembly.serving import limits_shown, serving_engine
    from aos_workflow.logs import Mask, Sinks, log_to
    from aos_workflow.server import Backend, Server
    from aos_workflow.server.running import serve as listen

    mask = Mask(config.secrets())
    logger = log_to(Sinks(log_file), mask=mask)

    def log(event: str, fields: dict[str, object]) -> None:
        status = fields.get("status")
        is_bad = event == "request_failed" or (isinstance(status, int) and status >= 500)
        (logger.error if is_bad else logger.info)(event, **fields)

    async def run() -> None:
        found = serving_engine(modules, golden=golden)
        backend = Backend.of(
            found,
            settings,
            modules=modules,
            limits=limits_shown(),
            has_shared_budgets=config.redis_url() is not None,
            mask=mask,
        )
        server = Server(backend, keys, settings, log=log)
        certificate, private_key = tls
        await listen(
            server,
            started=lambda host, port: log("server_started", {"host": host, "port": port}),
            certificate=certificate,
            private_key=private_key,
        )
        log("server_stopped", {})

    asyncio.run(run())


def _need_extra() -> None:
    from importlib.util import find_spec

    from aos_workflow.errors import UsageError

    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the server needs {' and '.join(missing)}", hint="pip install 'aos-workflow[server]'"
        )
