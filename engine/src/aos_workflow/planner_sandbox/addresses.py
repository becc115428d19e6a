"""Network addresses in every spelling that some resolver accepts. Nothing is resolved."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from aos_workflow.planner_sandbox.policy import Network

__all__ = ["Address", "Spelling", "in_name", "is_metadata", "network_of", "spellings"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NUMERIC = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]*|[0-9]+)){0,3}\.?")
_DOTTED = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
_IN_NAME = re.compile(
    r"(?<![0-9])([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})(?![0-9])"
)
_HEX_LABEL = re.compile(r"(?:^|[.-])([0-9a-f]{8})(?=[.-])")
_MAX_CHARS = 128
"""Longer numeric hosts are no addresses, and Python converts long numbers slowly."""

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google, OpenStack, DigitalOcean
            "169.254.170.2",  # AWS ECS credentials
            "169.254.170.23",  # AWS EKS pod identity
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "168.63.129.16",  # Azure platform
            "fd00:ec2::254",  # AWS over IPv6
            "fd00:ec2::23",  # AWS EKS pod identity
            "fd20:ce::254",  # Google over IPv6
        ),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)


class Spelling(NamedTuple):
    """An address and whether it is written as everybody writes it."""

    address: Address
    is_plain: bool


def spellings(host: str) -> list[Spelling] | None:
    """The addresses that resolvers may read in a host; None if it is a name.

    Octal, hexadecimal, short and single-number forms as in ``inet_aton``; where a leading zero is octal to some
    and decimal to others, both. A number that fits no address is taken modulo 2**32, as some do. An empty
    list is a host of digits that nobody can read.
    """
    if ":" in host:
        return _version_6(host)
    if not _NUMERIC.fullmatch(host):
        return None
    if len(host) > _MAX_CHARS:
        return []
    if _DOTTED.fullmatch(host) and all(int(part) < 256 for part in host.split(".")):
        return [Spelling(ipaddress.IPv4Address(host), True)]
    parts = host.rstrip(".").split(".")
    numbers = {number for number in (_as_c_reads(parts), _as_decimal(parts)) if number is not None}
    return [Spelling(ipaddress.IPv4Address(number), False) for number in sorted(numbers)]


def _as_c_reads(parts: list[str]) -> int | None:
    numbers = []
    for part in parts:
        lower = part.lower()
        base = 16 if lower.startswith("0x") else 8 if lower.startswith("0") else 10
        digits = lower.removeprefix("0x") or "0"
        try:
            numbers.append(int(digits, base))
        except ValueError:  # 08 is no octal number
            return None
    return _joined(numbers)


def _as_decimal(parts: list[str]) -> int | None:
    return _joined([int(part) for part in parts]) if all(map(str.isdigit, parts)) else None


def _joined(numbers: list[int]) -> int:
    """The last number fills what the others leave; too large ones lose their upper bits."""
    *first, last = numbers
    value = last % (1 << (32 - 8 * len(first)))
    for index, number in enumerate(first):
        value |= (number % 256) << (24 - 8 * index)
    return value


def _version_6(host: str) -> list[Spelling] | None:
    text, percent, _zone = host.partition("%")
    try:
        return [Spelling(ipaddress.IPv6Address(text), not percent)]
    except ValueError:
        return None


def _embedded(address: Address) -> Iterator[Address]:
    """The address and those it carries inside: mapped, translated, compatible, NAT64, 6to4, Teredo, ISATAP."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    last = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if (
        address in _TRANSLATED
        or address in _NAT64
        or address in _NAT64_LOCAL
        or (address in _COMPATIBLE and number > 1)
    ):
        yield last
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield last


def network_of(address: Address, networks: tuple[Network, ...]) -> Network | None:
    """The first of the networks that an address, or one inside it, belongs to."""
    for inner in _embedded(address):
        for network in networks:
            if inner.version == network.version and inner in network:
                return network
    return None


def is_metadata(address: Address) -> bool:
    """Whether a cloud hands out credentials there."""
    return any(inner in _METADATA for inner in _embedded(address))


def in_name(name: str) -> Iterator[Address]:
    """Addresses written into a name: ``127-0-0-1.example.com``, ``7f000001.example.com``."""
    for found in _IN_NAME.finditer(name):
        if all(int(part) < 256 for part in found.groups()):
            yield ipaddress.IPv4Address(".".join(str(int(part)) for part in found.groups()))
    for found in _HEX_LABEL.finditer(name):
        yield ipaddress.IPv4Address(int(found[1], 16))
