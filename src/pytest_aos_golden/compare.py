"""Comparing one value with its golden file: check it, stage it, or observe it.

Knows values, files and rules; knows nothing of tests, fixtures or pytest's phases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.errors import (
    AosError,
    CanonicalError,
    GoldenFileError,
    GoldenMissingError,
    GoldenVersionError,
    SecretFoundError,
)
from aos_workflow.golden.canonical import Canonical, canonicalize
from aos_workflow.golden.provenance import provenance
from aos_workflow.golden.rules import Rules
from aos_workflow.golden.sealing import Policy, Signature
from aos_workflow.golden.source import read_bytes
from aos_workflow.golden.strict_json import loads
from aos_workflow.golden.value_golden import (
    VALUE_SUFFIX,
    ValueGolden,
    parse_value_golden,
    render_value_golden,
    same,
)
from pytest_aos_golden import __version__
from pytest_aos_golden.evaluation import Evaluation, Status
from pytest_aos_golden.marks import Layer
from pytest_aos_golden.naming import file_of
from pytest_aos_golden.settings import Mode, Settings
from pytest_aos_golden.staging import Staging

__all__ = ["Comparer", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """What one comparison is about."""

    key: str
    seed: int
    nodeid: str
    own_rules: tuple[Layer, ...] = ()
    """Rules of this comparison, its test and the hooks, tried before those of the ini file."""
    hash_only: bool = False


class Comparer:
    """Compares values with goldens under the settings of a run. One per process."""

    def __init__(
        self,
        settings: Settings,
        staging: Staging | None,
        adapter: Callable[[Any], Any] | None = None,
    ) -> None:
        self.settings = settings
        self.staging = staging
        self.adapter = adapter
        self.rules = settings.rules()
        self.ring = settings.key_ring()
        self.policy = settings.policy
        self._rules_of: dict[tuple[Layer, ...], Rules] = {}
        if settings.mode is Mode.RECORD:
            # Now, for a test may stop the clock.
            self._provenance: Mapping[str, Any] = {
                **provenance(settings.root, repeats=settings.repeat),
                "tool": f"pytest-aos-golden {__version__}",
            }

    def evaluate(self, value: Any, request: Request) -> Evaluation:
        """Compare ``value`` with its golden, or stage it, as the mode says. Raises nothing about the value."""
        evaluation = Evaluation(request.key, file_of(request.key, VALUE_SUFFIX), Status.REFUSED)
        try:
            canonical = canonicalize(
                value, self._rules(request.own_rules), adapter=self.adapter, indented=True
            )
            self._note_hits(evaluation, canonical, request)
            if self.settings.mode.records:
                self._check_recordable(canonical, request)
                self._stage(evaluation, canonical, request)
            else:
                self._check(evaluation, canonical, request)
        except GoldenFileError as error:
            evaluation.status = Status.INVALID
            evaluation.cause = error.code
            evaluation.message = _lines(error)
        except AosError as error:
            evaluation.cause = error.code
            evaluation.message = _lines(error)
        return evaluation

    # rules

    def _rules(self, own: tuple[Layer, ...]) -> Rules:
        rules = self._rules_of.get(own)
        if rules is None:
            rules = self.rules
            for layer in reversed(own):
                rules = rules.with_extra(layer.rules)
            self._rules_of[own] = rules
        return rules

    def _note_hits(self, evaluation: Evaluation, canonical: Canonical, request: Request) -> None:
        evaluation.hash = canonical.hash
        extra = canonical.rules.extra
        if extra:
            origins = [layer.origin for layer in request.own_rules for _ in layer.rules]
            origins += ["golden_rules"] * len(self.rules.extra)
            evaluation.hits = [
                (origin, str(rule), hits)
                for origin, rule, hits in zip(origins, extra, canonical.hits, strict=False)
            ]
        if canonical.blind_share > self.settings.max_stripped:
            raise CanonicalError(
                f"rules take {canonical.blind} of {canonical.leaves} values out of the comparison "
                f"({canonical.blind_share:.0%}), more than golden_max_stripped allows "
                f"({self.settings.max_stripped:.0%})",
                hint="mask by value class, so that the form is still checked (.**.took: mask duration), "
                "or raise golden_max_stripped",
            )

    # checking

    def _check(self, evaluation: Evaluation, canonical: Canonical, request: Request) -> None:
        path = self.settings.place(evaluation.file)
        shown = self.settings.shown(path)
        try:
            data = read_bytes(path)
        except GoldenMissingError:
            evaluation.status = Status.MISSING
            evaluation.message = [
                f"no golden recorded for {request.key}",
                f"  expected it in {shown}; nothing was written",
                f"  next: {self._accept(request)}",
            ]
            return
        except GoldenFileError as error:
            raise _shown_as(shown, error) from None
        try:
            signature = same(
                data,
                canonical,
                key=request.key,
                seed=request.seed,
                ring=self.ring,
                policy=self.policy,
                file=shown,
            )
        except GoldenFileError:
            signature = None  # said again below, with the line
        if signature is None:
            golden = parse_value_golden(
                data, file=shown, ring=self.ring, policy=self.policy, key=request.key
            )
            if (
                golden.hash != canonical.hash
                or golden.rules != canonical.rules
                or golden.seed != request.seed
            ):
                evaluation.status = Status.MISMATCHED
                evaluation.expected_hash = golden.hash
                self._explain(evaluation, golden, canonical, request.seed)
                evaluation.message.append(f"  to accept: {self._accept(request)}")
                return
            signature = golden.signature
        evaluation.status = Status.MATCHED
        if self.policy is Policy.WARN and signature is not Signature.VALID:
            evaluation.note = f"{shown}: signature {signature.value}"

    def _explain(
        self, evaluation: Evaluation, golden: ValueGolden, canonical: Canonical, seed: int
    ) -> None:
        """Say in what and why value and golden differ."""
        lines = evaluation.message
        if golden.seed != seed:
            evaluation.cause = "seed"
            lines.append(
                f"the golden was recorded with seed {golden.seed}, this test has seed {seed}"
            )
        if golden.rules != canonical.rules:
            evaluation.cause = evaluation.cause or "rules"
            lines += _rules_changed(golden.rules, canonical.rules)
        if golden.hash == canonical.hash:
            return
        if golden.kind == "hash":
            evaluation.cause = evaluation.cause or "value"
            lines.append(
                f"only the hash is recorded: expected {golden.hash[:16]} ({golden.size} bytes), "
                f"got {canonical.hash[:16]} ({len(canonical.text)} bytes)"
            )
            return
        from pytest_aos_golden.differences import find_differences

        found = find_differences(golden.value, canonical.text)
        evaluation.cause = evaluation.cause or found.cause
        evaluation.entries = list(found.entries)
        lines.append(found.headline)
        lines += found.lines
        if found.rules:
            lines.append("  if that is expected, a rule: " + "; ".join(found.rules))

    # recording

    def _check_recordable(self, canonical: Canonical, request: Request) -> None:
        from aos_workflow.golden.secret_scan import scan

        if not request.hash_only and len(canonical.text) > self.settings.max_bytes:
            raise CanonicalError(
                f"the value has {len(canonical.text)} bytes, more than golden_max_bytes ({self.settings.max_bytes})",
                hint="record its hash only: golden(hash_only=True); or raise golden_max_bytes",
            )
        if scan(request.key):
            raise SecretFoundError(
                "the key of the golden, which stands in its file, looks like a secret",
                path=".",
                kind=scan(request.key)[0].kind,
                hint="give the parameter an id: pytest.param(value, id='token')",
            )
        found = [] if request.hash_only else scan(loads(canonical.text), limit=3)
        if found:
            places = ", ".join(f"{f.path} ({f.kind})" for f in found)
            raise SecretFoundError(
                f"looks like a secret, and a golden is committed for all to read: {places}",
                path=found[0].path,
                kind=found[0].kind,
                hint=f"mask it with a rule ({found[0].path}: mask string), or golden(hash_only=True)",
            )

    def _stage(self, evaluation: Evaluation, canonical: Canonical, request: Request) -> None:
        assert self.staging is not None, "recording processes have a staging folder"
        text = None if request.hash_only else canonical.text
        if self.settings.mode is Mode.OBSERVE:
            evaluation.status = Status.OBSERVED
            evaluation.staged = self.staging.put(b"", text)
            return
        path = self.settings.folder / evaluation.file
        old = self._existing(path, request)
        if old is not None and self._says_the_same(old, canonical, request):
            evaluation.status = Status.UNCHANGED
            return
        evaluation.previous = "changed" if old else "damaged" if _is_there(path) else "new"
        if old is not None:
            evaluation.expected_hash = old.hash
            self._explain(evaluation, old, canonical, request.seed)
        keep = old is not None and old.hash == canonical.hash
        content = render_value_golden(
            canonical,
            key=request.key,
            seed=request.seed,
            provenance=old.provenance if old is not None and keep else self._provenance,
            ring=self.ring,
            hash_only=request.hash_only,
        )
        evaluation.status = Status.STAGED
        evaluation.staged = self.staging.put(content, text)

    def _existing(self, path: Path, request: Request) -> ValueGolden | None:
        """The golden that is there, ``None`` if there is none or it may be written over."""
        shown = self.settings.shown(path)
        try:
            return parse_value_golden(read_bytes(path), file=shown, ring=self.ring, key=request.key)
        except GoldenMissingError:
            return None
        except GoldenFileError as error:
            if self.settings.force:
                return None
            error = _shown_as(shown, error)
            first = error.hint if isinstance(error, GoldenVersionError) else "look at it first"
            error.hint = f"{first}; to record over it: {self._accept(request)}"
            raise error from None

    def _says_the_same(self, old: ValueGolden, canonical: Canonical, request: Request) -> bool:
        """Whether the golden that is there may stay. One without a valid signature gets one, if we can sign."""
        return (
            old.hash == canonical.hash
            and old.rules == canonical.rules
            and old.seed == request.seed
            and (old.kind == "hash") is request.hash_only
            and (self.ring is None or old.signature is Signature.VALID)
        )

    def _accept(self, request: Request) -> str:
        """The command that accepts the value, or records over a golden that is damaged."""
        force = " --golden-force" if self.settings.mode.records else ""
        return self.settings.command(f"--golden-record{force}", request.nodeid)


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _shown_as(shown: str, error: GoldenFileError) -> GoldenFileError:
    """The error of a file that could not even be opened, by the name that people know it under."""
    if error.file and error.file != shown:
        error.message = error.message.replace(error.file, shown, 1)
        error.file = shown
    return error


def _rules_changed(old: Rules, new: Rules) -> list[str]:
    before, now = map(str, old.all), map(str, new.all)
    before_set, now_set = set(before), set(now)
    lines = ["the volatile rules are not those the golden was recorded under"]
    lines += [f"  no longer: {rule}" for rule in sorted(before_set - now_set)]
    lines += [f"  new:       {rule}" for rule in sorted(now_set - before_set)]
    if old.keys != new.keys:
        lines.append(f"  keys: {old.keys} before, {new.keys} now")
    return lines


def _lines(error: AosError) -> list[str]:
    return str(error).splitlines()
