"""``aos-workflow skills``: what is switched on and off, for a whole fleet."""

from __future__ import annotations

from typing import Annotated

import typer

from aos_workflow.cli.options import AsJson, Modules
from aos_workflow.cli.output import Output
from aos_workflow.cli.storing import actor, with_store

__all__ = ["app"]

app = typer.Typer(
    help="Skills of the fleet: list, check, switch off and on.",
    epilog="\b\nExample:\n  aos-workflow skills disable web_search --reason INC-123",
    no_args_is_help=True,
    rich_markup_mode=None,
)
UNREACHABLE = 1
SkillId = Annotated[str, typer.Argument(metavar="SKILL")]
OneVersion = Annotated[
    str | None, typer.Option("--version", metavar="VERSION", help="Default: every registered one.")
]


@app.command("list", epilog="\b\nExample:\n  aos-workflow skills list --json")
def list_(as_json: AsJson = False) -> None:
    """List every skill that a worker has registered, and whether it is switched on."""
    output = Output(as_json=as_json)
    rows = with_store(lambda store: store.skills())
    output.table(
        ("skill", "version", "side effects", "enabled", "reason"),
        [
            (
                r.skill_id,
                r.version,
                r.side_effects,
                "ok" if r.enabled else "disabled",
                r.disabled_reason or "",
            )
            for r in rows
        ],
    )
    if not rows:
        output.line("no skills are registered")
    output.document(
        {
            "ok": True,
            "skills": [
                {
                    "skill_id": row.skill_id,
                    "version": row.version,
                    "side_effects": row.side_effects,
                    "enabled": row.enabled,
                    "disabled_reason": row.disabled_reason,
                }
                for row in rows
            ],
        }
    )


@app.command(epilog="\b\nExample:\n  aos-workflow skills disable web_search --reason INC-123")
def disable(
    skill: SkillId,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Shown to who uses it.")],
    version: OneVersion = None,
    unregistered: Annotated[
        bool,
        typer.Option(
            "--unregistered",
            help="Also what no worker has registered yet: the skill, or its versions to come.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Refuse a skill everywhere, from the next step on. One that no worker has registered needs --unregistered."""
    _switch(
        skill, version, enabled=False, reason=reason, unregistered=unregistered, as_json=as_json
    )


@app.command(epilog="\b\nExample:\n  aos-workflow skills enable web_search")
def enable(skill: SkillId, version: OneVersion = None, as_json: AsJson = False) -> None:
    """Take back 'skills disable'."""
    _switch(skill, version, enabled=True, reason=None, unregistered=False, as_json=as_json)


@app.command(epilog="\b\nExample:\n  aos-workflow skills check --workflows my.workflows --limit 5")
def check(
    workflows: Modules,
    limit: Annotated[
        float, typer.Option("--limit", min=0.1, max=600, metavar="SECONDS", help="For one probe.")
    ] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Ask every skill of these modules whether what it needs can be reached. Exit code 1 if something cannot.

    A skill has a probe if it was declared with one: @skill("search", probe=...).
    """
    import asyncio

    from aos_workflow.assembly.modules import load
    from aos_workflow.errors import UsageError
    from aos_workflow.skills import probe_all

    output = Output(as_json=as_json)
    skills = list(load(workflows or ()).registry)
    if not skills:
        raise UsageError("there are no skills in these modules", hint="--workflows MODULE")
    found = asyncio.run(probe_all(skills, limit_s=limit))
    output.table(
        ("skill", "version", "state", "seconds", "problem"),
        [(p.skill_id, p.version, p.state, f"{p.took_s:.3f}", p.problem) for p in found],
    )
    output.document(
        {
            "ok": all(found),
            "skills": [
                {
                    "skill_id": p.skill_id,
                    "version": p.version,
                    "state": p.state,
                    "took_s": p.took_s,
                    "problem": p.problem or None,
                }
                for p in found
            ],
        }
    )
    if not all(found):
        raise typer.Exit(UNREACHABLE)


def _switch(
    skill: str,
    version: str | None,
    *,
    enabled: bool,
    reason: str | None,
    unregistered: bool,
    as_json: bool,
) -> None:
    output = Output(as_json=as_json)
    count = with_store(
        lambda store: store.set_skill(
            skill,
            enabled=enabled,
            by=actor(),
            reason=reason,
            version=version,
            unregistered=unregistered,
        )
    )
    word = "enabled" if enabled else "disabled"
    output.line(f"{word} {skill}: {count} {'version' if count == 1 else 'versions'}")
    output.document({"ok": True, "skill_id": skill, "enabled": enabled, "versions": count})
