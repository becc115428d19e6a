"""Permissions of a role, as text."""
from enum import Enum


class Permission(Enum):
    READ = "r"
    WRITE = "w"
    ADMIN = "a"


ROLES = {"editor": frozenset({Permission.READ, Permission.WRITE, Permission.ADMIN})}


def show(role):
    return "".join(p.value for p in ROLES[role])


def run(seed: int):
    return {"seed": seed, "rights": show("editor")}
