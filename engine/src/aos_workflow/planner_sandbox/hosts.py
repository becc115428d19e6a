"""Names and addresses of machines: which of them a plan may talk to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.addresses import (
    Spelling,
    in_name,
    is_metadata,
    network_of,
    spellings,
)
from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.references import PLACEHOLDER

__all__ = ["is_internal", "is_known_inside", "judge_host", "normal_host"]

_LABELS = re.compile(r"(?!-)[\w-]{1,63}(?:\.[\w-]{1,63})*")
_NUMERIC_END = re.compile(r"\.(?:[0-9]+|0x[0-9a-f]*)\Z")
"""Parsers that follow the WHATWG take such a name for an address, in forms of their own (``0o177.0.0.1``)."""

_MAX_NAME_CHARS = 253

_LOOPBACK_NAMES = frozenset(
    ["localhost", "loopback", "ip6-localhost", "ip6-loopback", "broadcasthost", "localhost6"]
)
_METADATA_NAMES = frozenset(
    [
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.google",
        "metadata.azure.internal",
        "metadata.azure.com",
        "metadata.tencentyun.com",
        "metadata.packet.net",
        "metadata.platformequinix.com",
        "instance-data",
        "instance-data.ec2.internal",
        "rancher-metadata",
    ]
)
_INTERNAL_SUFFIXES = frozenset(
    [
        "localhost",
        "localdomain",
        "local",
        "internal",
        "intranet",
        "intra",
        "lan",
        "home",
        "corp",
        "private",
        "localnet",
        "home.arpa",
        "svc",
        "default.svc",
        "cluster.local",
        "consul",
        "docker",
        "in-addr.arpa",
        "ip6.arpa",
        "onion",
    ]
)
_REBINDING = frozenset(
    [
        "nip.io",
        "sslip.io",
        "xip.io",
        "xip.name",
        "nip.lol",
        "localtest.me",
        "lvh.me",
        "vcap.me",
        "lacolhost.com",
        "localho.st",
        "local.gd",
        "fuf.me",
        "yoogle.com",
        "smackaho.st",
        "traefik.me",
        "rbndr.us",
        "1u.ms",
        "rebind.network",
        "rebind.it",
        "loopback.jp",
        "127001.it",
        "ulh.us",
        "lvh.host",
        "localh.st",
        "nicob.net",
        "dod.network",
        "r3dir.me",
        "oastify.com",
        "burpcollaborator.net",
        "interact.sh",
        "localtls.com",
        "lcl.host",
        "localhost.direct",
        "backname.io",
        "hosts.rocks",
    ]
)
"""Public names that lead to whatever address is written in them, or to loopback."""


def normal_host(host: str) -> str:
    """Lower case, no brackets, no trailing dots."""
    host = host.strip().lower()
    if host.startswith("[") and "]" in host:
        host = host[1 : host.index("]")]
    return host.rstrip(".")


def is_known_inside(name: str) -> bool:
    """Whether a name leads inside whoever resolves it: loopback, metadata, names that carry addresses."""
    if name in _LOOPBACK_NAMES or name in _METADATA_NAMES - {"metadata"}:
        return True
    return "." in name and any(
        part == "localhost" or part in _REBINDING for part in _suffixes(name)
    )


def judge_host(host: str, policy: SandboxPolicy, *, needs_dot: bool) -> Iterator[Reason]:
    """Why a plan may not talk to a host. ``needs_dot`` also refuses names without a dot."""
    name = normal_host(host)
    if policy.allowed_hosts is not None and name in policy.allowed_hosts:
        return
    found = spellings(name)
    if found is None:
        yield from _judge_name(name, policy, needs_dot=needs_dot)
    else:
        yield from _judge_address(name, found, policy)


def _judge_address(host: str, found: list[Spelling], policy: SandboxPolicy) -> Iterator[Reason]:
    if not found:
        yield Reason(Code.HOST_MALFORMED, f"{shown(host)} is a number, but no address")
    is_inside = False
    for address, is_plain in found:
        network = network_of(address, policy.networks)
        if is_metadata(address) and network:
            yield Reason(Code.ADDRESS_METADATA, f"{shown(host)} is a cloud's metadata service")
        if network:
            is_inside = True
            yield Reason(Code.ADDRESS_INTERNAL, f"{shown(host)} is {address}, inside {network}")
        if not is_plain:
            message = f"{shown(host)} is an unusual spelling of {address}"
            yield Reason(Code.ADDRESS_DISGUISED, message)
    if policy.allowed_hosts is not None and not is_inside:
        yield Reason(Code.HOST_NOT_ALLOWED, f"{shown(host)} is not in allowed_hosts")


def _judge_name(name: str, policy: SandboxPolicy, *, needs_dot: bool) -> Iterator[Reason]:
    if PLACEHOLDER in name:
        yield from _judge_partial(name, policy)
        return
    if len(name) > _MAX_NAME_CHARS or not _LABELS.fullmatch(name):
        yield Reason(Code.HOST_MALFORMED, f"{shown(name)} is not the name of a host")
        return
    if _NUMERIC_END.search(name):
        yield Reason(Code.HOST_MALFORMED, f"{shown(name)} ends like an address, but is none")
    suffixes = set(_suffixes(name))
    if name in _METADATA_NAMES:
        yield Reason(Code.ADDRESS_METADATA, f"{shown(name)} is a cloud's metadata service")
    is_internal = bool(name in _LOOPBACK_NAMES or suffixes & _INTERNAL_SUFFIXES)
    if is_internal or (needs_dot and "." not in name and name not in _METADATA_NAMES):
        yield Reason(Code.HOST_INTERNAL, f"{shown(name)} is a name inside the network")
    if suffixes & _REBINDING:
        message = f"{shown(name)} leads to any address that its owner, or the name itself, says"
        yield Reason(Code.HOST_REBINDING, message)
    for address in in_name(name):
        if network_of(address, policy.networks):
            yield Reason(Code.HOST_REBINDING, f"{shown(name)} carries the address {address}")
            break
    if policy.allowed_hosts is not None and not is_internal and not _is_allowed(name, policy):
        yield Reason(Code.HOST_NOT_ALLOWED, f"{shown(name)} is not in allowed_hosts")


def _judge_partial(name: str, policy: SandboxPolicy) -> Iterator[Reason]:
    """A host that is only known at run time; one with a literal number before it is an assembled address."""
    for filler in ("1", "0"):
        for address, _ in spellings(name.replace(PLACEHOLDER, filler)) or ():
            if name != PLACEHOLDER and network_of(address, policy.networks):
                message = f"assembles an address inside {network_of(address, policy.networks)}"
                yield Reason(Code.ADDRESS_INTERNAL, message)
                return
    suffixes = set(_suffixes(name))
    if suffixes & _INTERNAL_SUFFIXES:
        yield Reason(Code.HOST_INTERNAL, "assembles a name inside the network")
    if suffixes & _REBINDING:
        yield Reason(Code.HOST_REBINDING, "assembles a name that leads to any address")


def _suffixes(name: str) -> Iterator[str]:
    labels = name.split(".")
    for start in range(max(0, len(labels) - 8), len(labels)):
        yield ".".join(labels[start:])


def _is_allowed(name: str, policy: SandboxPolicy) -> bool:
    allowed = policy.allowed_hosts or frozenset()
    return name in allowed or any(f"*.{suffix}" in allowed for suffix in list(_suffixes(name))[1:])


_INSIDE = frozenset(
    [Code.ADDRESS_INTERNAL, Code.ADDRESS_METADATA, Code.HOST_INTERNAL, Code.HOST_REBINDING]
)


def is_internal(reason: Reason) -> bool:
    """Whether the reason is that something lies inside the network."""
    return reason.code in _INSIDE
