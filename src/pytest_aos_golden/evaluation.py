"""What came of one comparison with a golden: a plain record that can cross from a worker to the controller."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["Evaluation", "Status"]


class Status:
    """What can come of a comparison. Plain text, because it travels between processes."""

    MATCHED = "matched"
    MISMATCHED = "mismatched"
    MISSING = "missing"
    INVALID = "invalid"
    """The golden file is damaged, foreign, tampered with, or not signed as it must be."""
    REFUSED = "refused"
    """The value cannot or must not be recorded or compared: no canonical form, a secret, too large."""
    FLAKY = "flaky"
    """The test saw another value for this golden before."""
    STAGED = "staged"
    """A new value waits for the end of the run to be committed."""
    UNCHANGED = "unchanged"
    """Recorded, and the golden that is there says the same already."""
    OBSERVED = "observed"

    FAILURES = frozenset((MISMATCHED, MISSING, INVALID, REFUSED, FLAKY))
    RECORDED = frozenset((STAGED, UNCHANGED, OBSERVED))


@dataclass(slots=True)
class Evaluation:
    """One comparison. Every field is plain data."""

    key: str
    file: str
    """Relative to the golden folder."""
    status: str
    hash: str | None = None
    expected_hash: str | None = None
    """The hash in the golden file, where it differs from ``hash``."""
    cause: str | None = None
    message: list[str] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    """The first differences, as :meth:`aos_workflow.golden.Entry.to_json` gives them."""
    staged: str | None = None
    """Name of the staged file, below the staging folder."""
    previous: str | None = None
    """Recording: ``new``, ``changed`` or ``damaged``, seen from the golden that is there."""
    hits: list[tuple[str, str, int]] = field(default_factory=list)
    """Origin, text and number of applications of each rule that is not a shipped one."""
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields that say something."""
        return {
            name: value
            for name in _FIELDS
            if (value := getattr(self, name)) is not None and value != []
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Evaluation:
        return cls(**data)

    @property
    def failed(self) -> bool:
        return self.status in Status.FAILURES


_FIELDS = tuple(each.name for each in fields(Evaluation))
