"""The golden snippets of the two runbooks, as they stand there, do what the runbooks say.

Each text is copied from its runbook. Only ``app.workflow`` becomes ``aos_workflow``, and folders and shell variables
become those of the test. They run in a shell, so that the runbooks' quoting counts as well.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.golden_samples import OTHER_SECRET, SECRET, record_run

from aos_workflow.cli import main
from aos_workflow.golden import GoldenRecorder, KeyRing, Policy, files

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the runbooks need bash")

VERIFY = r"""
   python -c "
   from app.workflow.golden import GoldenRecorder
   recorder = GoldenRecorder('/var/lib/nova/golden', secret='$GOLDEN_SECRET')
   print(recorder.verify_golden('<filepath>'))
   "
"""

RE_SIGN = r"""
# Re-sign restored files (if key unchanged)
python -c "
import os
from app.workflow.golden import GoldenRecorder
recorder = GoldenRecorder('/var/lib/nova/golden', secret='$GOLDEN_SECRET')
for f in os.listdir('/var/lib/nova/golden'):
    if f.endswith('.steps.jsonl'):
        recorder.sign_golden(os.path.join('/var/lib/nova/golden', f))
        print(f'Re-signed: {f}')
"
"""

ROTATE = r"""
# 2. Re-sign all golden files with new secret
python -c "
import os
from app.workflow.golden import GoldenRecorder
old_recorder = GoldenRecorder('/var/lib/nova/golden', secret='$GOLDEN_SECRET')
new_recorder = GoldenRecorder('/var/lib/nova/golden', secret='$NEW_SECRET')

for f in os.listdir('/var/lib/nova/golden'):
    if f.endswith('.steps.jsonl'):
        filepath = os.path.join('/var/lib/nova/golden', f)
        # Verify with old secret first
        if old_recorder.verify_golden(filepath):
            new_recorder.sign_golden(filepath)
            print(f'Re-signed: {f}')
        else:
            print(f'WARN: Could not verify {f} with old secret')
"

# 3. Update secret in environment
echo "GOLDEN_SECRET=$NEW_SECRET" >> /etc/nova/secrets
"""

REPLAY = r"""
# Load golden file and replay
python -c "
from app.workflow.golden import GoldenRecorder

recorder = GoldenRecorder('./golden', secret='test-secret')
events = recorder.load_golden('<run_id>.steps.jsonl')

# Extract spec and seed from run_start event
run_start = events[0]
seed = run_start.data['seed']
spec_id = run_start.data['spec_id']

print(f'Replaying {spec_id} with seed {seed}')
print(f'Steps: {len([e for e in events if e.event_type == \"step\"])}')

# Compare results
for i, event in enumerate(events):
    if event.event_type == 'step':
        original_hash = event.data.get('output_hash')
        print(f'Step {event.data[\"step_id\"]} {event.data[\"index\"]}: {original_hash}')
"
"""
"""Without the lines of the engine; those are tested with it."""

COMPARE = r"""
# Using canonical comparison
python -c "
from app.workflow.golden import GoldenRecorder

recorder = GoldenRecorder('.', secret='test')
result = recorder.compare_golden(
    'actual.steps.jsonl',
    'expected.steps.jsonl',
    ignore_timestamps=True
)

if result['match']:
    print('✓ Golden files match')
else:
    print(f'✗ Found {len(result[\"diffs\"])} differences:')
    for diff in result['diffs']:
        print(f'  - {diff[\"type\"]} at {diff.get(\"index\", \"N/A\")}')
"
"""

ROTATE_OLDER_FORM = r"""
# Update environment
export GOLDEN_HMAC_SECRET="$NEW_KEY"

# Resign existing golden files
python3 -c "
from pathlib import Path
import json
import hmac
import hashlib

GOLDEN_DIR = Path('/var/lib/aos/golden')
NEW_SECRET = '$NEW_KEY'.encode()

for f in GOLDEN_DIR.glob('*.json'):
    data = json.loads(f.read_text())
    content = json.dumps({k:v for k,v in data.items() if k != 'signature'}, sort_keys=True)
    data['signature'] = hmac.new(NEW_SECRET, content.encode(), hashlib.sha256).hexdigest()
    f.write_text(json.dumps(data, indent=2))
    print(f'Resigned: {f.name}')
