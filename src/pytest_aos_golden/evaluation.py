"""What came of one comparison with a golden: a plain record that can cross from a worker to the controller."""

from __future__ import annotations

from dataclasses import dataclass, field
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

    FAILURES = (MISMATCHED, MISSING, INVALID, REFUSED, FLAKY)


@dataclass
class Evaluation:
    """One comparison. Every field is plain data."""

    key: str
    file: str
    """Relative to the golden folder."""
    status: str
    hash: str | None = None
    cause: str | None = None
    message: list[str] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    """The first differences, as :meth:`aos_workflow.golden.Entry.to_json` gives them."""
    staged: str | None = None
    """Name of the staged file, below the staging folder."""
    previous: str | None = None
    """Recording: ``new``, ``changed`` or ``damaged``, seen from the golden that is there."""
    hits: dict[str, int] = field(default_factory=dict)
    """How often each rule of the test itself and of the ini file applied."""
    own_rules: list[str] = field(default_factory=list)
    """Those of ``hits`` that were given for this comparison or test alone."""
    blind: int = 0
    leaves: int = 0
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Evaluation:
        return cls(**data)

    @property
    def failed(self) -> bool:
        return self.status in Status.FAILURES
