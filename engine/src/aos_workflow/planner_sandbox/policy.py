"""What a planner may ask for: limits, skills, money, places."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from aos_workflow.errors import UsageError
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.planner_sandbox.kinds import Kind

__all__ = ["INTERNAL_NETWORKS", "PROTECTED_FIELDS", "Network", "SandboxPolicy", "SkillRule"]

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

INTERNAL_NETWORKS: tuple[str, ...] = (
    "0.0.0.0/8",  # this host (RFC 1122)
    "10.0.0.0/8",  # private (RFC 1918)
    "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local (RFC 3927), cloud metadata
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments (RFC 6890)
    "192.88.99.0/24",  # 6to4 relays (RFC 7526)
    "192.168.0.0/16",  # private
    "198.18.0.0/15",  # benchmarks (RFC 2544)
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and the broadcast address
    "168.63.129.16/32",  # Azure's platform address
    "::/127",  # unspecified and loopback
    "100::/64",  # discard (RFC 6666)
    "5f00::/16",  # segment routing (RFC 9602)
    "fc00::/7",  # unique local (RFC 4193)
    "fe80::/10",  # link-local
    "fec0::/10",  # site-local, deprecated
    "ff00::/8",  # multicast
)
"""Never reachable for a plan unless the policy says otherwise.

Spelled out instead of ``is_global``, whose answers differ between Python minor versions. Addresses for documentation
(192.0.2.0/24 and the like) lead nowhere and are let through.
"""

PROTECTED_FIELDS = frozenset(
    [
        "approval",
        "approved",
        "approved_by",
        "auto_approve",
        "allowed_hosts",
        "allowed_networks",
        "allowed_paths",
        "allowed_schemes",
        "allowed_skills",
        "blocked_networks",
        "budget",
        "ceiling",
        "cost_ceiling",
        "disable_policy",
        "disable_sandbox",
        "disabled_skills",
        "emergency_stop",
        "forbidden_skills",
        "is_admin",
        "max_steps",
        "policy",
        "privileged",
        "protected_fields",
        "random_seed",
        "rate_limit",
        "replay",
        "replay_mode",
        "run_id",
        "sandbox",
        "seed",
        "skip_approval",
        "skip_validation",
        "spend_limit",
        "step_seed",
        "sudo",
        "tenant",
        "tenant_id",
        "worker_id",
        "workflow_seed",
        "bypass_policy",
        "bypass_sandbox",
    ]
)
"""What the platform decides and a plan must not: budgets, seeds, tenancy, approvals, the policy itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillRule:
    """How a plan may use a skill.

    ``versions`` None allows every version. ``cost_cents`` is the skill's declared cost of one call. ``inputs`` says
    what inputs are, where their name does not; a declared input may also bear a protected name.
    ``disabled`` is the reason, if it is.
    """

    versions: frozenset[str] | None = None
    cost_cents: float | None = None
    inputs: Mapping[str, Kind] = field(default_factory=dict)
    disabled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPolicy:
    """The bounds of every plan.

    * ``skills``: the only ones a plan may name. ``forbidden_skills``: also not by way of a disguise or a
      reference; a trailing ``*`` stands for any rest.
    * ``cost_ceiling_cents`` of a plan and ``step_ceiling_cents`` of a step; None is no ceiling. Under a ceiling
      every step needs a cost, from the plan or from its skill; the higher one counts.
    * ``allowed_hosts``: None allows every public host; otherwise names, ``*.example.com`` for subdomains. A name
      or address that stands here verbatim is allowed even inside ``blocked_networks``.
    * ``allowed_paths``: the only roots of absolute paths; none by default.
    * ``reference_roots``: what ``${root.path}`` may start with, besides the ids of steps.

    Raises:
        UsageError: a limit below 1, a negative ceiling or cost, a network that does not parse.
    """

    skills: Mapping[str, SkillRule] = field(default_factory=dict)
    forbidden_skills: frozenset[str] = frozenset()
    cost_ceiling_cents: float | None = None
    step_ceiling_cents: float | None = None
    max_steps: int = 100
    max_attempts: int = 10
    max_depth: int = 32
    max_bytes: int = 256 * 1024
    max_values: int = 10_000
    max_text_chars: int = 128 * 1024
    max_findings: int = 250
    allowed_schemes: frozenset[str] = frozenset({"http", "https"})
    allowed_hosts: frozenset[str] | None = None
    blocked_networks: tuple[str, ...] = INTERNAL_NETWORKS
    allowed_paths: tuple[str, ...] = ()
    protected_fields: frozenset[str] = PROTECTED_FIELDS
    reference_roots: frozenset[str] = frozenset({"inputs"})
    networks: tuple[Network, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in (
            "max_steps",
            "max_attempts",
            "max_depth",
            "max_bytes",
            "max_values",
            "max_text_chars",
            "max_findings",
        ):
            if getattr(self, name) < 1:
                raise UsageError(f"{name}={getattr(self, name)}; expected at least 1")
        if self.max_depth > MAX_DEPTH:
            raise UsageError(f"max_depth={self.max_depth}; values have at most {MAX_DEPTH} levels")
        costs = [self.cost_ceiling_cents, self.step_ceiling_cents]
        costs += [rule.cost_cents for rule in self.skills.values()]
        for cost in costs:
            if cost is not None and not 0 <= cost < inf:
                raise UsageError(f"a cost of {cost} cents; expected 0 or more")
        try:
            networks = tuple(ipaddress.ip_network(text) for text in self.blocked_networks)
        except ValueError as error:
            raise UsageError(f"blocked_networks: {error}", hint="write 10.0.0.0/8") from None
        object.__setattr__(self, "networks", networks)
        object.__setattr__(self, "skills", dict(self.skills))