"
"""

HEAD = r"head -1 /tmp/golden/<run_id>.steps.jsonl"
NEWEST_FIRST = r"ls -lt /var/lib/nova/golden/*.steps.jsonl | head -5"
CLEAN = r'find /var/lib/aos/golden -name "*.json" -mtime +7 -delete'
DAY_S = 86_400


def run(snippet: str, folder: Path, *, run_id: str = "run-1", **variables: str) -> list[str]:
    """Run a snippet in the shell as the runbook means it; the lines it prints."""
    for place in ("/var/lib/nova/golden", "/var/lib/aos/golden", "/tmp/golden", "./golden"):
        snippet = snippet.replace(place, str(folder))
    snippet = snippet.replace("/etc/nova/secrets", str(folder.parent / "secrets"))
    snippet = snippet.replace("app.workflow", "aos_workflow").replace("<run_id>", run_id)
    snippet = snippet.replace("<filepath>", str(folder / f"{run_id}.steps.jsonl"))
    lines = [line for line in snippet.splitlines() if line.strip()]
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(line[indent:] for line in lines)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        env={**os.environ, **variables, "PATH": f"{python_folder(folder)}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def python_folder(folder: Path) -> Path:
    """A folder in which ``python`` and ``python3`` are the interpreter of these tests."""
    place = folder.parent / "bin"
    if not place.exists():
        place.mkdir()
        for name in ("python", "python3"):
            (place / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            (place / name).chmod(0o755)
    return place


@pytest.fixture
def goldens(tmp_path: Path) -> Path:
    folder = tmp_path / "golden"
    folder.mkdir()
    for run_id in ("run-1", "run-2", "run-3"):
        record_run(folder, run_id)
    return folder


def tamper(path: Path) -> bytes:
    data = path.read_bytes()
    damaged = data.replace(b'"answer":1.5', b'"answer":9.5')
    assert damaged != data
    path.write_bytes(damaged)
    return damaged


def verifies(path: Path, secret: str) -> bool:
    return bool(files.verify(path, ring=KeyRing.of(secret), policy=Policy.REQUIRE))


def test_verify(goldens: Path) -> None:
    assert run(VERIFY, goldens, GOLDEN_SECRET=SECRET) == ["True"]
    assert run(VERIFY, goldens, GOLDEN_SECRET=OTHER_SECRET) == ["False"]
    tamper(goldens / "run-1.steps.jsonl")
    assert run(VERIFY, goldens, GOLDEN_SECRET=SECRET) == ["False"]
    assert run(VERIFY, goldens, run_id="none", GOLDEN_SECRET=SECRET) == ["False"]


def test_re_sign_restored_files(goldens: Path) -> None:
    before = {path.name: path.read_bytes() for path in goldens.iterdir()}
    (goldens / ".run-1.steps.jsonl.0123456789ab.aos-tmp").write_bytes(b"{")
    (goldens / "run-4.steps.jsonl.part").write_bytes(b"{")
    printed = run(RE_SIGN, goldens, GOLDEN_SECRET=SECRET)
    assert sorted(printed) == [f"Re-signed: {name}" for name in sorted(before)]
    assert {path.name: path.read_bytes() for path in goldens.glob("*.jsonl")} == before


def test_rotate_the_secret(goldens: Path) -> None:
    secrets = goldens.parent / "secrets"
    secrets.write_text(f"NOVA_MODE=prod\nGOLDEN_SECRET={SECRET}\n")
    damaged = tamper(goldens / "run-2.steps.jsonl")
    hashes = [verdict.hash for verdict in map(files.verify, files.golden_files(goldens))]
    for path in goldens.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))

    printed = run(ROTATE, goldens, GOLDEN_SECRET=SECRET, NEW_SECRET=OTHER_SECRET)
    assert sorted(printed) == [
        "Re-signed: run-1.steps.jsonl",
        "Re-signed: run-3.steps.jsonl",
        "WARN: Could not verify run-2.steps.jsonl with old secret",
    ]
    for name in ("run-1", "run-3"):
        assert verifies(goldens / f"{name}.steps.jsonl", OTHER_SECRET)
        assert not verifies(goldens / f"{name}.steps.jsonl", SECRET)
    assert (goldens / "run-2.steps.jsonl").read_bytes() == damaged
    assert [v.hash for v in map(files.verify, files.golden_files(goldens))] == hashes
    assert {path.stat().st_mtime for path in goldens.iterdir()} == {1_600_000_000}
    ring = KeyRing.from_file(secrets)
    assert ring == KeyRing.of(SECRET, OTHER_SECRET)
    assert ring.signing.secret == OTHER_SECRET

    # Run again, as one does: what is signed with the new key cannot be verified with the old one, and stays.
    again = run(ROTATE, goldens, GOLDEN_SECRET=SECRET, NEW_SECRET=OTHER_SECRET)
    assert all(line.startswith("WARN: ") for line in again)
    assert verifies(goldens / "run-1.steps.jsonl", OTHER_SECRET)


def test_the_command_does_the_same_and_can_be_run_again(
    goldens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = goldens.parent / "secrets"
    secrets.write_text(f"GOLDEN_SECRET={SECRET}\nGOLDEN_SECRET={OTHER_SECRET}\n")
    tamper(goldens / "run-2.steps.jsonl")
    command = ["resign", f"--old-key-file={secrets}", f"--new-key-file={secrets}", str(goldens)]
    for verb in ("Re-signed:", "Already signed with the new key:"):
        assert main(["golden", *command]) == 1
        printed = capsys.readouterr().out.splitlines()
        assert printed[0] == f"{verb} run-1.steps.jsonl"
        assert printed[1] == "WARN: Could not verify run-2.steps.jsonl with old secret"
        assert printed[-1] == f"{verb} run-3.steps.jsonl"


def test_load_for_a_replay(goldens: Path) -> None:
    GoldenRecorder(goldens, secret="test-secret").sign_golden("run-1.steps.jsonl")
    printed = run(REPLAY, goldens)
    assert printed[:2] == ["Replaying refund with seed 42", "Steps: 3"]
    assert [line.split(":")[0] for line in printed[2:]] == ["Step s0 0", "Step s1 1", "Step s2 2"]
    assert all(len(line.split(": ")[1]) == 64 for line in printed[2:])


def test_compare(tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    record_run(folder, "expected", secret="test")
    record_run(folder, "actual", secret="test")
    assert run(COMPARE, folder) == ["✓ Golden files match"]
    record_run(folder, "actual", secret="test", steps=4, answer=2.5)
    assert run(COMPARE, folder) == [
        "✗ Found 3 differences:",
        "  - value_changed at 2",
        "  - value_changed at 3",
        "  - event_added at 4",
    ]


def test_rotate_the_key_of_the_older_form(tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    folder.mkdir()
    documents = {
        "plain": {"run": "r1", "ok": True},
        "text": {"name": "größe 😀 \u2028 \x7f", "é": {"ß": ["ключ", "\x00"]}, "\U0001f600": 1, "\uff5e": 2},
        "floats": {"a": 1.0, "b": -0.0, "c": 1e22, "d": 5e-324, "e": 0.1, "f": 1e16, "g": 123456789.123},
        "integers": {"big": 2**70, "negative": -(2**64), "zero": 0},
        "signed before": {"signature": "stale", "x": 1},
    }  # fmt: skip
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False))
    printed = run(ROTATE_OLDER_FORM, folder, NEW_KEY=OTHER_SECRET)
    assert sorted(printed) == sorted(f"Resigned: {name}.json" for name in documents)
    for name in documents:
        path = folder / f"{name}.json"
        assert verifies(path, OTHER_SECRET), name
        assert not verifies(path, SECRET), name
        # Signing it ourselves writes the bytes of the snippet, wherever the signature stands.
        written = path.read_bytes()
        files.sign(path, KeyRing.of(SECRET))
        assert path.read_bytes() != written
        files.sign(path, KeyRing.of(OTHER_SECRET), check=KeyRing.of(SECRET))
        assert path.read_bytes() == written, name
    ring = KeyRing.from_environment({"GOLDEN_HMAC_SECRET": OTHER_SECRET})
    assert all(files.verify(path, ring=ring) for path in files.golden_files(folder))


def test_head_newest_first_and_clean_up(goldens: Path) -> None:
    head = json.loads("".join(run(HEAD, goldens)))
    assert head["event_type"] == "run_start"
    assert head["data"]["budget_snapshot"] == {}

    now = (goldens / "run-1.steps.jsonl").stat().st_mtime
    for age, name in ((3, "run-1"), (1, "run-2"), (2, "run-3")):
        os.utime(goldens / f"{name}.steps.jsonl", (now - age, now - age))
    GoldenRecorder(goldens, secret=OTHER_SECRET).sign_golden("run-1.steps.jsonl")
    newest = [line.rsplit("/", 1)[1] for line in run(NEWEST_FIRST, goldens)]
    assert newest == ["run-2.steps.jsonl", "run-3.steps.jsonl", "run-1.steps.jsonl"]

    for name, days in (("old", 9), ("young", 2)):
        path = goldens / f"{name}.json"
        path.write_text(json.dumps({"n": name}))
        files.sign(path, KeyRing.of(SECRET))
        os.utime(path, (now - days * DAY_S, now - days * DAY_S))
        files.sign(path, KeyRing.of(OTHER_SECRET), check=KeyRing.of(SECRET))
    run(CLEAN, goldens)
    assert sorted(path.name for path in goldens.glob("*.json")) == ["young.json"]
    for path in files.golden_files(goldens):
        assert files.verify(path, ring=KeyRing.of(SECRET, OTHER_SECRET), policy=Policy.REQUIRE)
