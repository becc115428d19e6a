"""What a run was asked to do: options, ini file and environment, read once and frozen.

This is the plugin's only reader of the environment.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aos_workflow.golden import KeyRing, Policy, Rules

__all__ = ["Mode", "Settings", "decide_mode", "environment", "read_settings", "register_options"]

_POLICIES = ("off", "integrity", "warn", "require")
_BUDGETS = ("quick", "default", "deep")
_REPORT_SUFFIXES = (".json", ".html", ".md")
_NOT_CI = ("", "0", "false", "no", "off")
_SECRETS = ("GOLDEN_SECRET", "GOLDEN_HMAC_SECRET", "GOLDEN_KEY_FILE")
_MAX_REPEAT = 100


class Mode(Enum):
    """What a comparison with a golden does."""

    CHECK = "check"
    """Compare; a missing golden fails. The default."""
    VERIFY = "verify"
    """As ``CHECK``, and whatever else is wrong with the goldens fails the build."""
    RECORD = "record"
    """Stage the value; commit it once the test has passed and the repeats agree."""
    OBSERVE = "observe"
    """A repeat of a recording, in a process of its own: say what the value was, write no golden."""

    @property
    def records(self) -> bool:
        return self in (Mode.RECORD, Mode.OBSERVE)


def decide_mode(
    *, record: bool, verify: bool, observe: bool, ci: bool, allow_ci: bool, prune: bool
) -> Mode:
    """The mode that flags and environment ask for.

    Raises:
        pytest.UsageError: they contradict each other, or recording was asked for on CI.
    """
    if record and verify:
        raise pytest.UsageError(
            "--golden-record and --golden-verify contradict each other: record writes goldens, verify checks them"
        )
    if (record or prune) and ci and not allow_ci:
        flag = "--golden-record" if record else "--golden-prune"
        raise pytest.UsageError(
            f"{flag} was refused because CI is set: goldens are recorded and reviewed by people, CI verifies them.\n"
            "  next: run it on your machine and commit the files, or add --golden-allow-ci-record"
        )
    if observe:
        return Mode.OBSERVE
    if record:
        return Mode.RECORD
    return Mode.VERIFY if verify else Mode.CHECK


@dataclass(frozen=True)
class Settings:
    """Everything that was decided before the first test."""

    mode: Mode
    root: Path
    start: Path
    """Where pytest was started: commands that we propose are to be typed there."""
    folder: Path
    folder_option: str | None
    repeat: int
    repeat_limit_s: float | None
    force: bool
    prune: bool
    seed: int
    max_bytes: int
    max_stripped: float
    rule_texts: tuple[str, ...]
    keys: str
    policy_name: str
    reports: tuple[Path, ...]
    observe_to: Path | None
    annotate: bool
    workspace: Path | None
    """The checkout, as the CI system names it: annotations give files from there."""
    junit: bool
    doctor: bool
    """Whether every selected test with goldens is examined."""
    doctor_budget: str
    doctor_replay: str | None
    doctor_refused: bool
    """Whether a recording asks the doctor for the lines of what did not repeat."""

    @property
    def judges_folder(self) -> bool:
        """Whether this run says anything about goldens that no test used."""
        return self.mode in (Mode.VERIFY, Mode.RECORD) or self.prune

    @property
    def policy(self) -> Policy:
        from aos_workflow.golden import Policy

        return Policy(self.policy_name)

    def rules(self) -> Rules:
        """The rules of the ini file before the shipped ones.

        Raises:
            RuleError
        """
        from aos_workflow.golden import Rules

        return Rules.of(self.rule_texts, keys=self.keys)  # type: ignore[arg-type]

    def key_ring(self) -> KeyRing | None:
        """The signing secrets of the environment.

        An empty secret is no secret where none is needed: a CI system gives it to the pull requests of forks.

        Raises:
            KeyRingError
        """
        from aos_workflow.golden.keys import SECRET_NAMES, KeyRing

        env: Mapping[str, str] = environment()
        if not self.mode.records and self.policy_name == "off":
            return None
        if not self.mode.records and self.policy_name != "require":
            env = {n: text for n, text in env.items() if n not in SECRET_NAMES or text.strip()}
        return KeyRing.from_environment(env)

    def check(self) -> None:
        """Find out now, and not at the first comparison, whether rules and secrets can be used.

        Raises:
            pytest.UsageError: they cannot.
        """
        if not self.rule_texts and not any(name in environment() for name in _SECRETS):
            return
        from aos_workflow.errors import AosError

        try:
            self.rules()
            self.key_ring()
        except AosError as error:
            raise pytest.UsageError(str(error)) from None

    def command(self, options: str, nodeid: str | None = None) -> str:
        """A pytest command that can be pasted into a shell where this run was started."""
        words = ["pytest", *options.split()]
        if self.folder_option:
            words += ["--golden-dir", shlex.quote(self.folder_option)]
        if nodeid is not None:
            file, separator, rest = nodeid.partition("::")
            if self.start != self.root and self.start.is_relative_to(self.root):
                file = os.path.relpath(self.root / file, self.start)
            if file.startswith("-"):  # an option, to pytest
                file = f"./{file}"
            words.append(shlex.quote(file + separator + rest))
        return " ".join(words)

    def place(self, file: str) -> str:
        """Where a golden lies. A text: before Python 3.12, a path of each of many goldens would be kept to the end."""
        return f"{self.folder}{os.sep}{file}"

    def shown(self, path: Path | str) -> str:
        """A path as it is shown to people: from the root folder where it lies below it."""
        return os.fspath(path).removeprefix(f"{self.root}{os.sep}")


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def register_options(parser: pytest.Parser) -> None:
    """Declare the command-line options and ini settings."""
    group = parser.getgroup("golden", "goldens (pytest-aos-golden)")
    add = group.addoption
    add("--golden-record", action="store_true", help="record the goldens of the selected tests")
    add(
        "--golden-verify",
        action="store_true",
        help="strict: missing, unused, invalid goldens and rules that match nothing fail the build",
    )
    add(
        "--golden-repeat",
        type=int,
        metavar="N",
        help="evaluations of each test before a golden is committed; each after the first in a fresh process "
        "with another hash seed and order (ini golden_repeat, default 2)",
    )
    add("--golden-dir", metavar="DIR", help="folder of the goldens (GOLDEN_DIR, ini golden_dir)")
    add("--golden-force", action="store_true", help="record over a damaged golden")
    add("--golden-allow-ci-record", action="store_true", help="record although CI is set")
    add(
        "--golden-prune",
        action="store_true",
        help="after a complete green run, delete goldens that no test uses",
    )
    add(
        "--golden-report",
        action="append",
        default=[],
        metavar="FILE",
        help="write a report; .json, .html or .md decides the form; may be repeated",
    )
    add(
        "--golden-signature",
        choices=_POLICIES,
        help="what is asked of a golden's seal (ini golden_signature, default integrity)",
    )
    add(
        "--golden-doctor",
        action="store_true",
        help="examine the selected tests: which lines make their golden values differ between runs",
    )
    add(
        "--golden-doctor-budget",
        choices=_BUDGETS,
        help="how much is tried (ini golden_doctor_budget, default quick)",
    )
    add(
        "--golden-doctor-replay",
        metavar="JSON",
        help="show one difference that the doctor found again",
    )
    add("--golden-observe", metavar="DIR", help=_SUPPRESSED)
    ini = parser.addini
    ini("golden_dir", "folder of the goldens, from the root folder", default="fixtures/golden")
    ini("golden_repeat", "evaluations before a golden is committed", default="2")
    ini(
        "golden_repeat_timeout",
        "seconds that a repeat may take; 0 for five times as long as the first evaluation, but a minute at least",
        default="0",
    )
    ini("golden_seed", "seed of tests whose marker gives none", default="0")
    ini("golden_max_bytes", "largest golden that may be recorded, in bytes", default="1048576")
    ini(
        "golden_max_stripped",
        "largest share of a value that rules may take out of the comparison, from 0 to 1",
        default="0.2",
    )
    ini(
        "golden_rules",
        "volatile rules for all tests, one 'SELECTOR: ACTION' a line",
        type="linelist",
    )
    ini("golden_keys", "how to treat keys that are not text: error or text", default="error")
    ini("golden_doctor_budget", "quick, default or deep", default="quick")
    ini(
        "golden_doctor_refused",
        "ask the doctor for the lines of values that did not repeat in a recording",
        type="bool",
        default=True,
    )
    ini("golden_signature", "off, integrity, warn or require", default="integrity")
    ini(
        "golden_fixture",
        "'golden', or 'aos_golden' to leave the name golden to another plugin",
        default="golden",
    )


_SUPPRESSED = "==SUPPRESS=="  # argparse.SUPPRESS


def read_settings(config: pytest.Config) -> Settings:
    """All settings of a run.

    Raises:
        pytest.UsageError: a value that cannot be used, or flags that contradict each other.
    """
    env = environment()
    option = config.getoption
    policy = option("--golden-signature") or str(config.getini("golden_signature"))
    if policy not in _POLICIES:
        raise pytest.UsageError(
            f"golden_signature is {policy!r}, expected one of {', '.join(_POLICIES)}"
        )
    budget = option("--golden-doctor-budget") or str(config.getini("golden_doctor_budget"))
    if budget not in _BUDGETS:
        raise pytest.UsageError(
            f"golden_doctor_budget is {budget!r}, expected one of {', '.join(_BUDGETS)}"
        )
    keys = str(config.getini("golden_keys"))
    if keys not in ("error", "text"):
        raise pytest.UsageError(f"golden_keys is {keys!r}, expected error or text")
    start = config.invocation_params.dir
    reports = tuple(Path(start, name) for name in option("--golden-report"))
    for path in reports:
        if path.suffix.lower() not in _REPORT_SUFFIXES:
            raise pytest.UsageError(
                f"--golden-report {path.name}: expected a name that ends with {', '.join(_REPORT_SUFFIXES)}"
            )
    repeat = option("--golden-repeat")
    observe = option("--golden-observe")
    limit_s = _number(config, "golden_repeat_timeout", 0, 10**6)
    return Settings(
        mode=decide_mode(
            record=option("--golden-record"),
            verify=option("--golden-verify"),
            observe=observe is not None,
            ci=env.get("CI", "").strip().lower() not in _NOT_CI,
            allow_ci=option("--golden-allow-ci-record"),
            prune=option("--golden-prune"),
        ),
        root=config.rootpath,
        start=start,
        folder=_folder(config, env),
        folder_option=option("--golden-dir"),
        repeat=_number(config, "golden_repeat", 1, _MAX_REPEAT)
        if repeat is None
        else _within(repeat, 1, _MAX_REPEAT),
        repeat_limit_s=float(limit_s) or None,
        force=option("--golden-force"),
        prune=option("--golden-prune"),
        seed=_number(config, "golden_seed", 0, 2**63 - 1),
        max_bytes=_number(config, "golden_max_bytes", 1, 2**40),
        max_stripped=_share(config, "golden_max_stripped"),
        rule_texts=tuple(str(line) for line in config.getini("golden_rules") if str(line).strip()),
        keys=keys,
        policy_name=policy,
        reports=reports,
        observe_to=Path(observe) if observe else None,
        annotate=env.get("GITHUB_ACTIONS") == "true",
        workspace=Path(env["GITHUB_WORKSPACE"]) if env.get("GITHUB_WORKSPACE") else None,
        junit=bool(getattr(config.option, "xmlpath", None)),
        doctor=option("--golden-doctor") or option("--golden-doctor-replay") is not None,
        doctor_budget=budget,
        doctor_replay=option("--golden-doctor-replay"),
        doctor_refused=bool(config.getini("golden_doctor_refused")),
    )


def _folder(config: pytest.Config, env: Mapping[str, str]) -> Path:
    given = config.getoption("--golden-dir")
    if given:
        return _plain(config.invocation_params.dir / given)
    return _plain(config.rootpath / (env.get("GOLDEN_DIR") or str(config.getini("golden_dir"))))


def _plain(path: Path) -> Path:
    return Path(os.path.normpath(path))


def _number(config: pytest.Config, name: str, low: int, high: int) -> int:
    text = str(config.getini(name)).strip().replace("_", "")
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise pytest.UsageError(f"{name} is {text!r}, expected a whole number from {low} to {high}")
    return int(text)


def _within(number: int, low: int, high: int) -> int:
    if not low <= number <= high:
        raise pytest.UsageError(f"--golden-repeat is {number}, expected {low} to {high}")
    return number


def _share(config: pytest.Config, name: str) -> float:
    text = str(config.getini(name)).strip()
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise pytest.UsageError(f"{name} is {text!r}, expected a number from 0 to 1")
    return share
