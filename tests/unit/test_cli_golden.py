"""The golden commands: exit codes, what they print, one JSON document with --json, and no way to a traceback."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.golden_samples import (
    OTHER_RING,
    OTHER_SECRET,
    RING,
    SECRET,
    legacy_golden,
    record_run,
    run_golden,
    value_golden,
)

from aos_workflow import __version__, cli
from aos_workflow.cli import running
from aos_workflow.cli.output import printable
from aos_workflow.golden import KeyRing, Policy, content_hash, files

COMMANDS = [
    ["golden", "canonical"],
    ["golden", "hash"],
    ["golden", "verify"],
    ["golden", "sign"],
    ["golden", "resign"],
    ["golden", "diff"],
    ["golden", "migrate"],
    ["golden", "keys", "new"],
    ["golden", "keys", "list"],
    ["version"],
]

Run = Callable[..., "Done"]


class Done:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        assert "Traceback" not in out + err
        assert not any(secret in out + err for secret in (SECRET, OTHER_SECRET))

    @property
    def json(self) -> dict[str, Any]:
        assert self.err == ""
        return dict(json.loads(self.out))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("GOLDEN_SECRET", "GOLDEN_HMAC_SECRET", "GOLDEN_KEY_FILE", "AOS_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            for name, value in environment.items():
                patch.setenv(name, value)
            capsys.readouterr()
            code = cli.main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, text in (("old", SECRET), ("new", OTHER_SECRET)):
        (folder / name).write_text(f"GOLDEN_SECRET={text}\n")
    return {name: folder / name for name in ("old", "new")}


@pytest.fixture
def goldens(tmp_path: Path) -> Path:
    """One of each form, signed with the old key."""
    folder = tmp_path / "goldens"
    record_run(folder)
    (folder / "plan.golden.json").write_bytes(value_golden(ring=RING))
    (folder / "plan.json").write_bytes(legacy_golden())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# all commands


@pytest.mark.parametrize("command", [[], ["golden"], ["golden", "keys"], *COMMANDS], ids=" ".join)
def test_help_has_an_example(command: list[str], run: Run) -> None:
    done = run(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Example:\n    aos-workflow " in done.out


@pytest.mark.parametrize("command", [[], ["golden"], ["golden", "keys"]], ids=" ".join)
def test_without_a_command_there_is_help(command: list[str], run: Run) -> None:
    done = run(*command)
    assert done.code == 2
    assert "Usage: aos-workflow" in done.err
    assert "Example:" in done.err


@pytest.mark.parametrize(
    "command", [["frob"], ["golden", "frob"], ["golden", "verify"], ["golden", "diff", "a"], ["--frob"]]
)  # fmt: skip
@pytest.mark.parametrize("as_json", [True, False])
def test_wrong_usage_is_two_lines(command: list[str], as_json: bool, run: Run) -> None:
    done = run(*command, *(["--json"] if as_json else []))
    assert done.code == 2
    if as_json:
        assert done.json["ok"] is False
        assert done.json["error"]["code"] == "USAGE"
        assert done.json["error"]["hint"].startswith("aos-workflow")
    else:
        error, hint = done.err.splitlines()
        assert (error.startswith("error: "), hint.startswith("next: aos-workflow")) == (True, True)
        assert done.out == ""


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["golden", "nothing"], "aos-workflow golden --help"),
        (["nothing"], "aos-workflow --help"),
        (["list-running", "--nothing"], "aos-workflow list-running --help"),
    ],
)
def test_the_help_that_is_pointed_to_is_there(command: list[str], hint: str, run: Run) -> None:
    assert run(*command).err.splitlines()[-1] == f"next: {hint}"
    assert run(*hint.split()[1:]).code == 0


def test_of_standard_input_nothing_can_be_restored(run: Run) -> None:
    assert "git" not in run("golden", "hash", "-", stdin=b"{").err


def test_the_version(run: Run) -> None:
    assert run("version").out == run("--version").out == f"aos-workflow {__version__}\n"
    assert run("version", "--json").json == {"ok": True, "version": __version__}


def test_every_failure_is_one_json_document(run: Run, tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    for command in (
        ["hash", missing],
        ["canonical", missing],
        ["diff", missing, missing],
        ["sign", missing],
        ["resign", "--old-key-file", missing, "--new-key-file", missing, tmp_path],
        ["migrate", "--check", tmp_path],
        ["migrate", tmp_path],
        ["verify", tmp_path],
        ["verify", "--policy", "x", missing],
        ["keys", "list", "--key-file", missing],
        ["keys", "new", "--key-file", tmp_path],
        ["hash", "--rule", "nonsense", "-"],
        ["hash", "--rules", "mine/1", "-"],
    ):
        done = run("golden", *command, "--json", stdin=b"1")
        assert (done.code, done.json["ok"]) == (2, False), command
        assert done.json["error"]["message"], command
        plain = run("golden", *command, stdin=b"1")
        assert (plain.code, plain.out) == (2, ""), command
        assert plain.err.startswith("error: "), command


def test_an_exception_that_nobody_expected_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"with {SECRET}")

    monkeypatch.setattr("aos_workflow.golden.canonical.canonical_json", broken)
    done = run("golden", "hash", "-", stdin=b"1")
    assert done.code == 70
    assert done.err.splitlines() == [
        "error: internal error: RuntimeError; this is a bug",
        "next: set AOS_TRACEBACK=1 to see where it happened, and report it",
    ]
    assert run("golden", "hash", "-", "--json", stdin=b"1").json["error"]["code"] == "INTERNAL"
    with pytest.raises(RuntimeError):
        run("golden", "hash", "-", stdin=b"1", AOS_TRACEBACK="1")


def test_ctrl_c_is_130_and_quiet(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aos_workflow.golden.source.read_stream", interrupt)
    done = run("golden", "hash", "-")
    assert (done.code, done.out, done.err) == (130, "", "")
    monkeypatch.setattr(running, "run", interrupt)
    assert cli.main([]) == 130


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_at_a_process_that_waits_for_input() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "aos_workflow.cli", "golden", "hash", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that runs us in the background has us ignore the signal, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin
    process.stdin.write(b"[" * 100_000)  # more than a pipe holds: it is reading when this returns
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_closed_pipe_is_quiet(goldens: Path) -> None:
    for number in range(300):
        (goldens / f"{number:04}.golden.json").write_bytes(value_golden())
    for command in (["verify", str(goldens)], ["verify", "--json", str(goldens)]):
        process = subprocess.Popen(
            [sys.executable, "-m", "aos_workflow.cli", "golden", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        err = process.stderr.read()
        process.stderr.close()
        assert (process.wait(timeout=30), err) == (141, b"")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("redirect", "code"), [(">&-", 1), ("2>&-", 1), ("<&-", 1), (">/dev/full", 2), ("</dev/null", 1)]
)  # fmt: skip
def test_streams_that_are_closed_or_full(redirect: str, code: int) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    command = f"{sys.executable} -m aos_workflow.cli golden verify - {redirect}"
    done = subprocess.run(
        ["sh", "-c", command], input=b"", capture_output=True, timeout=60, check=False
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stdout + done.stderr
    assert (b"No space left" in done.stderr) is (code == 2)


def test_what_a_terminal_would_obey_is_shown(run: Run, tmp_path: Path) -> None:
    assert printable("a\x1b[31mb\u202e\n\udce9é") == r"a\x1b[31mb\u202e\n\udce9é"
    name = tmp_path / "a\x1b[31m.json"
    name.write_bytes(b"{")
    for command in (["verify", name], ["hash", name]):
        done = run("golden", *command)
        assert "\x1b" not in done.out + done.err
        assert r"a\x1b[31m.json" in done.out + done.err


def test_help_imports_neither_rich_nor_the_kernel() -> None:
    code = (
        "import sys; from aos_workflow.cli import main; main(['golden', 'verify', '--help']);"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'rich', 'orjson', 'deepdiff'}),"
        " 'aos_workflow.golden' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[] False"


# canonical and hash


def test_canonical_writes_exactly_the_canonical_bytes(run: Run) -> None:
    data = b'{"b": 1.0, "a": [1e21, "\\u00e9", 0.000001],  "c":-0.0}'
    done = run("golden", "canonical", "-", stdin=data)
    assert done.out == '{"a":[1e+21,"é",0.000001],"b":1,"c":0}'
    digest = hashlib.sha256(done.out.encode()).hexdigest()
    assert run("golden", "hash", "-", stdin=data).out == f"{digest}\n"
    assert run("golden", "canonical", "-", "--json", stdin=data).json == {
        "ok": True,
        "file": "-",
        "hash": digest,
        "canonical": done.out,
    }


def test_canonical_can_be_pretty_and_follow_rules(run: Run) -> None:
    data = b'{"b": {"took_ms": 3, "cost": 1.23456}, "a": 1}'
    done = run("golden", "canonical", "-", "--pretty", stdin=data)
    assert json.loads(done.out) == {"a": 1, "b": {"cost": 1.23456, "took_ms": 3}}
    assert done.out.startswith('{\n  "a": 1,\n')
    rules = ["--rules", "default", "--rule", ".b.cost: round 2"]
    done = run("golden", "canonical", "-", *rules, stdin=data)
    assert done.out == '{"a":1,"b":{"cost":1.23,"took_ms":"<duration>"}}'


def test_of_a_golden_the_content_is_meant(run: Run, goldens: Path) -> None:
    golden = files.load(goldens / "plan.golden.json")
    assert run("golden", "hash", goldens / "plan.golden.json").out == f"{golden.hash}\n"  # type: ignore[union-attr]
    done = run("golden", "canonical", goldens / "plan.golden.json")
    assert hashlib.sha256(done.out.encode()).hexdigest() == golden.hash  # type: ignore[union-attr]
    golden = files.load(goldens / "run-1.steps.jsonl")
    assert run("golden", "hash", goldens / "run-1.steps.jsonl").out == f"{golden.hash}\n"  # type: ignore[union-attr]
    done = run("golden", "canonical", goldens / "run-1.steps.jsonl")
    assert hashlib.sha256(done.out.encode()).hexdigest() == golden.hash  # type: ignore[union-attr]
    assert len(done.out.splitlines()) == 5
    assert run("golden", "hash", "-", stdin=run_golden()).code == 0


def test_of_plain_json_nothing_is_left_out(run: Run) -> None:
    data = b'{"signature": "part of it", "x": 1}'
    expected = content_hash({"signature": "part of it", "x": 1})
    assert run("golden", "hash", "-", stdin=data).out == f"{expected}\n"


def test_a_golden_that_kept_its_hash_only(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.golden.json"
    path.write_bytes(value_golden(hash_only=True))
    assert run("golden", "hash", path).code == 0
    done = run("golden", "canonical", path)
    assert done.code == 2
    assert "keeps the hash only" in done.err


# verify


def test_verify_reports_every_file(run: Run, goldens: Path) -> None:
    (goldens / "broken.steps.jsonl").write_bytes(b"<<<<<<< HEAD\n")
    done = run("golden", "verify", goldens, GOLDEN_SECRET=SECRET)
    assert done.code == 1
    head, broken, plan, older, first, *rest = done.out.splitlines()
    assert head.split() == ["FILE", "FORM", "RESULT", "SIGNATURE", "KEY"]
    assert broken.split() == [f"{goldens}/broken.steps.jsonl", "run", "GOLDEN_CONFLICT"]
    assert plan.split()[1:] == ["value", "ok", "valid", RING.signing.id]
    assert older.split()[1:] == ["legacy", "ok", "valid"]
    assert first.split()[1:] == ["run", "ok", "valid", RING.signing.id]
    assert rest[1].startswith(f"error: {goldens}/broken.steps.jsonl:1: unresolved merge conflict")
    assert rest[-1] == "3 ok, 1 failed"
    report = run("golden", "verify", goldens, "--json", GOLDEN_SECRET=SECRET).json
    assert (report["ok"], report["policy"]) == (False, "require")
    assert report["counts"] == {"ok": 3, "signature_unchecked": 0, "failed": 1}
    assert [golden["code"] for golden in report["goldens"]] == ["GOLDEN_CONFLICT", "OK", "OK", "OK"]


@pytest.mark.parametrize(
    ("policy", "secret", "code"),
    [
        (None, None, 0),
        (None, SECRET, 0),
        (None, OTHER_SECRET, 1),
        ("off", OTHER_SECRET, 0),
        ("warn", None, 0),
        ("integrity", SECRET, 0),
        ("require", None, 1),
        ("require", SECRET, 0),
    ],
)
def test_the_policy_decides(
    policy: str | None, secret: str | None, code: int, run: Run, goldens: Path
) -> None:
    options = ["--policy", policy] if policy else []
    environment = {"GOLDEN_SECRET": secret} if secret else {}
    assert run("golden", "verify", goldens, *options, **environment).code == code


def test_verify_takes_a_key_file_and_standard_input(
    run: Run, goldens: Path, keys: dict[str, Path]
) -> None:
    assert run("golden", "verify", goldens, "--key-file", keys["old"]).code == 0
    assert run("golden", "verify", goldens, "--key-file", keys["new"]).code == 1
    for data in (run_golden(ring=RING), value_golden(ring=RING), legacy_golden()):
        done = run("golden", "verify", "-", "--key-file", keys["old"], stdin=data)
        assert done.code == 0
        assert "<stdin>" in done.out
    assert run("golden", "verify", "-", stdin=b"").code == 1


def test_verify_counts_what_was_not_checked(run: Run, goldens: Path) -> None:
    assert run("golden", "verify", goldens).out.splitlines()[-1] == (
        "3 ok, 3 of them without a checked signature"
    )


def test_a_path_that_does_not_exist_is_bad_input_and_the_others_are_reported(
    run: Run, goldens: Path
) -> None:
    done = run("golden", "verify", goldens, goldens / "none.json")
    assert done.code == 2
    assert "GOLDEN_MISSING" in done.out


def test_a_folder_without_goldens_is_a_wrong_path(run: Run, tmp_path: Path) -> None:
    done = run("golden", "verify", tmp_path)
    assert done.code == 2
    assert "no goldens in" in done.err


# sign


def test_sign_signs_what_is_whole(run: Run, goldens: Path, keys: dict[str, Path]) -> None:
    (goldens / "new.golden.json").write_bytes(value_golden())
    (goldens / "bare.json").write_bytes(b'{"a": 1}')
    (goldens / "other.golden.json").write_bytes(value_golden(ring=OTHER_RING))
    (goldens / "torn.golden.json").write_bytes(value_golden()[:50])
    before = contents(goldens)
    done = run("golden", "sign", goldens, "--key-file", keys["old"])
    assert done.code == 1
    lines = [line for line in done.out.splitlines() if not line.startswith("  ")]
    assert lines == [
        f"Signed: {goldens}/bare.json",
        f"Signed: {goldens}/new.golden.json",
        f"Failed: {goldens}/other.golden.json",
        f"Already signed: {goldens}/plan.golden.json",
        f"Already signed: {goldens}/plan.json",
        f"Already signed: {goldens}/run-1.steps.jsonl",
        f"Failed: {goldens}/torn.golden.json",
    ]
    after = contents(goldens)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"bare.json", "new.golden.json"}

    (goldens / "torn.golden.json").unlink()
    done = run(
        "golden", "sign", goldens, "--key-file", keys["old"], "--replace-signature", "--json"
    )
    assert done.code == 0
    assert {item["status"] for item in done.json["goldens"]} == {"signed", "already signed"}
    assert run("golden", "verify", goldens, "--key-file", keys["old"]).code == 0


def test_sign_needs_a_key(run: Run, goldens: Path) -> None:
    done = run("golden", "sign", goldens)
    assert done.code == 2
    assert "keys new" in done.err


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_file_that_cannot_be_written_is_reported_and_the_next_one_signed(
    run: Run, goldens: Path, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (goldens / f"{name}.golden.json").write_bytes(value_golden())
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == "a.golden.json":
            raise PermissionError(13, "Permission denied", str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    done = run("golden", "sign", goldens, "--key-file", keys["old"])
    assert done.code == 1
    assert "a.golden.json: cannot be written: Permission denied" in done.out
    assert f"Signed: {goldens}/b.golden.json" in done.out


# resign


def test_resign_changes_the_key_and_keeps_the_times(
    run: Run, goldens: Path, keys: dict[str, Path]
) -> None:
    for path in goldens.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    hashes = [verdict.hash for verdict in map(files.verify, files.golden_files(goldens))]
    options = ["--old-key-file", keys["old"], "--new-key-file", keys["new"]]
    done = run("golden", "resign", *options, goldens)
    assert done.code == 0
    assert done.out.splitlines() == [
        "Re-signed: plan.golden.json",
        "Re-signed: plan.json",
        "Re-signed: run-1.steps.jsonl",
    ]
    assert run("golden", "verify", goldens, "--key-file", keys["new"]).code == 0
    assert run("golden", "verify", goldens, "--key-file", keys["old"]).code == 1
    assert [v.hash for v in map(files.verify, files.golden_files(goldens))] == hashes
    assert {path.stat().st_mtime for path in goldens.iterdir()} == {1_600_000_000}

    before = contents(goldens)
    done = run("golden", "resign", *options, goldens, "--json")
    assert done.code == 0
    assert {item["status"] for item in done.json["goldens"]} == {"already signed"}
    assert contents(goldens) == before


def test_resign_leaves_what_does_not_verify(run: Run, goldens: Path, keys: dict[str, Path]) -> None:
    (goldens / "plan.json").write_bytes(legacy_golden().replace(b'"plan"', b'"plot"'))
    (goldens / "unsigned.golden.json").write_bytes(value_golden())
    (goldens / "third.steps.jsonl").write_bytes(run_golden(ring=KeyRing.of("third-secret")))
    before = contents(goldens)
    options = ["--old-key-file", keys["old"], "--new-key-file", keys["new"]]
    done = run("golden", "resign", *options, goldens)
    assert done.code == 1
    lines = [line for line in done.out.splitlines() if not line.startswith("  ")]
    assert lines == [
        "Re-signed: plan.golden.json",
        "WARN: Could not verify plan.json with old secret",
        "Re-signed: run-1.steps.jsonl",
        "WARN: Could not verify third.steps.jsonl with old secret",
        "WARN: Could not verify unsigned.golden.json with old secret",
    ]
    after = contents(goldens)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"plan.golden.json", "run-1.steps.jsonl"}


def test_resign_with_one_file_that_holds_both_keys(
    run: Run, goldens: Path, keys: dict[str, Path]
) -> None:
    secrets = keys["old"]
    run("golden", "keys", "new", "--key-file", secrets)
    options = ["--old-key-file", secrets, "--new-key-file", secrets]
    assert run("golden", "resign", *options, goldens).code == 0
    new = KeyRing((KeyRing.from_file(secrets).signing,))
    for path in files.golden_files(goldens):
        assert files.verify(path, ring=new, policy=Policy.REQUIRE)


def test_resign_with_the_same_key_twice_is_refused(
    run: Run, goldens: Path, keys: dict[str, Path]
) -> None:
    options = ["--old-key-file", keys["old"], "--new-key-file", keys["old"]]
    done = run("golden", "resign", *options, goldens)
    assert done.code == 2
    assert "no other key than the new one" in done.err


# diff


def test_the_same_content_is_no_difference(run: Run, goldens: Path, tmp_path: Path) -> None:
    other = record_run(tmp_path / "other", "another-run", secret=None)
    done = run("golden", "diff", goldens / "run-1.steps.jsonl", other)
    assert (done.code, done.out.splitlines()[-1]) == (0, "no difference")
    assert run("golden", "diff", goldens / "plan.golden.json", goldens / "plan.json").code == 0


def test_a_difference_is_shown_with_its_place_and_both_values(
    run: Run, goldens: Path, tmp_path: Path
) -> None:
    other = record_run(tmp_path / "other", answer=2.5, steps=4)
    done = run("golden", "diff", goldens / "run-1.steps.jsonl", other)
    assert done.code == 1
    assert done.out.splitlines()[2:] == [
        "3 values differ: 2 changed, 1 added",
        "event 2 (step s1)",
        "  .data.output.answer: expected 1.5, got 2.5",
        "event 3 (step s2)",
        "  .data.output.answer: expected 3, got 5",
        "event 4 (step s3): added",
    ]
    report = run("golden", "diff", goldens / "run-1.steps.jsonl", other, "--json")
    assert report.code == 1
    found = report.json["diff"]
    assert [(entry["path"], entry["kind"]) for entry in found["entries"]] == [
        ("[2].data.output.answer", "changed"),
        ("[3].data.output.answer", "changed"),
        ("[4]", "added"),
    ]


def test_differences_beyond_the_limit_are_counted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({f"k{n}": n for n in range(10)}))
    (tmp_path / "b.json").write_text(json.dumps({f"k{n}": n + 1 for n in range(10)}))
    done = run("golden", "diff", tmp_path / "a.json", tmp_path / "b.json", "--limit", "3")
    assert done.code == 1
    assert done.out.splitlines()[-1] == "... and 7 more; --limit shows them"
    assert len(done.out.splitlines()) == 7


def test_plain_json_is_compared_without_rules_and_goldens_by_the_shipped_ones(
    run: Run, tmp_path: Path
) -> None:
    for name, took in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"took_ms": took}))
        (tmp_path / f"{name}-signed.json").write_bytes(legacy_golden({"took_ms": took}))
    plain = [tmp_path / "a.json", tmp_path / "b.json"]
    goldens = [tmp_path / "a-signed.json", tmp_path / "b-signed.json"]
    assert run("golden", "diff", *plain).code == 1
    assert run("golden", "diff", *plain, "--rules", "default").code == 0
    assert run("golden", "diff", *plain, "--rule", ".took_ms: strip").code == 0
    assert run("golden", "diff", *goldens).code == 0
    assert run("golden", "diff", *goldens, "--rules", "none").code == 1


def test_times_are_compared_on_demand(run: Run, tmp_path: Path) -> None:
    for name, second in (("a", b"00:00:01"), ("b", b"00:00:02")):
        data = run_golden(1).replace(b"00:00:01", second)
        (tmp_path / f"{name}.steps.jsonl").write_bytes(data)
    paths = [tmp_path / "a.steps.jsonl", tmp_path / "b.steps.jsonl"]
    assert run("golden", "diff", *paths).code == 0
    done = run("golden", "diff", *paths, "--timestamps")
    assert done.code == 1
    assert done.out.splitlines()[-1].startswith("event 1 .timestamp: expected 2026-01-01T00:00:01")
    assert len(run("golden", "diff", *paths, "--timestamps", "--json").json["timestamps"]) == 1


def test_an_edited_golden_is_compared_and_its_damage_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.golden.json").write_bytes(value_golden())
    (tmp_path / "b.golden.json").write_bytes(value_golden().replace(b"1.25e-7", b"1.5"))
    done = run("golden", "diff", tmp_path / "a.golden.json", tmp_path / "b.golden.json")
    assert done.code == 1
    assert "warning: TAMPER_DETECTED" in done.out
    assert ".cost: expected 1.25e-07, got 1.5" in done.out
    report = run("golden", "diff", tmp_path / "a.golden.json", tmp_path / "b.golden.json", "--json")
    assert [error["code"] for error in report.json["damage"]] == ["TAMPER_DETECTED"]


def test_one_side_may_be_standard_input_and_a_run_is_no_value(run: Run, goldens: Path) -> None:
    path = goldens / "run-1.steps.jsonl"
    assert run("golden", "diff", path, "-", stdin=path.read_bytes()).code == 0
    done = run("golden", "diff", path, "-", stdin=b"[]")
    assert done.code == 2
    assert "cannot be compared" in done.err
    assert run("golden", "diff", "-", "-", stdin=b"[]").code == 2


# migrate


def test_migrate_checks_writes_and_is_done(run: Run, tmp_path: Path, keys: dict[str, Path]) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "plan.json").write_bytes(legacy_golden())
    (folder / "run-9.json").write_bytes(
        legacy_golden({"run_id": "run-9", "steps": [{"output": 1}]})
    )
    (folder / "new.golden.json").write_bytes(value_golden(ring=RING))
    before = contents(folder)
    done = run("golden", "migrate", "--check", folder)
    assert done.code == 1
    assert done.out.splitlines()[:3] == [
        f"Current: {folder}/new.golden.json",
        f"Needs lifting: {folder}/plan.json -> plan.golden.json",
        f"Needs lifting: {folder}/run-9.json -> run-9.steps.jsonl",
    ]
    assert contents(folder) == before

    done = run("golden", "migrate", "--write", folder, "--key-file", keys["old"], "--json")
    assert done.code == 0
    assert [item["status"] for item in done.json["goldens"]] == ["current", "written", "written"]
    assert before.items() <= contents(folder).items()
    assert run("golden", "migrate", "--check", folder).code == 0
    assert run("golden", "verify", folder, "--key-file", keys["old"]).code == 0

    written = contents(folder)
    assert run("golden", "migrate", "--write", folder, "--key-file", keys["old"]).code == 0
    assert contents(folder) == written
    done = run("golden", "migrate", "--write", "--replace", folder, "--key-file", keys["old"])
    assert done.code == 0
    assert sorted(contents(folder)) == ["new.golden.json", "plan.golden.json", "run-9.steps.jsonl"]


def test_migrate_leaves_what_does_not_verify(
    run: Run, tmp_path: Path, keys: dict[str, Path]
) -> None:
    for name, data in (
        ("edited.json", legacy_golden().replace(b'"plan"', b'"plot"')),
        ("foreign.json", b'{"version": 1}'),
    ):
        (tmp_path / name).write_bytes(data)
    options = ["--replace", "--key-file", keys["old"]]
    done = run(
        "golden",
        "migrate",
        "--write",
        *options,
        tmp_path / "edited.json",
        tmp_path / "foreign.json",
    )
    assert done.code == 1
    assert "TAMPER" not in done.out
    assert "no key in the ring made this signature" in done.out
    assert {"edited.json", "foreign.json"} == {p.name for p in tmp_path.glob("*.json")}


def test_migrate_without_a_key_says_that_nothing_was_checked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(legacy_golden())
    done = run("golden", "migrate", "--write", tmp_path)
    assert done.code == 0
    assert "note: the older signature was not checked" in done.out


def test_migrate_does_not_write_over_something_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(legacy_golden())
    (tmp_path / "plan.golden.json").write_bytes(value_golden({"other": 1}))
    before = contents(tmp_path)
    for option in ("--write", "--check"):
        done = run("golden", "migrate", option, tmp_path / "plan.json")
        assert done.code == 1
        assert "holds something else" in done.out
    assert contents(tmp_path) == before


@pytest.mark.parametrize("options", [[], ["--check", "--write"], ["--check", "--replace"]])
def test_migrate_either_checks_or_writes(options: list[str], run: Run, tmp_path: Path) -> None:
    assert run("golden", "migrate", *options, tmp_path).code == 2


# keys


def test_keys_new_prints_the_id_and_never_the_secret(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "keys"
    done = run("golden", "keys", "new", "--key-file", path)
    key = KeyRing.from_file(path).signing
    assert done.code == 0
    assert done.out.splitlines() == [f"{key.id}  {path}", f"next: export GOLDEN_KEY_FILE={path}"]
    assert key.secret not in done.out
    assert path.stat().st_mode & 0o777 == 0o600
    again = run("golden", "keys", "new", "--json", GOLDEN_KEY_FILE=str(path)).json
    assert again["key_id"] == KeyRing.from_file(path).signing.id != key.id


def test_keys_new_goes_out_of_every_repository_by_default(run: Run, tmp_path: Path) -> None:
    done = run("golden", "keys", "new", "--json", XDG_CONFIG_HOME=str(tmp_path))
    assert done.json["key_file"] == str(tmp_path / "aos-workflow" / "golden.keys")


def test_keys_list_names_ids_oldest_first(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"GOLDEN_SECRET={SECRET}\nGOLDEN_SECRET={OTHER_SECRET}\n")
    path.chmod(0o600)
    rows = run("golden", "keys", "list", "--key-file", path).out.splitlines()
    old, new = (ring.signing.id for ring in (RING, OTHER_RING))
    assert [row.split() for row in rows] == [["KEY", "USE"], [old, "verifies"], [new, "signs"]]
    done = run("golden", "keys", "list", "--json", GOLDEN_KEY_FILE=str(path), GOLDEN_SECRET=SECRET)
    assert done.json["keys"] == [{"id": new, "signs": False}, {"id": old, "signs": True}]


def test_keys_list_without_keys_says_so(run: Run) -> None:
    done = run("golden", "keys", "list")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "no key: goldens are sealed with digests only",
    )


def test_keys_in_danger_are_pointed_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    path = tmp_path / "keys"
    path.write_text(f"GOLDEN_SECRET={SECRET}\n")
    path.chmod(0o644)
    warnings = run("golden", "keys", "list", "--key-file", path, "--json").json["warnings"]
    assert [warning.split(":")[0] for warning in warnings] == ["warning", "warning"]
    assert "every user can read" in warnings[0]
    assert "inside the checkout" in warnings[1]
