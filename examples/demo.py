"""One story in five acts, on the terminal: what a golden is, and what it catches. ``make demo`` runs it.

Every act runs pytest on a copy of this folder and shows the lines of its real output that matter; ``[...]`` stands
where lines were left out. An act that does not behave as told prints everything and ends the demo with exit code 1,
so the demo is also a test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MAX_WIDTH = 100
LIMIT_S = 120
SHOWN_LINES = 13
# Installed where this project is developed, and without a part in the story.
OTHERS = (
    *("anyio", "hypothesispytest", "inline_snapshot", "pytest-datadir", "regressions", "repeat"),
    *("rerunfailures", "syrupy", "valkey", "xdist", "xdist.looponfail"),
)

TRIAGE = """\
import uuid


def triage(service):
    suspects = {"pool size", "slow query", "last release"}
    return {
        "ticket": str(uuid.uuid4()),
        "service": service,
        "suspects": list(suspects),
    }


def test_triage(golden):
    assert triage("api") == golden
"""
FIXES = (
    ("list(suspects)", "sorted(suspects)"),
    ("== golden\n", '== golden(rules=[".**.ticket: alias uuid"])\n'),
)

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class StoryError(Exception):
    """pytest did something else than the story says."""


@dataclass(frozen=True)
class Terminal:
    """How the story is told: in colour where somebody looks, plainly elsewhere."""

    colour: bool
    width: int

    @classmethod
    def of(cls, stream: object) -> Terminal:
        is_terminal = bool(getattr(stream, "isatty", lambda: False)())
        columns = shutil.get_terminal_size((MAX_WIDTH, 24)).columns
        return cls(is_terminal and "NO_COLOR" not in os.environ, min(columns, MAX_WIDTH))

    def style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def title(self, text: str) -> None:
        print(f"{self.style('1;36', text)}\n", flush=True)

    def say(self, text: str) -> None:
        print(f"{textwrap.fill(' '.join(text.split()), self.width)}\n", flush=True)

    def command(self, text: str) -> None:
        print(self.style("1", f"$ {text}"), flush=True)

    def show(self, lines: Sequence[str]) -> None:
        for line in lines:
            text = self.style("2", line) if line == "[...]" else line
            print(*_wrapped("  " + text, self.width), sep="\n", flush=True)
        print(flush=True)

    def code(self, text: str) -> None:
        for line in text.splitlines():
            print(self.style("33", f"    {line}") if line else "")
        print(flush=True)


@dataclass(frozen=True)
class Project:
    """A copy of the example that the story may change."""

    folder: Path
    terminal: Terminal

    def pytest(
        self, *arguments: str, exit_code: int, says: Sequence[str], keep: Callable[[str], bool]
    ) -> None:
        """Run pytest, check that it did what the story says, and show the lines to ``keep``.

        Raises:
            StoryError: another exit code, or a text of ``says`` is missing.
        """
        self.terminal.command(" ".join(["pytest", *arguments]))
        colour = "yes" if self.terminal.colour else "no"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", f"--color={colour}", *arguments],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        lines = done.stdout.splitlines()
        self.terminal.show(list(_trimmed(lines, keep)))
        plain = "\n".join(map(_plain, lines))
        missing = [text for text in says if text not in plain]
        if done.returncode != exit_code or missing:
            raise StoryError(
                f"expected exit code {exit_code}, got {done.returncode}; missing: {missing}\n"
                f"{done.stdout}{done.stderr}"
            )

    def _environment(self) -> dict[str, str]:
        """Ours, without what would change the story: CI refuses to record, secrets would sign."""
        prefixes = ("GOLDEN_", "PYTEST_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(prefixes)}
        for name in ("CI", "GITHUB_ACTIONS"):
            kept.pop(name, None)
        columns = str(self.terminal.width - 2)
        options = " ".join(f"-p no:{name}" for name in OTHERS)
        return {**kept, "COLUMNS": columns, "PYTEST_ADDOPTS": options, "PYTHONHASHSEED": "1"}

    def replace(self, name: str, *changes: tuple[str, str]) -> None:
        """Change a file; every old text must be in it.

        Raises:
            StoryError: it is not.
        """
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            if old not in text:
                raise StoryError(f"{name} holds no {old!r}")
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    def golden_of(self, test: str) -> str:
        """The golden file of a test, relative to the folder."""
        (path,) = (self.folder / "fixtures" / "golden").rglob(f"{test}-*.golden.json")
        return path.relative_to(self.folder).as_posix()


def _wrapped(line: str, width: int) -> list[str]:
    """The line broken at blanks, if it is too wide; what follows is indented a little more."""
    if len(_plain(line)) <= width:
        return [line]
    words = re.findall(r"\s*\S+", line)
    indent = " " * (len(_plain(words[0])) - len(_plain(words[0]).lstrip()) + 10)
    lines = [""]
    for word in words:
        if len(_plain(lines[-1] + word)) > width and lines[-1].strip():
            lines.append(indent + word.lstrip())
        else:
            lines[-1] += word
    return lines


def _plain(line: str) -> str:
    return _ANSI.sub("", line)


def _trimmed(lines: Sequence[str], keep: Callable[[str], bool]) -> Iterator[str]:
    """The lines to keep, with one ``[...]`` for every run of others between them."""
    kept = [at for at, line in enumerate(lines) if keep(_plain(line))]
    for number, at in enumerate(kept):
        if number and any(_plain(line).strip() for line in lines[kept[number - 1] + 1 : at]):
            yield "[...]"
        yield lines[at]


def _summary(line: str) -> bool:
    return line.startswith(("goldens: ", "recorded ")) or bool(re.match(r"=+ \d+ \w+", line))


def _failure_of(test: str) -> Callable[[str], bool]:
    """Keeps the assertion and explanation of one failed test, and the summary."""
    inside = refused = False

    def keep(line: str) -> bool:
        nonlocal inside, refused
        if re.match(r"_+ ", line):
            inside, refused = f" {test} " in line, False
        elif line.startswith(("goldens: ", "=")):
            inside = False
        refused = refused or line.startswith("golden refused")
        return _summary(line) or (inside and (refused or line.startswith((">", "E "))))

    return keep


def record(project: Project) -> None:
    shutil.rmtree(project.folder / "fixtures")
    project.terminal.say(
        """An on-call agent plans, calls tools, counts its costs and sums up. Every run has new ids, times and durations
        around a part that must never change by accident. Recording runs each test, then again in a fresh process with
        another hash seed and order. Only what came out the same twice is written."""
    )
    project.pytest(
        "--golden-record", exit_code=0, says=["goldens: 7 recorded", "6 passed"], keep=_summary
    )
    name = project.golden_of("test_run")
    project.terminal.say(f"From one of the files, as a reviewer sees it: {name}")
    text = (project.folder / name).read_text(encoding="utf-8")
    shown = text[text.index('    "run_id"') :].splitlines()[:SHOWN_LINES]
    project.terminal.show([*shown, "[...]"])
    project.terminal.say(
        """Ids became aliases: the same id, the same alias. Times became placeholders; a value that is no time would not
        have got one. Everything else is compared."""
    )


def verify(project: Project) -> None:
    project.terminal.say(
        """The same code again: new ids, new times, same goldens. CI runs this. It writes nothing, and it also fails on
        goldens that are missing, unused or damaged."""
    )
    project.pytest(
        "--golden-verify", exit_code=0, says=["goldens: 7 matched", "6 passed"], keep=_summary
    )


def change(project: Project) -> None:
    project.terminal.say(
        "Somebody raises the price of one tool, in agent/tools.py, from 5 to 7 cents."
    )
    project.replace("agent/tools.py", ('"restart": 5', '"restart": 7'))
    project.pytest(
        "--golden-verify",
        exit_code=1,
        says=[
            ".steps[2].cost_cents: expected 5, got 7",
            ".total_cents: expected 13, got 15",
            "goldens: 4 matched, 3 mismatched",
        ],
        keep=_failure_of("test_run"),
    )
    project.terminal.say(
        "Two values of the run differ. Each is named by its path, with what was expected and what came."
    )


def tamper(project: Project) -> None:
    name = project.golden_of("test_run")
    project.terminal.say(
        """Instead of recording again, somebody edits the golden by hand until it says what the code says. The values
        agree now. The file does not agree with its own seal."""
    )
    project.replace(
        name, ('"cost_cents": 5', '"cost_cents": 7'), ('"total_cents": 13', '"total_cents": 15')
    )
    project.pytest(
        "--golden-verify",
        "tests/test_agent.py::test_run",
        exit_code=1,
        says=["was edited by hand", name, "goldens: 1 invalid"],
        keep=_failure_of("test_run"),
    )
    project.terminal.say(
        """This works without any key. With GOLDEN_SECRET set, goldens are signed too, and nobody without the secret can
        make a valid one."""
    )


def refuse(project: Project) -> None:
    project.terminal.say("A new test, of a function that does not give the same value twice:")
    project.terminal.code(TRIAGE)
    path = project.folder / "tests" / "test_triage.py"
    path.write_text(TRIAGE, encoding="utf-8")
    project.pytest(
        "--golden-record",
        "tests/test_triage.py",
        exit_code=1,
        says=[
            "golden refused: evaluation 2, in a fresh process",
            ".suspects: the order of 3 elements differs",
            "proposed rule: .suspects: sort",
            "proposed rule: .**.ticket: alias uuid",
            "goldens: 1 refused",
        ],
        keep=_failure_of("test_triage"),
    )
    if list((project.folder / "fixtures").rglob("test_triage*")):
        raise StoryError("a refused golden was written")
    project.terminal.say(
        """Nothing was written. The order came from a set, so the code is fixed: sorted(suspects). The ticket is new
        each time by intent, so it gets the proposed rule."""
    )
    project.replace("tests/test_triage.py", *FIXES)
    project.pytest(
        "--golden-record",
        "tests/test_triage.py",
        exit_code=0,
        says=["goldens: 1 recorded"],
        keep=_summary,
    )


ACTS: Sequence[tuple[str, Callable[[Project], None]]] = (
    ("1. Record", record),
    ("2. Verify", verify),
    ("3. A value changes", change),
    ("4. A golden is edited by hand", tamper),
    ("5. A function is not deterministic", refuse),
)


def main() -> int:
    terminal = Terminal.of(sys.stdout)
    with tempfile.TemporaryDirectory(prefix="golden-demo-") as scratch:
        folder = Path(scratch, "agent-example")
        ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache", "demo.py")
        shutil.copytree(HERE, folder, ignore=ignored)
        project = Project(folder, terminal)
        for title, act in ACTS:
            terminal.title(title)
            try:
                act(project)
            except StoryError as problem:
                print(f"\nThis act did not behave as told.\n{problem}", file=sys.stderr)
                return 1
    terminal.title("That was it")
    terminal.say(
        "The example is in examples/, the README starts from an empty folder. Next: make test"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
