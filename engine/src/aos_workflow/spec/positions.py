"""Where in a text each value of a document stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aos_workflow.spec.problems import Finding, Locate, Path, Position, shown

__all__ = ["Node", "ParsedText"]


@dataclass(slots=True, eq=False)
class Node:
    """The position of a value, of the values below it, and of their keys."""

    position: Position
    below: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, Position] = field(default_factory=dict)

    def note_key(self, key: str, position: Position, path: Path, findings: list[Finding]) -> None:
        """Remember where a key of this object stands; a finding if it was there before."""
        if key in self.keys:
            message = f"{shown(key)} is written twice; first on line {self.keys[key][0]}"
            findings.append(Finding((*path, key), "duplicate-key", message, position=position))
        self.keys[key] = position

    def locate(self, path: Path, at_key: bool) -> Position:
        """The position of the value at the path, or of its key; the nearest value above where there is none."""
        node, position = self, self.position
        for depth, part in enumerate(path):
            found = node.below.get(part)
            if found is None:
                break
            if at_key and depth == len(path) - 1 and isinstance(part, str):
                return node.keys.get(part, found.position)
            node, position = found, found.position
        return position


@dataclass(frozen=True, slots=True)
class ParsedText:
    """The value that a text spells, what is wrong with the text itself, and where everything stands."""

    value: Any
    findings: tuple[Finding, ...]
    locate: Locate
